import * as React from 'react';

import { Mark } from '../chart/legend';
import type { MarkKind } from '../chart/marks';
import type { ILook, Kind } from '../words';

/** The chart's mark for each kind of result that has one: the same shape in the list as in the picture above it. */
const MARKS: Partial<Record<Kind, MarkKind>> = {
  confirmed: 'confirmed',
  provisional: 'provisional',
  refuted: 'refuted',
  discard: 'discard',
  scored: 'discard',
  pruned: 'pruned',
  crash: 'crash',
  timeout: 'timeout',
  contended: 'broken',
  interrupted: 'broken'
};

/** The sign of a result, drawn rather than written: not every font has an hourglass. Its word must stand beside it. */
export function Sign({ look }: { look: ILook }): JSX.Element {
  const mark = MARKS[look.kind];
  return (
    <span className={`jp-Autoloop-sign jp-mod-${look.kind}`} aria-hidden="true">
      {mark ? <Mark kind={mark} /> : look.sign}
    </span>
  );
}

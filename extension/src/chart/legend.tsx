/** The signs that occur in the chart, in one quiet row below it. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { markNames, markPath } from './card';
import { MarkKind, MARKS } from './marks';

/** A mark as it is in the chart; `turned`: standing on its head. */
export function Mark(props: {
  kind: MarkKind;
  turned?: boolean;
}): React.JSX.Element {
  const { kind, turned } = props;
  return (
    <svg
      className="jp-Autoloop-mark"
      data-kind={kind}
      viewBox="-6 -6 12 12"
      aria-hidden="true"
    >
      <path
        d={markPath(kind, turned)}
        data-fill={MARKS[kind].fill}
        strokeWidth={MARKS[kind].stroke}
      />
    </svg>
  );
}

/** The legend of these kinds; `line`: whether there is a best so far, `noise`: its band in words, or ''. */
export function Legend(props: {
  kinds: readonly MarkKind[];
  line: boolean;
  noise: string;
  turned: boolean;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { kinds, line, noise, turned, trans } = props;
  const names = markNames(trans);
  return (
    <div className="jp-Autoloop-chart-legend" aria-hidden="true">
      {kinds.map(kind => (
        <span key={kind}>
          <Mark kind={kind} turned={turned && kind === 'outside'} />
          {names[kind]}
        </span>
      ))}
      {line && (
        <span>
          <i
            className={`jp-Autoloop-chart-swatch${noise ? ' jp-mod-noise' : ''}`}
          />
          {noise ? trans.__('best, noise %1', noise) : trans.__('best')}
        </span>
      )}
    </div>
  );
}

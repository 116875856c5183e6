/** Which epoch the chart shows. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { IRow } from '../wire';
import { epochs } from './series';

/** The epochs there are (ascending), the arena's current one, the one to show, and the way to show another. */
export interface IEpochs {
  all: readonly number[];
  current: number | null;
  shown: number | null;
  onShow: (epoch: number) => void;
}

/**
 * Shows the current epoch until another is asked for, or an iteration of another is selected; a new epoch is shown at
 * once.
 */
export function useEpoch(
  rows: readonly IRow[],
  version: number,
  now: number | null,
  selected: number | null
): IEpochs {
  const seen = React.useMemo(() => epochs(rows), [rows, version]);
  const current = now ?? seen[seen.length - 1] ?? null;
  const all =
    current === null || seen.includes(current)
      ? seen
      : [...seen, current].sort((a, b) => a - b);
  const [asked, onShow] = React.useState<number | null>(null);
  React.useEffect(() => onShow(null), [current]);
  const own = React.useMemo(
    () => rows.find(({ number }) => number === selected)?.epoch ?? null,
    [rows, version, selected]
  );
  React.useEffect(() => {
    if (own !== null) {
      onShow(own);
    }
  }, [selected, own]);
  const shown = asked !== null && all.includes(asked) ? asked : current;
  return { all, current, shown, onShow };
}

/** Steps through the epochs: their scores are not comparable, so that one is shown at a time. */
export function EpochSwitch(
  props: IEpochs & { trans: TranslationBundle }
): React.JSX.Element {
  const { all, current, shown, onShow, trans } = props;
  const at = all.indexOf(shown ?? -1);
  const button = (to: number, sign: string, label: string) => (
    <button
      type="button"
      className="jp-Autoloop-chart-button"
      disabled={!(to in all)}
      aria-label={label}
      title={label}
      onClick={() => onShow(all[to])}
    >
      {sign}
    </button>
  );
  return (
    <div className="jp-Autoloop-chart-epochs">
      <span
        title={trans.__(
          'The arena changed: scores of different epochs are not comparable.'
        )}
      >
        {shown === current
          ? trans.__('epoch %1 of %2', at + 1, all.length)
          : trans.__('epoch %1 of %2, an earlier one', at + 1, all.length)}
      </span>
      {button(at - 1, '‹', trans.__('Earlier epoch'))}
      {button(at + 1, '›', trans.__('Later epoch'))}
    </div>
  );
}

/** The progress chart as a table: what improved on the best so far, or every iteration. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { IRow } from '../wire';
import { decimals, number, signed } from '../words';
import { cardTexts, markNames } from './card';
import { Mark } from './legend';
import { kindOf } from './marks';
import type { ISeries } from './series';
import { IColumn, Table } from './table';

/** A row of the table: an iteration, and the best standing score once it had ended. */
interface IScore {
  row: IRow;
  best: number | null;
  improved: boolean;
}

interface IScoresProps {
  series: ISeries;
  /** The metric in words. */
  goal: string;
  selected: number | null;
  onSelect: (number: number) => void;
  trans: TranslationBundle;
  /** Whether every iteration is shown, or only what improved. */
  whole: boolean;
}

/** The table, newest first. */
export function Scores(props: IScoresProps): React.JSX.Element {
  const { series, goal, selected, trans } = props;
  const all = React.useMemo(() => scoresOf(series), [series]);
  const better = React.useMemo(() => all.filter(one => one.improved), [all]);
  const columns = useColumns(props);
  const shown = props.whole || !better.length ? all : better;
  return (
    <Table
      key={`${shown === all}`}
      caption={
        shown === all
          ? trans._n(
              '%2: %1 iteration, newest first',
              '%2: %1 iterations, newest first',
              all.length,
              goal
            )
          : trans._n(
              '%2: %1 iteration improved on the best so far, newest first',
              '%2: %1 iterations improved on the best so far, newest first',
              better.length,
              goal
            )
      }
      columns={columns}
      rows={shown}
      keyOf={keyOf}
      chosen={selected}
      trans={trans}
    />
  );
}

/** The switch between what improved and every iteration, where that is not the same. */
export function WholeSwitch(props: {
  series: ISeries;
  on: boolean;
  set: (on: boolean) => void;
  trans: TranslationBundle;
}): React.JSX.Element | null {
  const { series, on, set, trans } = props;
  const { length } = series.rows;
  return series.stairs.length > 0 && series.stairs.length < length ? (
    <button
      type="button"
      className="jp-Autoloop-chart-button jp-mod-quiet"
      aria-pressed={on}
      onClick={() => set(!on)}
    >
      {trans._n('All %1 iteration', 'All %1 iterations', length)}
    </button>
  ) : null;
}

function keyOf({ row }: IScore): number {
  return row.number;
}

/** The iterations of a series, newest first, each with the best so far. */
function scoresOf({ rows, stairs }: ISeries): IScore[] {
  let step = -1;
  return rows
    .map(row => {
      const improved = stairs[step + 1]?.number === row.number;
      step += improved ? 1 : 0;
      return { row, best: stairs[step]?.score ?? null, improved };
    })
    .reverse();
}

function useColumns(props: IScoresProps): IColumn<IScore>[] {
  const { series, selected, onSelect, trans } = props;
  const places = React.useMemo(() => decimals(series.scores), [series]);
  const names = markNames(trans);
  return [
    {
      key: 'number',
      name: trans.__('No.'),
      cell: ({ row }) => (
        <button
          type="button"
          className="jp-Autoloop-table-pick"
          aria-pressed={row.number === selected}
          title={trans.__('Select iteration %1', row.number)}
          onClick={() => onSelect(row.number)}
        >
          {row.number}
        </button>
      )
    },
    {
      key: 'verdict',
      name: trans.__('Verdict'),
      text: true,
      cell: ({ row }) => (
        <span className="jp-Autoloop-scores-verdict">
          <Mark kind={kindOf(row)} />
          <span>{names[kindOf(row)]}</span>
        </span>
      )
    },
    {
      key: 'score',
      name: trans.__('Score'),
      cell: ({ row }) => cardTexts(row, places, trans).score
    },
    {
      key: 'difference',
      name: trans.__('Difference'),
      cell: ({ row }) => differenceOf(row, places)
    },
    {
      key: 'best',
      name: trans.__('Best so far'),
      cell: ({ best }) => (best === null ? '' : number(best, places))
    }
  ];
}

/** How much it differs from what it is based on; the chart's card names that one too. */
function differenceOf(row: IRow, places: number): string {
  const failed = row.verdict === 'crash' || row.verdict === 'timeout';
  return row.difference === null || failed
    ? ''
    : signed(row.difference, places);
}

/**
 * The rows of one epoch as the progress chart draws them. Scores never cross epochs, so there is one series an epoch.
 */
import type { IMetric, IRow } from '../wire';
import { IStep, staircase } from '../words';
import { MarkKind, KINDS, kindOf } from './marks';

/**
 * Iterations that have ended, in ascending order; the arrays run in parallel. `scores` is NaN where there is no number
 * (what failed, too, even where a number was left behind), `kinds` holds places in `KINDS`, and
 * `stairs` are the iterations at which the best standing score changed.
 */
export interface ISeries {
  epoch: number | null;
  direction: IMetric['direction'];
  rows: readonly IRow[];
  numbers: Float64Array;
  scores: Float64Array;
  kinds: Uint8Array;
  stairs: readonly IStep[];
}

/** The epochs in which an iteration has ended, ascending. */
export function epochs(rows: readonly IRow[]): number[] {
  const found = new Set<number>();
  for (const row of rows) {
    if (row.verdict !== null) {
      found.add(row.epoch);
    }
  }
  return [...found].sort((a, b) => a - b);
}

/** The ended iterations of `epoch` (rows in any order), ready to be drawn. */
export function series(
  rows: readonly IRow[],
  epoch: number | null,
  direction: IMetric['direction']
): ISeries {
  const own = rows
    .filter(row => row.epoch === epoch && row.verdict !== null)
    .sort((a, b) => a.number - b.number);
  const kinds = Uint8Array.from(own, row => KINDS.indexOf(kindOf(row)));
  const scores = Float64Array.from(own, scoreOf);
  return {
    epoch,
    direction,
    rows: own,
    numbers: Float64Array.from(own, row => row.number),
    scores,
    kinds,
    stairs: staircase(own, direction, epoch).filter(
      (step, i, all) => !i || step.score !== all[i - 1].score
    )
  };
}

/** How many iterations there are of each kind that occurs, in the order in which faces name them. */
export function counts(own: ISeries): Map<MarkKind, number> {
  const order: MarkKind[] = [
    'confirmed',
    'provisional',
    'refuted',
    'discard',
    'pruned',
    'crash',
    'timeout',
    'broken'
  ];
  const found = new Array<number>(KINDS.length).fill(0);
  own.kinds.forEach(kind => (found[kind] += 1));
  return new Map(
    order
      .map((kind): [MarkKind, number] => [kind, found[KINDS.indexOf(kind)]])
      .filter(([, total]) => total > 0)
  );
}

function scoreOf(row: IRow): number {
  const failed = row.verdict === 'crash' || row.verdict === 'timeout';
  return failed || row.score === null ? NaN : row.score;
}

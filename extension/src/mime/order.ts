/** The sorting of a history's rows, and what is worked out of all of them together. */
import type { SortKey } from '../store';
import { look } from '../words';
import type { IHistoryRow } from './types';

/** What a history can be sorted by. */
export type Key = Exclude<SortKey, 'time'> | 'island';

/** By number: each iteration's score less its base's. Only where both have one and they share an epoch. */
export function differences(
  rows: readonly IHistoryRow[]
): ReadonlyMap<number, number> {
  const known = new Map(rows.map(row => [row.number, row]));
  const found = new Map<number, number>();
  for (const row of rows) {
    const base = row.base === null ? undefined : known.get(row.base);
    if (
      row.number !== null &&
      base !== undefined &&
      base.epoch === row.epoch &&
      row.score !== null &&
      base.score !== null
    ) {
      found.set(row.number, row.score - base.score);
    }
  }
  return found;
}

/** The rows in order, in a new list; those that lack the value come last either way, and equals newest first. */
export function ordered(
  rows: readonly IHistoryRow[],
  key: Key,
  descending: boolean,
  gains: ReadonlyMap<number, number>
): IHistoryRow[] {
  const way = descending ? -1 : 1;
  const keyed = rows.map(row => ({ row, value: valueOf(row, key, gains) }));
  keyed.sort(
    (a, b) =>
      compare(a.value, b.value, way) ||
      (b.row.number ?? 0) - (a.row.number ?? 0)
  );
  return keyed.map(each => each.row);
}

function valueOf(
  row: IHistoryRow,
  key: Key,
  gains: ReadonlyMap<number, number>
): number | string | null {
  switch (key) {
    case 'verdict':
      return look(row.verdict, row.state).word;
    case 'difference':
      return gains.get(row.number ?? NaN) ?? null;
    case 'title':
      return row.title.toLowerCase();
    case 'agent':
      return row.agent.toLowerCase();
    case 'seconds':
      return row.seconds.total || null;
    case 'island':
      return row.island.toLowerCase() || null;
    default:
      return row[key];
  }
}

function compare(
  a: number | string | null,
  b: number | string | null,
  way: number
): number {
  if (a === null || b === null) {
    return Number(a === null) - Number(b === null);
  }
  return a < b ? -way : a > b ? way : 0;
}

/**
 * The iterations of one arena, as far as they are here: merged as they come, sorted, filtered and searched in place.
 */
import type { IRow } from './wire';
import { Kind, look } from './words';

/** By what a list may be ordered. */
export type SortKey =
  | 'number'
  | 'verdict'
  | 'score'
  | 'difference'
  | 'title'
  | 'agent'
  | 'seconds'
  | 'time';

/**
 * What a list shows. `search`: words that must all occur (in title, agent, verdict, reason, or as the number).
 * `verdicts`: verdicts (`keep`, `crash`, … and `running`) or kinds of keep (`confirmed`, …) to show; empty: all.
 */
export interface IQuery {
  readonly search: string;
  readonly verdicts: ReadonlySet<string>;
  readonly sort: SortKey;
  readonly descending: boolean;
}

/** Everything, newest first. */
export const EVERYTHING: IQuery = {
  search: '',
  verdicts: new Set<string>(),
  sort: 'number',
  descending: true
};

/** Rows by number. `version` grows with every change: equal versions mean equal rows. */
export class IterationStore {
  /** Every row, newest first. The same array until something changes: never change it. */
  get rows(): readonly IRow[] {
    if (this._rows === null) {
      this._rows = [...this._known.values()].sort(
        (a, b) => b.number - a.number
      );
    }
    return this._rows;
  }

  /** How many rows are here; the arena may have more (`state.total`) while pages are still coming. */
  get size(): number {
    return this._known.size;
  }

  /** Grows with every change. */
  get version(): number {
    return this._version;
  }

  /** The iteration with this number, if it is here. */
  get(number: number): IRow | undefined {
    return this._known.get(number);
  }

  /** Take rows in; one that is known already is replaced. Merging the same rows twice changes nothing. */
  merge(rows: readonly IRow[]): void {
    if (!rows.length) {
      return;
    }
    for (const row of rows) {
      this._known.set(row.number, row);
    }
    this._changed();
  }

  /** Forget every row. */
  clear(): void {
    if (this._known.size) {
      this._known.clear();
      this._changed();
    }
  }

  /** Hold exactly these rows, in one change: no moment in which the list is empty. */
  replace(rows: readonly IRow[]): void {
    this._known = new Map(rows.map(row => [row.number, row]));
    this._changed();
  }

  /**
   * The rows that `query` shows, in its order; equal ones newest first, and those without a value last, whichever
   * the direction. The same array as long as neither rows nor query change.
   */
  select(query: IQuery): readonly IRow[] {
    const key = `${this._version}\n${keyOf(query)}`;
    if (key !== this._selectedBy) {
      this._selected = sorted(filtered(this.rows, query), query);
      this._selectedBy = key;
    }
    return this._selected;
  }

  private _changed(): void {
    this._rows = null;
    this._version += 1;
  }

  private _known = new Map<number, IRow>();
  private _rows: readonly IRow[] | null = null;
  private _version = 0;
  private _selected: readonly IRow[] = [];
  private _selectedBy = '';
}

/** In which order verdicts stand when a list is sorted by them. */
const RANKS: readonly Kind[] = [
  'running',
  'confirmed',
  'provisional',
  'refuted',
  'discard',
  'pruned',
  'crash',
  'timeout'
];

function keyOf(query: IQuery): string {
  const verdicts = [...query.verdicts].sort();
  return JSON.stringify([query.search, verdicts, query.sort, query.descending]);
}

function filtered(rows: readonly IRow[], query: IQuery): readonly IRow[] {
  const wanted = query.search.toLowerCase().split(/\s+/).filter(Boolean);
  if (!wanted.length && !query.verdicts.size) {
    return rows;
  }
  return rows.filter(row => shows(row, query.verdicts) && matches(row, wanted));
}

function shows(row: IRow, verdicts: ReadonlySet<string>): boolean {
  return (
    !verdicts.size ||
    verdicts.has(row.verdict ?? 'running') ||
    verdicts.has(look(row.verdict, row.state).kind)
  );
}

/** A number is matched as a whole: who looks for 12 does not mean 112. */
function matches(row: IRow, wanted: readonly string[]): boolean {
  return wanted.every(
    word =>
      word.replace(/^#/, '') === String(row.number) ||
      textOf(row).includes(word)
  );
}

const texts = new WeakMap<IRow, string>();

/** What a search looks through: made once a row, as it is asked for at every key stroke. */
function textOf(row: IRow): string {
  let text = texts.get(row);
  if (text === undefined) {
    const seen = look(row.verdict, row.state);
    text = [
      row.title,
      row.agent,
      row.verdict ?? '',
      seen.word,
      seen.kind,
      row.reason,
      row.island ?? '',
      row.origin ?? ''
    ]
      .join('\n')
      .toLowerCase();
    texts.set(row, text);
  }
  return text;
}

type Value = number | string | null;

function valueOf(row: IRow, sort: SortKey): Value {
  switch (sort) {
    case 'verdict': {
      const rank = RANKS.indexOf(look(row.verdict, row.state).kind);
      return rank < 0 ? RANKS.length : rank;
    }
    case 'title':
    case 'agent':
      return row[sort].toLowerCase() || null;
    case 'seconds':
      return row.verdict === null ? null : row.seconds;
    default:
      return row[sort];
  }
}

/** `rows` come newest first; values are taken out once, as a sort compares each many times. */
function sorted(rows: readonly IRow[], query: IQuery): readonly IRow[] {
  if (query.sort === 'number') {
    return query.descending ? rows : [...rows].reverse();
  }
  const sign = query.descending ? -1 : 1;
  const valued: { row: IRow; value: string | number }[] = [];
  const without: IRow[] = [];
  for (const row of rows) {
    const value = valueOf(row, query.sort);
    if (value === null || Number.isNaN(value)) {
      without.push(row);
    } else {
      valued.push({ row, value });
    }
  }
  valued.sort((a, b) =>
    a.value < b.value ? -sign : a.value > b.value ? sign : 0
  );
  return [...valued.map(one => one.row), ...without];
}

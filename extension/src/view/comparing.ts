/** What two iterations differ in. An iteration tells of its own base only: the way between two is put together. */
import type { AutoloopAPI } from '../api';
import type { ICompared, IComparison } from '../mime/types';
import type { IChange, IDetail } from '../wire';

/** How many iterations may lie between the two; each is asked for once. */
export const MOST_STEPS = 100;

/** From `other` to `detail`, in one record; null where too many iterations lie between them to ask for all. */
export async function compared(
  api: AutoloopAPI,
  detail: IDetail,
  other: number
): Promise<IComparison | null> {
  const { arena } = detail;
  const first = await api.iteration(arena, other);
  const ways = await met(first, detail, n => api.iteration(arena, n));
  if (ways === null) {
    return null;
  }
  const comparable = first.epoch === detail.epoch;
  const both = first.score !== null && detail.score !== null;
  return {
    arena,
    metric: detail.metric,
    a: short(first),
    b: short(detail),
    comparable,
    difference: comparable && both ? detail.score! - first.score! : null,
    changes: between(...ways)
  };
}

function short(detail: IDetail): ICompared {
  return { ...detail, attempts: detail.attempts.length };
}

/**
 * Both ways down to what the two have in common, newest first and without that; empty ones where they have nothing in
 * common. A base is always older than what is made of it, so the newer of the two goes on.
 */
async function met(
  a: IDetail,
  b: IDetail,
  fetch: (number: number) => Promise<IDetail>
): Promise<[IDetail[], IDetail[]] | null> {
  const ways: [IDetail[], IDetail[]] = [[], []];
  const heads = [a, b];
  for (let step = 0; step < MOST_STEPS; step++) {
    if (heads[0].number === heads[1].number) {
      return ways;
    }
    const side = heads[0].number > heads[1].number ? 0 : 1;
    const { base } = heads[side];
    if (base === null) {
      return [[], []];
    }
    ways[side].push(heads[side]);
    heads[side] =
      heads[1 - side].number === base ? heads[1 - side] : await fetch(base);
  }
  return null;
}

/** The units that differ at the ends of two ways from the same iteration. */
export function between(
  from: readonly IDetail[],
  to: readonly IDetail[]
): IChange[] {
  const told = [...from, ...to].flatMap(each => each.changes);
  const units = [...new Set(told.map(change => change.unit))].sort();
  return units
    .map(unit => {
      const [a, b] = [from, to].map(way => on(way, unit));
      // A way that does not touch the unit ends with what the other began with.
      const before = a.length ? a[0].after : b[b.length - 1].before;
      const after = b.length ? b[0].after : a[a.length - 1].before;
      return { unit, before, after };
    })
    .filter(change => change.before !== change.after);
}

function on(way: readonly IDetail[], unit: string): IChange[] {
  return way.flatMap(each => each.changes.filter(one => one.unit === unit));
}

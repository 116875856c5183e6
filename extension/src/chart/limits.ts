/**
 * The ranges of the axes: the same rules as the Python faces (views/progress.py, views/traces.py), so that a picture
 * reads alike everywhere.
 */
import type { IMetric } from '../wire';
import { lowerBound } from './hit';
import { KINDS } from './marks';
import type { ISeries } from './series';

/** The lower and the upper end of an axis. */
export type Range = [low: number, high: number];

/** Nothing but what is drawn at the edge lies beyond this share of the height, counted towards the worse side. */
export const RIM = 0.945;

const KEEPS = [KINDS.indexOf('confirmed'), KINDS.indexOf('provisional')];

/**
 * The range of an axis that holds all `kept` scores and those `others` that are not far worse: a discard farther on
 * the worse side than the keeps' range and the middle of all scores call for does not flatten the picture. 0 to 1
 * without any score.
 */
export function span(
  kept: readonly number[],
  others: readonly number[],
  direction: IMetric['direction']
): Range {
  if (!kept.length && !others.length) {
    return [0, 1];
  }
  const sign = direction === 'min' ? 1 : -1; // a cost: smaller is better from here on
  const costs = Float64Array.from([...kept, ...others], v => sign * v).sort();
  const best = costs[0];
  const last = costs[costs.length - 1];
  const anchor = kept.length
    ? kept.reduce((worst, v) => Math.max(worst, sign * v), -Infinity)
    : last;
  const middle = costs[Math.floor(0.75 * (costs.length - 1))];
  const reach = Math.max(anchor, middle) - best;
  const worst =
    reach > 0 ? Math.max(anchor, Math.min(last, best + 2.2 * reach)) : last;
  const room = worst - best || Math.abs(worst) * 0.02 || 1;
  const ends = [sign * (best - 0.16 * room), sign * (worst + 0.12 * room)];
  return [Math.min(...ends), Math.max(...ends)];
}

/**
 * The range of the score axis for the iterations numbered `window`, with the best so far and, unless it is larger than
 * all the differences there are, its band of `noise` (score units, null where it is not known).
 */
export function limits(
  own: ISeries,
  window: Range,
  noise: number | null
): Range {
  const kept: number[] = [];
  const others: number[] = [];
  const end = lowerBound(own.numbers, window[1] + 1e-9);
  for (let i = lowerBound(own.numbers, window[0]); i < end; i++) {
    if (!Number.isNaN(own.scores[i])) {
      (KEEPS.includes(own.kinds[i]) ? kept : others).push(own.scores[i]);
    }
  }
  const before = own.stairs.filter(stair => stair.number < window[0]).pop();
  if (before) {
    kept.push(before.score);
  }
  const [low, high] = span(kept, others, own.direction);
  const top = own.stairs.filter(stair => stair.number <= window[1]).pop();
  if (noise === null || !top || noise > high - low) {
    return [low, high];
  }
  return [
    Math.min(low, top.score - 1.5 * noise),
    Math.max(high, top.score + 1.5 * noise)
  ];
}

/** The range of the iteration axis from `first` to `last`, with a little room at both ends. */
export function width(first: number, last: number): Range {
  const margin = Math.max(0.6, 0.025 * (last - first));
  return [first - margin, last + margin];
}

/** A zoomed window, at least `least` iterations wide and within `whole`; null where it is no narrower than that. */
export function zoomed(asked: Range, whole: Range, least = 4): Range | null {
  const middle = (asked[0] + asked[1]) / 2;
  const half = Math.max(asked[1] - asked[0], least) / 2;
  const low = Math.max(whole[0], middle - half);
  const high = Math.min(whole[1], middle + half);
  return high - low >= whole[1] - whole[0] ? null : [low, high];
}

/** A window moved within `whole` as little as shows `at` with some of its neighbours; itself where it does already. */
export function panned(window: Range, at: number, whole: Range): Range {
  const size = window[1] - window[0];
  const edge = 0.08 * size;
  if (at >= window[0] + edge && at <= window[1] - edge) {
    return window;
  }
  const asked = at < window[0] + edge ? at - edge : at + edge - size;
  const low = Math.max(whole[0], Math.min(asked, whole[1] - size));
  return low === window[0] ? window : [low, low + size];
}

/**
 * The range of a learning curve's vertical axis: robust, so that a spike does not flatten the rest.
 *
 * Of each curve what lies within five times the distance of its quartiles beyond them is inside, and so is its last
 * value, which is what a run comes to, unless it lies more than 100 such ranges away: then the run has diverged and
 * its line leaves the picture. 0 to 1 without any value.
 */
export function robust(curves: readonly (readonly number[])[]): Range {
  const given = curves.filter(own => own.length > 0);
  if (!given.length) {
    return [0, 1];
  }
  let [low, high] = [Infinity, -Infinity];
  for (const own of given) {
    const sorted = Float64Array.from(own).sort();
    const [first, third] = [quantile(sorted, 0.25), quantile(sorted, 0.75)];
    const reach = 5 * (third - first);
    for (const value of sorted) {
      if (value >= first - reach && value <= third + reach) {
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
    }
  }
  const tall = high - low;
  for (const own of given) {
    const end = own[own.length - 1];
    if (!tall || (end >= low - 100 * tall && end <= high + 100 * tall)) {
      low = Math.min(low, end);
      high = Math.max(high, end);
    }
  }
  const room = high - low || Math.abs(high) || 1;
  return [low - 0.07 * room, high + 0.07 * room];
}

function quantile(sorted: Float64Array, share: number): number {
  const at = share * (sorted.length - 1);
  const below = Math.floor(at);
  const next = sorted[Math.min(below + 1, sorted.length - 1)];
  return sorted[below] + (at - below) * (next - sorted[below]);
}

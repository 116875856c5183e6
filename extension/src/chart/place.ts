/** Where every mark of a chart lies: pure arithmetic, in CSS pixels from the plot's upper left corner. */
import { lowerBound } from './hit';
import { Range, RIM } from './limits';
import { KINDS } from './marks';
import type { ISeries } from './series';

/** How far from the worse edge failures and what is off the scale are drawn, in pixels. */
export const EDGE = 7;

/** The plot's size in pixels and the ranges of its axes. */
export interface IView {
  width: number;
  height: number;
  x: Range;
  y: Range;
}

/** The visible marks: entry `i` of each array is iteration `from + i` of the series. `xs` ascends. */
export interface IPlaces {
  from: number;
  xs: Float32Array;
  ys: Float32Array;
  kinds: Uint8Array;
}

/** The pixel of an iteration's number. */
export function toX(number: number, { width, x }: IView): number {
  return ((number - x[0]) / (x[1] - x[0])) * width;
}

/** The pixel of a score; lower scores lie lower. */
export function toY(score: number, { height, y }: IView): number {
  return ((y[1] - score) / (y[1] - y[0])) * height;
}

/** The pixel of the worse edge: the top where less is better. */
export function edge(direction: ISeries['direction'], height: number): number {
  return direction === 'min' ? EDGE : height - EDGE;
}

/** Whether a score is so far off that it is drawn at the worse edge of an axis with the range `y`. */
export function isOutside(
  score: number,
  direction: ISeries['direction'],
  y: Range
): boolean {
  const tall = (1 - RIM) * (y[1] - y[0]);
  return direction === 'min'
    ? score > y[1] - tall || score < y[0]
    : score < y[0] + tall || score > y[1];
}

/** Places the visible iterations; what has no score, or one off the scale, goes to the worse edge. */
export function place(own: ISeries, view: IView): IPlaces {
  const from = lowerBound(own.numbers, view.x[0]);
  const to = lowerBound(own.numbers, view.x[1] + 1e-9);
  const rim = edge(own.direction, view.height);
  const outside = KINDS.indexOf('outside');
  const kinds = own.kinds.slice(from, to);
  const xs = new Float32Array(to - from);
  const ys = new Float32Array(to - from);
  for (let i = 0; i < xs.length; i++) {
    const score = own.scores[from + i];
    xs[i] = toX(own.numbers[from + i], view);
    const far = isOutside(score, own.direction, view.y);
    ys[i] = far || Number.isNaN(score) ? rim : toY(score, view);
    if (far) {
      kinds[i] = outside;
    }
  }
  return { from, xs, ys, kinds };
}

/** The best-so-far line as pixels x, y, x, y, …, up to the iteration `until`; empty where nothing was kept. */
export function stairs(own: ISeries, view: IView, until: number): number[] {
  const line: number[] = [];
  for (const { number, score } of own.stairs) {
    if (line.length) {
      line.push(toX(number, view), line[line.length - 1]);
    }
    line.push(toX(number, view), toY(score, view));
  }
  if (line.length) {
    line.push(toX(until, view), line[line.length - 1]);
  }
  return line;
}

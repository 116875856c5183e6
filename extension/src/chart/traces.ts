/**
 * The numbers behind a learning curve: which number, its points, thinned for drawing. The rules are those of the
 * Python faces (views/traces.py).
 */
import type { IPoint } from '../wire';
import type { Range } from './limits';

/** A line of more points than this is drawn by its stretches: there are fewer pixels across. */
export const MOST = 1200;
const STRETCHES = 300;

/** Seconds (ascending) and values of one number, in parallel. */
export interface ITrace {
  x: number[];
  y: number[];
}

/** A trace as it is drawn; `low` and `high` bound what each stretch spans, empty where every point is drawn. */
export interface ILine extends ITrace {
  low: number[];
  high: number[];
}

/** The number to draw: the first that every run with points reports, else the first that occurs; '' for none. */
export function reported(runs: readonly (readonly IPoint[])[]): string {
  const named = runs
    .map(points => new Set(points.flatMap(point => Object.keys(point.numbers))))
    .filter(own => own.size > 0);
  const names = named.length ? [...named[0]] : [];
  return (
    names.find(name => named.every(own => own.has(name))) ?? names[0] ?? ''
  );
}

/** The trace of one reported number; points without it, or that are not finite, are left out. */
export function traced(points: readonly IPoint[], number: string): ITrace {
  const own: [number, number][] = [];
  for (const { seconds, numbers } of points) {
    const value = numbers[number];
    if (
      typeof value === 'number' &&
      Number.isFinite(value) &&
      Number.isFinite(seconds)
    ) {
      own.push([seconds, value]);
    }
  }
  own.sort((a, b) => a[0] - b[0]);
  return { x: own.map(point => point[0]), y: own.map(point => point[1]) };
}

/**
 * The points as they are drawn: as they are, or, of more than `MOST`, the medians of a few hundred stretches, with
 * what each spans, so that a short spike is never lost.
 */
export function thinned({ x, y }: ITrace): ILine {
  if (x.length <= MOST) {
    return { x, y, low: [], high: [] };
  }
  const each = Math.ceil(x.length / STRETCHES);
  const line: ILine = { x: [], y: [], low: [], high: [] };
  for (let from = 0; from < x.length; from += each) {
    const to = Math.min(from + each, x.length);
    const sorted = y.slice(from, to).sort((a, b) => a - b);
    line.x.push(x[(from + to - 1) >> 1]);
    line.y.push(sorted[(sorted.length - 1) >> 1]);
    line.low.push(sorted[0]);
    line.high.push(sorted[sorted.length - 1]);
  }
  line.x[0] = x[0];
  line.x[line.x.length - 1] = x[x.length - 1];
  return line;
}

/** A value so that what is out of sight is not far out: the picture is the same, and pixels stay small numbers. */
export function within(value: number, [low, high]: Range): number {
  const far = 20 * (high - low);
  return Math.min(high + far, Math.max(low - far, value));
}

/** The value of a trace at a moment: of its last point not after `seconds`; null before the first. */
export function valueAt({ x, y }: ITrace, seconds: number): number | null {
  let found: number | null = null;
  for (let i = 0; i < x.length && x[i] <= seconds; i++) {
    found = y[i];
  }
  return found;
}

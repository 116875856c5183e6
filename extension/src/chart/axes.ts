/** The quiet axes of the progress chart: faint horizontal lines, whole numbers below, no scale without scores. */
import uPlot from 'uplot';

import { number } from '../words';
import type { Frame } from './frame';
import type { ISeries } from './series';
import { places, wholeTicks } from './ticks';

const FONT = 11;
const GAP = 6;
/** Between the numbers and the left end of the chart. */
const MARGIN = 8;

/** The options of both axes; `own` gives the series that is shown now. */
export function axes(frame: Frame, own: () => ISeries): uPlot.Axis[] {
  const font = `${FONT}px ${getComputedStyle(document.body).fontFamily}`;
  const shared = { font, gap: GAP, stroke: () => frame.colours.soft };
  const scored = (_: uPlot, splits: number[]) =>
    own().scores.some(isScore) ? splits : [];
  const grid = { stroke: () => frame.colours.line, width: 1 };
  return [
    {
      ...shared,
      size: FONT + 2 * GAP,
      grid: { show: false },
      ticks: { show: false },
      splits: (u, _, low, high) => numbers(u, own(), low, high),
      values: (_, splits) => splits.map(String)
    },
    {
      ...shared,
      size: (u, values, axis) => room(u, values, axis),
      space: 38,
      grid: { ...grid, filter: scored },
      ticks: { show: false },
      filter: scored,
      values: (_, splits, axis, space, step) =>
        splits.map(value => number(value, places(step)))
    }
  ];
}

function numbers(u: uPlot, own: ISeries, low: number, high: number): number[] {
  const most = u.bbox.width / uPlot.pxRatio / 48;
  const few = own.numbers.length <= 3 ? [...own.numbers] : [];
  return wholeTicks(low, high, most, own.numbers[0] ?? 0, few);
}

/** As wide as the widest number needs. */
function room(u: uPlot, values: string[] | null, axis: number): number {
  const [font] = u.axes[axis].font as unknown as [string, number]; // made so by uPlot, for the canvas' pixels
  u.ctx.font = font;
  const wide = (values ?? []).map(text => u.ctx.measureText(text).width);
  return Math.ceil(Math.max(0, ...wide) / uPlot.pxRatio) + GAP + MARGIN;
}

function isScore(score: number): boolean {
  return !Number.isNaN(score);
}

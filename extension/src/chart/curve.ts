/** The running iteration's curve beside the champion's: a canvas that is redrawn in place, never made anew. */
import { IDisposable } from '@lumino/disposable';

import type { IPoint } from '../wire';
import type { IColours } from './colours';
import { Frame } from './frame';
import { Range, robust } from './limits';
import { ILine, ITrace, reported, thinned, traced, within } from './traces';

/** What is drawn: the reported number's name ('' for none), both traces, and the ranges of the axes. */
export interface ICurves {
  name: string;
  own: ITrace;
  champion: ITrace;
  x: Range;
  y: Range;
}

/** Works out what is drawn; the time axis ends with the budget (seconds), or with what ran past it. */
export function curves(
  points: readonly IPoint[],
  champion: readonly IPoint[],
  budget: number
): ICurves {
  const name = reported([points, champion]);
  const own = traced(points, name);
  const best = traced(champion, name);
  const ends = [own, best].map(({ x }) => x[x.length - 1] ?? 0);
  return {
    name,
    own,
    champion: best,
    x: [0, Math.max(budget, ...ends) || 1],
    y: robust([own.y, best.y])
  };
}

/** The plot within a host element that has a size of its own. */
export class CurvePlot implements IDisposable {
  /** Draws nothing yet. */
  constructor(host: HTMLElement) {
    this.frame = new Frame(host, {
      draw: (ctx, wide, tall) => this.draw(ctx, wide, tall),
      plot: () => ({
        padding: [3, 5, 3, 1],
        axes: [{ show: false }, { show: false }],
        cursor: { show: false }
      })
    });
  }

  /** Whether it is gone. */
  get isDisposed(): boolean {
    return this.frame.isDisposed;
  }

  /** Shows these curves. */
  show(shown: ICurves): void {
    this.shown = shown;
    this.frame.x = shown.x;
    this.frame.y = shown.y;
    this.frame.refresh();
  }

  /** Takes it out of the page. */
  dispose(): void {
    this.frame.dispose();
  }

  private draw(ctx: CanvasRenderingContext2D, wide: number, tall: number) {
    if (!this.shown) {
      return;
    }
    const { own, champion, x, y } = this.shown;
    const { colours } = this.frame;
    const toX = (seconds: number) => ((seconds - x[0]) / (x[1] - x[0])) * wide;
    const toY = (value: number) =>
      ((y[1] - within(value, y)) / (y[1] - y[0])) * tall;
    ctx.save();
    ctx.beginPath();
    ctx.rect(-1, -3, wide + 6, tall + 6);
    ctx.clip();
    ctx.lineJoin = 'round';
    const one = (trace: ITrace, colour: keyof IColours, size: number) =>
      stroke(ctx, thinned(trace), colours[colour], size, toX, toY);
    ctx.globalAlpha = 0.55;
    one(champion, 'champion', 1.5);
    ctx.globalAlpha = 1;
    one(own, 'keep', 1.9);
    const last = own.x.length - 1;
    if (last >= 0) {
      ctx.fillStyle = colours.keep;
      ctx.beginPath();
      ctx.arc(toX(own.x[last]), toY(own.y[last]), 2.6, 0, 2 * Math.PI);
      ctx.fill();
    }
    ctx.restore();
  }

  private readonly frame: Frame;
  private shown: ICurves | null = null;
}

type Scale = (value: number) => number;

/** Draws a line, with what its stretches span faintly behind it. */
function stroke(
  ctx: CanvasRenderingContext2D,
  line: ILine,
  colour: string,
  size: number,
  toX: Scale,
  toY: Scale
): void {
  const xs = line.x.map(toX);
  const path = (ys: readonly number[]) =>
    ys.forEach((value, i) => ctx.lineTo(xs[i], toY(value)));
  const opacity = ctx.globalAlpha;
  if (line.low.length) {
    ctx.beginPath();
    path(line.high);
    for (let i = xs.length - 1; i >= 0; i--) {
      ctx.lineTo(xs[i], toY(line.low[i]));
    }
    ctx.fillStyle = colour;
    ctx.globalAlpha = 0.22 * opacity;
    ctx.fill();
    ctx.globalAlpha = opacity;
  }
  ctx.beginPath();
  path(line.y);
  ctx.strokeStyle = colour;
  ctx.lineWidth = size;
  ctx.stroke();
}

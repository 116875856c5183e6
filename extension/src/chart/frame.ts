/**
 * A uPlot that fills its host: it follows the host's size, the screen's pixel ratio and the page's theme, and its axes
 * show the ranges that it is told. What lies on them is drawn by a hook, in CSS pixels from the plot's corner.
 */
import { IDisposable } from '@lumino/disposable';
import uPlot from 'uplot';

import { chartColours, IColours, watchTheme } from './colours';
import type { Range } from './limits';

/** What a frame asks of its owner. `draw` finds the canvas in CSS pixels, its origin in the plot's corner. */
export interface IFrameOptions {
  draw: (ctx: CanvasRenderingContext2D, width: number, height: number) => void;
  plot: (frame: Frame) => Partial<uPlot.Options>;
}

/** The plot's canvas, its axes and its upkeep. */
export class Frame implements IDisposable {
  /** Fills `host`, whose size is its own and must not depend on what is in it. */
  constructor(
    private readonly host: HTMLElement,
    options: IFrameOptions
  ) {
    this.colours = chartColours(host);
    const own = options.plot(this);
    this.plot = new uPlot(
      {
        ...size(host),
        class: 'jp-Autoloop-canvas',
        series: [{}, { show: false }],
        legend: { show: false },
        scales: {
          x: { time: false, range: () => this.x },
          y: { range: () => this.y }
        },
        ...own,
        hooks: { ...own.hooks, draw: [u => this.paint(u, options.draw)] }
      },
      [
        [0, 1],
        [null, null]
      ],
      host
    );
    this.observer = new ResizeObserver(() => this.fit());
    this.observer.observe(host);
    this.unwatch = watchTheme(() => {
      this.colours = chartColours(host);
      this.plot.redraw(false);
    });
  }

  /** The colours of the theme that is in force. */
  colours: IColours;

  /** The plot itself. */
  readonly plot: uPlot;

  /** The range of the horizontal axis. */
  x: Range = [0, 1];

  /** The range of the vertical axis. */
  y: Range = [0, 1];

  /** Whether it is gone. */
  get isDisposed(): boolean {
    return this.disposed;
  }

  /** Draws everything anew, on the ranges as they are now. */
  refresh(): void {
    this.plot.setData([[...this.x], [null, null]]);
  }

  /** Takes it out of the page. */
  dispose(): void {
    if (!this.disposed) {
      this.disposed = true;
      this.observer.disconnect();
      this.unwatch();
      this.plot.destroy();
    }
  }

  private fit(): void {
    const { width, height } = size(this.host);
    const changed = width !== this.plot.width || height !== this.plot.height;
    if (this.host.clientWidth > 0 && changed) {
      // Only within the page does an element know its colours: one that was filled before it came there does so now.
      this.colours = chartColours(this.host);
      this.plot.setSize({ width, height });
    }
  }

  private paint(u: uPlot, draw: IFrameOptions['draw']): void {
    const { ctx, bbox } = u;
    const ratio = uPlot.pxRatio;
    ctx.save();
    ctx.translate(bbox.left, bbox.top);
    ctx.scale(ratio, ratio);
    draw(ctx, bbox.width / ratio, bbox.height / ratio);
    ctx.restore();
  }

  private readonly observer: ResizeObserver;
  private readonly unwatch: () => void;
  private disposed = false;
}

function size(host: HTMLElement): { width: number; height: number } {
  const { clientWidth, clientHeight } = host;
  return { width: Math.max(1, clientWidth), height: Math.max(1, clientHeight) };
}

/**
 * The progress chart without React: the canvas, what the pointer and the keyboard do to it, the card. Nothing is
 * rendered by React while the mouse moves; rings and card are elements that are moved about over the canvas.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { IDisposable } from '@lumino/disposable';
import uPlot from 'uplot';

import type { IRow } from '../wire';
import { axes } from './axes';
import { HoverCard } from './card';
import { drawMarks, drawRunning, drawStairs } from './draw';
import { Frame } from './frame';
import { lowerBound, nearest, step } from './hit';
import { limits, panned, Range, width, zoomed } from './limits';
import { KINDS } from './marks';
import { IPlaces, IView, place, stairs } from './place';
import type { ISeries } from './series';
import { decimals } from '../words';

/** How near to a point the pointer must be, in pixels. */
const NEAR = 12;
/** From how many pixels on a press of the button is a drag. */
const DRAG = 5;
/** By how many pixels a keep counts as nearer than it is. */
const LIFT = 4;
const KEEPS = KINDS.indexOf('provisional');
const UNDER = KINDS.slice(0, KEEPS);
const OVER = KINDS.slice(KEEPS);

/** What is shown. `noise`: one standard deviation, or null; `running`: the numbers of the iterations under way. */
export interface IShown {
  series: ISeries;
  noise: number | null;
  running: readonly number[];
}

/** What the chart tells its owner. */
export interface IListener {
  pick(number: number): void;
  reached(row: IRow, places: number): void;
  zoomChanged(zoomed: boolean): void;
}

/** The chart within a host element that has a size of its own. */
export class ProgressPlot implements IDisposable {
  /** Draws `shown` into `host`. */
  constructor(
    host: HTMLElement,
    private shown: IShown,
    private readonly listener: IListener,
    trans: TranslationBundle
  ) {
    this.range();
    this.frame = new Frame(host, {
      plot: frame => this.options(frame),
      draw: (ctx, wide, tall) => this.draw(ctx, wide, tall)
    });
    this.frame.x = this.x;
    this.frame.y = this.y;
    const over = this.frame.plot.over;
    this.rings = ['selected', 'reached'].map(name => {
      const ring = document.createElement('div');
      ring.className = `jp-Autoloop-chart-ring jp-mod-${name}`;
      ring.hidden = true;
      over.append(ring);
      return ring;
    });
    this.card = new HoverCard(over, trans);
    over.addEventListener('mousedown', this.onPress);
    over.addEventListener('click', this.onClick);
    over.addEventListener('mouseleave', () => this.reach(-1));
    this.frame.refresh();
  }

  /** Whether it is gone. */
  get isDisposed(): boolean {
    return this.frame.isDisposed;
  }

  /** Shows other data; a zoom stays as long as the epoch does. */
  show(shown: IShown): void {
    if (shown === this.shown) {
      return;
    }
    const other = shown.series.epoch !== this.shown.series.epoch;
    const at = this.shown.series.rows[this.reached]?.number ?? null;
    this.shown = shown;
    this.places = null;
    this.reached = this.indexOf(at);
    this.zoom(other ? null : this.window);
  }

  /** Puts the ring on the iteration of this number; null for none. */
  select(number: number | null): void {
    this.selected = number;
    this.cursor = number;
    this.ring(0, this.indexOf(number));
  }

  /** Shows all iterations again. */
  reset(): void {
    this.zoom(null);
  }

  /** What a key does: gives whether it meant something here. */
  press(key: string): boolean {
    const { numbers } = this.shown.series;
    switch (key) {
      case 'ArrowLeft':
        return this.walk(step(numbers, this.cursor, -1));
      case 'ArrowRight':
        return this.walk(step(numbers, this.cursor, 1));
      case 'Home':
        return this.walk(numbers.length ? 0 : -1);
      case 'End':
        return this.walk(numbers.length - 1);
      case 'Enter':
        return this.pick(this.indexOf(this.cursor));
      case 'Escape':
        return this.escape();
      default:
        return false;
    }
  }

  /** Hides what the keyboard reached, as when the focus goes elsewhere. */
  leave(): void {
    this.cursor = this.selected;
    this.reach(-1);
  }

  /** Takes it out of the page. */
  dispose(): void {
    this.frame.dispose();
  }

  private options(frame: Frame): Partial<uPlot.Options> {
    return {
      padding: [6, 10, 0, 0],
      axes: axes(frame, () => this.shown.series),
      cursor: {
        x: false,
        y: false,
        points: { show: false },
        drag: {
          x: true,
          y: false,
          setScale: false,
          dist: DRAG,
          // uPlot would swallow a click during which the pointer moved by one pixel: `onClick` judges for itself.
          click: () => undefined
        },
        bind: {
          dblclick: () => () => {
            this.reset();
            return null;
          }
        }
      },
      hooks: {
        setCursor: [u => this.hover(u)],
        setSelect: [u => this.dragged(u)]
      }
    };
  }

  /** Settles the ranges of both axes. */
  private range(): void {
    const { series, noise, running } = this.shown;
    const first = series.numbers[0] ?? running[0] ?? 1;
    const last = series.numbers[series.numbers.length - 1] ?? first;
    this.whole = width(first, Math.max(last, ...running));
    const [from, to] = this.window ?? this.whole;
    if (from > this.whole[1] || to < this.whole[0]) {
      this.window = null; // another ledger took this one's place
    }
    this.x = this.window ?? this.whole;
    this.y = limits(series, this.x, noise);
  }

  private zoom(window: Range | null): void {
    const before = this.window;
    this.window = window;
    this.range();
    this.frame.x = this.x;
    this.frame.y = this.y;
    this.frame.refresh();
    if (!before !== !this.window) {
      this.listener.zoomChanged(this.window !== null);
    }
  }

  private dragged(u: uPlot): void {
    const { left, width: wide } = u.select;
    if (wide > 0) {
      u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
      const ends: Range = [u.posToVal(left, 'x'), u.posToVal(left + wide, 'x')];
      this.zoom(zoomed(ends, this.whole));
    }
  }

  private draw(ctx: CanvasRenderingContext2D, wide: number, tall: number) {
    const { series, noise, running } = this.shown;
    const { colours } = this.frame;
    const view: IView = { width: wide, height: tall, x: this.x, y: this.y };
    const places = place(series, view);
    const turned = series.direction === 'max';
    const last = series.numbers[series.numbers.length - 1] ?? 0;
    const line = stairs(series, view, Math.max(last, ...running));
    const band = ((noise ?? 0) / (view.y[1] - view.y[0])) * tall;
    drawMarks(ctx, places, UNDER, colours, view, turned);
    running.forEach(number => drawRunning(ctx, number, colours, view));
    drawStairs(ctx, line, band, colours, view);
    drawMarks(ctx, places, OVER, colours, view, turned);
    this.places = places;
    this.ring(0, this.indexOf(this.selected));
    this.reach(this.reached);
  }

  /** The pointer moved; uPlot also tells when only the scales did, which must not take the card from the keyboard. */
  private hover(u: uPlot): void {
    const { left = -1, top = -1 } = u.cursor;
    const moved = left !== this.pointer[0] || top !== this.pointer[1];
    this.pointer = [left, top];
    if (moved && left >= 0 && u.select.width === 0) {
      this.reach(this.at(left, top));
    }
  }

  /** The index of the iteration at a pixel; -1 for none. */
  private at(x: number, y: number): number {
    if (!this.places) {
      return -1;
    }
    const { xs, ys, kinds, from } = this.places;
    const lift = (i: number) => (kinds[i] >= KEEPS ? LIFT : 0);
    const found = nearest(xs, ys, x, y, NEAR, lift);
    return found < 0 ? -1 : from + found;
  }

  /** Shows the card of an iteration (by its index; -1 hides it) where it is in sight. */
  private reach(index: number): void {
    const spot = this.ring(1, index);
    this.reached = spot ? index : -1;
    this.frame.plot.over.style.cursor = spot ? 'pointer' : '';
    if (spot) {
      const { rows } = this.shown.series;
      this.card.show(rows[index], this.decimals(), spot[0], spot[1]);
    } else {
      this.card.hide();
    }
  }

  /** Goes to an iteration by keyboard, moving a zoomed window along. */
  private walk(index: number): boolean {
    const row = this.shown.series.rows[index];
    if (!row) {
      return false;
    }
    this.cursor = row.number;
    const window = this.window && panned(this.window, row.number, this.whole);
    this.reached = index;
    if (window !== this.window) {
      this.zoom(window); // the card follows when it is drawn
    } else {
      this.reach(index);
    }
    this.listener.reached(row, this.decimals());
    return true;
  }

  /** Hides the card; the next time it ends the zoom. */
  private escape(): boolean {
    const open = this.reached >= 0;
    const wide = this.window === null;
    if (!open && !wide) {
      this.reset();
    }
    this.leave();
    return open || !wide;
  }

  private pick(index: number): boolean {
    if (index >= 0) {
      this.listener.pick(this.shown.series.numbers[index]);
    }
    return index >= 0;
  }

  /** Moves a ring onto an iteration; gives its place, null where it is out of sight. */
  private ring(which: number, index: number): [number, number] | null {
    const ring = this.rings[which];
    const at = this.places && index >= 0 ? index - this.places.from : -1;
    if (!this.places || at < 0 || at >= this.places.xs.length) {
      ring.hidden = true;
      return null;
    }
    const [x, y] = [this.places.xs[at], this.places.ys[at]];
    ring.hidden = false;
    ring.style.transform = `translate(${x}px, ${y}px)`;
    return [x, y];
  }

  private indexOf(number: number | null): number {
    const { numbers } = this.shown.series;
    const index = number === null ? -1 : lowerBound(numbers, number);
    return numbers[index] === number ? index : -1;
  }

  private decimals(): number {
    return decimals(this.shown.series.scores);
  }

  private onPress = (event: MouseEvent): void => {
    this.pressed = event.clientX;
  };

  private onClick = (event: MouseEvent): void => {
    const box = this.frame.plot.over.getBoundingClientRect();
    if (Math.abs(event.clientX - this.pressed) < DRAG) {
      this.pick(this.at(event.clientX - box.left, event.clientY - box.top));
    }
  };

  private readonly frame: Frame;
  private readonly card: HoverCard;
  private readonly rings: HTMLElement[];
  private places: IPlaces | null = null;
  private whole: Range = [0, 1];
  private window: Range | null = null;
  private x: Range = [0, 1];
  private y: Range = [0, 1];
  private selected: number | null = null;
  private cursor: number | null = null;
  private reached = -1;
  private pressed = 0;
  private pointer: [left: number, top: number] = [-1, -1];
}

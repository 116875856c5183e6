/** What the charts' tests share: made-up rows and states, and a canvas that notes what is drawn on it. */
import type { IPoint, IRow } from '../wire';

/** An iteration that was discarded in the first epoch, but for what is given. */
export function row(number: number, over: Partial<IRow> = {}): IRow {
  return {
    number,
    epoch: 1,
    base: number > 1 ? 1 : null,
    verdict: 'discard',
    state: null,
    score: 2.6,
    difference: null,
    title: `idea ${number}`,
    agent: 'search',
    reason: '',
    time: 0,
    seconds: 15,
    attempts: 1,
    notebook: '',
    ...over
  };
}

/** A standing keep. */
export function keep(
  number: number,
  score: number,
  over: Partial<IRow> = {}
): IRow {
  return row(number, { verdict: 'keep', state: 'provisional', score, ...over });
}

/** An idle arena whose metric is to be small, but for what is given. */
export { stateOf as state } from './server';

/** Points of a curve, one a second, of the number `loss`. */
export function points(values: readonly (number | null)[]): IPoint[] {
  return values.map((loss, i) => ({
    step: i,
    seconds: i + 1,
    numbers: { loss }
  }));
}

/** A call on the canvas: what was drawn with which colours. */
export interface IStroke {
  what: 'fill' | 'stroke';
  colour: string;
  alpha: number;
}

/** Width and height of every element, in CSS pixels: jsdom lays nothing out. */
export const SIZE = { width: 380, height: 212 };

/**
 * Gives every canvas of the page a context that notes strokes and fills (newest last), and every element a size. Call it
 * once a test file.
 */
export function stubCanvas(): IStroke[] {
  const drawn: IStroke[] = [];
  const note = (context: Record<string, unknown>, what: IStroke['what']) =>
    drawn.push({
      what,
      colour: String(context[what === 'fill' ? 'fillStyle' : 'strokeStyle']),
      alpha: Number(context.globalAlpha)
    });
  const context = new Proxy<Record<string, unknown>>(
    {},
    {
      get: (target, name: string) => {
        if (name === 'measureText') {
          return (text: string) => ({ width: 6 * text.length });
        }
        if (name === 'fill' || name === 'stroke') {
          return () => note(target, name);
        }
        return name in target ? target[name] : () => undefined;
      }
    }
  );
  HTMLCanvasElement.prototype.getContext = (() =>
    context) as unknown as HTMLCanvasElement['getContext'];
  const NoPath = class {};
  for (const name of ['moveTo', 'lineTo', 'arc', 'rect', 'closePath']) {
    Object.defineProperty(NoPath.prototype, name, { value: () => undefined });
  }
  globalThis.Path2D = NoPath as unknown as typeof Path2D;
  const sized = (name: string, value: number) =>
    Object.defineProperty(HTMLElement.prototype, name, { get: () => value });
  sized('clientWidth', SIZE.width);
  sized('clientHeight', SIZE.height);
  Element.prototype.getBoundingClientRect = () =>
    ({
      left: 0,
      top: 0,
      right: SIZE.width,
      bottom: SIZE.height,
      ...SIZE
    }) as DOMRect;
  return drawn;
}

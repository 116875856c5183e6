/**
 * The card beside the point that the pointer or the keyboard is at. It is written without React: it follows the mouse.
 * Titles and reasons are made by agents: they are text, never HTML.
 */
import type { TranslationBundle } from '@jupyterlab/translation';

import type { IRow } from '../wire';
import { number, signed } from '../words';
import { kindOf, MarkKind, MARKS, SVGSink, trace } from './marks';

const SVG = 'http://www.w3.org/2000/svg';

/** What the marks are called. */
export function markNames(trans: TranslationBundle): Record<MarkKind, string> {
  return {
    confirmed: trans.__('confirmed'),
    provisional: trans.__('provisional'),
    refuted: trans.__('refuted'),
    discard: trans.__('discard'),
    pruned: trans.__('pruned'),
    crash: trans.__('crash'),
    timeout: trans.__('timeout'),
    broken: trans.__('cut short'),
    outside: trans.__('off the scale')
  };
}

/** A mark's shape as the `d` of an SVG path about 0, 0. */
export function markPath(kind: MarkKind, turned = false): string {
  const sink = new SVGSink();
  trace(sink, MARKS[kind], 0, 0, 1, turned);
  return sink.d;
}

/** The texts of a card; an empty one is left out. `places`: the decimals of scores. */
export function cardTexts(
  row: IRow,
  places: number,
  trans: TranslationBundle
): { score: string; difference: string; title: string; reason: string } {
  const failed = row.verdict === 'crash' || row.verdict === 'timeout';
  const known = row.difference !== null && row.base !== null && !failed;
  return {
    score: row.score === null || failed ? '' : number(row.score, places),
    difference: known
      ? trans.__('%1 on %2', signed(row.difference, places), row.base)
      : '',
    title: row.title,
    reason: failed || row.verdict === 'pruned' ? row.reason : ''
  };
}

/** The same in one line, for those who listen. */
export function spoken(
  row: IRow,
  places: number,
  trans: TranslationBundle
): string {
  const { score, difference, title, reason } = cardTexts(row, places, trans);
  const verdict = markNames(trans)[kindOf(row)];
  return [`${row.number}`, verdict, score, difference, title, reason, row.agent]
    .filter(text => text)
    .join(', ');
}

/** The card: one element that is filled anew, and moved so that it stays within the plot. */
export class HoverCard {
  /** Puts the card, hidden, into `parent`: the plot's own area. */
  constructor(
    private readonly parent: HTMLElement,
    private readonly trans: TranslationBundle
  ) {
    this.node.className = 'jp-Autoloop-chart-card';
    this.node.hidden = true;
    this.node.setAttribute('aria-hidden', 'true');
    parent.append(this.node);
  }

  /** The card's element. */
  readonly node = document.createElement('div');

  /** Shows an iteration beside its point at `x`, `y` (CSS pixels within the parent). */
  show(row: IRow, places: number, x: number, y: number): void {
    if (this.row !== row) {
      this.row = row;
      this.node.replaceChildren(...this.lines(row, places));
    }
    this.node.hidden = false;
    this.place(x, y);
  }

  /** Hides it. */
  hide(): void {
    this.node.hidden = true;
  }

  private lines(row: IRow, places: number): HTMLElement[] {
    const { score, difference, title, reason } = cardTexts(
      row,
      places,
      this.trans
    );
    const kind = kindOf(row);
    const head = line('head', line('number', `${row.number}`), sign(kind));
    head.append(
      line('verdict', markNames(this.trans)[kind]),
      line('agent', row.agent)
    );
    const numbers = line('numbers', line('score', score));
    numbers.append(line('difference', difference));
    return [
      head,
      ...(score ? [numbers] : []),
      ...(title ? [line('title', title)] : []),
      ...(reason ? [line('reason', reason)] : [])
    ];
  }

  private place(x: number, y: number): void {
    const { clientWidth: width, clientHeight: height } = this.parent;
    const { offsetWidth: own, offsetHeight: tall } = this.node;
    const right = x + 12 + own <= width + 8;
    const left = right ? x + 12 : Math.max(-30, x - 12 - own);
    const top = Math.min(Math.max(0, y - tall / 2), Math.max(0, height - tall));
    this.node.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
  }

  private row: IRow | null = null;
}

function line(name: string, ...content: (string | Node)[]): HTMLElement {
  const node = document.createElement('span');
  node.className = `jp-Autoloop-chart-card-${name}`;
  node.append(...content);
  return node;
}

function sign(kind: MarkKind): Node {
  const svg = document.createElementNS(SVG, 'svg');
  const path = document.createElementNS(SVG, 'path');
  svg.setAttribute('class', 'jp-Autoloop-mark');
  svg.setAttribute('data-kind', kind);
  svg.setAttribute('viewBox', '-6 -6 12 12');
  path.setAttribute('d', markPath(kind));
  path.setAttribute('data-fill', MARKS[kind].fill);
  path.setAttribute('stroke-width', `${MARKS[kind].stroke}`);
  svg.append(path);
  return svg;
}

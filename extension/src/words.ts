/**
 * Signs, words and the writing of numbers: the twin of the Python views, so that every face reads the same.
 *
 * Signs come before colours: nothing rests on colour alone. Words are English keys: hand them to the translator.
 */
import { nullTranslator, TranslationBundle } from '@jupyterlab/translation';

import type { ICost, IMetric, IRow, IState, IWorker, Verdict } from './wire';

export const MINUS = '−';
export const DASH = '–';
export const ARROW = '→';

/** What kind of result is shown; CSS classes and chart colours are chosen by it. */
export type Kind =
  | 'confirmed'
  | 'provisional'
  | 'refuted'
  | 'discard'
  | 'pruned'
  | 'crash'
  | 'timeout'
  | 'contended'
  | 'interrupted'
  | 'running'
  | 'scored'
  | 'invalid'
  | 'duplicate'
  | 'skipped'
  | 'pending'
  | 'waiting'
  | 'accepted';

/** How one kind of result is shown: a sign, a word (translate it: `trans.__(look.word)`) and its kind. */
export interface ILook {
  readonly sign: string;
  readonly word: string;
  readonly kind: Kind;
}

/** What lets iterations that are under way get their verdicts first is called, by how many they are. */
export function stopAfter(
  state: IState | null,
  trans: TranslationBundle
): string {
  const many = state?.flights.length || 1;
  return trans._n('Stop after this one', 'Stop after these', many);
}

/** A step of the staircase: the best standing score once this iteration had ended. */
export interface IStep {
  readonly number: number;
  readonly score: number;
}

/** How an iteration may end, in the order in which faces count them. */
export const ENDS: readonly Verdict[] = [
  'keep',
  'discard',
  'pruned',
  'crash',
  'timeout'
];

/** By kind: how results and the stages of a proposal look. */
export const LOOKS: Readonly<Record<Kind, ILook>> = {
  confirmed: { sign: '●', word: 'keep', kind: 'confirmed' },
  provisional: { sign: '○', word: 'keep', kind: 'provisional' },
  refuted: { sign: '·', word: 'refuted', kind: 'refuted' },
  discard: { sign: '·', word: 'discard', kind: 'discard' },
  pruned: { sign: '▽', word: 'pruned', kind: 'pruned' },
  crash: { sign: '×', word: 'crash', kind: 'crash' },
  timeout: { sign: '⧖', word: 'timeout', kind: 'timeout' },
  contended: { sign: '◌', word: 'contended', kind: 'contended' },
  interrupted: { sign: '◌', word: 'interrupted', kind: 'interrupted' },
  running: { sign: '◐', word: 'running', kind: 'running' },
  scored: { sign: '·', word: 'scored', kind: 'scored' },
  invalid: { sign: DASH, word: 'invalid', kind: 'invalid' },
  duplicate: { sign: DASH, word: 'duplicate', kind: 'duplicate' },
  skipped: { sign: DASH, word: 'skipped', kind: 'skipped' },
  pending: { sign: '…', word: 'pending', kind: 'pending' },
  waiting: { sign: '…', word: 'waiting', kind: 'waiting' },
  accepted: { sign: '…', word: 'accepted', kind: 'accepted' }
};

/** How workers look by their state; those that are up by whether they run something. */
const WORKERS: Readonly<Record<string, ILook>> = {
  waits: { sign: '…', word: 'waits', kind: 'pending' },
  slow: { sign: '⧖', word: 'slow', kind: 'timeout' },
  lost: { sign: '◌', word: 'lost', kind: 'contended' },
  refused: { sign: '×', word: 'refused', kind: 'crash' },
  down: { sign: '■', word: 'down', kind: 'skipped' }
};

/** The look of a worker. */
export function workerLook(
  worker: Pick<IWorker, 'state'> & { run: unknown }
): ILook {
  if (worker.state === 'up') {
    return worker.run ? LOOKS.running : WORKERS.waits;
  }
  return Object.prototype.hasOwnProperty.call(WORKERS, worker.state)
    ? WORKERS[worker.state]
    : WORKERS.down;
}

/**
 * The look of a verdict, or of a proposal's status (null: still running); a keep's `state` tells confirmed,
 * provisional and refuted apart. A word that is not known looks like a discard.
 */
export function look(
  verdict: string | null,
  state: string | null = null
): ILook {
  if (verdict === null) {
    return LOOKS.running;
  }
  if (verdict === 'keep') {
    return known(state) ?? LOOKS.provisional;
  }
  return known(verdict) ?? LOOKS.discard;
}

/**
 * The look of an iteration. `flying`: the number of the one under way while a driver runs, else null; one without a
 * verdict that is not under way was cut short and waits to be run again.
 */
export function lookOf(row: IRow, flying: number | null): ILook {
  if (row.verdict === null && row.number !== flying) {
    return LOOKS.interrupted;
  }
  return look(row.verdict, row.state);
}

/** Whether an iteration of the main line is a keep that was not refuted and has a number to stand on. */
export function standing(row: IRow): row is IRow & { score: number } {
  return (
    row.verdict === 'keep' &&
    row.state !== 'refuted' &&
    !row.island &&
    isFinite(row.score)
  );
}

/** How many decimals show `digits` significant digits of the middle one of these values, 0 to 9. */
export function decimals(
  values: Iterable<number | null | undefined>,
  digits = 4
): number {
  const sizes = [...values]
    .filter((value): value is number => isFinite(value) && value !== 0)
    .map(Math.abs)
    .sort((a, b) => a - b);
  if (!sizes.length) {
    return 3;
  }
  const middle = sizes[Math.floor(sizes.length / 2)];
  return Math.min(9, Math.max(0, digits - 1 - exponent(middle)));
}

/**
 * A score as text, with a true minus sign; an en dash where there is none. `places`: decimals (by its size if left
 * out); what would read as zero, and what is huge, is written with an exponent.
 */
export function number(
  value: number | null | undefined,
  places: number | null = null
): string {
  if (!isFinite(value)) {
    return DASH;
  }
  const size = Math.abs(value);
  const least = places === null ? 1e-4 : 0.5 * tenth(places);
  const text =
    (value !== 0 && size < least) || size >= 1e9
      ? scientific(size)
      : fixed(size, places ?? decimals([value]));
  return value < 0 ? MINUS + text : text;
}

/**
 * A difference as text, always with its sign; an en dash where there is none. One that would read as zero gets more
 * decimals than asked for, at most 9.
 */
export function signed(
  value: number | null | undefined,
  places: number | null = null
): string {
  if (!isFinite(value)) {
    return DASH;
  }
  const hidden =
    places !== null && value !== 0 && Math.abs(value) < 0.5 * tenth(places);
  const text = number(value, hidden ? decimals([value], 1) : places);
  return value < 0 ? text : `+${text}`;
}

/** The change from `start` to `score` in per cent of `start` (`−12.9 %`); empty where that says nothing. */
export function share(
  score: number | null | undefined,
  start: number | null | undefined
): string {
  if (!isFinite(score) || !isFinite(start) || start === 0) {
    return '';
  }
  const percent = (100 * (score - start)) / Math.abs(start);
  return Math.abs(percent) < 1000 ? `${signed(percent, 1)} %` : '';
}

/** A length of time in seconds as text: `0.4 s`, `14.8 s`, `3 min 05 s`, `2 h 10 min`. */
export function duration(seconds: number | null | undefined): string {
  if (!isFinite(seconds)) {
    return DASH;
  }
  if (seconds < 99.95) {
    return `${seconds < 0 ? '-' : ''}${fixed(Math.abs(seconds), 1)} s`;
  }
  const whole = Number(fixed(seconds, 0));
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) {
    return `${minutes} min ${two(whole % 60)} s`;
  }
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
}

/** How long ago a moment was, in one unit; both are seconds since 1970 by the server's clock (`model.now()`). */
export function ago(
  time: number,
  now: number,
  trans: TranslationBundle = nullTranslator.load('autoloop')
): string {
  const seconds = Math.floor(now - time);
  if (seconds < 5) {
    return trans.__('just now');
  }
  if (seconds < 60) {
    return trans.__('%1 s ago', seconds);
  }
  if (seconds < 3600) {
    return trans.__('%1 min ago', Math.floor(seconds / 60));
  }
  if (seconds < 86400) {
    return trans.__('%1 h ago', Math.floor(seconds / 3600));
  }
  const days = Math.floor(seconds / 86400);
  return trans._n('%1 day ago', '%1 days ago', days, days);
}

/** The metric with its unit and direction in words: `val_bpb (bits per byte, lower is better)`. */
export function goal(
  metric: IMetric,
  trans: TranslationBundle = nullTranslator.load('autoloop')
): string {
  const way =
    metric.direction === 'min'
      ? trans.__('lower is better')
      : trans.__('higher is better');
  const about = [metric.unit, way];
  if (metric.grade === 'self-reported') {
    about.push(trans.__('self-reported'));
  }
  return `${metric.name} (${about.filter(part => part).join(', ')})`;
}

/** An amount of money: `$1.24`; below a dollar, where cents are too coarse, `$0.0123`. */
export function dollars(value: number): string {
  const fine = fixed(value, 4);
  const cents = value >= 1 || fine.endsWith('00');
  const [whole, part] = (cents ? fixed(value, 2) : fine).split('.');
  return `$${grouped(Number(whole))}.${part}`;
}

/** What was spent, of `most` dollars where so much may be: `$1.24 of $5.00`; empty where nothing was, or may be. */
export function bill(
  cost: Pick<ICost, 'requests' | 'dollars'>,
  most: number | null,
  trans: TranslationBundle
): string {
  if (most === null && !cost.requests) {
    return '';
  }
  if (cost.dollars === null && cost.requests) {
    return trans.__('price unknown');
  }
  const spent = dollars(cost.dollars ?? 0);
  return most === null ? spent : trans.__('%1 of %2', spent, dollars(most));
}

/** What requests to a model cost: dollars where the price is known, and tokens; empty where there were none. */
export function money(cost: ICost, trans: TranslationBundle): string {
  if (!cost.requests) {
    return '';
  }
  const read = cost.input + cost.cache_read + cost.cache_write;
  const part = Math.floor((100 * cost.cache_read) / read);
  const priced = cost.dollars !== null;
  return [
    `${priced ? dollars(cost.dollars ?? 0) : trans.__('price unknown')}; `,
    trans._n(
      '%1 request',
      '%1 requests',
      cost.requests,
      grouped(cost.requests)
    ),
    cost.unpriced && priced
      ? trans.__(', %1 without a price', grouped(cost.unpriced))
      : '',
    trans.__(': %1 tokens read', grouped(read)),
    cost.cache_read
      ? ` ${trans.__('(%1 % of them from the cache)', part)}`
      : '',
    trans.__(', %1 written', grouped(cost.output))
  ].join('');
}

/** A whole number in groups of three, with a true minus sign. */
export function grouped(value: number): string {
  return value.toLocaleString('en-US').replace('-', MINUS);
}

/**
 * The best standing score so far after each iteration of one epoch, from its first keep on, oldest first. `rows` may
 * come in any order and hold other epochs too.
 */
export function staircase(
  rows: readonly IRow[],
  direction: 'min' | 'max',
  epoch: number | null
): IStep[] {
  const ordered = rows
    .filter(row => row.epoch === epoch)
    .sort((a, b) => a.number - b.number);
  const steps: IStep[] = [];
  let top: number | null = null;
  for (const row of ordered) {
    if (standing(row) && (top === null || better(row.score, top, direction))) {
      top = row.score;
    }
    if (top !== null) {
      steps.push({ number: row.number, score: top });
    }
  }
  return steps;
}

/** Whether score `a` is strictly better than score `b`. */
export function better(
  a: number,
  b: number,
  direction: 'min' | 'max'
): boolean {
  return direction === 'min' ? a < b : a > b;
}

function known(kind: string | null): ILook | undefined {
  return kind !== null && Object.prototype.hasOwnProperty.call(LOOKS, kind)
    ? LOOKS[kind as Kind]
    : undefined;
}

function isFinite(value: number | null | undefined): value is number {
  return Number.isFinite(value);
}

/** The power of ten of a positive number, read from its digits: a logarithm would be off at powers of ten. */
function exponent(value: number): number {
  return Number(value.toExponential().split('e')[1]);
}

/** 10 to the minus `places`, read from text for the same reason. */
function tenth(places: number): number {
  return Number(`1e-${places}`);
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

/** Digits written beyond the last, to see whether a number lies exactly between two neighbours. */
const BEYOND = 30;
const HALF = `5${'0'.repeat(BEYOND - 1)}`;

/** `text` (rounded half up) as Python rounds it, half to even; `long` has `BEYOND` more digits. */
function evened(text: string, long: string): string {
  const odd = /[13579]$/.test(text);
  return odd && long.endsWith(HALF)
    ? long.slice(0, -BEYOND).replace(/\.$/, '')
    : text;
}

function fixed(size: number, places: number): string {
  return evened(size.toFixed(places), size.toFixed(places + BEYOND));
}

/** Three decimals and an exponent of at least two digits: `1.234e−05`. */
function scientific(size: number): string {
  const [digits, power] = size.toExponential(3).split('e');
  const sign = power[0] === '-' ? MINUS : '+';
  const long = size.toExponential(3 + BEYOND).split('e')[0];
  return `${evened(digits, long)}e${sign}${two(Number(power.slice(1)))}`;
}

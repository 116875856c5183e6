import type { TranslationBundle } from '@jupyterlab/translation';

import type { IChange } from '../wire';
import { visible } from './visible';

/** How many characters of a line are shown; there are minified files. */
const SHOWN = 4000;

/**
 * The two sides of a change, made ready to be shown; null for the side that does not have the unit. `ended`: they end
 * with a newline, and the empty line behind it, which no reader counts, is to be hidden.
 */
export interface ISides {
  before: string | null;
  after: string | null;
  ended: boolean;
}

/**
 * Both sources as an editor shows them: line ends alike, a newline at the end (a cell's source has none, and its last
 * line would else count as changed whenever lines are appended), what cannot be seen written out, endless lines cut.
 */
export function sides(change: IChange, trans: TranslationBundle): ISides {
  const before = change.before === null ? null : shown(change.before, trans);
  const after = change.after === null ? null : shown(change.after, trans);
  if (before === null || after === null || !endAlike(before, after)) {
    return { before, after, ended: true };
  }
  // The hidden line would be counted among the last ones that are folded away.
  return {
    before: before.slice(0, -1),
    after: after.slice(0, -1),
    ended: false
  };
}

/** Whether two texts, both ended by a newline, have their whole last line in common, whatever changed before it. */
function endAlike(a: string, b: string): boolean {
  const least = Math.min(a.length, b.length);
  let start = 0;
  while (start < least && a[start] === b[start]) {
    start++;
  }
  let end = 0;
  while (
    end < least - start &&
    a[a.length - 1 - end] === b[b.length - 1 - end]
  ) {
    end++;
  }
  return end > 1 && a.slice(-end, -1).includes('\n');
}

/** Whether a source is shown exactly as it is, but for a newline at its end. */
export function plain(text: string | null): boolean {
  return (
    text === null ||
    (visible(text) === text && !new RegExp(`[^\\n]{${SHOWN + 1}}`).test(text))
  );
}

function shown(text: string, trans: TranslationBundle): string {
  const lines = text.replace(/\r\n?/g, '\n');
  const ended = lines === '' || lines.endsWith('\n') ? lines : `${lines}\n`;
  return visible(ended).replace(
    // Not `.{N}`: it would stop at lone surrogates.
    new RegExp(`([^\\n]{${SHOWN}})([^\\n]+)`, 'g'),
    (_, head: string, rest: string) =>
      `${head} … ${trans.__('%1 more characters', rest.length)}`
  );
}

/** What a change has besides its lines, as a sentence: an empty source, other line ends; empty where nothing. */
export function remark(change: IChange, trans: TranslationBundle): string {
  const { before, after } = change;
  if (before === null || after === null) {
    return (before ?? after ?? '') === '' ? trans.__('It has no lines.') : '';
  }
  const prepared = sides(change, trans);
  const same = prepared.before === prepared.after;
  const ends = [lineEnds(before), lineEnds(after)];
  if (ends[0] !== ends[1] && ends.every(Boolean)) {
    return trans.__('Line ends: %1 → %2.', ends[0], ends[1]);
  }
  if (before === after) {
    return trans.__('Nothing differs.');
  }
  return same ? trans.__('Only the newline at its end differs.') : '';
}

/** How the lines of a text end: LF, CR LF, CR, or several of them; empty for a single line. */
function lineEnds(text: string): string {
  const crlf = text.split('\r\n').length - 1;
  const found: [string, number][] = [
    ['CR LF', crlf],
    ['LF', text.split('\n').length - 1 - crlf],
    ['CR', text.split('\r').length - 1 - crlf]
  ];
  return found
    .filter(([, count]) => count > 0)
    .map(([name]) => name)
    .join(' + ');
}

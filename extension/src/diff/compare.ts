/**
 * The comparison behind the diff: by lines first and by characters only within what changed, so that a few changes in
 * ten thousand lines stay a few, and a line is never matched with parts of others.
 */
import { Change, diff } from '@codemirror/merge';

/** How long a comparison may go on, in milliseconds, before a coarse one takes its place. */
const PATIENCE = 400;

/** Of a longer block, in lines of both sides together, no single words are marked: it was rewritten. */
const BLOCK = 120;

/** As many different lines have a character of their own: all code units but the surrogates, which go in pairs. */
const MOST = 0xd800 - 1 + (0xffff - 0xdfff);

/** What changed from `a` to `b`, as offsets of characters, in order; to be given to the merge view as `override`. */
export function compare(a: string, b: string): readonly Change[] {
  const [linesA, linesB] = [split(a), split(b)];
  const names = new Map<string, string>();
  const [codeA, codeB] = [named(linesA, names), named(linesB, names)];
  if (names.size > MOST) {
    return diff(a, b, { scanLimit: 500, timeout: PATIENCE });
  }
  const [startsA, startsB] = [starts(linesA), starts(linesB)];
  const limits = { scanLimit: 2000, timeout: PATIENCE };
  return diff(codeA, codeB, limits).flatMap(block => {
    const whole = new Change(
      startsA[block.fromA],
      startsA[block.toA],
      startsB[block.fromB],
      startsB[block.toB]
    );
    const size = block.toA - block.fromA + block.toB - block.fromB;
    return size > BLOCK ? [whole] : within(a, b, whole);
  });
}

/** The changes by characters in a block of lines. */
function within(a: string, b: string, block: Change): Change[] {
  const { fromA, toA, fromB, toB } = block;
  if (fromA === toA || fromB === toB) {
    return [block];
  }
  return diff(a.slice(fromA, toA), b.slice(fromB, toB), {
    scanLimit: 500,
    timeout: PATIENCE
  }).map(
    each =>
      new Change(
        each.fromA + fromA,
        each.toA + fromA,
        each.fromB + fromB,
        each.toB + fromB
      )
  );
}

/** The lines of a text, each with its newline. */
function split(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+/g) ?? [];
}

/** Each line as one character, the same for the same line; `names` holds those that were given. */
function named(lines: readonly string[], names: Map<string, string>): string {
  let found = '';
  for (const line of lines) {
    let name = names.get(line);
    if (name === undefined) {
      const code = names.size + 1;
      name = String.fromCharCode(code < 0xd800 ? code : code + 0x800);
      names.set(line, name);
    }
    found += name;
  }
  return found;
}

/** Where each line begins, and at last where the text ends. */
function starts(lines: readonly string[]): number[] {
  const found = [0];
  for (const line of lines) {
    found.push(found[found.length - 1] + line.length);
  }
  return found;
}

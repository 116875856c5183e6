import { getChunks, getOriginalDoc } from '@codemirror/merge';
import type { Chunk } from '@codemirror/merge';
import type { EditorState, Extension, Text } from '@codemirror/state';
import { GutterMarker, gutter } from '@codemirror/view';
import type { BlockInfo, EditorView } from '@codemirror/view';

/** What became of a line; it says which sign and colour the line has. */
export type Fate = 'same' | 'new' | 'old' | 'fold';

const SIGNS: Readonly<Record<Fate, string>> = {
  same: '',
  new: '+',
  old: '−',
  fold: '…'
};

/** The numbers and signs of one or (before a deletion, which is one block) several lines. */
class Numbers extends GutterMarker {
  constructor(
    readonly first: number,
    readonly count: number,
    readonly fate: Fate
  ) {
    super();
    this.elementClass = `jp-Autoloop-Diff-${fate}`;
  }

  eq(other: Numbers): boolean {
    return (
      this.first === other.first &&
      this.count === other.count &&
      this.fate === other.fate
    );
  }

  toDOM(): Node {
    const cell = document.createElement('div');
    cell.className = 'jp-Autoloop-Diff-cell';
    const numbers = Array.from({ length: this.count }, (_, k) =>
      this.fate === 'fold' ? '' : String(this.first + k)
    );
    const signs = numbers.map(() => SIGNS[this.fate]);
    for (const [name, lines] of [
      ['number', numbers],
      ['sign', signs]
    ] as const) {
      const column = document.createElement('span');
      column.className = `jp-Autoloop-Diff-${name}`;
      column.textContent = lines.join('\n');
      cell.append(column);
    }
    return cell;
  }
}

/**
 * A gutter with each line's number and its sign, so that nothing rests on colour alone.
 *
 * `ended`: the empty line behind the last newline has no number. `whole` is the fate of every line where the editor shows a source that is new or gone altogether; without it the
 * chunks of the merge view around decide.
 */
export function numbersAndSigns(ended: boolean, whole?: Fate): Extension {
  return gutter({
    class: 'jp-Autoloop-Diff-gutter',
    lineMarker: (view, line) => {
      const { doc } = view.state;
      const at = doc.lineAt(line.from);
      if (ended && ending(doc, at.number)) {
        return null;
      }
      return new Numbers(at.number, 1, whole ?? fateAt(view.state, at.from));
    },
    widgetMarker: (view, _widget, block) =>
      block.from < block.to ? new Numbers(0, 1, 'fold') : deletion(view, block),
    lineMarkerChange: update =>
      getChunks(update.startState) !== getChunks(update.state),
    initialSpacer: view => new Numbers(widest(view.state), 1, 'new')
  });
}

/** Whether a line is the empty one behind the last newline, which no reader counts. */
export function ending(doc: Text, number: number): boolean {
  return number === doc.lines && number > 1 && doc.line(number).length === 0;
}

/** The highest number that the gutter may have to show: that of the longer of the two sources. */
function widest(state: EditorState): number {
  const lines = Math.max(state.doc.lines, original(state)?.lines ?? 0);
  return 10 ** Math.max(2, String(lines).length) - 1;
}

function fateAt(state: EditorState, position: number): Fate {
  const found = getChunks(state);
  if (found === null) {
    return 'same';
  }
  const old = found.side === 'a';
  const chunk = holding(found.chunks, position, old);
  return chunk === null ? 'same' : old ? 'old' : 'new';
}

/** The chunk that holds a position of one side, null where that is unchanged; chunks are sorted. */
function holding(
  chunks: readonly Chunk[],
  position: number,
  old: boolean
): Chunk | null {
  let [low, high] = [0, chunks.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const chunk = chunks[middle];
    const [from, to] = old
      ? [chunk.fromA, chunk.toA]
      : [chunk.fromB, chunk.toB];
    if (position < from) {
      high = middle;
    } else if (position >= to) {
      low = middle + 1;
    } else {
      return chunk;
    }
  }
  return null;
}

/** The numbers beside a block of deleted lines; null beside any other block. */
function deletion(view: EditorView, block: BlockInfo): GutterMarker | null {
  const before = original(view.state);
  if (before === null) {
    return null;
  }
  const chunk = getChunks(view.state)?.chunks.find(
    each => each.fromB === block.from && each.fromA < each.toA
  );
  if (chunk === undefined) {
    return null;
  }
  const first = before.lineAt(chunk.fromA).number;
  const last = before.lineAt(chunk.endA).number;
  return new Numbers(first, last - first + 1, 'old');
}

/** The source that a unified view compares with; null in any other. */
function original(state: EditorState): Text | null {
  try {
    return getOriginalDoc(state);
  } catch {
    return null; // the field exists in unified views only, and there is no way to ask
  }
}

/**
 * What a person decides hunk by hunk: accepting one lets it stand and no longer marks it, rejecting one puts the
 * base's lines back. Works on both layouts.
 */
import {
  defaultKeymap,
  history,
  historyField,
  historyKeymap,
  indentWithTab,
  undo
} from '@codemirror/commands';
import { getChunks } from '@codemirror/merge';
import type { Chunk } from '@codemirror/merge';
import {
  ChangeSet,
  Compartment,
  RangeSetBuilder,
  StateEffect,
  StateField
} from '@codemirror/state';
import type { EditorState, Extension, Text } from '@codemirror/state';
import { Decoration, EditorView, keymap } from '@codemirror/view';
import type { DecorationSet } from '@codemirror/view';

import { READ_ONLY, addLines } from './editor';
import type { IDiffEditor } from './editor';

/** Puts the mark of the current hunk at a position of the newer source; null takes it away. */
const setMark = StateEffect.define<number | null>();

const mark = StateField.define<number | null>({
  create: () => null,
  update: (at, transaction) => {
    let next = at === null ? null : transaction.changes.mapPos(at, -1);
    for (const effect of transaction.effects) {
      next = effect.is(setMark) ? effect.value : next;
    }
    return next;
  }
});

/** Whether the newer source can be typed into. */
const access = new Compartment();
const WRITABLE: Extension = keymap.of([...defaultKeymap, indentWithTab]);

/**
 * What the editor of the newer source has while it is reviewed; `onDeed` is told of all that is decided and typed, and
 * whether that changed the source. `earlier`: the editor whose place it takes, with the same source: what could be
 * taken back there can be taken back here.
 */
export function reviewing(
  writable: boolean,
  onDeed: (changed: boolean) => void,
  earlier: EditorView | null
): Extension {
  const past = earlier?.state.field(historyField, false);
  return [
    access.of(writable ? WRITABLE : READ_ONLY),
    history(),
    past ? historyField.init(() => past) : [],
    keymap.of(historyKeymap),
    mark,
    EditorView.decorations.of(marked),
    EditorView.updateListener.of(update => {
      // Accepting a hunk changes the older source only.
      const accepted = update.transactions.some(each =>
        each.isUserEvent('accept')
      );
      if (accepted || update.docChanged) {
        onDeed(update.docChanged);
      }
    })
  ];
}

/** Let the newer source be typed into, or no longer; nothing of it changes. */
export function open(view: EditorView, writable: boolean): void {
  const next = writable ? WRITABLE : READ_ONLY;
  view.dispatch({ effects: access.reconfigure(next) });
}

/** Take back the last rejection or typing, also where nothing can be typed; gives whether there was one. */
export function takeBack(view: EditorView, writable: boolean): boolean {
  open(view, true);
  const done = undo(view);
  open(view, writable);
  return done;
}

/** The hunks that are still marked. */
export function hunks(view: EditorView): readonly Chunk[] {
  return getChunks(view.state)?.chunks ?? [];
}

/** Mark a hunk as the current one and bring it into view; null: none is. */
export function point(view: EditorView, chunk: Chunk | null): void {
  const at =
    chunk === null ? null : Math.min(chunk.fromB, view.state.doc.length);
  view.dispatch({
    effects: [
      setMark.of(at),
      ...(at === null
        ? []
        : [EditorView.scrollIntoView(at, { y: 'nearest', yMargin: 60 })])
    ]
  });
}

/** Let a hunk stand: the older source takes it over. */
export function accept(editor: IDiffEditor, chunk: Chunk): void {
  const { original, view } = editor;
  if (original !== null) {
    const { fromA, toA, fromB, toB } = chunk;
    const change = replaced(original, fromA, toA, view.state.doc, fromB, toB);
    editor.amend(ChangeSet.of(change, original.length));
  }
}

/** Put the base's lines back in place of a hunk. */
export function reject(editor: IDiffEditor, chunk: Chunk): void {
  const { original, view } = editor;
  if (original !== null) {
    const { fromA, toA, fromB, toB } = chunk;
    view.dispatch({
      changes: replaced(view.state.doc, fromB, toB, original, fromA, toA),
      userEvent: 'revert'
    });
  }
}

/** The change of `to` that puts whole lines of `from` in place of some of its own; ends may lie one past the text. */
function replaced(
  to: Text,
  toStart: number,
  toEnd: number,
  from: Text,
  fromStart: number,
  fromEnd: number
): { from: number; to: number; insert: string } {
  const start = Math.min(toStart, to.length);
  const end = Math.min(toEnd, to.length);
  const none = fromStart === fromEnd;
  const lines = none
    ? ''
    : from.sliceString(fromStart, Math.max(fromStart, fromEnd - 1));
  if (toEnd <= to.length) {
    return { from: start, to: end, insert: none ? '' : `${lines}\n` };
  }
  // At the end of a text the newline that parts lines stands before them.
  if (none) {
    return { from: Math.max(0, start - 1), to: end, insert: '' };
  }
  return {
    from: start,
    to: end,
    insert: toStart > to.length ? `\n${lines}` : lines
  };
}

const HERE = Decoration.line({ class: 'jp-Autoloop-Diff-here' });
const GONE_HERE = Decoration.line({ class: 'jp-Autoloop-Diff-goneHere' });

/** The lines of the current hunk; of one that only removes, the line below it. */
function marked(view: EditorView): DecorationSet {
  const chunk = current(view.state);
  if (chunk === null) {
    return Decoration.none;
  }
  const { doc } = view.state;
  const builder = new RangeSetBuilder<Decoration>();
  if (chunk.fromB === chunk.toB) {
    const line = doc.lineAt(Math.min(chunk.fromB, doc.length));
    builder.add(line.from, line.from, GONE_HERE);
  } else {
    addLines(builder, doc, chunk.fromB, chunk.toB, HERE);
  }
  return builder.finish();
}

function current(state: EditorState): Chunk | null {
  const at = state.field(mark);
  const chunks = getChunks(state)?.chunks ?? [];
  return at === null
    ? null
    : (chunks.find(each => each.fromB <= at && at <= each.endB) ?? null);
}

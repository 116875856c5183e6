/**
 * The editors of the diff view: JupyterLab's own CodeMirror, read-only but for the newer source under review. This
 * module is heavy and imported lazily.
 */
import {
  MergeView,
  getChunks,
  getOriginalDoc,
  originalDocChangeEffect,
  unifiedMergeView
} from '@codemirror/merge';
import type { Chunk } from '@codemirror/merge';
import { EditorState, RangeSetBuilder } from '@codemirror/state';
import type { ChangeSet, Extension, Text } from '@codemirror/state';
import { Decoration, EditorView } from '@codemirror/view';
import type { DecorationSet } from '@codemirror/view';
import { EditorLanguageRegistry, jupyterTheme } from '@jupyterlab/codemirror';
import type { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';

import { compare } from './compare';
import { ending, numbersAndSigns } from './gutter';
import type { Fate } from './gutter';
import type { ISides } from './sides';

/** Lines that came and went. */
export interface ICount {
  added: number;
  removed: number;
}

/** What `createEditor` needs besides the two sources; `context` is how many unchanged lines stay open around a change. */
export interface IEditorOptions {
  mode: 'unified' | 'split';
  fold: boolean;
  context: number;
  language: Extension;
  trans: TranslationBundle;
  label: string;
  extensions?: Extension;
  /** What the editor of the newer source has in place of being read-only. */
  newer?: Extension;
  /** The buttons beside each hunk of a unified view; none without it. */
  controls?: Controls;
}

/** Makes a button that accepts or rejects a hunk by `act`. */
export type Controls = (
  what: 'accept' | 'reject',
  act: (event: MouseEvent) => void
) => HTMLElement;

/** A diff on the page: the editor that holds the newer source (the only one, unless side by side), and its counts. */
export interface IDiffEditor extends IDisposable {
  readonly view: EditorView;
  /** Lines that came and went, as both sources are now. */
  readonly count: ICount;
  /** The older source as it is now; null where there is none. */
  readonly original: Text | null;
  /** Change the older source, so that the view no longer tells of what was accepted. */
  amend(changes: ChangeSet): void;
}

/**
 * The support for the language of a unit: a cell's is Python's, a file's that of its name; none where it is unknown.
 * Resolves with an extension; a grammar that cannot be loaded costs the colours only.
 */
export async function languageOf(
  unit: string,
  languages?: IEditorLanguageRegistry
): Promise<Extension> {
  const registry = languages ?? defaults();
  const file = unit.includes('.') || unit.includes('/');
  const known = file
    ? registry.findByFileName(unit.split('/').pop() ?? unit)
    : registry.findByName('python');
  try {
    const loaded = known === null ? null : await registry.getLanguage(known);
    return loaded?.support ?? [];
  } catch {
    return [];
  }
}

let registry: EditorLanguageRegistry | null = null;

/** JupyterLab's languages, for where the application hands down no registry. */
function defaults(): EditorLanguageRegistry {
  if (registry === null) {
    registry = new EditorLanguageRegistry();
    for (const language of EditorLanguageRegistry.getDefaultLanguages()) {
      // A registry refuses a name that it has, and brings one of its own.
      if (registry.findByName(language.name)?.name !== language.name) {
        registry.addLanguage(language);
      }
    }
  }
  return registry;
}

/** Put the diff of two sources, as `sides` gives them, into `host`; dispose what comes back to take it out again. */
export function createEditor(
  host: HTMLElement,
  { before, after, ended }: ISides,
  options: IEditorOptions
): IDiffEditor {
  if (before === null || after === null) {
    return whole(host, before ?? after ?? '', options, after === null);
  }
  const draw = options.mode === 'split' ? split : unified;
  return draw(host, before, after, options, ended);
}

/** A source that is new or gone altogether: every line has the same fate, and nothing needs to be compared. */
function whole(
  host: HTMLElement,
  source: string,
  options: IEditorOptions,
  gone: boolean
): IDiffEditor {
  const fate: Fate = gone ? 'old' : 'new';
  const every = Decoration.line({
    class: `jp-Autoloop-Diff-line jp-Autoloop-Diff-${fate}`
  });
  const view = new EditorView({
    parent: host,
    doc: source,
    extensions: [
      shared(options, options.label, !gone),
      hidden(true),
      numbersAndSigns(true, fate),
      EditorView.decorations.of(shown => everyLine(shown, every))
    ]
  });
  const count = (): ICount => {
    const { doc } = view.state;
    const lines = doc.length ? doc.lines - Number(ending(doc, doc.lines)) : 0;
    return gone ? { added: 0, removed: lines } : { added: lines, removed: 0 };
  };
  return handle(view, count, {
    original: () => null,
    amend: () => undefined,
    destroy: () => view.destroy()
  });
}

function unified(
  host: HTMLElement,
  before: string,
  after: string,
  options: IEditorOptions,
  ended: boolean
): IDiffEditor {
  const view = new EditorView({
    parent: host,
    doc: after,
    extensions: [
      shared(options, options.label, true),
      hidden(ended),
      numbersAndSigns(ended),
      unifiedMergeView({
        original: before,
        gutter: false,
        mergeControls: options.controls ?? false,
        collapseUnchanged: folding(options),
        diffConfig: { override: compare }
      })
    ]
  });
  const original = (): Text => getOriginalDoc(view.state);
  const chunks = (): readonly Chunk[] => getChunks(view.state)?.chunks ?? [];
  return handle(view, () => counted(chunks(), original(), view.state.doc), {
    original,
    amend: changes =>
      view.dispatch({
        effects: originalDocChangeEffect(view.state, changes),
        userEvent: 'accept'
      }),
    destroy: () => view.destroy()
  });
}

function split(
  host: HTMLElement,
  before: string,
  after: string,
  options: IEditorOptions,
  ended: boolean
): IDiffEditor {
  const { label, trans } = options;
  const side = (name: string, newer: boolean): Extension => [
    shared(options, `${label}, ${name}`, newer),
    hidden(ended),
    numbersAndSigns(ended),
    EditorView.lineWrapping
  ];
  const merge = new MergeView({
    parent: host,
    a: { doc: before, extensions: side(trans.__('before'), false) },
    b: { doc: after, extensions: side(trans.__('after'), true) },
    gutter: false,
    collapseUnchanged: folding(options),
    diffConfig: { override: compare }
  });
  const original = (): Text => merge.a.state.doc;
  const count = (): ICount =>
    counted(merge.chunks, original(), merge.b.state.doc);
  return handle(merge.b, count, {
    original,
    amend: changes => merge.a.dispatch({ changes, userEvent: 'accept' }),
    destroy: () => merge.destroy()
  });
}

function folding(
  options: IEditorOptions
): { margin: number; minSize: number } | undefined {
  return options.fold ? { margin: options.context, minSize: 2 } : undefined;
}

/** Not to be written in. */
export const READ_ONLY: Extension = [
  EditorState.readOnly.of(true),
  EditorView.editable.of(false)
];

/** What all editors of a diff have: in the reach of the keyboard, so that they can be scrolled. */
function shared(
  options: IEditorOptions,
  label: string,
  newer: boolean
): Extension {
  return [
    newer && options.newer ? options.newer : READ_ONLY,
    EditorView.contentAttributes.of({ tabindex: '0', 'aria-label': label }),
    EditorState.tabSize.of(4),
    EditorState.phrases.of({
      '$ unchanged lines': options.trans.__('$ unchanged lines')
    }),
    options.language,
    jupyterTheme,
    EditorView.decorations.of(alone),
    options.extensions ?? []
  ];
}

const END = Decoration.line({ class: 'jp-Autoloop-Diff-end' });
const ALONE = Decoration.line({ class: 'jp-Autoloop-Diff-alone' });

/** Hides the empty line behind the last newline, where there is one, unless a person may want to type there. */
function hidden(ended: boolean): Extension {
  return EditorView.decorations.of(({ state: { doc, readOnly } }) =>
    ended && readOnly && ending(doc, doc.lines)
      ? Decoration.set(END.range(doc.length))
      : Decoration.none
  );
}

/**
 * Marks the lines of chunks that only add or only remove: in them every character changed, and marking words would
 * mark all.
 */
function alone(view: EditorView): DecorationSet {
  const { doc } = view.state;
  const builder = new RangeSetBuilder<Decoration>();
  const found = getChunks(view.state);
  const old = found?.side === 'a';
  for (const chunk of found?.chunks ?? []) {
    const [mine, other] = old
      ? [chunk.toA - chunk.fromA, chunk.toB - chunk.fromB]
      : [chunk.toB - chunk.fromB, chunk.toA - chunk.fromA];
    const from = old ? chunk.fromA : chunk.fromB;
    const end = Math.min(from + mine, view.viewport.to);
    if (mine > 0 && other === 0 && end >= view.viewport.from) {
      addLines(builder, doc, Math.max(from, view.viewport.from), end, ALONE);
    }
  }
  return builder.finish();
}

/** Decorate the lines that begin in [from, to), or that hold `from`. */
export function addLines(
  builder: RangeSetBuilder<Decoration>,
  doc: Text,
  from: number,
  to: number,
  decoration: Decoration
): void {
  let line = doc.lineAt(from);
  while (line.from < to && !ending(doc, line.number)) {
    builder.add(line.from, line.from, decoration);
    if (line.number === doc.lines) {
      break;
    }
    line = doc.line(line.number + 1);
  }
}

function everyLine(view: EditorView, decoration: Decoration): DecorationSet {
  const builder = new RangeSetBuilder<Decoration>();
  const { from, to } = view.viewport;
  addLines(builder, view.state.doc, from, Math.max(to, from + 1), decoration);
  return builder.finish();
}

/** How many lines the chunks take from the one source and add in the other. */
function counted(chunks: readonly Chunk[], a: Text, b: Text): ICount {
  const count = { added: 0, removed: 0 };
  for (const chunk of chunks) {
    count.removed += lines(a, chunk.fromA, chunk.toA, chunk.endA);
    count.added += lines(b, chunk.fromB, chunk.toB, chunk.endB);
  }
  return count;
}

function lines(doc: Text, from: number, to: number, end: number): number {
  return from === to ? 0 : doc.lineAt(end).number - doc.lineAt(from).number + 1;
}

function handle(
  view: EditorView,
  count: () => ICount,
  on: {
    original: () => Text | null;
    amend: (changes: ChangeSet) => void;
    destroy: () => void;
  }
): IDiffEditor {
  let disposed = false;
  return {
    view,
    get count() {
      return count();
    },
    get original() {
      return on.original();
    },
    amend: on.amend,
    get isDisposed() {
      return disposed;
    },
    dispose: () => {
      if (!disposed) {
        disposed = true;
        on.destroy();
      }
    }
  };
}

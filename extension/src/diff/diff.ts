/**
 * The diff view: one card a changed unit, unified or side by side, with unchanged lines folded away.
 */
import type { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';

import type { IChange } from '../wire';
import { Card } from './card';
import type { ILayout } from './card';
import { Review } from './review';
import type { IReviewed } from './review';

export type { ILayout } from './card';
export type { IReviewed, Review } from './review';

/** How a diff is shown. */
export interface IDiffOptions {
  /** The translator of every word. */
  trans: TranslationBundle;
  /** In one column (as it is without this) or side by side. */
  mode?: 'unified' | 'split';
  /** Whether unchanged lines are folded away; so it is without this. */
  fold?: boolean;
  /** How many unchanged lines stay open around a change; 3 without this. */
  context?: number;
  /** The application's languages; without them JupyterLab's own. */
  languages?: IEditorLanguageRegistry;
  /** Told when a person chose another layout, which holds for all cards. */
  onModeChanged?: (layout: ILayout) => void;
  /** What a review before this came to, by unit: it goes on from there. */
  drafts?: Readonly<Record<string, string>>;
  /** Told whenever the review goes on; with it hunks can be accepted and rejected, and sources typed into. */
  onReview?: (reviewed: IReviewed) => void;
}

/** A diff on the page. */
export interface IDiff extends IDisposable {
  /** Resolves when every editor is on the page; until then there is plain text. */
  readonly ready: Promise<void>;
  /** The review of the changes; null where they are only shown. */
  readonly review: Review | null;
  /** Show all cards in another layout. */
  show(layout: ILayout): void;
}

/**
 * Put a card for each of `changes` into `host`, which it shares with nobody's children but its own; a sentence where
 * there are none. Sources are hostile text: they only ever become text nodes. Dispose what comes back to take all out
 * again.
 */
export function createDiff(
  host: HTMLElement,
  changes: readonly IChange[],
  options: IDiffOptions
): IDiff {
  const node = document.createElement('div');
  node.className = 'jp-Autoloop-Diff';
  host.append(node);
  const { trans, languages } = options;
  const layout: ILayout = {
    mode: options.mode ?? 'unified',
    fold: options.fold ?? true
  };
  const show = (next: ILayout): void => cards.forEach(card => card.show(next));
  const onLayout = (next: ILayout): void => {
    show(next);
    options.onModeChanged?.(next);
  };
  const context = options.context ?? 3;
  const drafts = new Map(Object.entries(options.drafts ?? {}));
  const { onReview: told } = options;
  const onReview = told && (() => told(review!.reviewed));
  const cards = changes.map(
    change =>
      new Card(node, change, {
        layout,
        context,
        trans,
        languages,
        onLayout,
        onReview,
        draft: drafts.get(change.unit)
      })
  );
  const review = told ? new Review(cards, trans, () => onReview?.()) : null;
  if (cards.length === 0) {
    node.append(nothing(trans));
  }
  let disposed = false;
  return {
    ready: Promise.all(cards.map(card => card.ready)).then(() => undefined),
    review,
    show,
    get isDisposed() {
      return disposed;
    },
    dispose: () => {
      disposed = true;
      cards.forEach(card => card.dispose());
      node.remove();
    }
  };
}

function nothing(trans: TranslationBundle): HTMLElement {
  const note = document.createElement('p');
  note.className = 'jp-Autoloop-Diff-note';
  note.textContent = trans.__('Nothing differs.');
  return note;
}

import type { Widget } from '@lumino/widgets';

import type { ArenaBook } from './book';

/** What a notebook's panel wears while a driver runs on its arena: badges show their locks by it. */
export const DRIVEN = 'jp-mod-autoloopDriven';

/** Marks a notebook's panel while a driver runs on its arena; null: it is no arena. */
export function markDriven(panel: Widget, book: ArenaBook | null): void {
  panel.toggleClass(DRIVEN, book?.driven ?? false);
}

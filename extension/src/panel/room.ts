import type { IStateDB } from '@jupyterlab/statedb';
import { SplitPanel, Widget } from '@lumino/widgets';

const STATE_KEY = 'autoloop:room';

/** The width in pixels at which a row shows its number, verdict, score, difference and the start of its title. */
const WIDE = 360;

/**
 * Widen a side bar that is as narrow as JupyterLab makes it, once a workspace: from then on its width is the person's.
 * Without a split to move, or with no memory of what was done before, nothing happens.
 */
export async function giveRoom(
  widget: Widget,
  db: IStateDB | null
): Promise<void> {
  let bar: Widget | null = widget;
  while (bar && !(bar.parent instanceof SplitPanel)) {
    bar = bar.parent;
  }
  const split = bar?.parent;
  if (!db || !bar || !(split instanceof SplitPanel)) {
    return;
  }
  if ((await db.fetch(STATE_KEY)) !== undefined || widget.isDisposed) {
    return;
  }
  await db.save(STATE_KEY, true);
  const sizes = widened(
    split.relativeSizes(),
    split.widgets.indexOf(bar),
    WIDE / split.node.clientWidth
  );
  if (sizes) {
    split.setRelativeSizes(sizes);
  }
}

/**
 * Shares of a split in which the one at `place` has at least `share`, taken from the largest of the others; null where
 * it has as much already, or the largest would lose half of what it has.
 */
export function widened(
  sizes: readonly number[],
  place: number,
  share: number
): number[] | null {
  const more = share - sizes[place];
  const main = sizes.indexOf(Math.max(...sizes));
  if (!(more > 0) || main === place || sizes[main] <= 2 * more) {
    return null;
  }
  return sizes.map((size, at) =>
    at === place ? share : at === main ? size - more : size
  );
}

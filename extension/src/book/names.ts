/**
 * What a cell is called in records, diffs and files: the twin of `is_name` and `name_of` in autoloop_kernel/arena/load.py.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { PartialJSONObject } from '@lumino/coreutils';

import { KEY, recordOf, SharedCell, SharedNotebook } from './roles';

/** 1 to 64 of A-Z a-z 0-9 _ - and no dash in front, safe as a file's name. */
export const NAME = /^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$/;

/** Ids that a machine made up: Jupyter's and nbformat's. They say nothing to a person. */
const MADE_UP =
  /^([0-9a-f]{8}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})(-\d+)?$/i;

/** Whether `text` can name a cell. */
export function isName(text: string): boolean {
  return NAME.test(text);
}

/** The name that a person gave the cell; empty where none did. */
export function givenName(cell: SharedCell): string {
  const name = recordOf(cell.getMetadata(KEY))?.name;
  return typeof name === 'string' ? name : '';
}

/** The name of a cell: the given one, else its id. */
export function nameOf(cell: SharedCell): string {
  return givenName(cell) || cell.getId();
}

/** The name of a cell where it says something to a person, else empty. */
export function sayingName(cell: SharedCell): string {
  const name = nameOf(cell);
  return MADE_UP.test(name) ? '' : name;
}

/** What is wrong with `name` for this cell, in one line; empty where nothing is. An empty name takes the name away. */
export function nameFault(
  notebook: SharedNotebook,
  cell: SharedCell,
  name: string,
  trans: TranslationBundle
): string {
  if (!name) {
    return '';
  }
  if (!isName(name)) {
    return trans.__('Use letters, digits, _ and - (64 at most, no - in front)');
  }
  // Where names differ in case only they would share one file on some machines.
  const folded = name.toLowerCase();
  const twin = notebook.cells.findIndex(
    other => other !== cell && nameOf(other).toLowerCase() === folded
  );
  return twin < 0
    ? ''
    : trans.__('Cell %1 has that name already: choose another one', twin + 1);
}

/** Names a cell, or with an empty name takes its name away. Undone as an operation on cells. */
export function setName(
  notebook: SharedNotebook,
  cell: SharedCell,
  name: string
): void {
  const kept = { ...recordOf(cell.getMetadata(KEY)) } as PartialJSONObject;
  delete kept.name;
  const metadata = name ? { ...kept, name } : kept;
  notebook.transact(() => {
    if (Object.keys(metadata).length) {
      cell.setMetadata(KEY, metadata);
    } else {
      cell.deleteMetadata(KEY);
    }
  });
}

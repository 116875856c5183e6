/**
 * What each cell of an arena notebook is for: its role, carried as a tag. The twin of autoloop_kernel/arena/roles.py,
 * on the shared model, so that a role that is set is seen by all who share the notebook.
 */
import type { ICellModel } from '@jupyterlab/cells';
import type { INotebookModel } from '@jupyterlab/notebook';

export type SharedCell = ICellModel['sharedModel'];
export type SharedNotebook = INotebookModel['sharedModel'];

/** The tag that papermill puts on the cell it injects below `parameters`. */
export const INJECTED = 'injected-parameters';

/** Every role. `locked` is untagged code, `note` untagged markdown or raw text; the others are tags. */
export const ROLES = [
  'strategy',
  'parameters',
  'locked',
  'editable',
  'score',
  'shared',
  'workbench',
  'note'
] as const;

export type Role = (typeof ROLES)[number];

/** Roles that only a code cell can have, the one that wins first where a cell (wrongly) carries several. */
export const CODE_TAGS: readonly Role[] = [
  'score',
  'editable',
  'shared',
  'parameters'
];

/** Every role that is given by a tag. */
export const TAGS: readonly Role[] = ['strategy', ...CODE_TAGS, 'workbench'];

/** The key of all that Autoloop keeps in the metadata of notebooks and cells. */
export const KEY = 'autoloop';

/** The tags of a cell; anything in their place that is no list of texts counts as none. */
export function tagsOf(cell: SharedCell): string[] {
  const tags: unknown = cell.getMetadata('tags');
  return Array.isArray(tags)
    ? tags.filter((tag): tag is string => typeof tag === 'string')
    : [];
}

/** The role of a cell: by its tag where the tag fits the cell's type, else `locked` (code) or `note` (the rest). */
export function roleOf(cell: SharedCell): Role {
  const tags = tagsOf(cell);
  if (tags.includes('workbench')) {
    return 'workbench';
  }
  if (cell.cell_type !== 'code') {
    const brief = cell.cell_type === 'markdown' && tags.includes('strategy');
    return brief ? 'strategy' : 'note';
  }
  if (tags.includes(INJECTED)) {
    return 'parameters';
  }
  return CODE_TAGS.find(role => tags.includes(role)) ?? 'locked';
}

/** Whether a cell of this type can have that role. */
export function fits(cell: SharedCell, role: Role): boolean {
  if (role === 'workbench') {
    return true;
  }
  if (role === 'strategy') {
    return cell.cell_type === 'markdown';
  }
  return (role === 'note') === (cell.cell_type !== 'code');
}

/**
 * Gives those of the cells that can have it this role: they carry one role afterwards, and keep their other tags.
 * Undone as one operation on cells. Gives the cells that it fitted.
 */
export function setRole(
  notebook: SharedNotebook,
  cells: readonly SharedCell[],
  role: Role
): SharedCell[] {
  const fitting = cells.filter(cell => fits(cell, role));
  // The transaction around decides: what a cell changes of its own metadata could not be undone.
  notebook.transact(() => {
    for (const cell of fitting) {
      const injected = role === 'parameters' ? [] : [INJECTED];
      const roles = [...TAGS, 'locked', ...injected] as string[];
      const kept = tagsOf(cell).filter(tag => !roles.includes(tag));
      const tags = TAGS.includes(role) ? [...kept, role] : kept;
      if (tags.length) {
        cell.setMetadata('tags', tags);
      } else {
        cell.deleteMetadata('tags');
      }
    }
  });
  return fitting;
}

/** The arena's settings in the notebook's metadata; null where there are none. */
export function settingsOf(
  notebook: SharedNotebook
): Record<string, unknown> | null {
  return recordOf(notebook.getMetadata(KEY));
}

/** What Autoloop writes of a notebook that it made from an arena, and that is none. */
const MADE = ['report'];

/**
 * Whether a notebook is an arena, or on its way to one: it has settings, or a cell with a role. papermill's own
 * `parameters` makes none: many notebooks have that which are none of ours; nor does what a report says of itself.
 */
export function isArena(notebook: SharedNotebook): boolean {
  const telling = TAGS.filter(tag => tag !== 'parameters') as string[];
  const settings = settingsOf(notebook);
  return (
    (settings !== null && !MADE.some(name => name in settings)) ||
    notebook.cells.some(cell => tagsOf(cell).some(tag => telling.includes(tag)))
  );
}

/** `value` where it is an object, else null. */
export function recordOf(value: unknown): Record<string, unknown> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
}

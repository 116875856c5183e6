/** Notebooks on the real shared models, and their widgets in the page. */
import { Notebook, NotebookModel } from '@jupyterlab/notebook';
import { NBTestUtils } from '@jupyterlab/notebook/lib/testutils';
import type { PartialJSONObject } from '@lumino/coreutils';
import { Widget } from '@lumino/widgets';

import type { SharedCell, SharedNotebook } from '../book/roles';

// Yjs warns of what ydoc does with cells that are not in a document yet, once for each and at length.
beforeAll(() => void jest.spyOn(console, 'warn').mockImplementation());

/** A cell to make: its type, its tags, its name, its id. */
export interface IMade {
  type?: 'code' | 'markdown' | 'raw';
  tags?: string[];
  name?: string;
  id?: string;
}

/** A notebook of these cells, as a model. */
export function modelOf(
  cells: readonly IMade[],
  metadata: PartialJSONObject = {}
): NotebookModel {
  const model = new NotebookModel();
  model.fromJSON({
    cells: cells.map(({ type = 'code', tags, name, id }, index) => ({
      cell_type: type,
      id: id ?? `cell-${index}`,
      source: `${index}`,
      metadata: {
        ...(tags && { tags }),
        ...(name !== undefined && { autoloop: { name } })
      },
      ...(type === 'code' && { outputs: [], execution_count: null })
    })),
    metadata,
    nbformat: 4,
    nbformat_minor: 5
  });
  // Loading is nothing that a person would undo.
  model.sharedModel.clearUndoHistory();
  return model;
}

/** The model's shared cells. */
export function cellsOf(model: NotebookModel): readonly SharedCell[] {
  return (model.sharedModel as SharedNotebook).cells;
}

/** A notebook of these cells in the page, every cell of it drawn. */
export function shown(
  cells: readonly IMade[],
  metadata: PartialJSONObject = {}
): Notebook {
  const notebook = NBTestUtils.createNotebook();
  notebook.model = modelOf(cells, metadata);
  Widget.attach(notebook, document.body);
  return notebook;
}

/** What all cells wear, from the top; empty for one that wears nothing. */
export function worn(notebook: Notebook): string[] {
  return notebook.widgets.map(
    cell =>
      cell.node.querySelector('.jp-Autoloop-role-button')?.textContent ?? ''
  );
}

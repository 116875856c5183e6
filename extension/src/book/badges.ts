/**
 * The badges of one notebook's cells, whatever happens to them: added, moved, pasted, retyped, undone.
 */
import type { Cell, ICellModel } from '@jupyterlab/cells';
import type { INotebookModel, Notebook } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';

import { Badge } from './badge';
import { isArena, KEY } from './roles';

/** Of the many things that cells keep in their metadata, those that badges show. */
const SHOWN: readonly string[] = ['tags', KEY];

/** Keeps the badges of a notebook; `onOpen` is told whose menu is asked for, and at which button. */
export class Badges implements IDisposable {
  constructor(
    notebook: Notebook,
    trans: TranslationBundle,
    onOpen: (cell: Cell, button: HTMLElement) => void
  ) {
    this._notebook = notebook;
    this._trans = trans;
    this._onOpen = onOpen;
    notebook.modelChanged.connect(this._adopt, this);
    notebook.activeCellChanged.connect(this._turn, this);
    this._adopt();
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    Signal.clearData(this);
    this._notebook.widgets.forEach(cell => this._badges.get(cell)?.dispose());
  }

  private _adopt(): void {
    const { model } = this._notebook;
    if (model && model !== this._model) {
      model.cells.changed.connect(this._later, this);
      model.metadataChanged.connect((_, { key }) => this._told(key), this);
    }
    this._model = model;
    this._later();
  }

  private _onCell(_: ICellModel, { key }: { key: string }): void {
    this._told(key);
  }

  private _told(key: string): void {
    if (SHOWN.includes(key)) {
      this._later();
    }
  }

  /** Draws once for all that changes at once: a paste, an undo, a notebook that is loaded. */
  private _later(): void {
    if (!this._pending) {
      this._pending = true;
      queueMicrotask(() => {
        this._pending = false;
        this._draw();
      });
    }
  }

  /** Tab goes from a cell to its own badge, not through those of all others. */
  private _turn(): void {
    const { activeCell } = this._notebook;
    if (this._active) {
      this._badges.get(this._active)?.reach(false);
    }
    if (activeCell) {
      this._badges.get(activeCell)?.reach(true);
    }
    this._active = activeCell;
  }

  private _draw(): void {
    const { model, widgets } = this._notebook;
    if (this._isDisposed || !model) {
      return;
    }
    const arena = isArena(model.sharedModel);
    for (const cell of widgets) {
      cell.model.metadataChanged.connect(this._onCell, this);
      if (cell.isPlaceholder()) {
        this._await(cell);
      } else if (arena || this._badges.has(cell)) {
        this._badge(cell).update(arena);
      }
    }
    this._turn();
  }

  /** A cell that is far from sight has nowhere to wear anything yet. */
  private _await(cell: Cell): void {
    if (!this._awaited.has(cell)) {
      this._awaited.add(cell);
      void cell.ready.then(() => this._later());
    }
  }

  private _badge(cell: Cell): Badge {
    let badge = this._badges.get(cell);
    if (!badge) {
      badge = new Badge(cell, this._trans, button =>
        this._onOpen(cell, button)
      );
      this._badges.set(cell, badge);
    }
    return badge;
  }

  private readonly _notebook: Notebook;
  private readonly _trans: TranslationBundle;
  private readonly _onOpen: (cell: Cell, button: HTMLElement) => void;
  private readonly _badges = new WeakMap<Cell, Badge>();
  private readonly _awaited = new WeakSet<Cell>();
  private _model: INotebookModel | null = null;
  private _active: Cell | null = null;
  private _pending = false;
  private _isDisposed = false;
}

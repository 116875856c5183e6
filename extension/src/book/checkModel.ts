/**
 * Whether the arena in a notebook can run: asked of the server, and shown above the notebook until it is put away.
 */
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { lineOf } from '../api';
import type { WorkbenchModel } from '../workbench';
import { IProblem, problemsOf } from './problems';
import { settingsOf } from './roles';

/** A problem, and the id of the cell that it is about: cells may have moved by the time that it is clicked. */
export interface IFound extends IProblem {
  id: string | null;
}

/**
 * `away`: nothing is shown. `offered`: a role was set, and there is more to an arena. `asking`: the server looks.
 * `told`: it has answered. `failed`: it could not be asked, `line` says why.
 */
export type Standing = 'away' | 'offered' | 'asking' | 'told' | 'failed';

/** The check of one notebook. */
export class CheckModel implements IDisposable {
  constructor(panel: NotebookPanel, workbench: WorkbenchModel) {
    this._panel = panel;
    this._workbench = workbench;
    panel.context.saveState.connect((_, state) => {
      if (state === 'completed' && this._standing === 'told') {
        void this._ask(); // what was mended is seen to be
      }
    }, this);
    panel.model?.metadataChanged.connect(() => this._changed.emit(), this);
    panel.disposed.connect(this.dispose, this);
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get standing(): Standing {
    return this._standing;
  }

  /** What was found, errors first. */
  get found(): readonly IFound[] {
    return this._found;
  }

  /** Whether nothing stops the arena. */
  get sound(): boolean {
    return !this._found.some(one => one.level === 'error');
  }

  /** What the server says of a sound arena, or why it could not be asked. */
  get line(): string {
    return this._line;
  }

  /** Whether the notebook has an arena's settings. */
  get settled(): boolean {
    const shared = this._panel.model?.sharedModel;
    return !!shared && settingsOf(shared) !== null;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Offers what is still to be done, where nothing is shown yet. */
  offer(): void {
    if (this._standing === 'away') {
      this._set('offered');
    }
  }

  /** Saves the notebook and asks the server about it; whether the arena is sound. */
  async check(): Promise<boolean> {
    this._set('asking');
    try {
      await this._panel.context.save();
    } catch (error) {
      this._fail(error);
      return false;
    }
    return this._ask();
  }

  /** Shows the cell that a problem is about. */
  async show({ id }: IFound): Promise<void> {
    const { content } = this._panel;
    const index = content.widgets.findIndex(cell => cell.model.id === id);
    if (index >= 0) {
      content.mode = 'command';
      content.deselectAll();
      content.activeCellIndex = index;
      await content.scrollToItem(index, 'smart');
      content.activate();
    }
  }

  /** Puts all that is shown away. */
  close(): void {
    this._set('away');
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      Signal.clearData(this);
    }
  }

  private async _ask(): Promise<boolean> {
    const { context, content } = this._panel;
    const path = context.localPath;
    const ids = content.widgets.map(cell => cell.model.id);
    try {
      const check = await this._workbench.api.check(path);
      this._found = problemsOf(check).map(one => ({
        ...one,
        id: one.cell === null ? null : (ids[one.cell] ?? null)
      }));
      this._line = check.sound;
    } catch (error) {
      this._fail(error);
      return false;
    }
    if (!this._isDisposed) {
      this._set('told');
      await this._list(path);
    }
    return this.sound;
  }

  /** Lets the panel know the arena; a sound one is shown there. */
  private async _list(path: string): Promise<void> {
    const { current } = this._workbench;
    if (current?.arena === path) {
      void current.refresh();
    }
    await this._workbench.refreshArenas();
    const known = this._workbench.arenas?.arenas ?? [];
    if (this.sound && known.some(one => one.path === path)) {
      this._workbench.choose(path);
    }
  }

  private _fail(error: unknown): void {
    this._found = [];
    this._line = lineOf(error);
    this._set('failed');
  }

  private _set(standing: Standing): void {
    if (!this._isDisposed) {
      this._standing = standing;
      this._changed.emit();
    }
  }

  private readonly _panel: NotebookPanel;
  private readonly _workbench: WorkbenchModel;
  private readonly _changed = new Signal<this, void>(this);
  private _standing: Standing = 'away';
  private _found: readonly IFound[] = [];
  private _line = '';
  private _isDisposed = false;
}

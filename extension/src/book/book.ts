/** An arena's notebook that is open in this window: who acts on it, how its loop stands, and what it is offered. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { AutoloopAPI, lineOf } from '../api';
import type { Wishes } from '../around/settings';
import type { ArenaModel } from '../model';
import type { Action, Actor } from '../panel/acting';
import { Follower } from '../view/follow';
import type { WorkbenchModel } from '../workbench';
import type { ISaid } from '../wire';
import { OpenDocument } from './document';
import { Offer } from './offer';

/** What it is made of. */
export interface IBookOptions {
  document: OpenDocument;
  workbench: WorkbenchModel;
  wishes: Wishes;
  trans: TranslationBundle;
}

/** The arenas that are open in this window, by workbench and path. */
const open = new WeakMap<WorkbenchModel, Map<string, ArenaBook>>();

/** Lives while the notebook is open and an arena, however many views show it; follows the arena as long. */
export class ArenaBook implements IDisposable, Actor {
  constructor(options: IBookOptions) {
    const { document, workbench } = options;
    this.document = document;
    this.workbench = workbench;
    this.arena = document.path;
    this.offer = new Offer({ ...options, model: () => this.model });
    this.offer.changed.connect(this._emit, this);
    this._follower = new Follower(workbench, this.arena, model =>
      this._listen(model)
    );
    const books = open.get(workbench) ?? new Map<string, ArenaBook>();
    open.set(workbench, books.set(this.arena, this));
  }

  readonly document: OpenDocument;
  readonly workbench: WorkbenchModel;
  /** The notebook's path below the server's root. */
  readonly arena: string;
  readonly offer: Offer;

  /** The arena's own model, as of now. */
  get model(): ArenaModel {
    return this._heard ?? this._follower.model;
  }

  /** Whether a driver runs on the arena. */
  get driven(): boolean {
    return !!this.model.state?.driver;
  }

  /** How the loop stands, what is offered, or what is told changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** What went well is seen in the notebook itself. */
  readonly notice = '';

  /** Why the last action failed, in one line, until the next one or `dismiss`. */
  get error(): string {
    return this._error;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Saves what was not saved, since a driver reads the file. Rejects with one line where that fails. */
  readonly save = (): Promise<void> => this.document.save();

  /** Does something to this notebook's arena; gives whether that went well. */
  async act(action: Action): Promise<boolean> {
    const { api } = this.workbench;
    this.dismiss();
    try {
      await action(api, this.arena);
      return true;
    } catch (error) {
      this._error = lineOf(error);
      return false;
    } finally {
      if (!this._isDisposed && !this.model.connected) {
        void this.model.refresh(); // nothing else would bring what the action changed
      }
      this._emit();
    }
  }

  dismiss(): void {
    this._error = '';
    this._emit();
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    const books = open.get(this.workbench);
    if (books?.get(this.arena) === this) {
      books.delete(this.arena);
    }
    this._listen(null);
    this._follower.dispose();
    this.offer.dispose();
    Signal.clearData(this);
  }

  private _listen(model: ArenaModel | null): void {
    this._heard?.stateChanged.disconnect(this._look, this);
    this._heard?.connectionChanged.disconnect(this._look, this);
    this._heard = model;
    model?.stateChanged.connect(this._look, this);
    model?.connectionChanged.connect(this._look, this);
    if (model) {
      this._look();
    }
  }

  private _look(): void {
    this.offer.look();
    this._emit();
  }

  private _emit(): void {
    if (!this._isDisposed) {
      this._changed.emit();
    }
  }

  private readonly _changed = new Signal<this, void>(this);
  private readonly _follower: Follower;
  private _heard: ArenaModel | null = null;
  private _error = '';
  private _isDisposed = false;
}

/** Saves the arena's notebook where it is open in this window, since a driver reads the file; rejects as `save` does. */
export async function saveOpen(
  workbench: WorkbenchModel,
  arena: string
): Promise<void> {
  await open.get(workbench)?.get(arena)?.save();
}

/**
 * Puts an iteration's cells and files in their place: through the notebook where that is open in this window, so that
 * undo works and nothing is written under it, else on the server.
 */
export function putIteration(
  workbench: WorkbenchModel,
  api: AutoloopAPI,
  arena: string,
  number: number
): Promise<ISaid> {
  const book = open.get(workbench)?.get(arena);
  return book ? book.offer.put(number) : api.apply(arena, number);
}

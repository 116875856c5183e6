/**
 * What an open arena is offered when the champion is another one: its cells, in place of earlier versions of them.
 *
 * A cell that holds what no iteration that was looked up was made of is a person's own. An offer tells of it and leaves
 * it alone; only versions that the lineage keeps are replaced, and undo brings those back as well.
 */
import type { INotebookModel } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import type { Wishes } from '../around/settings';
import type { ArenaModel } from '../model';
import type { ISaid } from '../wire';
import { editableCells, isFile, IUpdate, putIn } from './cells';
import { OpenDocument } from './document';
import { Units, Versions } from './versions';

/** How long a done update is told of, in milliseconds. */
export const DONE_MS = 30_000;

/** Units that differ from an iteration's, by name: `free` ones hold an earlier version, `own` ones a person's. */
export interface IDifference {
  free: string[];
  own: string[];
  files: string[];
  ownFiles: string[];
}

/** What is offered. */
export interface IOffered extends IDifference {
  number: number;
  score: number | null;
  /** Whether it became the champion while the notebook was open. */
  news: boolean;
  dirty: boolean;
}

/** What was done; `saved`: whether the file holds it. */
export interface IDone {
  number: number;
  saved: boolean;
  undoable: boolean;
}

/** What an offer takes; `model` gives the arena's model as of now. */
export interface IOfferOptions {
  document: OpenDocument;
  wishes: Wishes;
  trans: TranslationBundle;
  model: () => ArenaModel;
}

interface ITarget {
  number: number;
  score: number | null;
  units: Units;
  news: boolean;
}

export class Offer implements IDisposable {
  constructor(options: IOfferOptions) {
    this._options = options;
    this._model = options.document.context.model;
    this._model.contentChanged.connect(this._compare, this);
    this._model.stateChanged.connect(this._compare, this);
    options.wishes.changed.connect(this.look, this);
  }

  /** What is offered; null where nothing is. */
  get offered(): IOffered | null {
    return this._offered;
  }

  /** What was done last, for a while; null where nothing was, or something else is offered. */
  get done(): IDone | null {
    return this._done;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    this._turn += 1;
    clearTimeout(this._fading);
    this._model.contentChanged.disconnect(this._compare, this);
    this._model.stateChanged.disconnect(this._compare, this);
    this._options.wishes.changed.disconnect(this.look, this);
    Signal.clearData(this);
  }

  /** The arena's state is another one: see whether its champion is. */
  look(): void {
    const { wishes, model } = this._options;
    const { state, connected, restarts } = model();
    if (!wishes.now.offerUpdates) {
      this._champion = undefined;
      this._turn += 1;
      this._aim(null);
      return;
    }
    this._failed = connected === this._connected ? this._failed : undefined;
    this._connected = connected;
    const mark = state?.champion ?? null;
    const number = mark?.number ?? null;
    const again = restarts !== this._restarts;
    if (state === null || (number === this._champion && !again)) {
      return;
    }
    this._restarts = restarts;
    if (mark === null) {
      this._champion = null;
      this._turn += 1;
      this._aim(null);
    } else if (mark.number !== this._failed) {
      void this._consider(mark.number, mark.score);
    }
  }

  /**
   * Puts what is offered into the notebook, and saves it where there was nothing unsaved. Rejects with one line where
   * that was not done, or not saved.
   */
  async update(): Promise<void> {
    const target = this._target;
    if (!target || !this._offered) {
      return;
    }
    const { document } = this._options;
    await this._meet();
    const files = await this._putFiles(target);
    // From here on nothing is waited for until it is done: what was typed meanwhile is seen, and stays.
    const { free } = this._differs(target.units);
    const units = free.map(name => [name, target.units[name]]);
    const save = !document.edited;
    this._answered = target.number;
    const update = putIn(document.notebook, Object.fromEntries(units));
    await this._end(target.number, update, { save, undoable: !files });
  }

  /**
   * Puts an iteration into the notebook because a person asked for that one: a version of their own goes, too, until
   * undo brings it back. Files come first: the server knows whether the iteration can be had.
   */
  async put(number: number): Promise<ISaid> {
    const { document, model, trans } = this._options;
    await this._meet();
    const units = await this._versions.of(model(), number);
    await model().api.apply(document.path, number, false);
    const save = !document.edited;
    this._answered = this._champion ?? null;
    const update = putIn(document.notebook, units);
    const files = Object.keys(units).filter(isFile);
    await this._end(number, update, { save, undoable: !files.length });
    const names = [...update.names, ...files].join(', ');
    const said = !names
      ? trans.__(
          'the notebook holds iteration %1 already: nothing to change',
          number
        )
      : save
        ? trans.__('iteration %1 is in the notebook now: %2', number, names)
        : trans.__(
            'iteration %1 is in the notebook now, which is not saved: %2',
            number,
            names
          );
    return { said, number };
  }

  /** Takes the last update back, where nothing has changed since. */
  undo(): void {
    const update = this._update;
    this._hush();
    update?.undo();
  }

  /** Offers this one no more; takes what was done as read. */
  dismiss(): void {
    if (this._offered) {
      this._answered = this._offered.number;
    }
    this._hush();
    this._compare();
  }

  /** Reads what the new champion was made of, and what tells a person's own version from an earlier one. */
  private async _consider(number: number, score: number | null): Promise<void> {
    const turn = ++this._turn;
    const before = this._champion;
    const model = this._options.model();
    this._champion = number;
    try {
      const units = await this._versions.of(model, number);
      if (typeof before === 'number') {
        await this._versions.of(model, before);
      }
      await this._readFiles(units);
      await this._versions.explain(model, number, this._here(units));
      await this._options.document.look();
      if (turn === this._turn) {
        const same = this._target?.number === number ? this._target : null;
        const news = same ? same.news : before !== undefined;
        this._aim({ number, score, units, news });
      }
    } catch {
      if (turn === this._turn) {
        this._champion = before;
        if (before === number) {
          this._champion = undefined;
          this._aim(null); // it was of a history that is no more
        }
        this._failed = number; // until the line is up again, or there is another champion
      }
    }
  }

  private _aim(target: ITarget | null): void {
    this._target = target;
    const found = this._offer();
    const own = found !== null && found.own.length + found.ownFiles.length > 0;
    if (target && (found === null || (own && !target.news))) {
      // It is here already, or a person has gone a way of their own: what they type from here on is no reason to offer.
      this._answered = target.number;
    }
    this._compare();
  }

  /** What stands in the notebook, and beside it, where an iteration has something else. */
  private _here(units: Units): Units {
    const here: Record<string, string> = {};
    const cells = editableCells(this._options.document.notebook);
    for (const [unit, text] of Object.entries(units)) {
      // A file that cannot be read is left alone, as is a cell that is not here.
      const found = isFile(unit)
        ? this._files.get(unit)
        : cells.get(unit)?.getSource();
      if (typeof found === 'string' && found !== text) {
        here[unit] = found;
      }
    }
    return here;
  }

  private _differs(units: Units): IDifference {
    const found: IDifference = { free: [], own: [], files: [], ownFiles: [] };
    for (const [unit, text] of Object.entries(this._here(units))) {
      const kept = this._versions.has(unit, text);
      if (isFile(unit)) {
        (kept ? found.files : found.ownFiles).push(unit);
      } else {
        (kept ? found.free : found.own).push(unit);
      }
    }
    return found;
  }

  /** Sees how the notebook and its file stand to each other. Rejects where saving would overwrite what is not here. */
  private async _meet(): Promise<void> {
    const { document } = this._options;
    await document.look();
    if (!document.edited) {
      await document.expectCurrent();
    }
  }

  /** Puts files in their place where all that differ hold earlier versions; the server writes them together. */
  private async _putFiles({ number, units }: ITarget): Promise<boolean> {
    const { document, model } = this._options;
    await this._readFiles(units);
    const { files, ownFiles } = this._differs(units);
    if (!files.length || ownFiles.length) {
      return false;
    }
    await model().api.apply(document.path, number, false);
    await this._readFiles(units);
    return true;
  }

  private async _readFiles(units: Units): Promise<void> {
    const { document } = this._options;
    for (const name of Object.keys(units).filter(isFile)) {
      this._files.set(name, await document.file(name));
    }
  }

  /** Saves where that is to be, and tells of what was done, saved or not. */
  private async _end(
    number: number,
    update: IUpdate,
    how: { save: boolean; undoable: boolean }
  ): Promise<void> {
    let saved = false;
    try {
      if (how.save) {
        await this._options.document.save();
        saved = true;
      }
    } finally {
      if (!this._isDisposed) {
        if (update.names.length) {
          this._update = update;
          this._done = { number, saved, undoable: how.undoable };
          clearTimeout(this._fading);
          this._fading = setTimeout(() => this._hush(), DONE_MS);
        }
        this._compare();
        this._emit();
      }
    }
  }

  private _hush(): void {
    clearTimeout(this._fading);
    this._update = this._done = null;
    this._emit();
  }

  private _compare(): void {
    const offered = this._offer();
    const over = this._done !== null && !this._update?.undoable;
    if (over || (offered && this._done)) {
      this._hush();
    }
    if (JSON.stringify(offered) !== JSON.stringify(this._offered)) {
      this._offered = offered;
      this._emit();
    }
  }

  private _offer(): IOffered | null {
    const target = this._target;
    if (target === null || target.number === this._answered) {
      return null;
    }
    const { number, score, news, units } = target;
    const differs = this._differs(units);
    return Object.values(differs).some(names => names.length)
      ? {
          ...differs,
          number,
          score,
          news,
          dirty: this._options.document.edited
        }
      : null;
  }

  private _emit(): void {
    if (!this._isDisposed) {
      this._changed.emit();
    }
  }

  private readonly _options: IOfferOptions;
  private readonly _model: INotebookModel;
  private readonly _versions = new Versions();
  /** What the files beside the notebook held when they were read last; null where one could not be. */
  private readonly _files = new Map<string, string | null>();
  private readonly _changed = new Signal<this, void>(this);
  /** The champion that was looked at last; undefined before the first, null where there was none. */
  private _champion: number | null | undefined;
  private _failed: number | undefined;
  /** How often the arena had begun anew when that champion was looked at. */
  private _restarts = 0;
  private _connected = false;
  private _target: ITarget | null = null;
  /** The champion that a person has said something to: it is offered no more. */
  private _answered: number | null = null;
  private _offered: IOffered | null = null;
  private _update: IUpdate | null = null;
  private _done: IDone | null = null;
  private _fading: ReturnType<typeof setTimeout> | undefined;
  /** Counts champions, so that an answer that comes too late is known. */
  private _turn = 0;
  private _isDisposed = false;
}

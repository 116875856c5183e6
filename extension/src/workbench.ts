/**
 * What the panel shows and does: which arena, which iteration, which query; restored after a reload.
 */
import type { IStateDB } from '@jupyterlab/statedb';
import { nullTranslator, TranslationBundle } from '@jupyterlab/translation';
import type { ReadonlyPartialJSONValue } from '@lumino/coreutils';
import type { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { AutoloopAPI, IImportOptions, lineOf } from './api';
import { ArenaModel } from './model';
import { EVERYTHING, IQuery, SortKey } from './store';
import type { IArenas, ISaid } from './wire';

/** Under which key the choices are kept. */
export const STATE_KEY = 'autoloop:panel';

/** How long choices gather before they are written, and how long a failed listing waits, in milliseconds. */
export const SAVE_MS = 200;

/** How long what an action said is shown: long enough to be read twice. */
export const NOTICE_MS = 12_000;
export const LIST_AGAIN_MS = 5000;

/** The agents that a new workbench starts with: the one that needs no account. */
export const FIRST_AGENTS: readonly string[] = ['search'];

/** The panel's model. Lives as long as the application does. */
export class WorkbenchModel implements IDisposable {
  /** `state`: where choices are kept, null to forget them. Restores them, and lists the arenas. */
  constructor(
    api: AutoloopAPI,
    state: IStateDB | null,
    trans: TranslationBundle = nullTranslator.load('autoloop')
  ) {
    this.api = api;
    this._db = state;
    this._trans = trans;
    this.ready = this._open();
  }

  readonly api: AutoloopAPI;
  /** Resolves once choices are restored and the arenas were listed, or could not be; never rejects. */
  readonly ready: Promise<void>;

  /** Something below changed; the current arena's own changes are told by its own signals. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** What the server offers; null until it has been listed. */
  get arenas(): IArenas | null {
    return this._arenas;
  }

  /** Why the arenas could not be listed, in one line; empty where they could. */
  get problem(): string {
    return this._problem;
  }

  /** The arena that is shown; null where none is chosen. */
  get current(): ArenaModel | null {
    return this._current;
  }

  /** The iteration that is selected in list and chart; null where none is. */
  get selected(): number | null {
    return this._selected;
  }
  set selected(number: number | null) {
    if (number !== this._selected) {
      this._selected = number;
      this._choice();
    }
  }

  /** What the list shows. */
  get query(): IQuery {
    return this._query;
  }
  set query(query: IQuery) {
    this._query = query;
    this._choice();
  }

  /** Who proposes when Step or Auto is pressed. */
  get agents(): readonly string[] {
    return this._agents;
  }
  set agents(agents: readonly string[]) {
    this._agents = [...agents];
    this._choice();
  }

  /** Whether charts are shown as tables. */
  get tabular(): boolean {
    return this._tabular;
  }
  set tabular(tabular: boolean) {
    this._tabular = tabular;
    this._choice();
  }

  /** What the last action said, in one line; empty where it failed or was dismissed. */
  get notice(): string {
    return this._notice;
  }

  /** Why the last action failed, in one line; empty where it did not. */
  get error(): string {
    return this._error;
  }

  /** Whether an action is under way. */
  get acting(): boolean {
    return this._acting > 0;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Show the arena at this path (below the server's root), or none. */
  choose(path: string | null): void {
    this._touched = this._chosen = true;
    this._notice = this._error = '';
    this._show(path);
  }

  /** Show the arena at this path where there is one, unless a person has chosen one since the page was loaded. */
  async suggest(path: string): Promise<void> {
    await this.ready;
    const listed = this._arenas?.arenas.some(one => one.path === path);
    if (listed && !this._chosen) {
      this._show(path);
    }
  }

  /** List the arenas anew; `problem` says why that failed. Chooses the only arena where none is chosen. */
  async refreshArenas(): Promise<void> {
    clearTimeout(this._listing);
    try {
      this._arenas = await this.api.arenas();
      this._problem = '';
      this._fit(this._arenas);
    } catch (error) {
      this._problem = lineOf(error);
      if (this._arenas === null && !this._isDisposed) {
        this._listing = setTimeout(
          () => void this.refreshArenas(),
          LIST_AGAIN_MS
        );
      }
    }
    this._emit();
  }

  /** Make an arena from a template and choose it; whether that went well, `notice` or `error` tells. */
  create(template: string, folder: string): Promise<boolean> {
    return this._make(() => this.api.create(template, folder));
  }

  /** Make an arena of a file or folder and choose it; whether that went well, `notice` or `error` tells. */
  importArena(path: string, options: IImportOptions): Promise<boolean> {
    return this._make(() => this.api.importArena(path, options));
  }

  /** Say why something cannot be done, as what the server refuses is said. */
  async complain(line: string): Promise<boolean> {
    return (await this._tell(() => Promise.reject(new Error(line)))) !== null;
  }

  /**
   * Do something to the arena that is shown: `act((api, arena) => api.pause(arena))`. Gives whether it went well; what
   * was said is in `notice`, what went wrong in `error`, each until the next action or `dismiss`; what was said goes by itself after a while.
   */
  async act(
    action: (api: AutoloopAPI, arena: string) => Promise<ISaid>
  ): Promise<boolean> {
    const model = this._current;
    if (model === null) {
      this._error = this._trans.__('no arena is chosen: choose one first');
      this._notice = '';
      this._emit();
      return false;
    }
    const said = await this._tell(() => action(this.api, model.arena));
    if (!model.connected && !model.isDisposed) {
      void model.refresh(); // nothing else would bring what the action changed
    }
    return said !== null;
  }

  /** Clear `notice` and `error`. */
  dismiss(): void {
    this._notice = this._error = '';
    this._emit();
  }

  /** Let go of the arena; what was chosen is saved. */
  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    if (this._saving !== undefined) {
      this._save();
    }
    this._isDisposed = true;
    clearTimeout(this._listing);
    clearTimeout(this._fading);
    this._current?.dispose();
    Signal.clearData(this);
  }

  private async _make(make: () => Promise<ISaid>): Promise<boolean> {
    const made = await this._tell(make);
    if (made === null) {
      return false;
    }
    if (made.path) {
      this._touched = this._chosen = true;
      this._show(made.path);
    }
    await this.refreshArenas();
    return true;
  }

  private async _open(): Promise<void> {
    // The saved arena opens without waiting for the list: looking through the folders may take its time.
    const listed = this.refreshArenas();
    await this._restore();
    this._restored = true;
    if (this._arenas !== null) {
      this._fit(this._arenas);
      this._emit();
    }
    await listed;
  }

  private async _restore(): Promise<void> {
    let saved: ReadonlyPartialJSONValue | undefined;
    try {
      saved = await this._db?.fetch(STATE_KEY);
    } catch {
      return; // a reload then starts afresh, which is all that is lost
    }
    if (this._touched || this._isDisposed || !isRecord(saved)) {
      return; // a person was quicker
    }
    if (typeof saved.arena === 'string' && saved.arena) {
      this._show(saved.arena);
    }
    if (typeof saved.selected === 'number') {
      this._selected = saved.selected;
    }
    this._query = queryOf(saved.query);
    this._agents = namesOf(saved.agents) ?? this._agents;
    this._tabular = saved.tabular === true;
    this._emit();
  }

  /** Make the choices fit what there is. */
  private _fit({ arenas, agents, truncated }: IArenas): void {
    if (!this._restored || this._isDisposed) {
      return;
    }
    const paths = arenas.map(one => one.path);
    const shown = this._current?.arena;
    if (shown !== undefined && !truncated && !paths.includes(shown)) {
      this._show(null);
    }
    if (this._current === null && paths.length === 1) {
      this._show(paths[0]);
    }
    const offered = this._agents.filter(
      name => name.includes(':') || agents.includes(name)
    );
    if (agents.length && offered.length < this._agents.length) {
      this._agents = offered.length ? offered : firstOf(agents);
      this._save();
    }
  }

  private _show(path: string | null): void {
    if (this._isDisposed || path === (this._current?.arena ?? null)) {
      return;
    }
    this._current?.dispose();
    this._current = path === null ? null : new ArenaModel(this.api, path);
    this._selected = null;
    this._later();
    this._emit();
  }

  private async _tell(action: () => Promise<ISaid>): Promise<ISaid | null> {
    this._acting += 1;
    this.dismiss();
    let said: ISaid | null = null;
    try {
      said = await action();
      this._notice = said.said;
      this._error = '';
      clearTimeout(this._fading);
      this._fading = setTimeout(() => this._fade(), NOTICE_MS);
    } catch (error) {
      this._error = lineOf(error);
      this._notice = '';
    }
    this._acting -= 1;
    this._emit();
    return said;
  }

  /** Take back what was said: by now the panel shows what came of it. What went wrong stays until it is dismissed. */
  private _fade(): void {
    this._notice = '';
    this._emit();
  }

  private _choice(): void {
    this._touched = true;
    this._later();
    this._emit();
  }

  private _later(): void {
    clearTimeout(this._saving);
    this._saving = setTimeout(() => this._save(), SAVE_MS);
  }

  private _save(): void {
    clearTimeout(this._saving);
    this._saving = undefined;
    const { search, verdicts, sort, descending } = this._query;
    const saved = {
      arena: this._current?.arena ?? '',
      selected: this._selected,
      query: { search, verdicts: [...verdicts], sort, descending },
      agents: [...this._agents],
      tabular: this._tabular
    };
    // Where choices cannot be kept, the panel works all the same.
    this._db?.save(STATE_KEY, saved).catch(() => undefined);
  }

  private _emit(): void {
    if (!this._isDisposed) {
      this._changed.emit();
    }
  }

  private readonly _db: IStateDB | null;
  private readonly _trans: TranslationBundle;
  private readonly _changed = new Signal<this, void>(this);
  private _arenas: IArenas | null = null;
  private _problem = '';
  private _current: ArenaModel | null = null;
  private _selected: number | null = null;
  private _query: IQuery = EVERYTHING;
  private _agents: readonly string[] = FIRST_AGENTS;
  private _tabular = false;
  private _notice = '';
  private _error = '';
  private _acting = 0;
  private _touched = false;
  private _chosen = false;
  private _restored = false;
  private _saving: ReturnType<typeof setTimeout> | undefined;
  private _fading: ReturnType<typeof setTimeout> | undefined;
  private _listing: ReturnType<typeof setTimeout> | undefined;
  private _isDisposed = false;
}

const SORTS: readonly SortKey[] = [
  'number',
  'verdict',
  'score',
  'difference',
  'title',
  'agent',
  'seconds',
  'time'
];

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function namesOf(value: unknown): string[] | null {
  const names = Array.isArray(value) ? value : [];
  const found = names.filter((one): one is string => typeof one === 'string');
  return found.length ? found : null;
}

/** The query in what was saved; whatever is not as it should be is as at the first start. */
function queryOf(value: unknown): IQuery {
  const saved = isRecord(value) ? value : {};
  const sort = SORTS.find(one => one === saved.sort);
  return {
    search: typeof saved.search === 'string' ? saved.search : '',
    verdicts: new Set(namesOf(saved.verdicts) ?? []),
    sort: sort ?? EVERYTHING.sort,
    descending:
      sort && typeof saved.descending === 'boolean'
        ? saved.descending
        : EVERYTHING.descending
  };
}

function firstOf(agents: readonly string[]): readonly string[] {
  const first = FIRST_AGENTS.filter(name => agents.includes(name));
  return first.length ? first : agents.slice(0, 1);
}

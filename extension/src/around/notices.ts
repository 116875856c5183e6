/**
 * What is worth a word while a person looks elsewhere: a new best, a run that gets no further, a run that has ended.
 */
import { Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';

import type { ArenaModel } from '../model';
import { single } from '../panel/standing';
import type { IState } from '../wire';
import { better, number, signed } from '../words';
import type { WorkbenchModel } from '../workbench';
import { follow } from './follow';
import type { Wishes } from './settings';

/** How often a run is asked whether it has stalled, in milliseconds. */
export const LOOK_MS = 15_000;

/** How long a new best stays in sight, in milliseconds. */
export const BEST_MS = 10_000;

/** What the notices take; `show` brings an arena to the front, with one of its iterations where one is named. */
export interface INoticeOptions {
  workbench: WorkbenchModel;
  wishes: Wishes;
  trans: TranslationBundle;
  show: (arena: string, number: number | null) => void;
}

/**
 * Tells what happens to the arena that is shown, from the moment on in which it is followed. What happened while the
 * line was down is past when it is up again: what is found then is what the next news are held against.
 */
export class Notices implements IDisposable {
  constructor(options: INoticeOptions) {
    this._options = options;
    this._following = follow(options.workbench, model => this._hear(model));
    this._timer = setInterval(() => this._stalled(), LOOK_MS);
  }

  get isDisposed(): boolean {
    return this._following.isDisposed;
  }

  dispose(): void {
    clearInterval(this._timer);
    this._following.dispose();
  }

  private _hear(model: ArenaModel | null): void {
    if (model !== this._model) {
      this._model = model;
      this._known = this._stale = null;
      this._told.clear();
    }
    const state = model?.state ?? null;
    if (!model?.connected) {
      this._known = null;
      this._stale = state;
      return;
    }
    if (state === null || state === this._stale || state === this._known) {
      return; // nothing new: once the line is up, its first word is a state
    }
    const before = this._known;
    this._known = state;
    if (before === null) {
      this._stall(); // what lasts already is no news
      return;
    }
    this._best(before, state);
    this._stop(before, state);
    this._stalled();
  }

  private _best(before: IState, state: IState): void {
    const { trans, wishes } = this._options;
    const [old, best] = [before.best, state.best];
    if (
      !wishes.now.notifyBest ||
      before.epoch !== state.epoch ||
      old?.score === undefined ||
      old.score === null ||
      best?.score === undefined ||
      best.score === null ||
      !better(best.score, old.score, state.metric.direction) ||
      this._seen(`best ${best.number}`)
    ) {
      return;
    }
    this._say(
      'success',
      trans.__(
        '%1: new best %2 in iteration %3 (%4)',
        state.name,
        number(best.score),
        best.number,
        signed(best.score - old.score)
      ),
      BEST_MS,
      best.number
    );
  }

  private _stop(before: IState, state: IState): void {
    const { trans, wishes } = this._options;
    if (
      !wishes.now.notifyStop ||
      before.driver === null ||
      state.driver !== null ||
      // A step that has run is what was asked for, and its verdict is in the list.
      (single(state) && state.ran > 0 && !state.failed) ||
      this._seen(`stop ${before.driver.pid} ${before.driver.since}`)
    ) {
      return;
    }
    const why = state.ended ?? trans.__('ended');
    const told = trans.__('%1: the run has ended: %2', state.name, why);
    this._say(state.failed ? 'warning' : 'info', told, false, null);
  }

  private _stalled(): void {
    const { trans } = this._options;
    const minutes = this._stall();
    if (minutes === null || !this._known) {
      return;
    }
    const { name, best } = this._known;
    const told = trans.__(
      '%1: no new best for %2 minutes; best %3',
      name,
      minutes,
      number(best?.score)
    );
    this._say('warning', told, false, best?.number ?? null);
  }

  /** For how many minutes the run has got no further, where that was not noticed before; else null. */
  private _stall(): number | null {
    const { notifyStall, stallMinutes } = this._options.wishes.now;
    const [state, model] = [this._known, this._model];
    if (!notifyStall || !state?.driver || !model || state.state !== 'running') {
      return null;
    }
    const { best, driver } = state;
    const row = best ? model.rows.get(best.number) : undefined;
    if (!row || single(state)) {
      return null; // nothing to better yet, or its page is not here and nobody knows when it was found
    }
    const found = row.time + row.seconds;
    const since = Math.max(state.began ?? driver.since, found);
    const minutes = Math.floor((model.now() - since) / 60);
    return minutes < stallMinutes ||
      this._seen(`stall ${driver.since} ${best?.number}`)
      ? null
      : minutes;
  }

  /** Whether something was told before; from now on it was. */
  private _seen(key: string): boolean {
    const seen = this._told.has(key);
    this._told.add(key);
    return seen;
  }

  private _say(
    type: 'info' | 'success' | 'warning',
    line: string,
    autoClose: number | false,
    iteration: number | null
  ): void {
    const { trans, show } = this._options;
    const arena = this._model?.arena ?? '';
    Notification.emit(line, type, {
      autoClose,
      actions: [
        {
          label: trans.__('Show'),
          caption: trans.__('Show it in the Autoloop panel'),
          callback: () => show(arena, iteration)
        }
      ]
    });
  }

  private readonly _options: INoticeOptions;
  private readonly _following: IDisposable;
  private readonly _timer: ReturnType<typeof setInterval>;
  private _model: ArenaModel | null = null;
  /** The last state that was looked at while the line was up; null before the first. */
  private _known: IState | null = null;
  /** The state that was known when the line was last down. */
  private _stale: IState | null = null;
  private readonly _told = new Set<string>();
}

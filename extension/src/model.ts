/**
 * One arena as the views see it: how it stands, its iterations, and what is under way.
 */
import type { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { APIError, AutoloopAPI, lineOf } from './api';
import { ICalled, ILive, joined } from './live';
import { agreed, allFollowed } from './lives';
import { Pulse } from './pulse';
import { IterationStore } from './store';
import { ArenaStream } from './stream';
import type { IEvent, IPoint, IRow, IState, IWaiting, Message } from './wire';

export type { ILive } from './live';

/** How many iterations are asked for at once: the first page is to be quick, the others are to be few. */
export const FIRST_PAGE = 1000;
export const NEXT_PAGES = 5000;

/** How long the first page waits for the stream, in milliseconds; and a failed load for its next try. */
export const STREAM_WAIT_MS = 1000;
export const RETRY_MS = 5000;

type What = 'state' | 'rows' | 'live' | 'connection';

/**
 * Follows one arena until it is disposed of. Signals come at most once a frame, each for everything since the last.
 *
 * The order of opening leaves no gap: the stream is connected first, from now on, and pages are asked for once it
 * has spoken. Whatever changed before its first word is in the pages, whatever changes after it comes down the stream;
 * a row that the stream brought while a page was under way is the newer of the two, and is kept.
 */
export class ArenaModel implements IDisposable {
  constructor(api: AutoloopAPI, arena: string) {
    this.api = api;
    this.arena = arena;
    this.ready = new Promise(resolve => (this._isReady = resolve));
    this._stream = new ArenaStream(api.settings, arena, null);
    this._stream.message.connect(this._onMessage, this);
    this._stream.connectionChanged.connect(this._onConnection, this);
    void this._fetchState();
    this._timer = setTimeout(() => {
      void this._load(); // no word from the stream: show what there is
    }, STREAM_WAIT_MS);
  }

  readonly api: AutoloopAPI;
  /** The notebook's path below the server's root. */
  readonly arena: string;
  /** The iterations, as far as they are here. */
  readonly rows = new IterationStore();
  /** Resolves once the first page is here, or could not be had (`problem` says why); it never rejects. */
  readonly ready: Promise<void>;

  /** How the arena stands; null until that is known. */
  get state(): IState | null {
    return this._state;
  }

  /** All that is under way, oldest first; who is asked for a proposal comes last. */
  get lives(): readonly ILive[] {
    return this._lives;
  }

  /** What is under way, the oldest of several; null where nothing is. */
  get live(): ILive | null {
    return this._lives[0] ?? null;
  }

  /** This iteration as it goes on; null where it is not under way. */
  liveOf(number: number | null): ILive | null {
    return (
      (number !== null && this._lives.find(live => live.number === number)) ||
      null
    );
  }

  /** Whether a driver runs this iteration now. */
  flies(number: number): boolean {
    const { driver = null, flights = [] } = this._state ?? {};
    return driver !== null && flights.some(flight => flight.number === number);
  }

  /** The proposals that wait for a person. */
  get waiting(): readonly IWaiting[] {
    return this._state?.waiting ?? [];
  }

  /** Whether events come in as they happen. */
  get connected(): boolean {
    return this._stream.connected;
  }

  /** Whether pages of iterations are still coming. */
  get loading(): boolean {
    return this._loading;
  }

  /** How often it was begun anew, as when its ledger is another one: then a number may be another iteration's. */
  get restarts(): number {
    return this._restarts;
  }

  /** Why the arena cannot be shown as it is, in one line; empty where all is well. */
  get problem(): string {
    return this._problems.rows || this._problems.state;
  }

  /** The server's clock: seconds since 1970. */
  now(): number {
    return Date.now() / 1000 + this._ahead;
  }

  /** `state`, `waiting`, `loading` or `problem` changed. */
  get stateChanged(): ISignal<this, void> {
    return this._signals.state;
  }

  /** `rows` changed. */
  get rowsChanged(): ISignal<this, void> {
    return this._signals.rows;
  }

  /** `live` changed. */
  get liveChanged(): ISignal<this, void> {
    return this._signals.live;
  }

  /** `connected` changed. */
  get connectionChanged(): ISignal<this, void> {
    return this._signals.connection;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Fetch everything anew; what is shown stays until the new is here. Resolves when it is; never rejects. */
  async refresh(): Promise<void> {
    await Promise.all([this._fetchState(), this._load()]);
  }

  /** Stop following. */
  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    this._turn += 1;
    clearTimeout(this._timer);
    this._pulse.cancel();
    this._stream.dispose();
    this._isReady();
    Signal.clearData(this);
  }

  private _onConnection(): void {
    this._change('connection');
    if (this.connected && this.problem) {
      void this.refresh(); // the server is back
    }
  }

  private _onMessage(_: ArenaStream, message: Message): void {
    this._ahead = message.now - Date.now() / 1000;
    const first = this._seen === null;
    this._seen ??= message.type === 'events' ? null : message.seq;
    switch (message.type) {
      case 'state':
        this._states += 1;
        this._setState(message.state);
        break;
      case 'events':
        message.events.forEach(event => this._follow(event));
        break;
      case 'rows':
        message.rows.forEach(row => this._streamed.set(row.number, row));
        this._merge(message.rows);
        break;
      case 'reset':
        this._restart(message.seq);
        return;
    }
    if (first) {
      void this._load();
    }
  }

  /** The ledger is another one, or too much was missed: nothing that was followed holds any more. */
  private _restart(seq: number): void {
    this._restarts += 1;
    this._seen = seq;
    this._curveOf = null;
    this._curve = [];
    this._setLives([]);
    void this.refresh();
  }

  private async _fetchState(): Promise<void> {
    const states = this._states;
    try {
      const state = await this.api.state(this.arena);
      if (!this._isDisposed && states === this._states) {
        this._setState(state); // unless the stream brought a newer one meanwhile
      }
    } catch (error) {
      if (states === this._states) {
        this._setProblem('state', error);
      }
    }
  }

  private _setState(state: IState): void {
    this._state = state;
    this._problems.state = '';
    this._change('state');
    if (state.driver !== null) {
      this._several = state.workers.length > 0;
    }
    const before = this._lives;
    this._setLives(agreed(before, state));
    // Come in the middle of a run: the points that it has by now must be fetched.
    this._lives
      .filter(live => !before.some(one => one.number === live.number))
      .forEach(live => void this._fetchCurve(live));
    void this._fetchChampion();
  }

  private async _fetchCurve({ number, attempt }: ILive): Promise<void> {
    const begun = this._begun.get(number);
    const points = number === null ? null : await this._curveAt(number);
    const live = this.liveOf(number);
    // One that was interrupted begins anew under its number: what was asked for before is of the old run.
    const same = live?.attempt === attempt && this._begun.get(number) === begun;
    if (points && live && same) {
      const whole = { ...live, points: joined(points, live.points) };
      this._setLives(this._lives.map(one => (one === live ? whole : one)));
    }
  }

  /** The champion's curve, once a champion, and only when there is something to hold against it. */
  private async _fetchChampion(): Promise<void> {
    const number = this._state?.champion?.number ?? null;
    if (!this._lives.length || number === this._curveOf) {
      return;
    }
    this._curveOf = number;
    const points = number === null ? [] : await this._curveAt(number);
    if (this._curveOf !== number) {
      return;
    }
    if (points === null) {
      this._curveOf = null; // the next state asks again
      return;
    }
    this._curve = points;
    this._setLives(this._lives);
  }

  /** A curve, null where it cannot be had: a run can be followed without. */
  private async _curveAt(number: number): Promise<IPoint[] | null> {
    try {
      const points = await this.api.curve(this.arena, number);
      return this._isDisposed ? null : points;
    } catch {
      return null;
    }
  }

  /** After a loss of the line some events come again: each counts once. */
  private _follow(event: IEvent): void {
    if (this._seen === null || event.seq > this._seen) {
      this._seen = event.seq;
      this._several = severalBy(event) ?? this._several;
      if (event.kind === 'attempt.start') {
        this._begun.set(event.iteration, event.seq);
      }
      this._setLives(
        allFollowed(this._lives, event, this._called, this._several)
      );
    }
  }

  private readonly _called = (number: number): ICalled | undefined =>
    this._state?.flights.find(flight => flight.number === number) ??
    this.rows.get(number);

  private _setLives(lives: readonly ILive[]): void {
    const champion = this._curve;
    const shown = lives.every(live => live.champion === champion)
      ? lives
      : lives.map(live => ({ ...live, champion }));
    if (shown !== this._lives) {
      this._lives = shown;
      this._change('live');
    }
  }

  private _merge(rows: readonly IRow[]): void {
    this.rows.merge(rows);
    this._change('rows');
  }

  /** Fetch all pages, newest first; a later call takes the place of one under way. */
  private async _load(): Promise<void> {
    const turn = ++this._turn;
    clearTimeout(this._timer);
    this._streamed.clear();
    this._loading = true;
    this._change('state');
    try {
      await this._pages(turn);
      if (turn === this._turn) {
        this._loading = false;
        this._problems.rows = '';
      }
    } catch (error) {
      if (turn === this._turn) {
        this._failed(error);
      }
    }
    if (turn === this._turn) {
      this._isReady();
      this._change('state');
    }
  }

  private async _pages(turn: number): Promise<void> {
    const again = this.rows.size > 0; // then the new takes the place of the old in one step
    const gathered: IRow[] = [];
    let before: number | undefined;
    let limit = FIRST_PAGE;
    for (;;) {
      const page = await this.api.iterations(this.arena, { before, limit });
      if (turn !== this._turn) {
        return;
      }
      if (again) {
        gathered.push(...page.rows);
      } else {
        this._merge(page.rows.filter(row => !this._streamed.has(row.number)));
        this._isReady();
      }
      if (page.next === null) {
        break;
      }
      before = page.next;
      limit = NEXT_PAGES;
    }
    if (again) {
      this.rows.replace([...gathered, ...this._streamed.values()]);
      this._change('rows');
    }
  }

  private _failed(error: unknown): void {
    this._loading = false;
    this._setProblem('rows', error);
    const status = error instanceof APIError ? error.status : 0;
    if (status === 0 || status >= 500) {
      this._timer = setTimeout(() => void this.refresh(), RETRY_MS);
    }
  }

  private _setProblem(what: 'state' | 'rows', error: unknown): void {
    this._problems[what] = lineOf(error);
    this._change('state');
  }

  private _change(what: What): void {
    if (!this._isDisposed) {
      this._changed.add(what);
      this._pulse.ask();
    }
  }

  private readonly _pulse = new Pulse(() => {
    const changed = [...this._changed];
    this._changed.clear();
    changed.forEach(what => this._signals[what].emit());
  });
  private readonly _changed = new Set<What>();
  private readonly _signals: Record<What, Signal<this, void>> = {
    state: new Signal<this, void>(this),
    rows: new Signal<this, void>(this),
    live: new Signal<this, void>(this),
    connection: new Signal<this, void>(this)
  };
  private readonly _stream: ArenaStream;
  private _isReady: () => void = () => undefined;
  private _timer: ReturnType<typeof setTimeout> | undefined;
  /** Counts loads, so that an answer that comes too late is known. */
  private _turn = 0;
  /** Counts states from the stream, for the same reason. */
  private _states = 0;
  /** What the stream brought while pages are under way. */
  private readonly _streamed = new Map<number, IRow>();
  private _restarts = 0;
  /** The last event that was followed; null until the stream has spoken. */
  private _seen: number | null = null;
  private _state: IState | null = null;
  private _lives: readonly ILive[] = [];
  /** Whether several iterations may run at once: events tell of it a moment before the state does. */
  private _several = false;
  /** When an attempt at an iteration was last seen to begin: the number of that event. */
  private readonly _begun = new Map<number | null, number>();
  private _curveOf: number | null = null;
  private _curve: IPoint[] = [];
  private _loading = true;
  private readonly _problems = { state: '', rows: '' };
  private _ahead = 0;
  private _isDisposed = false;
}

/** Whether an event tells that several iterations may run at once, or that none may; null where it tells neither. */
function severalBy({ kind, data }: IEvent): boolean | null {
  if (kind === 'driver.start') {
    const { workers = '1' } = (data.plan ?? {}) as { workers?: unknown };
    return workers !== '1';
  }
  return data.worker ? true : null;
}

/**
 * What happens in one arena, as it happens: a WebSocket that comes back by itself and goes on where it was cut off.
 */
import { URLExt } from '@jupyterlab/coreutils';
import type { ServerConnection } from '@jupyterlab/services';
import type { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import type { Message } from './wire';

/** The shortest and longest wait before the next try, in milliseconds. */
export const FIRST_WAIT_MS = 500;
export const LONGEST_WAIT_MS = 10000;

/** Events that no row follows, and that may be many: an hour's training tells of thousands. */
const ROWLESS: ReadonlySet<string> = new Set([
  'report',
  'agent',
  'ahead',
  'phase'
]);

/** A message's place among the events: see `Message`. */
type Place = Pick<Message, 'seq' | 'at'>;

/** Follows an arena's events from its creation until it is disposed of. */
export class ArenaStream implements IDisposable {
  /** `after`: the last event that is known already; null: only what happens from now on is told. */
  constructor(
    settings: ServerConnection.ISettings,
    arena: string,
    after: number | null
  ) {
    this._settings = settings;
    this._arena = arena;
    this._place = after === null ? null : { seq: after };
    this._connect();
  }

  /** Every well-formed message, in the server's order. After a loss some events may come again: see `seq`. */
  get message(): ISignal<this, Message> {
    return this._message;
  }

  /** Whether the server is on the line. */
  get connected(): boolean {
    return this._connected;
  }

  /** The line came up (true) or went down (false). */
  get connectionChanged(): ISignal<this, boolean> {
    return this._connectionChanged;
  }

  /**
   * The event after which the stream is resumed; null before the first message. The rows that events touch follow
   * them in one message or more, so it moves on only when the last of them is in: what comes twice does no harm, what
   * is missed does.
   */
  get seq(): number | null {
    return this._place?.seq ?? null;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Close the line for good. */
  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    clearTimeout(this._timer);
    this._hangUp();
    this._connected = false;
    Signal.clearData(this);
  }

  private _connect(): void {
    let socket: WebSocket;
    try {
      socket = new this._settings.WebSocket(this._url());
    } catch {
      this._later();
      return;
    }
    this._socket = socket;
    socket.onopen = () => this._setConnected(true);
    socket.onmessage = event => this._receive(event.data);
    socket.onerror = () => undefined; // a close follows, and says enough
    socket.onclose = () => {
      this._hangUp();
      this._later();
      this._setConnected(false);
    };
  }

  private _hangUp(): void {
    const socket = this._socket;
    this._socket = null;
    this._rowsOf = null;
    this._owed = false;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
  }

  private _later(): void {
    const longest = Math.min(
      LONGEST_WAIT_MS,
      FIRST_WAIT_MS * 2 ** this._failures
    );
    this._failures += 1;
    // Half to all of it, so that the tabs of a restarted server do not all come at once.
    const wait = Math.max(FIRST_WAIT_MS, longest * (0.5 + Math.random() / 2));
    this._timer = setTimeout(() => this._connect(), wait);
  }

  private _receive(data: unknown): void {
    const message = parsed(data);
    if (message === null) {
      return;
    }
    this._failures = 0; // a line that opens and closes again without a word is no success
    this._moveOn(message);
    this._message.emit(message);
  }

  private _moveOn(message: Message): void {
    const { seq, at } = message;
    if (message.type === 'rows') {
      this._rowsOf = { seq, at };
      return;
    }
    if (this._rowsOf !== null) {
      this._place = this._rowsOf; // and nothing more of it comes
      this._rowsOf = null;
      this._owed = false;
    }
    if (message.type === 'reset' || this._place === null) {
      this._place = { seq, at };
      this._owed = false;
    } else if (message.type === 'events') {
      this._owed ||= message.events.some(event => !ROWLESS.has(event.kind));
      this._place = this._owed ? this._place : { seq, at };
    }
  }

  private _setConnected(connected: boolean): void {
    if (connected !== this._connected && !this._isDisposed) {
      this._connected = connected;
      this._connectionChanged.emit(connected);
    }
  }

  private _url(): string {
    const { wsUrl, token, appendToken } = this._settings;
    const query = new URLSearchParams({ arena: this._arena });
    if (this._place !== null) {
      query.set('after', String(this._place.seq));
    }
    if (Number.isFinite(this._place?.at)) {
      query.set('at', String(this._place?.at)); // else another ledger that has as many events would pass for this one
    }
    if (appendToken && token) {
      query.set('token', token);
    }
    return `${URLExt.join(wsUrl, 'autoloop', 'api', 'events')}?${query}`;
  }

  private readonly _settings: ServerConnection.ISettings;
  private readonly _arena: string;
  private readonly _message = new Signal<this, Message>(this);
  private readonly _connectionChanged = new Signal<this, boolean>(this);
  private _socket: WebSocket | null = null;
  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _place: Place | null;
  /** Up to which event the rows that come in now belong; null when none do. */
  private _rowsOf: Place | null = null;
  /** Whether the rows of some events have not come yet. */
  private _owed = false;
  private _failures = 0;
  private _connected = false;
  private _isDisposed = false;
}

/** The message in a frame; null for anything that is none. */
function parsed(data: unknown): Message | null {
  let found: unknown;
  try {
    found = JSON.parse(String(data));
  } catch {
    return null;
  }
  return isMessage(found) ? found : null;
}

function isMessage(found: unknown): found is Message {
  if (typeof found !== 'object' || found === null) {
    return false;
  }
  const { type, seq, now, state, events, rows } = found as Record<
    string,
    unknown
  >;
  if (!Number.isFinite(seq) || !Number.isFinite(now)) {
    return false;
  }
  return (
    (type === 'state' && typeof state === 'object' && state !== null) ||
    (type === 'events' && Array.isArray(events)) ||
    (type === 'rows' && Array.isArray(rows)) ||
    type === 'reset'
  );
}

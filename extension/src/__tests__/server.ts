/**
 * A server for one browser tab, in the same process: it speaks the real wire format through `fetch` and `WebSocket`.
 */
import { ServerConnection } from '@jupyterlab/services';

import type {
  ICost,
  IEvent,
  IFlight,
  IPoint,
  IRow,
  ISharing,
  IState,
  IWorker,
  IWorkerRun,
  Message
} from '../wire';

export const BASE = 'http://127.0.0.1:8888/user/ada/';

/** A request as it came in: where to (decoded), with what. */
export interface IAsked {
  method: string;
  path: string;
  query: Record<string, string>;
  body: unknown;
  headers: Headers;
}

type Answer = { status: number; body: unknown } | Error;

/** The other end of a client's WebSocket. */
export class Line {
  constructor(readonly url: string) {}

  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: (() => void) | null = null;
  closed = false;

  close(): void {
    this.closed = true;
  }

  get query(): Record<string, string> {
    return Object.fromEntries(new URL(this.url).searchParams);
  }

  open(): void {
    this.onopen?.();
  }

  /** Send a frame as it is. */
  frame(text: string): void {
    this.onmessage?.({ data: text });
  }

  say(message: Message): void {
    this.frame(JSON.stringify(message));
  }

  /** Break the line, as a server that goes away does. */
  drop(): void {
    this.closed = true;
    this.onclose?.();
  }
}

export class FakeServer {
  readonly asked: IAsked[] = [];
  readonly lines: Line[] = [];
  rows: IRow[] = [];
  state: IState = stateOf();
  curves = new Map<number, IPoint[]>();
  /** What is answered in place of the below, by "METHOD path". */
  answers = new Map<string, Answer | (() => Answer | Promise<Answer>)>();

  get line(): Line {
    return this.lines[this.lines.length - 1];
  }

  settings(
    more: Partial<ServerConnection.ISettings> = {}
  ): ServerConnection.ISettings {
    const lines = this.lines;
    // A constructor is all that settings take. It knows its server: what another test left behind may reconnect late.
    class Own extends Line {
      constructor(url: string) {
        super(url);
        lines.push(this);
      }
    }
    return ServerConnection.makeSettings({
      baseUrl: BASE,
      token: 'secret',
      fetch: request => this._fetch(request as Request),
      WebSocket: Own as unknown as typeof WebSocket,
      ...more
    });
  }

  /** The requests to this path, below the API. */
  to(path: string): IAsked[] {
    return this.asked.filter(one => one.path === path);
  }

  private async _fetch(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const path = decodeURIComponent(
      url.pathname.slice(new URL(BASE).pathname.length)
    );
    const query = Object.fromEntries(url.searchParams);
    const text = await request.text();
    const asked: IAsked = {
      method: request.method,
      path: path.replace('autoloop/api/', ''),
      query,
      body: text ? JSON.parse(text) : null,
      headers: request.headers
    };
    this.asked.push(asked);
    const told = this.answers.get(`${asked.method} ${asked.path}`);
    const answer =
      typeof told === 'function' ? await told() : (told ?? this._answer(asked));
    if (answer instanceof Error) {
      throw answer;
    }
    const said =
      typeof answer.body === 'string'
        ? answer.body
        : JSON.stringify(answer.body);
    return new Response(said, { status: answer.status });
  }

  private _answer({ path, query }: IAsked): Answer {
    switch (path) {
      case 'state':
        return { status: 200, body: this.state };
      case 'iterations':
        return { status: 200, body: this._page(query) };
      case 'curve':
        return {
          status: 200,
          body: { points: this.curves.get(Number(query.number)) ?? [] }
        };
    }
    return { status: 404, body: '<html>404 : Not Found</html>' };
  }

  private _page(query: Record<string, string>): unknown {
    const limit = Number(query.limit ?? 1000);
    const before = Number(query.before ?? Infinity);
    const left = this.rows
      .filter(row => row.number < before)
      .sort((a, b) => b.number - a.number);
    const rows = left.slice(0, limit);
    const next = left.length > limit ? rows[rows.length - 1].number : null;
    return { rows, total: this.rows.length, next };
  }
}

export function rowOf(number: number, more: Partial<IRow> = {}): IRow {
  return {
    number,
    epoch: 1,
    base: number === 1 ? null : 1,
    verdict: 'discard',
    state: null,
    score: 2.5,
    difference: 0.01,
    title: `idea ${number}`,
    agent: 'search',
    reason: 'not better',
    time: 1000 + number,
    seconds: 16,
    attempts: 1,
    notebook: `tiny_runs/${number}/iteration.ipynb`,
    ...more
  };
}

/** `count` rows, numbered from 1. */
export function rowsOf(count: number): IRow[] {
  return Array.from({ length: count }, (_, index) => rowOf(index + 1));
}

/** What nothing cost. */
export const FREE: ICost = {
  model: '',
  requests: 0,
  input: 0,
  output: 0,
  cache_read: 0,
  cache_write: 0,
  dollars: null,
  unpriced: 0
};

export function stateOf(more: Partial<IState> = {}): IState {
  return {
    arena: 'a/tiny.ipynb',
    name: 'tiny',
    state: 'idle',
    problem: '',
    driver: null,
    agents: ['search'],
    plan: null,
    ran: 0,
    began: null,
    left_seconds: null,
    ended: null,
    failed: false,
    phase: '',
    phase_since: 0,
    flying: null,
    flights: flightsOf(more),
    champion: null,
    best: null,
    baseline: null,
    metric: {
      name: 'val_bpb',
      direction: 'min',
      unit: '',
      target: null,
      grade: 'sealed'
    },
    budget_s: 15,
    clock: 'wall',
    epoch: 1,
    counts: {},
    total: 0,
    noise: null,
    busy: null,
    rate_per_hour: null,
    cost: FREE,
    spent: 0,
    records: {},
    waiting: [],
    workers: [],
    islands: [],
    exchanges: [],
    sharing: null,
    ...more
  };
}

/** What is under way where a test names the one that flies. */
function flightsOf({ flying, phase = '', phase_since }: Partial<IState>) {
  return flying
    ? [{ ...flying, phase, since: phase_since ?? 0, worker: '' }]
    : [];
}

export function sharingOf(more: Partial<ISharing> = {}): ISharing {
  return {
    remote: 'ssh://me@host/arenas.git',
    at: null,
    pushed: 12,
    pushed_at: null,
    pulled: 40,
    pulled_at: null,
    origins: 2,
    trouble: '',
    whose: [],
    ...more
  };
}

export function workerOf(name: string, more: Partial<IWorker> = {}): IWorker {
  return {
    name,
    where: '',
    hardware: '',
    state: 'up',
    text: '',
    run: null,
    runs: 0,
    busy: null,
    worked_seconds: 0,
    up_seconds: 0,
    at: 1000,
    ...more
  };
}

/** What a worker runs. */
export function runOf(
  number: number,
  more: Partial<IWorkerRun> = {}
): IWorkerRun {
  return {
    number,
    attempt: 1,
    kind: 'screen',
    title: `idea ${number}`,
    since: 900,
    phase: 'running',
    phase_since: 900,
    ...more
  };
}

/** One of several that are under way. */
export function flightOf(
  number: number,
  worker: string,
  more: Partial<IFlight> = {}
): IFlight {
  return {
    number,
    attempt: 1,
    title: `idea ${number}`,
    agent: 'search',
    hypothesis: '',
    base: 1,
    phase: 'running',
    since: 900,
    worker,
    ...more
  };
}

/** A state in which a driver runs. */
export function running(more: Partial<IState> = {}): IState {
  const driver = { pid: 7, host: 'here', since: 900 };
  return stateOf({ state: 'running', driver, ...more });
}

export function eventOf(
  seq: number,
  kind: string,
  more: Partial<IEvent> = {}
): IEvent {
  return {
    seq,
    time: 5000 + seq,
    kind,
    iteration: null,
    attempt: null,
    data: {},
    ...more
  };
}

export function pointOf(seconds: number, loss = 3): IPoint {
  return { step: seconds * 10, seconds, numbers: { loss } };
}

// Taken before any test puts a false clock in its place.
const later = setTimeout;

/** Let everything run that hangs on promises and on bodies that are read. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 15; i++) {
    await new Promise<void>(resolve => later(resolve, 0));
  }
}

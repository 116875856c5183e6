/**
 * Every call to the server's REST interface, and the only place that makes one.
 */
import { PathExt, URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import { nullTranslator, TranslationBundle } from '@jupyterlab/translation';

import type {
  IArenas,
  ICheck,
  IDetail,
  IImport,
  IPage,
  IPoint,
  IProposal,
  ISaid,
  ISources,
  IState
} from './wire';

/** What went wrong, as one line for a person; `status` is that of HTTP, 0 where the server does not answer at all. */
export class APIError extends Error {
  constructor(message: string, status: number) {
    super(message);
    this.name = 'APIError';
    this.status = status;
  }

  readonly status: number;
}

/** What went wrong, in one line. */
export function lineOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Which iterations a page holds, newest first: those below `before`, at most `limit` (1 to 5000; 1000 if left out). */
export interface IPageOptions {
  before?: number;
  limit?: number;
  epoch?: number;
  verdict?: string;
  agent?: string;
  search?: string;
}

/** One iteration by these agents; with `review` its proposal waits for a person. */
export interface IStepOptions {
  agents: readonly string[];
  review?: boolean;
}

/**
 * A run of the loop, ended by whichever bound comes first; null: no such bound. `until` is a score, `max_cost` dollars;
 * up to `ahead` proposals are made ready while something runs (left out: as many as the server finds right). `workers`
 * says what runs at once: `4`, `ray`, `ray:4` or `ray://HOST:PORT`; left out or null: one iteration at a time. It shares
 * over the git repository `share` (null: with nobody) every `share_every` minutes (null: as often as the server finds
 * right); with `islands` each agent has a line of its own.
 */
export interface IAutoOptions {
  agents: readonly string[];
  iterations?: number | null;
  hours?: number | null;
  until?: number | null;
  max_cost?: number | null;
  ahead?: number;
  workers?: string | null;
  share?: string | null;
  share_every?: number | null;
  islands?: boolean;
}

/** Where a winner is written (a path relative to the arena's folder), and how. */
export interface IExportOptions {
  out: string;
  verify?: boolean;
  force?: boolean;
}

/** Where a report is written (a path relative to the arena's folder), of the last so many hours, and how. */
export interface IReportOptions {
  out: string;
  hours?: number | null;
  html?: boolean;
  force?: boolean;
}

/** Which number of a file is the score, which way is better, and who answers for it; left out: as proposed. */
export interface IImportWishes {
  score?: string;
  direction?: 'min' | 'max';
  answer?: string;
}

/** An import with every choice: what agents may change and what is sealed by name, `out` below the server's root. */
export interface IImportOptions extends IImportWishes {
  out: string;
  editable: readonly string[];
  seal: readonly string[];
  budget_s: number;
}

/**
 * The routes of the server, one method each. `arena` is always the notebook's path below the server's root. Every
 * method rejects with an `APIError`, whose message can be shown as it is.
 */
export class AutoloopAPI {
  /** `trans` translates what this class itself says; the server's own lines come as they are. */
  constructor(
    settings: ServerConnection.ISettings = ServerConnection.makeSettings(),
    trans: TranslationBundle = nullTranslator.load('autoloop')
  ) {
    this.settings = settings;
    this._trans = trans;
  }

  readonly settings: ServerConnection.ISettings;

  /** The arenas below the server's root, the templates for new ones, and the agents that may be chosen. */
  arenas(): Promise<IArenas> {
    return this._get(['arenas'], {});
  }

  /** Make an arena from a template in a folder below the server's root; says its `path`. */
  create(template: string, folder: string): Promise<ISaid> {
    return this._send('POST', ['arenas'], { template, folder });
  }

  /** What an import of the file or folder at `path` below the server's root would make. */
  proposeImport(path: string, wishes: IImportWishes = {}): Promise<IImport> {
    return this._get(['import'], { path, ...wishes });
  }

  /** Make an arena of a file or folder, which stays as it is; says the arena's `path`. */
  importArena(path: string, options: IImportOptions): Promise<ISaid> {
    return this._send('POST', ['import'], { path, ...options });
  }

  /** How an arena stands now. */
  state(arena: string): Promise<IState> {
    return this._get(['state'], { arena });
  }

  /** One page of iterations, newest first. */
  iterations(arena: string, options: IPageOptions = {}): Promise<IPage> {
    return this._get(['iterations'], { arena, ...options });
  }

  /** Everything about one iteration. */
  iteration(arena: string, n: number): Promise<IDetail> {
    return this._get(['iterations', String(n)], { arena });
  }

  /** All that an iteration was made of. */
  sources(arena: string, n: number): Promise<ISources> {
    return this._get(['iterations', String(n), 'sources'], { arena });
  }

  /** Two iterations side by side: the record of `application/vnd.autoloop.comparison+json`. */
  compare(arena: string, a: number, b: number): Promise<unknown> {
    return this._get(['compare'], { arena, a, b });
  }

  /** The learning curve of an iteration's last attempt, oldest point first. */
  async curve(arena: string, n: number): Promise<IPoint[]> {
    const found = await this._get<{ points: IPoint[] }>(['curve'], {
      arena,
      number: n
    });
    return found.points;
  }

  /** The proposals (with this status), oldest first. */
  async proposals(arena: string, status?: string): Promise<IProposal[]> {
    const found = await this._get<{ proposals: IProposal[] }>(['proposals'], {
      arena,
      status
    });
    return found.proposals;
  }

  /** One proposal with its changes. */
  proposal(arena: string, id: string): Promise<IProposal> {
    return this._get(['proposals', id], { arena });
  }

  /** Whether the arena is sound, and what is not. */
  check(arena: string): Promise<ICheck> {
    return this._get(['check'], { arena });
  }

  /** The arena's strategy, as Markdown. */
  async strategy(arena: string): Promise<string> {
    const found = await this._get<{ text: string }>(['strategy'], { arena });
    return found.text;
  }

  /** Write the arena's strategy anew; it counts from the next proposal on. */
  rewriteStrategy(arena: string, text: string): Promise<ISaid> {
    return this._send('PUT', ['strategy'], { arena, text });
  }

  /** Run one iteration, in a driver of its own. */
  step(arena: string, options: IStepOptions): Promise<ISaid> {
    const { agents, review = false } = options;
    return this._send('POST', ['step'], { arena, agents, review });
  }

  /** Run iterations until a bound is reached, in a driver of its own. */
  auto(arena: string, options: IAutoOptions): Promise<ISaid> {
    const { agents, ahead, ...bounds } = options;
    const { iterations = null, hours = null, until = null } = bounds;
    const { max_cost = null } = bounds;
    const asked = { arena, agents, iterations, hours, until, max_cost, ahead };
    return this._send('POST', ['auto'], {
      ...asked,
      workers: bounds.workers ?? undefined,
      share: bounds.share ?? undefined,
      share_every: bounds.share_every ?? undefined,
      islands: bounds.islands || undefined
    });
  }

  /** Pause after the iteration that runs. */
  pause(arena: string): Promise<ISaid> {
    return this._send('POST', ['pause'], { arena });
  }

  /** Go on after a pause. */
  resume(arena: string): Promise<ISaid> {
    return this._send('POST', ['resume'], { arena });
  }

  /** End the driver: after the iteration that runs, or `now`, which leaves that one to be run again. */
  stop(arena: string, now: boolean): Promise<ISaid> {
    return this._send('POST', ['stop'], { arena, now });
  }

  /** Let a waiting proposal run; with `run` a driver is started for it where none is. */
  accept(arena: string, id: string, run = true): Promise<ISaid> {
    return this._send('POST', ['proposals', id, 'accept'], { arena, run });
  }

  /** Turn a waiting proposal down; agents read the reason. */
  skip(arena: string, id: string, reason: string): Promise<ISaid> {
    return this._send('POST', ['proposals', id, 'skip'], { arena, reason });
  }

  /** Run a person's version of a waiting proposal in its place: `units` maps names to complete sources. */
  takeOver(
    arena: string,
    id: string,
    units: Readonly<Record<string, string>>,
    run = true
  ): Promise<ISaid> {
    const body = { arena, units, run };
    return this._send('POST', ['proposals', id, 'take-over'], body);
  }

  /** Go on from this iteration, whatever its verdict. */
  fork(arena: string, n: number): Promise<ISaid> {
    return this._act(n, 'fork', { arena });
  }

  /** Make this iteration the champion. */
  champion(arena: string, n: number): Promise<ISaid> {
    return this._act(n, 'champion', { arena });
  }

  /** Put this iteration's editable files in their place and, with `cells`, its cells into the notebook on disk. */
  apply(arena: string, n: number, cells = true): Promise<ISaid> {
    return this._act(n, 'apply', { arena, cells });
  }

  /** Propose this iteration again, with another seed. */
  replicate(arena: string, n: number, run = true): Promise<ISaid> {
    return this._act(n, 'replicate', { arena, run });
  }

  /** Hold this keep against fresh runs of its base: it is confirmed or refuted. */
  confirm(arena: string, n: number, run = true): Promise<ISaid> {
    return this._act(n, 'confirm', { arena, run });
  }

  /** Write this iteration as a notebook that runs by itself; says its `path`. */
  export(arena: string, n: number, options: IExportOptions): Promise<ISaid> {
    const { out, verify = false, force = false } = options;
    // The server takes a path below its root; a person names one beside the arena.
    const path = PathExt.join(PathExt.dirname(arena), out);
    return this._act(n, 'export', { arena, out: path, verify, force });
  }

  /** Write what the runs brought as an executed notebook; says its `path`. */
  report(arena: string, options: IReportOptions): Promise<ISaid> {
    const { out, hours = null, html = false, force = false } = options;
    const path = PathExt.join(PathExt.dirname(arena), out);
    const body = { arena, out: path, hours, html, force };
    return this._send('POST', ['report'], body);
  }

  private _act(n: number, verb: string, body: object): Promise<ISaid> {
    return this._send('POST', ['iterations', String(n), verb], body);
  }

  private _get<T>(path: readonly string[], query: object): Promise<T> {
    const found = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined && value !== null) {
        found.set(name, String(value));
      }
    }
    return this._request<T>(path, found.toString(), { method: 'GET' });
  }

  private _send(
    method: 'POST' | 'PUT',
    path: readonly string[],
    body: object
  ): Promise<ISaid> {
    return this._request<ISaid>(path, '', {
      method,
      body: JSON.stringify(body),
      headers: { 'Content-Type': 'application/json' }
    });
  }

  private async _request<T>(
    path: readonly string[],
    query: string,
    init: RequestInit
  ): Promise<T> {
    const url = this._url(path) + (query ? `?${query}` : '');
    let response: Response;
    let text: string;
    try {
      response = await ServerConnection.makeRequest(url, init, this.settings);
      text = await response.text();
    } catch (error) {
      throw new APIError(this._unanswered(error), 0);
    }
    const said = parsed(text);
    if (!response.ok) {
      throw new APIError(this._refusal(response, said), response.status);
    }
    if (said === null) {
      // A proxy or a login page answered in the server's place.
      throw new APIError(
        this._trans.__(
          'the answer is not from Autoloop: reload the page, and log in again if you are asked to'
        ),
        response.status
      );
    }
    return said as T;
  }

  /** Encoding leaves dots alone, and joining would climb by them: no name of the server's is one. */
  private _url(path: readonly string[]): string {
    if (path.some(part => !part || part === '.' || part === '..')) {
      throw new APIError(
        this._trans.__('no such thing: %1', JSON.stringify(path.join('/'))),
        404
      );
    }
    const parts = path.map(encodeURIComponent);
    return URLExt.join(this.settings.baseUrl, 'autoloop', 'api', ...parts);
  }

  private _unanswered(error: unknown): string {
    return this._trans.__(
      'the Jupyter server does not answer: %1; check that it still runs',
      lineOf(error)
    );
  }

  private _refusal(response: Response, said: object | null): string {
    const message = said && 'message' in said ? said.message : null;
    if (typeof message === 'string' && message) {
      return message;
    }
    if (response.status === 404) {
      return this._trans.__(
        'the server extension of Autoloop is missing or disabled: run `jupyter server extension enable autoloop_kernel`, then restart the Jupyter server'
      );
    }
    return this._trans.__(
      'the Jupyter server refused the request: %1 %2',
      response.status,
      response.statusText
    );
  }

  private _trans: TranslationBundle;
}

/** The object or list in a JSON text, null where it is neither. */
function parsed(text: string): object | null {
  try {
    const found: unknown = JSON.parse(text);
    return typeof found === 'object' ? found : null;
  } catch {
    return null;
  }
}

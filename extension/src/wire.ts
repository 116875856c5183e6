/**
 * What the server says (autoloop_kernel/server): plain JSON. Lengths of time are in seconds, moments in seconds since
 * 1970 by the server's clock; a score that is no number is null.
 */

export type Verdict =
  | 'keep'
  | 'discard'
  | 'crash'
  | 'timeout'
  | 'pruned'
  | 'scored'
  | 'interrupted'
  | 'contended';

/** Of a keep: what its screen earned, what fresh seeds upheld, what they did not. */
export type Standing = 'provisional' | 'confirmed' | 'refuted';

export interface IMetric {
  name: string;
  direction: 'min' | 'max';
  unit: string;
  target: number | null;
  /** Who finds the number: the referee, or the candidate's own code. */
  grade: 'sealed' | 'self-reported';
}

/** One line of the arena picker; `problem` says in one line why an unsound arena cannot run. */
export interface IArenaItem {
  path: string;
  name: string;
  state: 'idle' | 'running' | 'paused' | 'stopping' | 'unsound';
  iterations: number;
  best: number | null;
  metric: IMetric | null;
  problem: string;
}

export interface ITemplate {
  name: string;
  title: string;
  summary: string;
}

/** Something that agents may be let change: a code cell by its number, or a file. */
export interface IImportChoice {
  name: string;
  title: string;
  editable: boolean;
}

/**
 * What an import would make of a file or folder; `whole`: a script that runs unchanged. `answer` is `none` where no
 * function answers for the score, and then `why` says why; `seals` are files that the referee alone would read.
 */
export interface IImport {
  whole: boolean;
  out: string;
  score: string;
  scores: string[];
  direction: 'min' | 'max';
  answer: string;
  answers: string[];
  choices: IImportChoice[];
  seals: string[];
  budget_s: number;
  grade: 'sealed' | 'self-reported';
  why: string;
  notes: string[];
}

/** The arenas below the server's root; `truncated`: there were more folders than are looked through. */
export interface IArenas {
  arenas: IArenaItem[];
  templates: ITemplate[];
  agents: string[];
  truncated: boolean;
}

export interface IMark {
  number: number;
  score: number | null;
  /** Of a keep; left out where it does not matter. */
  state?: Standing | null;
}

/** One iteration as a list shows it; `difference`: its score less that of its base, null across epochs. */
export interface IRow {
  number: number;
  epoch: number;
  base: number | null;
  verdict: Verdict | null;
  state: Standing | null;
  score: number | null;
  difference: number | null;
  title: string;
  agent: string;
  reason: string;
  time: number;
  seconds: number;
  attempts: number;
  notebook: string;
  /** The line of an agent that it belongs to; left out of the main line's. */
  island?: string;
  /** Whose iteration it tries (`7ecff155ab12/6`); left out of the arena's own. */
  origin?: string;
}

/** A page of iterations, newest first; `next` is the `before` of the page that follows, null after the last. */
export interface IPage {
  rows: IRow[];
  total: number;
  next: number | null;
}

/**
 * What the driver was told; `max_cost` is in dollars, `workers` what runs at once: `4`, `ray`, `ray://HOST:PORT`. It
 * shares over `share` (null: it does not) every `share_every` minutes; with `islands` each agent has a line of its own.
 */
export interface IPlan {
  iterations: number | null;
  hours: number | null;
  until: number | null;
  max_cost: number | null;
  queued: boolean;
  review: boolean;
  workers: string;
  share: string | null;
  share_every: number | null;
  islands: boolean;
}

export interface IDriver {
  pid: number;
  host: string;
  since: number;
}

/** A proposal that waits for a person; `number` is the one that it would get. */
export interface IWaiting {
  id: string;
  title: string;
  hypothesis: string;
  agent: string;
  base: number | null;
  time: number;
}

/** The iteration under way. */
export interface IFlying {
  number: number;
  attempt: number;
  title: string;
  agent: string;
  hypothesis: string;
  base: number | null;
}

/** One of the iterations under way: its phase since when, and on which worker it runs (empty: the only slot). */
export interface IFlight extends IFlying {
  phase: string;
  since: number;
  worker: string;
}

/** What a worker runs: an attempt of a kind (screen, replicate, …) at an iteration, since when. */
export interface IWorkerRun {
  number: number;
  attempt: number;
  kind: string;
  title: string;
  since: number;
  phase: string;
  phase_since: number;
}

/**
 * A worker of the driver: `state` is up, slow, lost, refused or down, and `text` says why. As of the moment `at` it was
 * there for `up_seconds`, of which it ran something for `worked_seconds`; `busy` is that share.
 */
export interface IWorker {
  name: string;
  where: string;
  hardware: string;
  state: string;
  text: string;
  run: IWorkerRun | null;
  runs: number;
  busy: number | null;
  worked_seconds: number;
  up_seconds: number;
  at: number;
}

/** An agent's own line and its champion; `own`: that ran on it, else the line goes on from another one's. */
export interface IIsland {
  name: string;
  number: number;
  score: number | null;
  state: Standing | null;
  title: string;
  own: boolean;
}

/**
 * What a line was offered: iteration `number` of `source` goes `to` another (the main line: empty), and is `tried`
 * there, or not, and then `why` says why. A `restart` is no offer: the line `to` goes on from there.
 */
export interface IExchange {
  time: number;
  number: number;
  source: string;
  to: string;
  tried: boolean;
  why: string;
  restart: boolean;
}

/** What came from somebody else: so many findings, and their last keep that stands (null: only a baseline). */
export interface ITaken {
  origin: string;
  findings: number;
  champion: number | null;
  title: string;
  agent: string;
  score: number | null;
  state: string;
}

/**
 * What moved to and from others: `pushed` own iterations lie at the `remote` (empty: no driver shared by itself),
 * `pulled` ones of `origins` others are here; when it answered last, when something went and came, and what is wrong.
 */
export interface ISharing {
  remote: string;
  at: number | null;
  pushed: number;
  pushed_at: number | null;
  pulled: number;
  pulled_at: number | null;
  origins: number;
  trouble: string;
  whose: ITaken[];
}

/** What requests to a model took: tokens by kind, and dollars, null where no price is known. */
export interface ICost {
  model: string;
  requests: number;
  input: number;
  output: number;
  cache_read: number;
  cache_write: number;
  dollars: number | null;
  unpriced: number;
}

/** What came of one agent's proposals in this epoch; `dollars` is what its requests cost in all. */
export interface IRecord {
  runs: number;
  keeps: number;
  gain: number;
  seconds: number;
  dollars: number;
}

/**
 * How an arena stands. `arena` is its path below the server's root. `phase` is proposing, starting, running, scoring
 * or empty, `phase_since` when it began. `plan`, `ran`, `began`, `left_seconds`, `ended` (why) and `failed` (whether
 * that was no good end) tell of the driver that runs, or of the last one. `noise` is one standard deviation of the score when nothing but the seed changes, null
 * until it is known; `busy` the share (0 to 1) of this driver's time in which the trainer worked. `cost` is what the
 * agents' requests took in all, `spent` the dollars of that which this driver's took, `records` tells of each agent.
 * `flights` are all iterations under way, `flying` the first of them; `workers` are none where one runs at a time.
 * `islands` are the lines of agents, `exchanges` the last of what they offered each other, oldest first; `sharing` is
 * null where nobody shares.
 */
export interface IState {
  arena: string;
  name: string;
  state: 'idle' | 'running' | 'paused' | 'stopping';
  problem: string;
  driver: IDriver | null;
  agents: string[];
  plan: IPlan | null;
  ran: number;
  began: number | null;
  left_seconds: number | null;
  ended: string | null;
  failed: boolean;
  phase: string;
  phase_since: number;
  flying: IFlying | null;
  flights: IFlight[];
  champion: IMark | null;
  best: IMark | null;
  baseline: IMark | null;
  metric: IMetric;
  budget_s: number;
  clock: 'wall' | 'cpu';
  epoch: number | null;
  counts: Partial<Record<Verdict, number>>;
  total: number;
  noise: number | null;
  busy: number | null;
  rate_per_hour: number | null;
  cost: ICost;
  spent: number;
  records: Record<string, IRecord>;
  waiting: IWaiting[];
  workers: IWorker[];
  islands: IIsland[];
  exchanges: IExchange[];
  sharing: ISharing | null;
}

export interface IPoint {
  step: number;
  seconds: number;
  numbers: Record<string, number | null>;
}

/** A unit of the editable surface with its complete sources; null on the side that does not have it. */
export interface IChange {
  unit: string;
  before: string | null;
  after: string | null;
}

/** An iteration's complete sources by unit: names of editable cells, and paths of editable files. */
export interface ISources {
  number: number;
  units: Record<string, string>;
}

export interface IAttempt {
  attempt: number;
  seed: number;
  kind: string;
  verdict: Verdict | null;
  score: number | null;
  reason: string;
}

export interface ISeconds {
  propose: number;
  start: number;
  run: number;
  score: number;
  total: number;
}

/** `application/vnd.autoloop.iteration+json`. */
export interface IIteration {
  number: number;
  base: number | null;
  verdict: Verdict | null;
  state: Standing | null;
  score: number | null;
  title: string;
  agent: string;
  hypothesis: string;
  attempts: IAttempt[];
  seconds: ISeconds;
  notebook: string;
  commit: string | null;
  reason: string;
  epoch: number;
  facts: Record<string, unknown>;
  extra: Record<string, unknown>;
  diff: string;
  curve: IPoint[];
  changes: IChange[];
  arena: string;
  metric: IMetric;
  time: number;
  proposal: string;
}

/** By how much something improves (positive in either direction), with its 90 % interval. */
export interface IGain {
  mean: number;
  low: number;
  high: number;
}

/**
 * What fresh runs say of an iteration: `screened` is what the runs that it was kept for showed, `gain` that over its
 * base by `pairs` of fresh ones, `total` that over the baseline, `held_out` the same on data that no selection saw.
 */
export interface IFresh {
  state: Standing | null;
  screened: number | null;
  pairs: number;
  gain: IGain | null;
  total: IGain | null;
  held_out: IGain | null;
}

/** An iteration as the server tells it: with its base's score and curve, and the tail of its log. */
export interface IDetail extends IIteration {
  budget_s: number;
  clock: 'wall' | 'cpu';
  base_score: number | null;
  base_curve: IPoint[];
  base_facts: Record<string, unknown>;
  log: string;
  champion: boolean;
  cost: ICost;
  fresh: IFresh;
  island?: string;
  origin?: string;
}

/** `application/vnd.autoloop.proposal+json`; `status`: pending, waiting, accepted, ran, invalid, duplicate, skipped. */
export interface IProposal {
  id: string;
  number: number | null;
  title: string;
  hypothesis: string;
  agent: string;
  base: number | null;
  status: string;
  reason: string;
  iteration: number | null;
  epoch: number;
  time: number;
  arena: string;
  changes: IChange[];
}

/** What an action answers: one line for the person, and what it brought (a path, a number, an id). */
export interface ISaid {
  said: string;
  path?: string;
  id?: string;
  number?: number;
  score?: number | null;
}

export interface ICheck {
  errors: string[];
  notes: string[];
  sound: string;
}

/** An entry of the append-only table that every face follows. */
export interface IEvent {
  seq: number;
  time: number;
  kind: string;
  iteration: number | null;
  attempt: number | null;
  data: Record<string, unknown>;
}

/**
 * What comes down the stream of an arena; `seq` is the last event that a message takes in, `at` when that happened
 * (null before the first), by which its ledger is known again, `now` the server's time.
 * `reset`: too much was missed, or the ledger is another one now: fetch everything anew.
 */
export type Message = { seq: number; at?: number | null; now: number } & (
  | { type: 'state'; state: IState }
  | { type: 'events'; events: IEvent[] }
  | { type: 'rows'; rows: IRow[] }
  | { type: 'reset'; reason: string }
);

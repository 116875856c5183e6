/**
 * From the JSON in a notebook to typed records. The JSON may be of any version, or made by hand: each of these throws
 * `MalformedError` where a record says too little to be shown, and nothing else.
 */
import type {
  IAttempt,
  IChange,
  ICost,
  IFresh,
  IGain,
  IMark,
  IMetric,
  IPoint,
  IProposal,
  ISeconds,
  Standing,
  Verdict
} from '../wire';
import type {
  IArenaRecord,
  ICompared,
  IComparison,
  IDriverRecord,
  IHistory,
  IHistoryRow,
  IShownIteration,
  IStaffed,
  IStanding
} from './types';
import {
  MalformedError,
  choice,
  list,
  maybe,
  needed,
  numbers,
  object,
  real,
  text,
  worded
} from './json';
import type { Json } from './json';

const VERDICTS: readonly Verdict[] = [
  'keep',
  'discard',
  'crash',
  'timeout',
  'pruned',
  'scored',
  'interrupted',
  'contended'
];
const STANDINGS: readonly Standing[] = ['provisional', 'confirmed', 'refuted'];

/** An iteration; it must have a number and a title. */
export function readIteration(json: unknown): IShownIteration {
  const it = whole(json);
  return {
    number: needed(it, 'number'),
    title: worded(it, 'title'),
    base: real(it.base),
    verdict: choice(it.verdict, VERDICTS),
    state: choice(it.state, STANDINGS),
    score: real(it.score),
    agent: text(it.agent),
    hypothesis: text(it.hypothesis),
    attempts: list(it.attempts, readAttempt),
    seconds: readSeconds(it.seconds),
    notebook: text(it.notebook),
    commit: typeof it.commit === 'string' ? it.commit : null,
    reason: text(it.reason),
    epoch: real(it.epoch) ?? 0,
    facts: object(it.facts),
    extra: object(it.extra),
    diff: text(it.diff),
    curve: readCurve(it.curve),
    changes: readChanges(it.changes),
    arena: text(it.arena),
    metric: readMetric(it.metric),
    time: real(it.time) ?? 0,
    proposal: text(it.proposal),
    base_score: real(it.base_score),
    base_curve: readCurve(it.base_curve),
    base_facts: object(it.base_facts),
    champion: it.champion === true,
    budget_s: real(it.budget_s),
    clock: choice(it.clock, ['cpu', 'wall']) ?? 'wall',
    cost: readCost(it.cost),
    fresh: readFresh(it.fresh),
    island: text(it.island),
    origin: text(it.origin)
  };
}

/** A proposal; it must have a title. */
export function readProposal(json: unknown): IProposal {
  const it = whole(json);
  return {
    id: text(it.id),
    number: real(it.number),
    title: worded(it, 'title'),
    hypothesis: text(it.hypothesis),
    agent: text(it.agent),
    base: real(it.base),
    status: text(it.status),
    reason: text(it.reason),
    iteration: real(it.iteration),
    epoch: real(it.epoch) ?? 0,
    time: real(it.time) ?? 0,
    arena: text(it.arena),
    changes: readChanges(it.changes)
  };
}

/** A history; it must have rows, and those that have neither number nor title are left out. */
export function readHistory(json: unknown): IHistory {
  const it = whole(json);
  if (!Array.isArray(it.rows)) {
    throw new MalformedError('rows');
  }
  const rows = list(it.rows, readRow).filter(row => row.number !== null);
  return {
    metric: readMetric(it.metric),
    champion: real(it.champion),
    total: Math.max(real(it.total) ?? 0, rows.length),
    rows,
    unrun: list(it.unrun, readRow)
  };
}

/** A comparison; both of its iterations must have a number. */
export function readComparison(json: unknown): IComparison {
  const it = whole(json);
  return {
    arena: text(it.arena),
    metric: readMetric(it.metric),
    a: readCompared(it.a),
    b: readCompared(it.b),
    comparable: it.comparable !== false,
    difference: real(it.difference),
    changes: readChanges(it.changes)
  };
}

/** An arena; it must have a name. */
export function readArena(json: unknown): IArenaRecord {
  const it = whole(json);
  const rules = object(it.rules);
  const units: Record<string, string> = Object.create(null);
  for (const [name, kind] of Object.entries(object(it.units))) {
    units[name] = text(kind);
  }
  return {
    ...readStanding(it),
    strategy: text(it.strategy),
    units,
    budget_s: real(rules.budget_s),
    clock: choice(rules.clock, ['cpu', 'wall']) ?? 'wall'
  };
}

/** A driver; its arena must have a name. */
export function readDriver(json: unknown): IDriverRecord {
  const it = whole(json);
  return {
    ...readStanding(it),
    planned: real(object(it.plan).iterations),
    ran: real(it.ran) ?? 0,
    verdicts: numbers(it.verdicts),
    left_seconds: real(it.left_seconds),
    ended: typeof it.ended === 'string' ? it.ended : null,
    company: list(it.company, text)
  };
}

function whole(json: unknown): Json {
  const found = maybe(json);
  if (found === null) {
    throw new MalformedError('');
  }
  return found;
}

function readStanding(it: Json): IStanding {
  const driver = maybe(it.driver);
  const flying = maybe(it.iteration);
  return {
    arena: worded(it, 'arena'),
    state: text(it.state),
    driver:
      driver && real(driver.pid) !== null
        ? { pid: needed(driver, 'pid'), host: text(driver.host) }
        : null,
    iteration:
      flying && real(flying.number) !== null
        ? {
            number: needed(flying, 'number'),
            title: text(flying.title),
            agent: text(flying.agent),
            phase: text(flying.phase)
          }
        : null,
    workers: list(it.workers, readStaffed),
    champion: readMark(it.champion),
    best: readMark(it.best),
    baseline: readMark(it.baseline),
    metric: readMetric(it.metric),
    epoch: real(it.epoch),
    counts: numbers(it.counts),
    rate_per_hour: real(it.rate_per_hour),
    seconds: real(it.seconds) ?? 0
  };
}

function readStaffed(json: unknown): IStaffed {
  const it = object(json);
  const run = object(it.run);
  return {
    name: text(it.name),
    state: text(it.state),
    text: text(it.text),
    number: real(run.number),
    title: text(run.title),
    phase: text(run.phase)
  };
}

function readMark(json: unknown): IMark | null {
  const it = maybe(json);
  const number = it === null ? null : real(it.number);
  return it === null || number === null
    ? null
    : { number, score: real(it.score) };
}

function readMetric(json: unknown): IMetric {
  const it = object(json);
  return {
    name: text(it.name) || 'score',
    direction: choice(it.direction, ['min', 'max']) ?? 'min',
    unit: text(it.unit),
    target: real(it.target),
    grade: choice(it.grade, ['sealed', 'self-reported']) ?? 'sealed'
  };
}

function readSeconds(json: unknown): ISeconds {
  const it = object(json);
  return {
    propose: real(it.propose) ?? 0,
    start: real(it.start) ?? 0,
    run: real(it.run) ?? 0,
    score: real(it.score) ?? 0,
    total: real(it.total) ?? 0
  };
}

function readCost(json: unknown): ICost | null {
  const it = maybe(json);
  return (
    it && {
      model: text(it.model),
      requests: real(it.requests) ?? 0,
      input: real(it.input) ?? 0,
      output: real(it.output) ?? 0,
      cache_read: real(it.cache_read) ?? 0,
      cache_write: real(it.cache_write) ?? 0,
      dollars: real(it.dollars),
      unpriced: real(it.unpriced) ?? 0
    }
  );
}

function readFresh(json: unknown): IFresh | null {
  const it = maybe(json);
  return (
    it && {
      state: choice(it.state, STANDINGS),
      screened: real(it.screened),
      pairs: real(it.pairs) ?? 0,
      gain: readGain(it.gain),
      total: readGain(it.total),
      held_out: readGain(it.held_out)
    }
  );
}

function readGain(json: unknown): IGain | null {
  const it = maybe(json);
  const [mean, low, high] = it ? [it.mean, it.low, it.high].map(real) : [];
  return mean === null || mean === undefined
    ? null
    : { mean, low: low ?? mean, high: high ?? mean };
}

function readAttempt(json: unknown, place = 0): IAttempt {
  const it = object(json);
  return {
    attempt: real(it.attempt) ?? place + 1,
    seed: real(it.seed) ?? 0,
    kind: text(it.kind),
    verdict: choice(it.verdict, VERDICTS),
    score: real(it.score),
    reason: text(it.reason)
  };
}

function readCurve(json: unknown): IPoint[] {
  return list(json, object)
    .filter(it => real(it.seconds) !== null)
    .map(it => ({
      step: real(it.step) ?? 0,
      seconds: needed(it, 'seconds'),
      numbers: numbers(it.numbers)
    }));
}

function readChanges(json: unknown): IChange[] {
  const side = (value: unknown) => (typeof value === 'string' ? value : null);
  return list(json, object)
    .map(it => ({
      unit: text(it.unit),
      before: side(it.before),
      after: side(it.after)
    }))
    .filter(change => change.before !== null || change.after !== null);
}

function readRow(json: unknown): IHistoryRow {
  const it = object(json);
  return {
    number: real(it.number),
    base: real(it.base),
    verdict: typeof it.verdict === 'string' ? it.verdict : cut(it.attempts),
    state: choice(it.state, STANDINGS),
    score: real(it.score),
    title: text(it.title),
    agent: text(it.agent),
    attempts: Array.isArray(it.attempts) ? it.attempts.length : 0,
    seconds: readSeconds(it.seconds),
    notebook: text(it.notebook),
    reason: text(it.reason),
    epoch: real(it.epoch),
    island: text(it.island)
  };
}

/** What an iteration without a verdict counts as: cut short where its last attempt was, else (null) as running. */
function cut(attempts: unknown): string | null {
  const last = list(attempts, object).pop();
  return last?.verdict === 'interrupted' ? 'interrupted' : null;
}

function readCompared(json: unknown): ICompared {
  const it = whole(json);
  return {
    ...readRow(it),
    number: needed(it, 'number'),
    facts: object(it.facts),
    curve: readCurve(it.curve),
    budget_s: real(it.budget_s),
    clock: choice(it.clock, ['cpu', 'wall']) ?? 'wall',
    fresh: readFresh(it.fresh)
  };
}

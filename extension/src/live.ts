/**
 * What is under way right now, told by events alone: the same events give the same picture.
 */
import type { IEvent, IFlight, IPoint } from './wire';

/**
 * The proposal or iteration under way. A new object whenever something changes, and new `points` whenever they do.
 * `number` is null while an agent thinks, `attempt` 0 before the first. `phase`: proposing, starting, running, scoring,
 * or recorded between a verdict and what comes next. `since`: when the phase began, by the server's clock. `champion`:
 * the champion's curve. `thoughts`: what the agent said since it was asked, the last 50 lines; `ahead`: what agents say
 * meanwhile who are asked for the next proposals.
 */
export interface ILive {
  readonly number: number | null;
  readonly attempt: number;
  readonly title: string;
  readonly agent: string;
  readonly hypothesis: string;
  readonly phase: string;
  readonly since: number;
  readonly points: IPoint[];
  readonly champion: IPoint[];
  readonly thoughts: string[];
  readonly ahead: readonly IThought[];
  /** Where it runs; empty where one iteration runs at a time. */
  readonly worker: string;
}

/** A line that an agent says. */
export interface IThought {
  readonly agent: string;
  readonly text: string;
}

/** What an iteration is called, where its beginning was not seen. */
export interface ICalled {
  readonly title: string;
  readonly agent: string;
  readonly hypothesis?: string;
}

/** How many lines of an agent's are kept. */
export const THOUGHTS = 50;

/** How many points a live curve may have before its older half is thinned: more than there are pixels. */
export const POINTS = 4000;

const NOTHING: ILive = {
  number: null,
  attempt: 0,
  title: '',
  agent: '',
  hypothesis: '',
  phase: '',
  since: 0,
  points: [],
  champion: [],
  thoughts: [],
  ahead: [],
  worker: ''
};

/** What a state tells of an iteration under way. Its curve must be fetched. */
export function opened(flight: IFlight, thoughts: string[] = []): ILive {
  const { number, attempt, title, agent, hypothesis } = flight;
  const { phase, since, worker } = flight;
  const told = { number, attempt, title, agent, hypothesis };
  return { ...NOTHING, ...told, phase, since, worker, thoughts };
}

/** Somebody is asked for a proposal since then; nothing is known of whom. */
export function asking(since: number, thoughts: string[] = []): ILive {
  return { ...NOTHING, phase: 'proposing', since, thoughts };
}

/**
 * `live` after an event (the same object where the event does not concern it); null where nothing is under way.
 * `called` knows iterations whose beginning was not seen.
 */
export function followed(
  live: ILive | null,
  event: IEvent,
  called: (number: number) => ICalled | undefined
): ILive | null {
  const { data, time } = event;
  switch (event.kind) {
    case 'propose.start':
      return {
        ...NOTHING,
        phase: 'proposing',
        since: time,
        agent: text(data.agent),
        // Who is waited for now may have begun to think while something ran.
        thoughts: saidBy(live, text(data.agent))
      };
    case 'ahead':
      return live && { ...live, ahead: further(live.ahead, data) };
    case 'agent':
      return thought(live, text(data.agent), text(data.text), time);
    case 'iteration.start':
      return begun(live, event);
    case 'attempt.start':
      return attempted(live, event, called);
    case 'driver.stop':
      return null;
  }
  return live !== null && live.number === event.iteration
    ? went(live, event)
    : live;
}

/**
 * A fetched curve, and the points that came meanwhile; both oldest first. The fetched one knows every point, the live
 * one only the last of each half second.
 */
export function joined(
  fetched: readonly IPoint[],
  live: readonly IPoint[]
): IPoint[] {
  const last = fetched.length ? fetched[fetched.length - 1].seconds : -Infinity;
  return thinned([...fetched, ...live.filter(point => point.seconds > last)]);
}

/** What happens to the iteration that `live` shows. */
function went(live: ILive, event: IEvent): ILive {
  const { data, time } = event;
  switch (event.kind) {
    case 'phase':
      return { ...live, phase: text(data.phase), since: time };
    case 'report':
      return { ...live, points: thinned([...live.points, pointOf(data)]) };
    case 'attempt.end':
      // Lost through no fault of the idea: it is run again.
      return data.verdict === 'interrupted' || data.verdict === 'contended'
        ? { ...live, phase: 'starting', since: time }
        : live;
    case 'iteration.end':
      return { ...live, phase: 'recorded', since: time };
  }
  return live;
}

/** What this agent said ahead. */
function saidBy(live: ILive | null, agent: string): string[] {
  return (live?.ahead ?? [])
    .filter(one => one.agent === agent)
    .map(one => one.text);
}

function further(
  before: readonly IThought[],
  data: Record<string, unknown>
): IThought[] {
  const said = { agent: text(data.agent), text: text(data.text) };
  return [...before, said].slice(-THOUGHTS);
}

function thought(
  live: ILive | null,
  agent: string,
  line: string,
  time: number
): ILive {
  const before = live ?? { ...NOTHING, phase: 'proposing', since: time };
  const thoughts = [...before.thoughts, line].slice(-THOUGHTS);
  return { ...before, agent: before.agent || agent, thoughts };
}

function begun(live: ILive | null, event: IEvent): ILive {
  const { data, time, iteration } = event;
  return {
    ...NOTHING,
    number: iteration,
    title: text(data.title),
    agent: text(data.agent),
    hypothesis: text(data.hypothesis),
    phase: 'starting',
    since: time,
    thoughts: live !== null && live.number === null ? live.thoughts : []
  };
}

function attempted(
  live: ILive | null,
  event: IEvent,
  called: (number: number) => ICalled | undefined
): ILive {
  const { iteration, time, data } = event;
  const attempt = event.attempt ?? (Number(data.attempt) || 1);
  const worker = text(data.worker);
  const started = {
    ...{ attempt, worker, phase: 'starting', since: time },
    points: []
  };
  if (live !== null && live.number === iteration) {
    return { ...live, ...started };
  }
  // Interrupted before this driver started, and taken up again.
  const known = iteration === null ? undefined : called(iteration);
  const { title = '', agent = '', hypothesis = '' } = known ?? {};
  return {
    ...NOTHING,
    number: iteration,
    title,
    agent,
    hypothesis,
    ...started
  };
}

/** Of the older half every other point, so that a day's run does not grow without end. */
function thinned(points: IPoint[]): IPoint[] {
  if (points.length <= POINTS) {
    return points;
  }
  const half = points.length >> 1;
  return points.filter((_, index) => index > half || index % 2 === 0);
}

function pointOf(data: Record<string, unknown>): IPoint {
  const numbers: Record<string, number | null> = {};
  const given = typeof data.numbers === 'object' ? data.numbers : null;
  for (const [name, value] of Object.entries(given ?? {})) {
    if (typeof value === 'number' || value === null) {
      numbers[name] = value;
    }
  }
  return {
    step: Number(data.step) || 0,
    seconds: Number(data.seconds) || 0,
    numbers
  };
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

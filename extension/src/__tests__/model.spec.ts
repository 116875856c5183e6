import { AutoloopAPI } from '../api';
import { POINTS, THOUGHTS } from '../live';
import { ArenaModel, RETRY_MS, STREAM_WAIT_MS } from '../model';
import { HIDDEN_MS } from '../pulse';
import type { IEvent, IRow, IState } from '../wire';
import {
  eventOf,
  FakeServer,
  pointOf,
  rowOf,
  rowsOf,
  running,
  settle,
  stateOf
} from './server';

const ARENA = 'a/tiny.ipynb';
const FLYING = {
  number: 12,
  attempt: 1,
  title: 'softcap',
  agent: 'claude',
  hypothesis: 'why',
  base: 3
};

let server: FakeServer;
let model: ArenaModel;
let told: string[];

function open(): void {
  model = new ArenaModel(new AutoloopAPI(server.settings()), ARENA);
  told = [];
  model.stateChanged.connect(() => told.push('state'));
  model.rowsChanged.connect(() => told.push('rows'));
  model.liveChanged.connect(() => told.push('live'));
  model.connectionChanged.connect(() => told.push('connection'));
}

function say(seq: number, state: IState): void {
  server.line.say({ type: 'state', seq, now: 5000, state });
}

function events(...list: IEvent[]): void {
  const seq = list[list.length - 1].seq;
  server.line.say({ type: 'events', seq, now: 5000, events: list });
}

function rows(seq: number, list: IRow[]): void {
  server.line.say({ type: 'rows', seq, now: 5000, rows: list });
}

/** Open, with a stream that has spoken; everything is there. */
async function opened(state = stateOf(), seq = 100): Promise<void> {
  server.state = state;
  open();
  server.line.open();
  say(seq, state);
  await settle();
}

/** Let a frame pass, and give what was told in it. */
async function frame(): Promise<string[]> {
  told = [];
  jest.advanceTimersByTime(HIDDEN_MS);
  await settle();
  return told.sort();
}

const numbers = (): number[] => model.rows.rows.map(row => row.number);
const seconds = (): number[] | undefined =>
  model.live?.points.map(point => point.seconds);

/** Have the answers to a route wait; gives the function that lets the oldest go. */
function held(route: string, answer: () => unknown): () => Promise<void> {
  const waiting: (() => void)[] = [];
  server.answers.set(route, () => {
    const body = answer(); // read when the request comes in, as a server does
    return new Promise(resolve =>
      waiting.push(() => resolve({ status: 200, body }))
    );
  });
  return async () => {
    waiting.shift()?.();
    await settle();
  };
}

beforeEach(() => {
  jest.useFakeTimers();
  server = new FakeServer();
});

afterEach(() => {
  model.dispose();
  jest.restoreAllMocks();
  jest.useRealTimers();
});

describe('opening', () => {
  it('fetches the newest page first, the others after it, and the state at once', async () => {
    server.rows = rowsOf(7500);
    open();
    await settle();
    expect(server.to('state').length).toBe(1);
    expect(server.to('iterations')).toEqual([]);
    expect(model.loading).toBe(true);
    server.line.open();
    say(100, stateOf({ total: 7500 }));
    await settle();
    expect(model.state?.total).toBe(7500);
    expect(numbers()).toEqual(
      rowsOf(7500)
        .map(row => row.number)
        .reverse()
    );
    const asked = server
      .to('iterations')
      .map(({ query }) => [query.limit, query.before]);
    expect(asked).toEqual([
      ['1000', undefined],
      ['5000', '6501'],
      ['5000', '1501']
    ]);
    expect(model.loading).toBe(false);
    expect(model.problem).toBe('');
  });

  it('is ready with the first page, while others are on their way', async () => {
    const pages = [
      { rows: [rowOf(3)], total: 3, next: 3 },
      { rows: [rowOf(2), rowOf(1)], total: 3, next: null }
    ];
    const release = held('GET iterations', () => pages.shift());
    let ready = false;
    open();
    void model.ready.then(() => (ready = true));
    say(100, stateOf());
    await settle();
    expect(ready).toBe(false);
    await release();
    expect([ready, model.loading, numbers()]).toEqual([true, true, [3]]);
    await release();
    expect([model.loading, numbers()]).toEqual([false, [3, 2, 1]]);
  });

  it('keeps a row from the stream that is newer than the page under way', async () => {
    const page = {
      rows: [rowOf(2, { verdict: null }), rowOf(1)],
      total: 2,
      next: null
    };
    const release = held('GET iterations', () => page);
    open();
    say(100, stateOf());
    await settle();
    rows(101, [rowOf(2, { verdict: 'keep' }), rowOf(3)]);
    await release();
    expect(numbers()).toEqual([3, 2, 1]);
    expect(model.rows.get(2)?.verdict).toBe('keep');
  });

  it('does without a stream, and fetches again once it speaks', async () => {
    server.rows = rowsOf(2);
    open();
    jest.advanceTimersByTime(STREAM_WAIT_MS);
    await settle();
    expect(numbers()).toEqual([2, 1]);
    expect(model.connected).toBe(false);
    server.rows = [rowOf(1, { verdict: 'keep' }), rowOf(2), rowOf(3)];
    server.line.open();
    say(100, stateOf());
    await settle();
    expect(numbers()).toEqual([3, 2, 1]);
    expect(model.rows.get(1)?.verdict).toBe('keep');
    say(101, stateOf());
    await settle();
    expect(server.to('iterations').length).toBe(2);
  });

  it('does not put an old state in the place of a newer one', async () => {
    const release = held('GET state', () => stateOf({ total: 1 }));
    open();
    await settle();
    say(100, stateOf({ total: 2 }));
    await release();
    expect(model.state?.total).toBe(2);
  });
});

describe('following', () => {
  it('merges rows as they come, and tells once a frame', async () => {
    server.rows = rowsOf(2);
    await opened();
    await frame();
    for (let n = 3; n < 50; n++) {
      rows(100 + n, [rowOf(n)]);
      say(100 + n, stateOf({ total: n }));
    }
    expect(numbers().length).toBe(49);
    expect(await frame()).toEqual(['rows', 'state']);
    expect(await frame()).toEqual([]);
  });

  it('tells in the next frame where frames are drawn, later where the tab is hidden', async () => {
    await opened();
    await frame();
    say(101, stateOf());
    told = [];
    jest.advanceTimersByTime(20);
    expect(told).toEqual(['state']);
    jest.spyOn(document, 'hidden', 'get').mockReturnValue(true);
    say(102, stateOf());
    told = [];
    jest.advanceTimersByTime(HIDDEN_MS - 1);
    expect(told).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(told).toEqual(['state']);
  });

  it('knows the time by the server’s clock', async () => {
    await opened();
    expect(model.now()).toBeCloseTo(5000, 3);
    jest.advanceTimersByTime(1500);
    expect(model.now()).toBeCloseTo(5001.5, 3);
  });

  it('gives what waits for a person', async () => {
    await opened();
    expect(model.waiting).toEqual([]);
    const one = {
      id: 'p',
      title: 't',
      hypothesis: '',
      agent: 'a',
      base: 1,
      time: 1
    };
    say(101, stateOf({ waiting: [one] }));
    expect(model.waiting).toEqual([one]);
  });

  it('goes on after the server was restarted', async () => {
    server.rows = rowsOf(2);
    await opened();
    server.line.drop();
    expect(model.connected).toBe(false);
    jest.advanceTimersByTime(1000);
    expect(server.line.query.after).toBe('100');
    server.line.open();
    say(103, stateOf({ total: 3 }));
    rows(103, [rowOf(3)]);
    expect([model.connected, numbers()]).toEqual([true, [3, 2, 1]]);
    expect(await frame()).toEqual(['connection', 'rows', 'state']);
    expect(server.to('iterations').length).toBe(1);
  });
});

describe('a reset', () => {
  it('brings everything anew and keeps what is shown until it is here', async () => {
    server.rows = rowsOf(5);
    await opened(running({ flying: FLYING, phase: 'running' }));
    const pages = [
      { rows: [rowOf(2, { title: 'new' })], total: 2, next: 2 },
      { rows: [rowOf(1, { title: 'new' })], total: 2, next: null }
    ];
    const release = held('GET iterations', () => pages.shift());
    server.state = stateOf({ total: 2 });
    server.line.say({
      type: 'reset',
      seq: 7,
      now: 5000,
      reason: 'another ledger'
    });
    await settle();
    expect([model.live, model.state?.total]).toEqual([null, 2]);
    await release();
    expect([model.loading, numbers()]).toEqual([true, [5, 4, 3, 2, 1]]);
    rows(8, [rowOf(3, { title: 'newest' })]);
    await release();
    expect(model.loading).toBe(false);
    expect(model.rows.rows.map(row => row.title)).toEqual([
      'newest',
      'new',
      'new'
    ]);
  });

  it('counts events from the new ledger, whose numbers begin anew', async () => {
    await opened(running());
    server.line.say({
      type: 'reset',
      seq: 7,
      now: 5000,
      reason: 'another ledger'
    });
    events(eventOf(8, 'propose.start', { data: { agent: 'search' } }));
    expect(model.live?.phase).toBe('proposing');
  });

  it('drops the answer to what was asked before', async () => {
    const bodies = [
      { rows: [rowOf(9)], total: 1, next: null },
      { rows: [rowOf(1)], total: 1, next: null }
    ];
    const release = held('GET iterations', () => bodies.shift());
    open();
    say(100, stateOf());
    await settle();
    server.line.say({
      type: 'reset',
      seq: 7,
      now: 5000,
      reason: 'another ledger'
    });
    await settle();
    await release();
    expect(numbers()).toEqual([]);
    await release();
    expect(numbers()).toEqual([1]);
  });
});

describe('what goes wrong', () => {
  const away = new TypeError('Failed to fetch');

  it('is told, and tried again until the server is back', async () => {
    server.answers.set('GET state', away);
    server.answers.set('GET iterations', away);
    open();
    jest.advanceTimersByTime(STREAM_WAIT_MS);
    await settle();
    await model.ready;
    expect(model.problem).toMatch(/does not answer/);
    expect(model.loading).toBe(false);
    server.answers.clear();
    server.rows = rowsOf(3);
    jest.advanceTimersByTime(RETRY_MS);
    await settle();
    expect([model.problem, numbers()]).toEqual(['', [3, 2, 1]]);
    expect(model.state?.name).toBe('tiny');
  });

  it('ends at once when the line is back', async () => {
    server.answers.set('GET iterations', {
      status: 500,
      body: { message: 'oh' }
    });
    await opened();
    expect(model.problem).toBe('oh');
    server.answers.clear();
    server.rows = rowsOf(1);
    server.line.drop();
    jest.advanceTimersByTime(1000);
    server.line.open();
    await settle();
    expect([model.problem, numbers()]).toEqual(['', [1]]);
  });

  it('is no more than an answer that came too late, where the stream has told the state', async () => {
    let fail: (answer: Error) => void = () => undefined;
    server.answers.set(
      'GET state',
      () => new Promise<Error>(done => (fail = done))
    );
    open();
    await settle();
    say(100, stateOf({ total: 2 }));
    fail(away);
    await settle();
    expect([model.problem, model.state?.total]).toEqual(['', 2]);
  });

  it('is not asked for again and again where it is the request that is wrong', async () => {
    const answer = { status: 404, body: { message: 'no such arena' } };
    server.answers.set('GET iterations', answer);
    await opened();
    expect(model.problem).toBe('no such arena');
    const asked = server.asked.length;
    for (let n = 1; n < 9; n++) {
      say(100 + n, stateOf());
      jest.advanceTimersByTime(RETRY_MS);
    }
    await settle();
    expect(server.asked.length).toBe(asked);
    expect(model.problem).toBe('no such arena');
    server.answers.clear();
    await model.refresh();
    expect(model.problem).toBe('');
  });
});

describe('live', () => {
  const begin = eventOf(102, 'iteration.start', {
    iteration: 12,
    data: { title: 'softcap', agent: 'claude', base: 3, hypothesis: 'why' }
  });
  const attempt = eventOf(103, 'attempt.start', {
    iteration: 12,
    attempt: 1,
    data: { seed: 1, kind: 'screen', attempt: 1 }
  });

  function phase(seq: number, name: string): IEvent {
    return eventOf(seq, 'phase', {
      iteration: 12,
      attempt: 1,
      data: { phase: name }
    });
  }

  function report(seq: number, at: number): IEvent {
    const data = {
      step: at * 10,
      seconds: at,
      numbers: { loss: 3, bad: 'x', none: null }
    };
    return eventOf(seq, 'report', { iteration: 12, attempt: 1, data });
  }

  it('follows an iteration from the question to the verdict', async () => {
    await opened(running());
    events(
      eventOf(99, 'agent', { data: { agent: 'claude', text: 'seen already' } }),
      eventOf(101, 'propose.start', { data: { agent: 'claude' } })
    );
    expect(model.live).toMatchObject({
      number: null,
      phase: 'proposing',
      agent: 'claude',
      thoughts: []
    });
    expect(model.live?.since).toBe(5101);
    events(begin, attempt);
    expect(model.live).toMatchObject({
      number: 12,
      attempt: 1,
      title: 'softcap',
      hypothesis: 'why',
      phase: 'starting'
    });
    events(phase(104, 'running'), report(105, 1), report(106, 2));
    expect(model.live).toMatchObject({ phase: 'running', since: 5104 });
    expect(seconds()).toEqual([1, 2]);
    expect(model.live?.points[0]).toEqual({
      step: 10,
      seconds: 1,
      numbers: { loss: 3, none: null }
    });
    events(phase(107, 'scoring'));
    events(
      eventOf(108, 'attempt.end', {
        iteration: 12,
        attempt: 1,
        data: { verdict: 'scored' }
      })
    );
    expect(model.live?.phase).toBe('scoring');
    events(
      eventOf(109, 'iteration.end', {
        iteration: 12,
        data: { verdict: 'keep' }
      })
    );
    expect(model.live).toMatchObject({ number: 12, phase: 'recorded' });
    events(eventOf(110, 'driver.stop', { data: { reason: 'done' } }));
    expect(model.live).toBeNull();
  });

  it('tells of points in frames, and of nothing else', async () => {
    await opened(running());
    events(begin, attempt);
    await frame();
    events(report(105, 1), report(106, 2));
    events(report(107, 3));
    expect(await frame()).toEqual(['live']);
  });

  it('counts an event once, though it comes again after a loss', async () => {
    await opened(running());
    events(begin, attempt, report(104, 1));
    events(report(104, 1), report(105, 2));
    expect(seconds()).toEqual([1, 2]);
  });

  it('starts the curve anew with another attempt', async () => {
    await opened(running());
    events(begin, attempt, report(104, 1));
    events(
      eventOf(105, 'attempt.end', {
        iteration: 12,
        attempt: 1,
        data: { verdict: 'contended' }
      })
    );
    expect(model.live?.phase).toBe('starting');
    events(
      eventOf(106, 'attempt.start', {
        iteration: 12,
        attempt: 2,
        data: { attempt: 2 }
      })
    );
    expect(model.live).toMatchObject({
      attempt: 2,
      title: 'softcap',
      points: []
    });
  });

  it('names an interrupted iteration that is taken up again', async () => {
    server.rows = [
      rowOf(12, { title: 'from before', agent: 'search', verdict: null })
    ];
    await opened(running());
    events(attempt);
    expect(model.live).toMatchObject({
      number: 12,
      title: 'from before',
      agent: 'search'
    });
  });

  it('keeps the last thoughts, through to the run, and forgets them with the next question', async () => {
    await opened(running());
    const lines = Array.from({ length: THOUGHTS + 10 }, (_, i) =>
      eventOf(102 + i, 'agent', {
        data: { agent: 'claude', text: `line ${i}` }
      })
    );
    events(
      eventOf(101, 'propose.start', { data: { agent: 'claude' } }),
      ...lines
    );
    expect(model.live?.thoughts.length).toBe(THOUGHTS);
    expect(model.live?.thoughts[THOUGHTS - 1]).toBe(`line ${THOUGHTS + 9}`);
    events({ ...begin, seq: 200 });
    expect(model.live?.thoughts.length).toBe(THOUGHTS);
    events(eventOf(201, 'propose.start', { data: { agent: 'search' } }));
    expect(model.live?.thoughts).toEqual([]);
  });

  it('hears who thinks ahead beside the run, and goes on with it once it is waited for', async () => {
    await opened(running());
    const said = (seq: number, agent: string, text: string) =>
      eventOf(seq, 'ahead', { data: { agent, text } });
    events(said(100, 'claude', 'lost: nothing is under way'));
    events({ ...begin, seq: 101 }, attempt);
    events(said(150, 'claude', 'gate it'), said(151, 'other', 'wider'));
    expect(model.live).toMatchObject({ number: 12, thoughts: [] });
    expect(model.live?.ahead).toEqual([
      { agent: 'claude', text: 'gate it' },
      { agent: 'other', text: 'wider' }
    ]);
    events(eventOf(201, 'propose.start', { data: { agent: 'claude' } }));
    expect(model.live).toMatchObject({
      phase: 'proposing',
      thoughts: ['gate it'],
      ahead: []
    });
  });

  it('does not show an earlier proposal’s thoughts with one that a person accepted', async () => {
    await opened(running());
    events(
      eventOf(101, 'propose.start'),
      eventOf(102, 'agent', { data: { text: 'mine' } })
    );
    events({ ...begin, seq: 103 }, { ...begin, seq: 104, iteration: 13 });
    expect(model.live).toMatchObject({ number: 13, thoughts: [] });
  });

  it('joins a run in the middle, with the points that it has by then', async () => {
    const release = held('GET curve', () => ({
      points: [1, 2, 3].map(at => pointOf(at))
    }));
    await opened(
      running({ flying: FLYING, phase: 'running', phase_since: 4990 })
    );
    expect(model.live).toMatchObject({
      number: 12,
      title: 'softcap',
      phase: 'running',
      since: 4990,
      points: []
    });
    events(report(101, 3), report(102, 4));
    await release();
    expect(seconds()).toEqual([1, 2, 3, 4]);
    expect(server.to('curve').length).toBe(1);
  });

  it('drops a curve that comes when another attempt has begun', async () => {
    const release = held('GET curve', () => ({ points: [pointOf(1)] }));
    await opened(running({ flying: FLYING, phase: 'running' }));
    events(
      eventOf(101, 'attempt.start', { iteration: 12, attempt: 2, data: {} })
    );
    await release();
    expect(seconds()).toEqual([]);
  });

  it('drops what an interrupted attempt left, once it has begun anew', async () => {
    const release = held('GET curve', () => ({ points: [pointOf(9)] }));
    await opened(running({ flying: FLYING }));
    events(eventOf(101, 'attempt.start', { iteration: 12, attempt: 1 }));
    const point = { step: 1, seconds: 1, numbers: { loss: 3 } };
    events(eventOf(102, 'report', { iteration: 12, attempt: 1, data: point }));
    await release();
    await frame();
    expect(model.live?.attempt).toBe(1);
    expect(seconds()).toEqual([1]);
  });

  it('holds the champion’s curve against it, fetched once a champion', async () => {
    server.curves.set(3, [pointOf(1)]).set(12, [pointOf(2)]);
    const champion = { number: 3, score: 2.5 };
    await opened(stateOf({ champion }));
    expect(server.to('curve')).toEqual([]);
    say(101, running({ champion, phase: 'proposing' }));
    await settle();
    events(
      eventOf(102, 'propose.start'),
      { ...begin, seq: 103 },
      report(104, 1)
    );
    expect(model.live?.champion).toEqual([pointOf(1)]);
    say(105, running({ champion, flying: FLYING, phase: 'running' }));
    await settle();
    expect(server.to('curve').map(one => one.query.number)).toEqual(['3']);
    say(
      106,
      running({ champion: { number: 12, score: 2.4 }, phase: 'proposing' })
    );
    await settle();
    expect(model.live?.champion).toEqual([pointOf(2)]);
  });

  it('asks for the champion’s curve again where it could not be had', async () => {
    const champion = { number: 3, score: 2.5 };
    server.answers.set('GET curve', { status: 500, body: { message: 'oh' } });
    await opened(running({ champion, phase: 'proposing' }));
    expect([model.live?.champion, model.problem]).toEqual([[], '']);
    server.answers.clear();
    server.curves.set(3, [pointOf(1)]);
    say(101, running({ champion, phase: 'proposing' }));
    await settle();
    expect(model.live?.champion).toEqual([pointOf(1)]);
  });

  it('ends when the driver was killed, which no event tells', async () => {
    await opened(running({ flying: FLYING, phase: 'running' }));
    expect(model.live?.number).toBe(12);
    say(101, stateOf({ flying: FLYING }));
    expect(model.live).toBeNull();
  });

  it('does not grow without end', async () => {
    await opened(running());
    events(begin, attempt);
    const many = Array.from({ length: POINTS + 500 }, (_, i) =>
      report(200 + i, i)
    );
    for (let i = 0; i < many.length; i += 500) {
      events(...many.slice(i, i + 500));
    }
    const found = seconds() ?? [];
    expect(found.length).toBeLessThanOrEqual(POINTS);
    expect(found[0]).toBe(0);
    expect(found[found.length - 1]).toBe(POINTS + 499);
    expect(found.every((at, i) => i === 0 || at > found[i - 1])).toBe(true);
  });
});

it('is silent after its end', async () => {
  const release = held('GET iterations', () => ({
    rows: rowsOf(1),
    total: 1,
    next: null
  }));
  open();
  say(100, stateOf());
  await settle();
  model.dispose();
  await release();
  await model.ready;
  expect(await frame()).toEqual([]);
  expect([numbers(), server.line.closed, model.isDisposed]).toEqual([
    [],
    true,
    true
  ]);
});

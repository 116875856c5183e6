import { ArenaStream, FIRST_WAIT_MS, LONGEST_WAIT_MS } from '../stream';
import type { Message } from '../wire';
import { eventOf, FakeServer, rowOf, stateOf } from './server';

const ARENA = 'a b/tiny.ipynb';

let server: FakeServer;
let stream: ArenaStream;
let heard: Message[];
let changes: boolean[];

function follow(after: number | null, more = {}): void {
  stream = new ArenaStream(server.settings(more), ARENA, after);
  stream.message.connect((_, message) => heard.push(message));
  stream.connectionChanged.connect((_, connected) => changes.push(connected));
}

const state = (seq: number): Message => ({
  type: 'state',
  seq,
  now: 1,
  state: stateOf()
});
const rows = (seq: number): Message => ({
  type: 'rows',
  seq,
  now: 1,
  rows: [rowOf(1)]
});
const events = (seq: number, kind = 'report'): Message => ({
  type: 'events',
  seq,
  now: 1,
  events: [eventOf(seq, kind)]
});

/** Where a client goes on after the line broke now. */
function resumed(): string | undefined {
  server.line.drop();
  jest.advanceTimersByTime(LONGEST_WAIT_MS);
  return server.line.query.after;
}

beforeEach(() => {
  jest.useFakeTimers();
  jest.spyOn(Math, 'random').mockReturnValue(1);
  server = new FakeServer();
  [heard, changes] = [[], []];
});

afterEach(() => {
  stream.dispose();
  jest.restoreAllMocks();
  jest.useRealTimers();
});

it('asks for its arena, with the token where the settings say so', () => {
  follow(null, { appendToken: true });
  expect(server.line.url).toMatch(
    /^ws:\/\/127\.0\.0\.1:8888\/user\/ada\/autoloop\/api\/events\?/
  );
  expect(server.line.query).toEqual({ arena: ARENA, token: 'secret' });
  stream.dispose();
  follow(17, { appendToken: false });
  expect(server.line.query).toEqual({ arena: ARENA, after: '17' });
});

it('passes on messages and tells of the line', () => {
  follow(null);
  expect(stream.connected).toBe(false);
  server.line.open();
  server.line.say(state(4));
  expect(heard).toEqual([state(4)]);
  server.line.drop();
  expect(changes).toEqual([true, false]);
  expect(stream.connected).toBe(false);
});

it('takes no notice of what is no message', () => {
  follow(null);
  server.line.open();
  for (const frame of [
    '{"type": "sta',
    'null',
    '[]',
    '7',
    '{"type": "state", "seq": 1, "now": 1}',
    '{"type": "rows", "seq": 1, "now": 1, "rows": {}}',
    '{"type": "events", "now": 1, "events": []}',
    '{"type": "state", "seq": "1", "now": 1, "state": {}}',
    '{"type": "new", "seq": 1, "now": 1}'
  ]) {
    server.line.frame(frame);
  }
  expect(heard).toEqual([]);
  server.line.say(state(1));
  expect(heard.length).toBe(1);
});

describe('after a loss it goes on', () => {
  beforeEach(() => {
    follow(null);
    server.line.open();
    server.line.say(state(10));
  });

  it('where it began, when nothing came since', () => {
    expect(resumed()).toBe('10');
  });

  it('after events that no row follows', () => {
    server.line.say(events(11));
    server.line.say(events(12, 'phase'));
    expect(resumed()).toBe('12');
  });

  it('before events whose rows have not come, whatever the state says', () => {
    server.line.say(events(11));
    server.line.say(events(12, 'iteration.end'));
    server.line.say(events(13));
    expect(resumed()).toBe('11');
    server.line.say(state(13));
    expect(resumed()).toBe('11');
  });

  it('after them once all the rows are in', () => {
    server.line.say(events(12, 'iteration.end'));
    server.line.say(rows(12));
    expect(resumed()).toBe('10'); // more of them may have been on their way
    server.line.say(state(12));
    server.line.say(events(12, 'iteration.end'));
    server.line.say(rows(12));
    server.line.say(state(12));
    expect(resumed()).toBe('12');
    server.line.say(state(12));
    server.line.say(events(14));
    expect(resumed()).toBe('14');
  });

  it('at the new place after a reset, even when that lies before', () => {
    server.line.say({
      type: 'reset',
      seq: 3,
      now: 1,
      reason: 'another ledger'
    });
    expect(resumed()).toBe('3');
  });
});

describe('it names the ledger by when the last event happened', () => {
  /** What it asks for after the line broke now. */
  function asks(): Record<string, string> {
    resumed();
    const { after, at } = server.line.query;
    return { after, at };
  }

  beforeEach(() => {
    follow(null);
    server.line.open();
    server.line.say({ ...state(10), at: 1700000000.123456 });
  });

  it('as the server told it, to the last digit', () => {
    expect(asks()).toEqual({ after: '10', at: '1700000000.123456' });
  });

  it('and by that of the event after which it goes on', () => {
    server.line.say({ ...events(11), at: 1700000001.5 });
    server.line.say({ ...events(12, 'iteration.end'), at: 1700000002.5 });
    expect(asks()).toEqual({ after: '11', at: '1700000001.5' });
    server.line.say({ ...events(12, 'iteration.end'), at: 1700000002.5 });
    server.line.say({ ...rows(12), at: 1700000002.5 });
    server.line.say({ ...state(12), at: 1700000002.5 });
    expect(asks()).toEqual({ after: '12', at: '1700000002.5' });
  });

  it('anew after a reset, and not at all where nothing has happened', () => {
    const reset = { type: 'reset', now: 1, reason: 'another' } as const;
    server.line.say({ ...reset, seq: 3, at: 1800000000.25 });
    expect(asks()).toEqual({ after: '3', at: '1800000000.25' });
    server.line.say({ ...reset, seq: 0, at: null });
    expect(asks()).toEqual({ after: '0', at: undefined });
  });
});

describe('a server that is away', () => {
  function waits(count: number): number[] {
    const found: number[] = [];
    for (let i = 0; i < count; i++) {
      const lines = server.lines.length;
      server.line.drop();
      let waited = 0;
      while (server.lines.length === lines && waited <= LONGEST_WAIT_MS) {
        jest.advanceTimersByTime(50);
        waited += 50;
      }
      found.push(waited);
    }
    return found;
  }

  it('is tried again ever later, up to a limit, and early again once it has spoken', () => {
    follow(null);
    expect(waits(7)).toEqual([500, 1000, 2000, 4000, 8000, 10000, 10000]);
    server.line.open();
    expect(waits(1)).toEqual([10000]); // a line that says nothing is no success
    server.line.open();
    server.line.say(state(1));
    expect(waits(2)).toEqual([500, 1000]);
  });

  it('is not tried by all at once', () => {
    jest.spyOn(Math, 'random').mockReturnValue(0);
    follow(null);
    expect(waits(6)).toEqual([FIRST_WAIT_MS, 500, 1000, 2000, 4000, 5000]);
  });

  it('may even refuse to be called', () => {
    const calls: string[] = [];
    class Refusing {
      constructor(url: string) {
        calls.push(url);
        throw new Error('SecurityError');
      }
    }
    follow(null, { WebSocket: Refusing });
    jest.advanceTimersByTime(FIRST_WAIT_MS);
    expect(calls.length).toBe(2);
    expect(changes).toEqual([]);
  });
});

it('ends for good when it is disposed of', () => {
  follow(null);
  const { line } = server;
  line.open();
  stream.dispose();
  stream.dispose();
  expect(line.closed).toBe(true);
  expect(stream.connected).toBe(false);
  line.say(state(1));
  line.drop();
  jest.advanceTimersByTime(10 * LONGEST_WAIT_MS);
  expect(heard).toEqual([]);
  expect(server.lines.length).toBe(1);
});

it('does not come back when it is disposed of between two tries', () => {
  follow(null);
  server.line.drop();
  stream.dispose();
  jest.advanceTimersByTime(10 * LONGEST_WAIT_MS);
  expect(server.lines.length).toBe(1);
});

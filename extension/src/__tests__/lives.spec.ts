/** What is under way where several iterations run at once, and where one does. */
import type { ILive } from '../live';
import { agreed, allFollowed } from '../lives';
import type { IEvent } from '../wire';
import { eventOf, flightOf, running, stateOf, workerOf } from './server';

const called = () => undefined;
const follow = (
  events: IEvent[],
  several = true,
  lives: readonly ILive[] = []
) =>
  events.reduce(
    (all, event) => allFollowed(all, event, called, several),
    lives
  );
const of = (lives: readonly ILive[]) =>
  lives.map(({ number, worker, phase }) => [number, worker, phase]);

const begun = (seq: number, iteration: number): IEvent =>
  eventOf(seq, 'iteration.start', { iteration, data: { title: 't' } });
const tried = (seq: number, iteration: number, worker?: string): IEvent =>
  eventOf(seq, 'attempt.start', { iteration, attempt: 1, data: { worker } });
const phase = (seq: number, iteration: number, name: string): IEvent =>
  eventOf(seq, 'phase', { iteration, data: { phase: name } });
const ended = (seq: number, iteration: number): IEvent =>
  eventOf(seq, 'iteration.end', { iteration, data: { verdict: 'keep' } });
const report = (seq: number, iteration: number, seconds: number): IEvent =>
  eventOf(seq, 'report', {
    iteration,
    data: { step: 1, seconds, numbers: {} }
  });
const asks = (seq: number): IEvent =>
  eventOf(seq, 'propose.start', { data: { agent: 'claude' } });

const two = [
  begun(1, 7),
  tried(2, 7, 'w1'),
  begun(3, 8),
  tried(4, 8, 'w2'),
  phase(5, 7, 'running')
];

describe('several at once', () => {
  it('each goes on by itself, whoever else reports', () => {
    const lives = follow([...two, report(6, 8, 1), report(7, 7, 2)]);
    expect(of(lives)).toEqual([
      [7, 'w1', 'running'],
      [8, 'w2', 'starting']
    ]);
    expect(lives.map(live => live.points[0].seconds)).toEqual([2, 1]);
  });

  it('one that has its verdict leaves the others; the last one stays until something else begins', () => {
    const lives = follow([...two, ended(6, 7)]);
    expect(of(lives)).toEqual([[8, 'w2', 'starting']]);
    const last = follow([ended(7, 8)], true, lives);
    expect(of(last)).toEqual([[8, 'w2', 'recorded']]);
    expect(of(follow([begun(8, 9)], true, last))).toEqual([
      [9, '', 'starting']
    ]);
  });

  it('who is asked meanwhile comes last, with its thoughts, and becomes the next one', () => {
    const thought = eventOf(7, 'agent', {
      data: { agent: 'claude', text: 'wider' }
    });
    const lives = follow([...two, asks(6), thought]);
    expect(lives.map(live => live.number)).toEqual([7, 8, null]);
    expect(lives[2].thoughts).toEqual(['wider']);
    expect(lives[0].thoughts).toEqual([]);
    const next = follow([begun(8, 9)], true, lives);
    expect(next.map(live => live.number)).toEqual([7, 8, 9]);
    expect(next[2].thoughts).toEqual(['wider']);
  });

  it('a worker that takes up something runs nothing else', () => {
    const lives = follow([...two, tried(6, 3, 'w1')]);
    expect(of(lives)).toEqual([
      [3, 'w1', 'starting'],
      [8, 'w2', 'starting']
    ]);
  });

  it('an attempt elsewhere goes on in its own place', () => {
    const lost = eventOf(6, 'attempt.end', {
      iteration: 7,
      data: { verdict: 'interrupted' }
    });
    const lives = follow([...two, lost, tried(7, 7, 'w3')]);
    expect(of(lives)[0]).toEqual([7, 'w3', 'starting']);
    expect(lives[0].title).toBe('t');
  });

  it('nothing is left when the driver stops', () => {
    expect(follow([...two, eventOf(9, 'driver.stop')])).toEqual([]);
  });

  it('what concerns none of them changes nothing', () => {
    const lives = follow(two);
    for (const event of [phase(9, 99, 'running'), eventOf(9, 'note')]) {
      expect(allFollowed(lives, event, called, true)).toBe(lives);
    }
  });
});

describe('one at a time', () => {
  it('what begins takes the place of what was', () => {
    const lives = follow([begun(1, 7), tried(2, 7), ended(3, 7)], false);
    expect(of(lives)).toEqual([[7, '', 'recorded']]);
    expect(of(follow([asks(4)], false, lives))).toEqual([
      [null, '', 'proposing']
    ]);
    expect(of(follow([tried(4, 5)], false, lives))).toEqual([
      [5, '', 'starting']
    ]);
  });
});

describe('the state', () => {
  const workers = [workerOf('w1'), workerOf('w2')];
  const flights = [flightOf(7, 'w1'), flightOf(9, 'w2')];

  it('brings those whose beginning was not seen, and ends those that are over', () => {
    const before = follow([...two, report(6, 7, 2)]);
    const lives = agreed(before, running({ flights, workers }));
    expect(of(lives)).toEqual([
      [7, 'w1', 'running'],
      [9, 'w2', 'running']
    ]);
    expect(lives[0]).toBe(before[0]);
    expect(agreed(lives, running({ flights, workers }))).toBe(lives);
  });

  it('leaves who thinks', () => {
    const lives = agreed(
      follow([...two, asks(6)]),
      running({ flights, workers })
    );
    expect(lives.map(live => live.number)).toEqual([7, 9, null]);
  });

  it('without a driver nothing is under way', () => {
    expect(agreed(follow(two), stateOf({ flights, workers }))).toEqual([]);
  });

  it('of one at a time knows one, and keeps what it said', () => {
    const thinking = follow(
      [asks(1), eventOf(2, 'agent', { data: { text: 'hm' } })],
      false
    );
    const one = running({ flights: [flightOf(7, '')] });
    const lives = agreed(thinking, one);
    expect(lives.map(live => [live.number, live.thoughts])).toEqual([
      [7, ['hm']]
    ]);
  });
});

/** The workers in the panel: what each runs, how busy it was, and what is the matter with one. */
import { act, fireEvent, screen, within } from '@testing-library/react';

import { busyShare } from '../panel/workers';
import type { IState } from '../wire';
import { giveSizes, IShown, show } from './panelKit';
import {
  eventOf,
  flightOf,
  rowOf,
  rowsOf,
  runOf,
  running,
  workerOf
} from './server';

jest.mock('../chart/progress', () => ({ ProgressChart: () => null }));
jest.mock('../chart/live', () => ({ LiveCurve: () => null }));

beforeEach(giveSizes);
afterEach(() => jest.restoreAllMocks());

/** By a clock that this one has not reached: what was told then does not go on while a test looks. */
const at = Date.now() / 1000 + 3600;
const workers = [
  workerOf('w1', { at, where: 'GPU 0', run: runOf(6), runs: 3 }),
  workerOf('w2', { at, where: 'GPU 1', run: runOf(7, { kind: 'confirm' }) }),
  workerOf('w3', { where: 'n3', state: 'lost', text: 'node n3 is gone' }),
  workerOf('w4', { at, where: 'n4' })
];
const flights = [
  flightOf(6, 'w1', { hypothesis: 'Six, since it is even.' }),
  flightOf(7, 'w2', { hypothesis: 'Seven, since it is odd.' })
];

function open(state: Partial<IState> = {}): Promise<IShown> {
  return show({
    state: running({ total: 5, workers, flights, ...state }),
    rows: rowsOf(5)
  });
}

const lines = () =>
  within(screen.getByRole('region', { name: 'Workers' }))
    .getAllByRole('listitem')
    .map(item => item.textContent);

describe('the workers', () => {
  it('have a line each: sign, name, place, and what each runs', async () => {
    await open();
    expect(lines()).toEqual([
      '◐w1GPU 06 · idea 6–',
      '◐w2GPU 17 · idea 7 (confirmation)–',
      'w3n3lost–node n3 is gone',
      '…w4n4waits–'
    ]);
    expect(screen.getByText('2 of 4 workers run')).toBeTruthy();
  });

  it('show an iteration when it is pressed, here and in the main area', async () => {
    const { workbench, opened } = await open();
    expect(screen.getByText('Six, since it is even.')).toBeTruthy();
    fireEvent.click(screen.getByRole('button', { name: /^Show iteration 7/ }));
    expect(workbench.selected).toBe(7);
    expect(opened).toEqual([JSON.stringify({ number: 7 })]);
    await act(async () => undefined);
    expect(screen.getByText('Seven, since it is odd.')).toBeTruthy();
  });

  it('say how busy they were, in a bar that has a name and a value', async () => {
    const half = workerOf('w1', { at, worked_seconds: 30, up_seconds: 60 });
    const idle = workerOf('w2', { at, up_seconds: 60, runs: 1 });
    await open({ workers: [half, idle], flights: [] });
    const [first, second] = screen.getAllByRole('meter');
    expect(first.getAttribute('aria-label')).toBe('w1 busy');
    expect(first.getAttribute('aria-valuenow')).toBe('50');
    expect(first.textContent).toBe('50 %');
    expect(first.title).toBe('Busy for 50 % of its time · 0 runs');
    expect(second.title).toBe('Busy for 0 % of its time · 1 run');
    expect(screen.getByText('0 of 2 workers run · 25 % busy')).toBeTruthy();
  });

  it('are not shown where one iteration runs at a time, nor once nothing drives', async () => {
    const { stream } = await open({ workers: [], flights: [] });
    expect(screen.queryByRole('region', { name: 'Workers' })).toBeNull();
    await stream({ state: running({ workers: workers.slice(0, 1) }) });
    expect(screen.queryByRole('region', { name: 'Workers' })).toBeNull();
    await stream({ state: running({ workers: workers.slice(2, 3) }) });
    expect(lines()).toEqual(['w3n3lost–node n3 is gone']);
    await stream({ state: { ...running({ workers }), driver: null } });
    expect(screen.queryByRole('region', { name: 'Workers' })).toBeNull();
  });

  it('tell why one is slow that runs all the same', async () => {
    const slow = { state: 'slow', text: '3 times as slow as the others' };
    await open({ workers: [workers[0], { ...workers[1], ...slow }] });
    expect(lines()[1]).toBe(
      'w2GPU 17 · idea 7 (confirmation)–slow: 3 times as slow as the others'
    );
  });
});

describe('the rest of the panel', () => {
  it('marks all that are under way in the list, each with its own last number', async () => {
    const { stream } = await open();
    const told = (seq: number, iteration: number, loss: number) =>
      eventOf(seq, 'report', {
        iteration,
        data: { step: 1, seconds: 1, numbers: { loss } }
      });
    await stream({ events: [told(40, 6, 3.25), told(41, 7, 4.5)] });
    const rows = screen
      .getAllByRole('row')
      .filter(row => row.classList.contains('jp-mod-live'));
    expect(rows.map(row => row.textContent?.slice(0, 1))).toEqual(['7', '6']);
    expect(
      screen.getAllByTitle('loss so far').map(cell => cell.textContent)
    ).toEqual(['4.50', '3.25']);
  });

  it('goes on with the others when one has its verdict', async () => {
    const { stream } = await open();
    await stream({
      rows: [rowOf(6)],
      events: [
        eventOf(50, 'iteration.end', {
          iteration: 6,
          data: { verdict: 'discard' }
        })
      ]
    });
    expect(screen.getByText('Seven, since it is odd.')).toBeTruthy();
  });
});

describe('how busy one was', () => {
  const busy = workerOf('w1', {
    at: 100,
    run: runOf(6),
    worked_seconds: 10,
    up_seconds: 20
  });

  it('goes on while it runs something, or waits', () => {
    expect(busyShare(busy, 100)).toBe(0.5);
    expect(busyShare(busy, 120)).toBe(0.75);
    expect(busyShare({ ...busy, run: null }, 120)).toBe(0.25);
  });

  it('stands still once it is gone', () => {
    expect(busyShare({ ...busy, run: null, state: 'lost' }, 900)).toBe(0.5);
    expect(busyShare(workerOf('w1', { state: 'refused' }), 900)).toBeNull();
  });

  it('is never more than all, and not less by a clock that is behind', () => {
    expect(busyShare({ ...busy, up_seconds: 5 }, 100)).toBe(1);
    expect(busyShare(busy, 50)).toBe(0.5);
  });
});

import { Widget } from '@lumino/widgets';
import { act, render, screen } from '@testing-library/react';
import * as React from 'react';

import { AutoloopAPI } from '../api';
import type { ILive } from '../model';
import { written } from '../panel/agents';
import { figuresOf } from '../panel/figures';
import { StatePill } from '../panel/pill';
import { spentOf } from '../panel/running';
import { AutoloopPanel } from '../panel/widget';
import type { IPlan, IState } from '../wire';
import { WorkbenchModel } from '../workbench';
import { arenasOf, calm, trans } from './panelKit';
import {
  FREE,
  FakeServer,
  pointOf,
  running,
  settle,
  stateOf,
  workerOf
} from './server';

const plan = (more: Partial<IPlan>): IPlan => ({
  iterations: null,
  hours: null,
  until: null,
  max_cost: null,
  queued: false,
  review: false,
  workers: '1',
  share: null,
  share_every: null,
  islands: false,
  ...more
});

describe('the pill', () => {
  const text = (state: IState, connected = true) => {
    const { container, unmount } = render(
      <StatePill state={state} connected={connected} trans={trans} />
    );
    const found = container.textContent;
    unmount();
    return found;
  };

  it.each([
    [stateOf(), 'idle'],
    [running({ plan: plan({ iterations: 60 }), ran: 48 }), '● auto · 12 left'],
    [running({ plan: plan({ iterations: 1 }) }), '● step'],
    [running({ plan: plan({ queued: true }) }), '● step'],
    [
      running({ plan: plan({ hours: 2 }), left_seconds: 4200 }),
      '● auto · 1 h 10 min left'
    ],
    [running({ plan: plan({ until: 2.4 }) }), '● auto · until 2.400'],
    [running({ plan: plan({}) }), '● auto'],
    [
      running({ plan: plan({ max_cost: 5 }), spent: 1.239 }),
      '● auto · $1.24 of $5.00'
    ],
    [{ ...running(), state: 'paused' as const }, '‖ paused'],
    [{ ...running(), state: 'stopping' as const }, '■ stopping']
  ])('%#', (state, expected) => {
    expect(text(state)).toBe(expected);
  });

  it('does not claim to know while the line is down', () => {
    expect(text(running(), false)).toBe('reconnecting…');
  });
});

describe('the figures', () => {
  const told = (state: Partial<IState>) =>
    figuresOf(stateOf(state), trans).map(({ value, label }) => [value, label]);

  it('tell what the agents cost, of what they may while a driver runs', () => {
    const cost = { ...FREE, requests: 9, dollars: 7.5 };
    const bound = { cost, spent: 1.239, plan: plan({ max_cost: 5 }) };
    const last = (state: Partial<IState>) => told(state).pop();
    expect(last({ cost })).toEqual(['$7.50', 'spent']);
    expect(last(bound)).toEqual(['$7.50', 'spent']);
    expect(last({ ...bound, state: 'running' })).toEqual([
      '$1.24',
      'of $5.00 spent'
    ]);
    expect(last({ cost: { ...cost, dollars: null } })).toEqual(['–', 'spent']);
    expect(last({})).toEqual(['–', 'iterations']);
  });

  it('are those that are known', () => {
    const best = { number: 47, score: 2.51 };
    const baseline = { number: 1, score: 2.604 };
    expect(told({ best, baseline, noise: 0.0042, busy: 0.984 })).toEqual([
      ['2.510', 'best val_bpb'],
      ['−3.6 %', 'since baseline'],
      ['±0.004', 'noise (σ)'],
      ['98 %', 'trainer busy']
    ]);
  });

  it('leave to the lines of several workers how busy they are', () => {
    const workers = [workerOf('w1'), workerOf('w2')];
    const driven = running({ busy: 0.37, workers });
    expect(told(driven).map(([, label]) => label)).not.toContain(
      'trainer busy'
    );
    expect(told({ ...driven, workers: [] }).pop()).toEqual([
      '37 %',
      'trainer busy'
    ]);
    expect(told({ ...driven, driver: null }).pop()?.[0]).toBe('37 %');
  });

  it('tell a confirmed best from one that rests on a lucky run, by a sign', () => {
    const best = { number: 47, score: 2.51, state: 'confirmed' as const };
    const baseline = { number: 1, score: 2.604 };
    expect(told({ best, baseline })[0][1]).toBe('● best val_bpb');
    const provisional = { ...best, state: 'provisional' as const };
    expect(told({ best: provisional, baseline })[0][1]).toBe('○ best val_bpb');
    expect(told({ best: provisional, baseline: provisional })[0][1]).toBe(
      'best val_bpb'
    );
  });

  it('count iterations while the noise is not known', () => {
    expect(told({ total: 1 })).toEqual([
      ['–', 'best val_bpb'],
      ['1', 'iteration']
    ]);
  });

  it('say of a baseline alone that nothing changed', () => {
    const mark = { number: 1, score: 2.6 };
    expect(told({ best: mark, baseline: mark })[1][0]).toBe('0.0 %');
  });
});

describe('the budget used', () => {
  const live = (more: Partial<ILive>): ILive => ({
    number: 1,
    attempt: 1,
    title: '',
    agent: '',
    hypothesis: '',
    phase: 'running',
    since: 100,
    points: [],
    champion: [],
    thoughts: [],
    ahead: [],
    worker: '',
    ...more
  });

  it('goes by the wall from the last point on', () => {
    const state = running();
    expect(spentOf(live({}), state, 104, 4)).toBe(4);
    expect(spentOf(live({ points: [pointOf(6)] }), state, 120, 2)).toBe(8);
    expect(spentOf(live({}), state, 200, 0)).toBe(15);
  });

  it('is what the points say on the clock of the processor', () => {
    const state = running({ clock: 'cpu' });
    expect(spentOf(live({}), state, 104, 4)).toBe(0);
    expect(spentOf(live({ points: [pointOf(6)] }), state, 120, 9)).toBe(6);
  });

  it('is not billed before training, and stands still after it', () => {
    const state = running();
    expect(spentOf(live({ phase: 'starting' }), state, 104, 0)).toBeNull();
    const points = [pointOf(14)];
    expect(spentOf(live({ phase: 'scoring', points }), state, 900, 9)).toBe(14);
  });
});

it('an agent is written out as a command, as Claude with options or as an attribute', () => {
  const options = 'claude:claude-opus-5-5,effort=high,max_cost=5';
  const roles = ['search@refine', 'a.b:C@explore', 'claude:opus@combine'];
  const good = ['command:python me.py', 'a.b:C', 'command: x', options];
  good.push(...roles);
  const bad = [
    '',
    'search me',
    'command:',
    'claude: ',
    ':x',
    'a b:C',
    'a:b-c',
    '@x'
  ];
  expect(good.filter(written)).toEqual(good);
  expect(bad.filter(written)).toEqual([]);
});

it('the widget shows the panel, gives the focus to its first control, and looks for arenas until there is one', async () => {
  const server = new FakeServer();
  server.answers.set('GET arenas', { status: 200, body: arenasOf() });
  const workbench = new WorkbenchModel(
    new AutoloopAPI(server.settings()),
    null
  );
  const ignore = () => undefined;
  const panel = new AutoloopPanel({
    workbench,
    trans,
    openNotebook: ignore,
    openIteration: ignore,
    state: null
  });
  await act(async () => {
    Widget.attach(panel, document.body);
    await settle();
  });
  expect([panel.id, panel.title.caption]).toEqual([
    'autoloop-panel',
    'Autoloop'
  ]);
  expect(screen.getByText('No arena here yet')).toBeTruthy();
  panel.activate();
  await calm();
  expect(document.activeElement?.textContent).toContain(
    'A tiny language model'
  );
  // Somebody uploads a notebook, or makes an arena in a terminal, and comes back.
  act(() => panel.hide());
  const made = { status: 200, body: arenasOf('work/tiny.ipynb') };
  server.answers.set('GET arenas', made);
  act(() => panel.show());
  await calm();
  expect(workbench.current?.arena).toBe('work/tiny.ipynb');
  const listed = server.to('arenas').length;
  act(() => panel.hide());
  act(() => panel.show());
  await calm();
  expect(server.to('arenas').length).toBe(listed);
  act(() => panel.dispose());
  workbench.dispose();
});

import { Widget } from '@lumino/widgets';
import { act, fireEvent } from '@testing-library/react';

import { clock, StatusItem } from '../around/status';
import type { IState } from '../wire';
import { pseudo, Served } from './aroundKit';
import { arenasOf, calm } from './panelKit';
import { running } from './server';

let served: Served;
let item: StatusItem;
let clicks: number;

const arena = 'a/tiny.ipynb';
const plan = {
  iterations: 60,
  hours: null,
  until: null,
  max_cost: null,
  queued: false,
  review: false,
  workers: '1',
  share: null,
  share_every: null,
  islands: false
};
const auto = (more: Partial<IState> = {}) =>
  running({ arena, plan, ran: 48, ...more });
const text = () => (item.node.textContent ?? '').replace(/[⟦⟧]/g, '');

async function show(state: Partial<IState> = {}): Promise<void> {
  await served.open(state);
  item = new StatusItem({
    workbench: served.workbench,
    trans: pseudo,
    onClick: () => (clicks += 1)
  });
  act(() => Widget.attach(item, document.body));
  await calm();
}

describe('the status item', () => {
  beforeEach(() => {
    served = new Served();
    clicks = 0;
  });

  afterEach(() => {
    jest.restoreAllMocks();
    jest.useRealTimers();
    act(() => item.dispose());
    served.workbench.dispose();
  });

  it('says how the run stands, and a click shows the panel', async () => {
    await show(auto({ best: { number: 42, score: 2.51 }, left_seconds: 190 }));
    expect(text()).toMatch(/^auto 48 of 60 · best 2\.510 · 00:03:\d\d left$/);
    const button = item.node.querySelector('button');
    expect(button?.title).toBe('⟦Show the Autoloop panel⟧');
    fireEvent.click(button as HTMLButtonElement);
    expect(clicks).toBe(1);
    expect(item.node.querySelector('[role="status"], [aria-live]')).toBeNull();
  });

  it('follows the state', async () => {
    await show();
    expect(text()).toBe('idle');
    await served.say(auto({ plan: { ...plan, iterations: null }, ran: 3 }));
    expect(text()).toBe('auto 3');
    await served.say(auto({ plan: { ...plan, max_cost: 5 }, spent: 1.239 }));
    expect(text()).toBe('auto 48 of 60 · $1.24 of $5.00');
    const one = { ...plan, iterations: 1 };
    await served.say(auto({ plan: one, ran: 0, left_seconds: 0.2 }));
    expect(text()).toBe('step');
    await served.say(auto({ state: 'paused', left_seconds: 60 }));
    expect(text()).toBe('paused 48 of 60 · 00:01:00 left');
    await served.say(auto({ state: 'stopping', left_seconds: null }));
    expect(text()).toBe('stopping 48 of 60');
    act(() => served.server.line.drop());
    await calm();
    expect(text()).toBe('reconnecting… 48 of 60');
    act(() => served.workbench.choose(null));
    await calm();
    expect(text()).toBe('');
  });

  it('is empty where no arena is chosen', async () => {
    await served.open({}, [], arenasOf('a.ipynb', 'b.ipynb'));
    item = new StatusItem({
      workbench: served.workbench,
      trans: pseudo,
      onClick: () => undefined
    });
    act(() => Widget.attach(item, document.body));
    await calm();
    expect(text()).toBe('');
  });

  it('ticks once a second, only while it runs and somebody can see it', async () => {
    await show();
    const begun = jest.spyOn(window, 'setInterval');
    const ended = jest.spyOn(window, 'clearInterval');
    const ticking = () =>
      begun.mock.calls.filter(([, every]) => every === 1000).length -
      ended.mock.calls.length;
    await served.say(auto({ left_seconds: 190 }));
    expect(ticking()).toBe(1);
    act(() => item.hide());
    await calm();
    expect(ticking()).toBe(0);
    act(() => item.show());
    await calm();
    expect(ticking()).toBe(1);
    const hidden = jest.spyOn(document, 'hidden', 'get').mockReturnValue(true);
    act(() => void document.dispatchEvent(new Event('visibilitychange')));
    await calm();
    expect(ticking()).toBe(0);
    hidden.mockReturnValue(false);
    act(() => void document.dispatchEvent(new Event('visibilitychange')));
    await calm();
    expect(ticking()).toBe(1);
    await served.say(auto({ state: 'paused', left_seconds: 190 }));
    expect(ticking()).toBe(0);
  });

  it('counts down by the model’s clock from the last estimate', async () => {
    await show();
    await served.say(auto({ left_seconds: 190 }));
    const model = served.workbench.current;
    const now = model?.now() ?? 0;
    const later = jest.spyOn(Date, 'now').mockReturnValue(0);
    const ahead = now - (model?.now() ?? 0);
    later.mockReturnValue(1000 * (ahead + 75));
    act(() => served.workbench.dismiss());
    await calm();
    expect(text()).toMatch(/ · 00:01:5[45] left$/);
    later.mockReturnValue(1000 * (ahead + 500));
    act(() => served.workbench.dismiss());
    await calm();
    expect(text()).toMatch(/ · 00:00:00 left$/);
  });
});

it('writes hours, minutes and seconds', () => {
  expect([0, 59.4, 192, 36061].map(clock)).toEqual([
    '00:00:00',
    '00:00:59',
    '00:03:12',
    '10:01:01'
  ]);
});

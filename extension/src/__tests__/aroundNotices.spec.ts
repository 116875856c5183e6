import { Notification } from '@jupyterlab/apputils';
import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import { StateDB } from '@jupyterlab/statedb';
import { Signal } from '@lumino/signaling';

import { chooseAgents } from '../around/agents';
import { LOOK_MS, Notices } from '../around/notices';
import { IWishes, USUAL, Wishes } from '../around/settings';
import { PluginIDs } from '../tokens';
import type { IState } from '../wire';
import { STATE_KEY, WorkbenchModel } from '../workbench';
import { ARENA, notified, Served } from './aroundKit';
import { arenasOf, calm, trans } from './panelKit';
import { rowOf, running, stateOf } from './server';

let served: Served;
let notices: Notices | null;
let shown: [string, number | null][];

const schema = jest.requireActual<{
  properties: Record<string, { default: unknown }>;
}>('../../schema/panel.json');

/** A registry that knows the panel's settings and nothing else. */
class Settings {
  constructor(public composite: Partial<IWishes>) {}

  readonly changed = new Signal<this, void>(this);

  set(composite: Partial<IWishes>): void {
    this.composite = composite;
    this.changed.emit();
  }

  get registry(): ISettingRegistry {
    return {
      load: async (id: string) => {
        if (id !== PluginIDs.panel) {
          throw new Error(`no schema for ${id}`);
        }
        return this;
      }
    } as unknown as ISettingRegistry;
  }
}

const best = (number: number, score: number) => ({ best: { number, score } });
const stands = (more: Partial<IState>) => stateOf({ arena: ARENA, ...more });
const runs = (more: Partial<IState> = {}) => running({ arena: ARENA, ...more });

async function open(
  state: Partial<IState>,
  wishes: Partial<IWishes> = {},
  rows = [rowOf(1)]
): Promise<void> {
  served.server.rows = rows;
  await served.open(state, rows);
  const read = new Wishes(new Settings(wishes).registry);
  await read.ready;
  notices = new Notices({
    workbench: served.workbench,
    wishes: read,
    trans,
    show: (arena, number) => shown.push([arena, number])
  });
}

beforeEach(() => {
  served = new Served();
  shown = [];
  notices = null;
});

afterEach(() => {
  jest.useRealTimers();
  jest.restoreAllMocks();
  notices?.dispose();
  served.workbench.dispose();
  Notification.manager.dismiss();
});

describe('a new best', () => {
  it('is told once, with its difference, and can be shown', async () => {
    await open(runs(best(1, 2.6)));
    expect(notified()).toEqual([]);
    await served.say(runs(best(4, 2.5)));
    await served.say(runs({ ...best(4, 2.5), ran: 9 }));
    expect(notified()).toEqual([
      'tiny: new best 2.500 in iteration 4 (−0.1000)'
    ]);
    const { options } = Notification.manager.notifications[0];
    options.actions?.[0].callback(new MouseEvent('click'));
    expect([options.actions?.[0].label, shown]).toEqual(['Show', [[ARENA, 4]]]);
  });

  it('is none where it is worse, of another epoch, the first, or told before', async () => {
    await open(runs({ best: null }), {}, []);
    await served.say(runs(best(1, 2.6)));
    await served.say(runs(best(2, 2.7)));
    await served.say(runs({ ...best(3, 2.1), epoch: 2 }));
    expect(notified()).toEqual([]);
    await served.say(runs({ ...best(4, 2.0), epoch: 2 }));
    await served.say(runs({ ...best(3, 2.1), epoch: 2 })); // 4 was refuted
    await served.say(runs({ ...best(4, 2.0), epoch: 2 }));
    expect(notified()).toHaveLength(1);
  });

  it('is higher where higher is better', async () => {
    const metric = { ...stateOf().metric, direction: 'max' as const };
    await open(runs({ ...best(1, 0.5), metric }));
    await served.say(runs({ ...best(2, 0.4), metric }));
    await served.say(runs({ ...best(3, 0.6), metric }));
    expect(notified()).toEqual([
      'tiny: new best 0.6000 in iteration 3 (+0.2000)'
    ]);
  });

  it('that came while the line was down is none', async () => {
    await open(runs(best(1, 2.6)));
    jest.useFakeTimers({ doNotFake: ['requestAnimationFrame'] });
    served.server.line.drop();
    await calm();
    jest.advanceTimersByTime(60_000);
    await calm();
    expect(served.server.lines).toHaveLength(2);
    served.server.line.open();
    await calm();
    expect(served.workbench.current?.connected).toBe(true);
    await served.say(runs(best(5, 2.3)));
    expect(notified()).toEqual([]);
    await served.say(runs(best(6, 2.2)));
    expect(notified()).toHaveLength(1);
  });

  it('in another arena is none for this one', async () => {
    await open(runs(best(1, 2.6)));
    served.workbench.choose('b.ipynb');
    await calm();
    served.server.line.open();
    await served.say(runs({ ...best(9, 1.1), arena: 'b.ipynb' }));
    expect(notified()).toEqual([]);
  });
});

describe('the end of a run', () => {
  it('is told with its reason, once', async () => {
    await open(runs({ ran: 3 }));
    const ended = stands({ ran: 3, ended: '60 of 60 iterations' });
    await served.say(ended);
    await served.say({ ...ended, total: 9 });
    expect(notified()).toEqual([
      'tiny: the run has ended: 60 of 60 iterations'
    ]);
  });

  it('is none for a step that ran, but for one that did not', async () => {
    const plan = {
      iterations: 1,
      hours: null,
      until: null,
      max_cost: null,
      queued: false,
      review: true,
      workers: '1',
      share: null,
      share_every: null,
      islands: false
    };
    await open(runs({ plan }));
    await served.say(stands({ plan, ran: 1, ended: '1 of 1' }));
    expect(notified()).toEqual([]);
    await served.say(runs({ plan, ran: 0 }));
    await served.say(
      stands({ plan, ran: 0, ended: 'a proposal waits for review' })
    );
    const driver = { pid: 8, host: 'here', since: 950 };
    await served.say(runs({ plan, ran: 0, driver }));
    await served.say(stands({ plan, ran: 1, failed: true, ended: 'killed' }));
    expect(notified()).toEqual([
      'tiny: the run has ended: a proposal waits for review',
      'tiny: the run has ended: killed'
    ]);
    const kinds = Notification.manager.notifications.map(one => one.type);
    expect(kinds).toEqual(['warning', 'info']);
  });
});

describe('a stall', () => {
  const MINUTE = 60_000;
  let now: number;

  beforeEach(() => {
    now = 1_700_000_000_000;
    jest.useFakeTimers({
      doNotFake: ['requestAnimationFrame', 'setTimeout', 'clearTimeout'],
      now
    });
  });

  async function pass(minutes: number): Promise<void> {
    jest.setSystemTime((now += minutes * MINUTE));
    jest.advanceTimersByTime(LOOK_MS);
    await calm();
  }

  it('is told once for a best, and again after the next', async () => {
    const at = now / 1000;
    await open(
      runs({ ...best(1, 2.6), began: at - 600 }),
      { stallMinutes: 10, notifyBest: false },
      [rowOf(1, { time: at - 60, seconds: 0 })]
    );
    await pass(8);
    expect(notified()).toEqual([]);
    await pass(3);
    await pass(3);
    expect(notified()).toEqual([
      'tiny: no new best for 12 minutes; best 2.600'
    ]);
    served.server.line.say({
      type: 'rows',
      rows: [rowOf(2, { time: now / 1000, seconds: 0 })],
      seq: 999,
      now: now / 1000
    });
    await served.say(runs({ ...best(2, 2.5), began: at - 600 }));
    await pass(9);
    expect(notified()).toHaveLength(1);
    await pass(2);
    expect(notified()).toHaveLength(2);
  });

  it('that lasts already is no news, nor is one of a pause', async () => {
    const began = now / 1000 - 3600;
    const old = { ...best(1, 2.6), began };
    await open(runs({ ...old, state: 'paused' }), { stallMinutes: 10 });
    await pass(30);
    expect(notified()).toEqual([]);
    notices?.dispose();
    await served.say(runs(old));
    const wishes = new Wishes(null);
    const show = () => undefined;
    notices = new Notices({ workbench: served.workbench, wishes, trans, show });
    await pass(30);
    expect(notified()).toEqual([]);
  });
});

describe('the settings', () => {
  it('turn each of them off', async () => {
    const began = Date.now() / 1000 - 30;
    await open(
      runs({ ...best(1, 2.6), began }),
      { notifyBest: false, notifyStop: false, notifyStall: false },
      [rowOf(1), rowOf(2)]
    );
    await served.say(runs(best(2, 2.5)));
    jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 1e8);
    await served.say(runs({ ...best(2, 2.5), ran: 1 }));
    await served.say(stands({ ended: 'stopped' }));
    expect(notified()).toEqual([]);
  });

  it('are those of the schema where nothing is set or known', async () => {
    const usual = Object.entries(schema.properties).map(
      ([name, one]) => [name, one.default] as const
    );
    expect(Object.fromEntries(usual)).toEqual(USUAL);
    const failing = new Settings({}).registry;
    failing.load = () => Promise.reject(new Error('no schema'));
    for (const registry of [null, failing]) {
      const wishes = new Wishes(registry);
      await wishes.ready;
      expect(wishes.now).toEqual(USUAL);
    }
    await served.open();
  });
});

describe('the agents', () => {
  async function start(
    settings: Settings,
    db: StateDB | null
  ): Promise<WorkbenchModel> {
    await served.open({}, [], arenasOf(ARENA, 'b.ipynb'));
    const { workbench } = served;
    await chooseAgents(workbench, new Wishes(settings.registry), db);
    return workbench;
  }

  it('of the settings are chosen at first, and until others are by hand', async () => {
    const settings = new Settings({ agents: ['claude', 'gone'] });
    const workbench = await start(settings, new StateDB());
    expect(workbench.agents).toEqual(['claude']);
    settings.set({ agents: ['search', 'command:x'] });
    expect(workbench.agents).toEqual(['search', 'command:x']);
    workbench.agents = ['search'];
    settings.set({ agents: ['claude'] });
    expect(workbench.agents).toEqual(['search']);
  });

  it('that were chosen before stay', async () => {
    const db = new StateDB();
    await db.save(STATE_KEY, { agents: ['search'] });
    const workbench = await start(new Settings({ agents: ['claude'] }), db);
    expect(workbench.agents).toEqual(['search']);
  });
});

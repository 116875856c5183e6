import { Notification } from '@jupyterlab/apputils';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { fireEvent, screen, waitFor } from '@testing-library/react';

import { ENTRIES } from '../around/commands';
import { AroundIDs } from '../around/ids';
import { RoleIDs } from '../book/roleIDs';
import { CommandIDs } from '../tokens';
import { ARENA, Desk, notified } from './aroundKit';
import { arenasOf, asked, calm } from './panelKit';
import { rowOf, running } from './server';

let desk: Desk;

interface INamed {
  command?: string;
}

const schema = jest.requireActual<{
  'jupyter.lab.menus': { main: { items: INamed[] }[] };
  'jupyter.lab.shortcuts': INamed[];
}>('../../schema/panel.json');

const OK = { status: 200, body: { said: 'done' } };
const IDS = Object.values(AroundIDs);

/** Has a command carried out that the server agrees to, and gives what that was asked. */
async function run(id: string, args: ReadonlyPartialJSONObject = {}) {
  const before = desk.server.asked.length;
  const well: unknown = await desk.commands.execute(id, args);
  const bodies = desk.server.asked
    .slice(before)
    .filter(one => one.method !== 'GET')
    .map(one => [one.path, one.body]);
  return [well, ...bodies];
}

function agree(...paths: string[]): void {
  paths.forEach(path => desk.server.answers.set(`POST ${path}`, OK));
}

const enabled = (id: string, args = {}) => desk.commands.isEnabled(id, args);

/** Presses a button at the foot of the dialog: to this page's rules, a dialog that is no modal one is hidden. */
async function press(name: string): Promise<void> {
  const found = () =>
    [...document.querySelectorAll('.jp-Dialog-footer button')].find(
      one => one.textContent === name
    );
  await waitFor(() => expect(found()).toBeTruthy());
  await calm(); // the form is drawn a moment later
  fireEvent.click(found() as Element);
  await calm();
}

beforeEach(() => {
  desk = new Desk();
});

afterEach(() => {
  desk.workbench.dispose();
  Notification.manager.dismiss();
  document.body.innerHTML = '';
});

describe('every command', () => {
  it('has words that went through the translator, and describes its arguments', async () => {
    await desk.open({}, [rowOf(3)]);
    desk.add();
    for (const selected of [null, 3]) {
      desk.workbench.selected = selected;
      for (const id of IDS) {
        expect([id, desk.commands.label(id)]).toEqual([
          id,
          expect.stringMatching(/^⟦.+⟧$/)
        ]);
        expect(desk.commands.caption(id)).toMatch(/^⟦.+⟧$/);
        const { args } = await desk.commands.describedBy(id);
        const known = args as {
          type: string;
          properties: Record<string, { type: string; description: string }>;
        };
        expect(known.type).toBe('object');
        expect(Object.keys(known.properties)).toContain('arena');
        for (const one of Object.values(known.properties)) {
          expect(one.type).toMatch(/^(string|number|integer|boolean)$/);
          expect(one.description).toMatch(/^⟦.+⟧$/);
        }
      }
    }
    expect(new Set(ENTRIES.map(one => one.command))).toEqual(new Set(IDS));
  });

  it('that menu or shortcuts name is there', async () => {
    await desk.open();
    desk.add();
    const known = new Set([...desk.commands.listCommands()]);
    known.add(CommandIDs.openPanel);
    Object.values(RoleIDs).forEach(id => known.add(id)); // the notebook's own plugin adds these
    const items = schema['jupyter.lab.menus'].main[0].items;
    const named = [...items, ...schema['jupyter.lab.shortcuts']].flatMap(one =>
      one.command ? [one.command] : []
    );
    expect(named.filter(id => !known.has(id))).toEqual([]);
    expect(IDS.filter(id => !named.includes(id))).toEqual([]);
  });

  it('is sent with its arguments', async () => {
    await desk.open({}, [rowOf(3)]);
    desk.add();
    agree('step', 'auto', 'pause', 'resume', 'stop', 'proposals/p/accept');
    agree('proposals/p/skip', 'iterations/3/champion', 'iterations/3/fork');
    agree('iterations/3/replicate', 'iterations/3/apply');
    agree('iterations/3/confirm', 'iterations/3/export', 'report');
    const arena = ARENA;
    const agents = ['search'];
    const number = 3;
    const cases: [string, ReadonlyPartialJSONObject, string, object][] = [
      [AroundIDs.step, {}, 'step', { agents, review: false }],
      [AroundIDs.step, { review: true }, 'step', { agents, review: true }],
      [
        AroundIDs.auto,
        { iterations: 5, until: -0.5, max_cost: 2, workers: '4' },
        'auto',
        {
          agents,
          iterations: 5,
          hours: null,
          until: -0.5,
          max_cost: 2,
          workers: '4'
        }
      ],
      [
        AroundIDs.auto,
        { share: 'ssh://me@host/a.git', share_every: 5, islands: true },
        'auto',
        {
          agents,
          iterations: null,
          hours: null,
          until: null,
          max_cost: null,
          share: 'ssh://me@host/a.git',
          share_every: 5,
          islands: true
        }
      ],
      [AroundIDs.pause, {}, 'pause', {}],
      [AroundIDs.resume, {}, 'resume', {}],
      [AroundIDs.stop, {}, 'stop', { now: false }],
      [AroundIDs.stop, { now: true }, 'stop', { now: true }],
      [AroundIDs.accept, { id: 'p' }, 'proposals/p/accept', { run: true }],
      [
        AroundIDs.skip,
        { id: 'p', reason: ' no ' },
        'proposals/p/skip',
        { reason: 'no' }
      ],
      [AroundIDs.makeChampion, { number }, 'iterations/3/champion', {}],
      [AroundIDs.fork, { number }, 'iterations/3/fork', {}],
      [
        AroundIDs.replicate,
        { number },
        'iterations/3/replicate',
        { run: true }
      ],
      [AroundIDs.confirm, { number }, 'iterations/3/confirm', { run: true }],
      [AroundIDs.apply, { number }, 'iterations/3/apply', { cells: true }],
      [
        AroundIDs.exportWinner,
        { number, out: 'w.ipynb', verify: true },
        'iterations/3/export',
        { out: 'a/w.ipynb', verify: true, force: false }
      ],
      [
        AroundIDs.report,
        { hours: 8, html: true },
        'report',
        { out: 'a/tiny_report.ipynb', hours: 8, html: true, force: false }
      ]
    ];
    for (const [id, args, path, body] of cases) {
      expect([id, await run(id, { ...args })]).toEqual([
        id,
        [true, [path, { arena, ...body }]]
      ]);
    }
    expect(desk.workbench.notice).toBe('done');
  });
});

describe('a report', () => {
  const body = { said: 'done', path: 'a/tiny_report.ipynb' };

  it('is opened once it is written', async () => {
    await desk.open({}, [rowOf(3)]);
    desk.add();
    desk.server.answers.set('POST report', { status: 200, body });
    expect((await run(AroundIDs.report))[0]).toBe(true);
    expect(desk.opened).toEqual([body.path]);
  });

  it('is not, where it could not be written; and before anything ran there is none', async () => {
    await desk.open({ total: 0 });
    desk.add();
    expect(enabled(AroundIDs.report)).toBe(false);
    const message = 'x exists and is no report';
    const refused = { status: 409, body: { message } };
    desk.server.answers.set('POST report', refused);
    expect((await run(AroundIDs.report))[0]).toBe(false);
    expect([desk.opened, desk.workbench.error]).toEqual([[], message]);
  });
});

describe('what can be used', () => {
  it('follows the state, and the application is told once for each change', async () => {
    await desk.open();
    desk.add();
    const told: (string | undefined)[] = [];
    desk.commands.commandChanged.connect((_, { id }) => told.push(id));
    expect([AroundIDs.step, AroundIDs.auto].map(id => enabled(id))).toEqual([
      true,
      true
    ]);
    expect([AroundIDs.pause, AroundIDs.stop].map(id => enabled(id))).toEqual([
      false,
      false
    ]);
    await desk.say(running({ arena: ARENA }));
    expect(enabled(AroundIDs.step)).toBe(false);
    expect(enabled(AroundIDs.pause)).toBe(true);
    expect([...told].sort()).toEqual(
      [AroundIDs.auto, AroundIDs.pause, AroundIDs.step, AroundIDs.stop].sort()
    );
    told.length = 0;
    await desk.say(running({ arena: ARENA, ran: 1 }));
    expect(told).toEqual([]);
    await desk.say(running({ arena: ARENA, state: 'paused' }));
    expect(desk.commands.isVisible(AroundIDs.pause)).toBe(false);
    expect(desk.commands.isVisible(AroundIDs.resume)).toBe(true);
    await desk.say(running({ arena: ARENA, state: 'stopping' }));
    expect(enabled(AroundIDs.stop)).toBe(false);
    expect(enabled(AroundIDs.stop, { now: true })).toBe(true);
    desk.workbench.choose(null);
    await calm();
    expect(enabled(AroundIDs.stop, { now: true })).toBe(false);
    expect(enabled(AroundIDs.newArena)).toBe(true);
  });

  it('follows the iteration that is selected', async () => {
    const kept = { verdict: 'keep', state: 'confirmed', score: 2.4 } as const;
    await desk.open({ champion: { number: 2, score: 2.4 } }, [
      rowOf(1),
      rowOf(2, kept),
      rowOf(3, { ...kept, state: 'provisional' }),
      rowOf(4, { epoch: 0 }),
      rowOf(5, { verdict: 'crash', score: null, notebook: '' })
    ]);
    desk.add();
    const can = (id: string) =>
      [null, 1, 2, 3, 4, 5].filter(number => {
        desk.workbench.selected = number;
        return enabled(id);
      });
    expect(can(AroundIDs.makeChampion)).toEqual([3]);
    expect(can(AroundIDs.fork)).toEqual([1, 3, 5]);
    expect(can(AroundIDs.replicate)).toEqual([1, 2, 3]);
    expect(can(AroundIDs.confirm)).toEqual([3]);
    expect(can(AroundIDs.apply)).toEqual([1, 2, 3, 4, 5]);
    expect(can(AroundIDs.openNotebook)).toEqual([1, 2, 3, 4]);
    expect(desk.commands.label(AroundIDs.fork)).toBe('⟦Fork from iteration 5⟧');
  });
});

describe('a command', () => {
  it('shows the arena that it is told, and acts on that', async () => {
    await desk.open({}, [], arenasOf(ARENA, 'b.ipynb'));
    desk.add();
    agree('pause');
    desk.workbench.choose(ARENA);
    expect(enabled(AroundIDs.pause)).toBe(false);
    expect(enabled(AroundIDs.pause, { arena: 'b.ipynb' })).toBe(true);
    expect(await run(AroundIDs.pause, { arena: 'b.ipynb' })).toEqual([
      true,
      ['pause', { arena: 'b.ipynb' }]
    ]);
    expect(desk.workbench.current?.arena).toBe('b.ipynb');
  });

  it('speaks beside the panel only where that is hidden', async () => {
    await desk.open();
    desk.add();
    agree('pause');
    await run(AroundIDs.pause);
    expect(notified()).toEqual([]);
    desk.panel = false;
    await run(AroundIDs.pause);
    desk.server.answers.set('POST pause', {
      status: 409,
      body: { message: 'nothing runs' }
    });
    expect(await run(AroundIDs.pause)).toEqual([
      false,
      ['pause', { arena: ARENA }]
    ]);
    expect(notified()).toEqual(['done', 'nothing runs']);
  });

  it('refuses what makes no sense, in one line', async () => {
    await desk.open();
    desk.add();
    expect(await run(AroundIDs.auto, { iterations: 0.5 })).toEqual([false]);
    expect(desk.workbench.error).toMatch(/^iterations: .*1 or more/);
    expect(await run(AroundIDs.auto, { hours: 'long' })).toEqual([false]);
    expect(desk.workbench.error).toMatch(/^hours: /);
    expect(await run(AroundIDs.auto, { max_cost: 0 })).toEqual([false]);
    expect(desk.workbench.error).toMatch(/^max_cost: .*above 0/);
    expect(await run(AroundIDs.auto, { workers: 'two' })).toEqual([false]);
    expect(desk.workbench.error).toMatch(/^workers: .*A number, ray/);
    expect(await run(AroundIDs.fork)).toEqual([false]);
    expect(desk.workbench.error).toMatch(/no iteration is selected/);
    expect(await run(AroundIDs.accept)).toEqual([false]);
    expect(desk.workbench.error).toMatch(/no proposal waits/);
  });

  it('opens the notebook of an iteration, of one not listed yet too', async () => {
    await desk.open({}, [rowOf(3)]);
    desk.add();
    desk.server.answers.set('GET iterations/9', {
      status: 200,
      body: { notebook: 'runs/9.ipynb' }
    });
    await run(AroundIDs.openNotebook, { number: 3 });
    await run(AroundIDs.openNotebook, { number: 9 });
    expect(desk.opened).toEqual([
      'tiny_runs/3/iteration.ipynb',
      'runs/9.ipynb'
    ]);
    desk.server.answers.set('GET iterations/9', {
      status: 404,
      body: { message: 'no iteration 9' }
    });
    expect(await run(AroundIDs.openNotebook, { number: 9 })).toEqual([false]);
    expect(desk.workbench.error).toBe('no iteration 9');
  });
});

describe('asking', () => {
  it('takes the bounds of a run, and stays while one is wrong', async () => {
    await desk.open();
    desk.add();
    agree('auto');
    const done = run(AroundIDs.auto);
    const field = await screen.findByLabelText('⟦Iterations⟧');
    fireEvent.change(field, { target: { value: 'x' } });
    await press('⟦Start⟧');
    expect(screen.getByText(/A whole number/)).toBeTruthy();
    expect(field).toBe(document.activeElement);
    fireEvent.change(field, { target: { value: '12' } });
    fireEvent.keyDown(field, { key: 'Enter' });
    const bounds = {
      iterations: 12,
      hours: null,
      until: null,
      max_cost: null
    };
    expect(await done).toEqual([
      true,
      ['auto', { arena: ARENA, agents: ['search'], ...bounds }]
    ]);
    expect(screen.queryByLabelText('⟦Iterations⟧')).toBeNull();
  });

  it('may be left, and then nothing happens', async () => {
    await desk.open({}, [rowOf(3)]);
    desk.add();
    for (const [id, args] of [
      [AroundIDs.auto, {}],
      [AroundIDs.newArena, {}],
      [AroundIDs.skip, { id: 'p' }],
      [AroundIDs.exportWinner, { number: 3 }]
    ] as const) {
      const done = run(id, { ...args });
      await press(id === AroundIDs.skip ? 'Cancel' : '⟦Cancel⟧');
      expect(await done).toEqual([false]);
    }
    expect(asked(desk.server)).toEqual([]);
  });

  it('for an export and for a reason', async () => {
    await desk.open({}, [rowOf(3)]);
    desk.add();
    agree('iterations/3/export', 'proposals/p/skip');
    const exported = run(AroundIDs.exportWinner, { number: 3 });
    await press('⟦Export⟧');
    expect(await exported).toEqual([
      true,
      [
        'iterations/3/export',
        { arena: ARENA, out: 'a/winner-3.ipynb', verify: false, force: false }
      ]
    ]);
    const skipped = run(AroundIDs.skip, { id: 'p' });
    await press('⟦Skip⟧');
    expect(await skipped).toEqual([
      true,
      ['proposals/p/skip', { arena: ARENA, reason: '' }]
    ]);
  });

  it('for a template makes an arena in the launcher’s folder, and opens it', async () => {
    await desk.open({}, [], arenasOf());
    desk.add();
    const path = 'work/spiral/spiral.ipynb';
    desk.server.answers.set('POST arenas', () => {
      desk.server.answers.set('GET arenas', {
        status: 200,
        body: arenasOf(path)
      });
      return { status: 201, body: { said: 'made', path } };
    });
    const launched = { cwd: 'RTC:work', isLauncher: true };
    expect(desk.commands.label(AroundIDs.newArena, launched)).toBe(
      '⟦Autoloop arena⟧'
    );
    const done = run(AroundIDs.newArena, launched);
    fireEvent.click(await screen.findByLabelText(/Two spirals/));
    const folder = screen.getByLabelText('⟦In the folder⟧');
    await waitFor(() =>
      expect(folder.getAttribute('placeholder')).toBe('work/spiral')
    );
    await press('⟦Make⟧');
    expect(await done).toEqual([
      true,
      ['arenas', { template: 'spiral', folder: 'work/spiral' }]
    ]);
    expect(desk.workbench.current?.arena).toBe(path);
    expect(desk.opened).toEqual(['panel', path]);
  });

  it('for what is not there says so, whether an arena is shown or not', async () => {
    await desk.open({}, [], { ...arenasOf(), templates: [] });
    desk.add();
    expect(await run(AroundIDs.chooseArena)).toEqual([false]);
    expect(desk.workbench.error).toMatch(/no arena here yet/);
    expect(await run(AroundIDs.newArena)).toEqual([false]);
    expect(desk.workbench.error).toMatch(/has no templates/);
    expect(desk.workbench.current).toBeNull();
  });

  it('for an arena says why none can be listed', async () => {
    desk.server.answers.set('GET arenas', {
      status: 500,
      body: { message: 'the disk is gone' }
    });
    await desk.begin();
    desk.add();
    for (const id of [AroundIDs.chooseArena, AroundIDs.newArena]) {
      expect(await run(id)).toEqual([false]);
      expect(desk.workbench.error).toBe('the disk is gone');
    }
    expect(desk.workbench.current).toBeNull();
  });

  it('for an arena lists them', async () => {
    await desk.open({}, [], arenasOf(ARENA, 'b.ipynb'));
    desk.add();
    const done = run(AroundIDs.chooseArena);
    const box = await screen.findByRole('combobox', { hidden: true });
    fireEvent.change(box, { target: { value: 'b.ipynb' } });
    await press('⟦Choose⟧');
    expect(await done).toEqual([true]);
    expect(desk.workbench.current?.arena).toBe('b.ipynb');
    expect(desk.opened).toEqual(['panel']);
  });
});

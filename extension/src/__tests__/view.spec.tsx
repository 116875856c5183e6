/** The iteration view on a served arena: the real models, the real wire format, the real editors. */
import { StateDB } from '@jupyterlab/statedb';
import { nullTranslator } from '@jupyterlab/translation';
import { EditorView } from '@codemirror/view';
import type { ILayoutRestorer, JupyterFrontEnd } from '@jupyterlab/application';
import type { WidgetTracker } from '@jupyterlab/apputils';
import { CommandRegistry } from '@lumino/commands';
import { Widget } from '@lumino/widgets';
import { act } from '@testing-library/react';

import { AutoloopAPI } from '../api';
import type { IDetail, IProposal, IState } from '../wire';
import { view } from '../view/plugin';
import { createIteration, restoreArgs, shows } from '../view/widget';
import type { IterationArea } from '../view/widget';
import { CommandIDs } from '../tokens';
import { WorkbenchModel } from '../workbench';
import { stubCanvas } from './chartKit';
import { arenasOf, asked, calm } from './panelKit';
import {
  FREE,
  FakeServer,
  eventOf,
  flightOf,
  pointOf,
  rowOf,
  running,
  stateOf,
  workerOf
} from './server';

const ARENA = 'a/tiny.ipynb';
const EVIL = '<img src=x onerror=alert(1)>';
const trans = nullTranslator.load('autoloop');
const made: { dispose(): void }[] = [];

stubCanvas();
Range.prototype.getClientRects = () => [] as unknown as DOMRectList;
Range.prototype.getBoundingClientRect = () => new DOMRect();
Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });

afterEach(() => {
  act(() => made.splice(0).forEach(one => one.dispose()));
  document.body.replaceChildren();
});

const proposalOf = (more: Partial<IProposal> = {}): IProposal => ({
  id: 'p1',
  number: 49,
  title: `gate ${EVIL}`,
  hypothesis: `because ${EVIL}`,
  agent: 'claude',
  base: 42,
  status: 'waiting',
  reason: '',
  iteration: null,
  epoch: 1,
  time: 1000,
  arena: ARENA,
  changes: [
    {
      unit: 'model',
      before: 'a = 1\nx\ny\nz\nb = 1',
      after: 'a = 2\nx\ny\nz\nb = 2'
    },
    { unit: 'train', before: 'LR = 1', after: 'LR = 2' }
  ],
  ...more
});

const detailOf = (more: Partial<IDetail> = {}): IDetail => ({
  number: 49,
  base: 42,
  verdict: 'discard',
  state: null,
  score: 2.55,
  title: 'gate',
  agent: 'claude',
  hypothesis: 'because',
  attempts: [],
  seconds: { propose: 1, start: 1, run: 15, score: 1, total: 18 },
  notebook: 'a/tiny_runs/0049/iteration.ipynb',
  commit: null,
  reason: 'not better',
  epoch: 1,
  facts: { parameters: 104 },
  extra: {},
  diff: '',
  curve: [pointOf(1), pointOf(2)],
  changes: [{ unit: 'train', before: 'LR = 1', after: 'LR = 2' }],
  arena: ARENA,
  metric: {
    name: 'val_bpb',
    direction: 'min',
    unit: '',
    target: null,
    grade: 'sealed'
  },
  time: 1000,
  proposal: 'p1',
  budget_s: 15,
  clock: 'wall',
  base_score: 2.5,
  base_curve: [pointOf(1)],
  base_facts: { parameters: 100 },
  log: `step 1 ${EVIL}`,
  champion: false,
  cost: FREE,
  fresh: {
    state: null,
    screened: null,
    pairs: 0,
    gain: null,
    total: null,
    held_out: null
  },
  ...more
});

const waitingState = (more: Partial<IState> = {}): IState => {
  const { id, title, hypothesis, agent, base, time } = proposalOf();
  const waiting = [{ id, title, hypothesis, agent, base, time }];
  return stateOf({ arena: ARENA, total: 1, waiting, ...more });
};

interface IShown {
  server: FakeServer;
  workbench: WorkbenchModel;
  area: IterationArea;
  node: HTMLElement;
  opened: string[];
  answer: (path: string, body: unknown, status?: number) => void;
  stream: (what: {
    state?: IState;
    rows?: ReturnType<typeof rowOf>[];
  }) => Promise<void>;
}

async function show(
  what: { number?: number; proposal?: string },
  options: {
    state?: IState;
    detail?: IDetail;
    proposal?: IProposal;
    elsewhere?: boolean;
    db?: StateDB;
  } = {}
): Promise<IShown> {
  const server = new FakeServer();
  server.state = options.state ?? stateOf({ arena: ARENA });
  const answer: IShown['answer'] = (path, body, status = 200) =>
    void server.answers.set(path, { status, body });
  answer('GET arenas', arenasOf(ARENA, 'b/other.ipynb'));
  const { detail, proposal } = options;
  if (detail) {
    answer(`GET iterations/${detail.number}`, detail);
    server.rows = [
      rowOf(detail.number, { verdict: detail.verdict, state: detail.state })
    ];
  }
  if (proposal) {
    answer(`GET proposals/${proposal.id}`, proposal);
  }
  const workbench = new WorkbenchModel(
    new AutoloopAPI(server.settings()),
    null
  );
  await calm();
  workbench.choose(options.elsewhere ? 'b/other.ipynb' : ARENA);
  const opened: string[] = [];
  const area = createIteration({
    workbench,
    trans,
    arena: ARENA,
    state: options.db,
    openNotebook: path => void opened.push(path),
    ...what
  });
  made.push(area, workbench);
  await act(async () => Widget.attach(area, document.body));
  await calm();
  let seq = 10;
  const stream: IShown['stream'] = async ({ state, rows }) => {
    act(() => {
      const head = { seq: (seq += 10), now: Date.now() / 1000 };
      if (rows) {
        server.line.say({ ...head, type: 'rows', rows });
      }
      if (state) {
        server.line.say({ ...head, type: 'state', state });
      }
    });
    await calm();
  };
  server.line.open();
  await stream({ state: server.state });
  await editors();
  return {
    server,
    workbench,
    area,
    node: area.content.node,
    opened,
    answer,
    stream
  };
}

/** Editors and grammars are loaded as the page needs them: until then there is plain text. */
async function editors(): Promise<void> {
  while (document.querySelector('.jp-Autoloop-Diff-plain')) {
    await calm();
  }
}

const buttons = (node: Element) => [...node.querySelectorAll('button')];
const button = (name: string, node: Element = document.body) =>
  buttons(node).find(each => each.textContent === name)!;
const press = async (name: string, node?: Element) => {
  await act(async () => button(name, node).click());
  await calm();
};
const key = async (node: Element, ...keys: string[]) => {
  for (const one of keys) {
    act(() => {
      const event = { key: one, bubbles: true, cancelable: true };
      node.dispatchEvent(new KeyboardEvent('keydown', event));
    });
  }
  await calm();
};
const type = (input: HTMLInputElement, text: string) =>
  act(() => {
    const { prototype } = HTMLInputElement;
    Object.getOwnPropertyDescriptor(prototype, 'value')!.set!.call(input, text);
    input.dispatchEvent(new Event('input', { bubbles: true }));
  });
const editorOf = (node: Element, place: number) =>
  EditorView.findFromDOM(
    node.querySelectorAll<HTMLElement>('.cm-editor')[place]
  )!;
const reads = (server: FakeServer, path: string) => server.to(path).length;

describe('a proposal that waits', () => {
  const options = () => ({ state: waitingState(), proposal: proposalOf() });

  it('is shown with title, hypothesis, actions and hunks, and nothing in it is HTML', async () => {
    const { node, area } = await show({ proposal: 'p1' }, options());
    expect(area.title.label).toBe(`49 · gate ${EVIL}`);
    expect(node.querySelector('img')).toBeNull();
    expect(node.textContent).toContain(`because ${EVIL}`);
    expect(node.textContent).toContain('by claude · on 42');
    expect(node.textContent).toContain('J/K next hunk · A accept hunk');
    expect(node.textContent).toContain('3 hunks to decide');
    expect(restoreArgs(area)).toEqual({ arena: ARENA, proposal: 'p1' });
    expect(shows(area, ARENA, { proposal: 'p1' })).toBe(true);
    expect(shows(area, ARENA, { number: 49 })).toBe(false);
  });

  it('is accepted as it is, and becomes its iteration when it has run', async () => {
    const shown = await show({ proposal: 'p1' }, options());
    const { server, node, area, answer, stream } = shown;
    answer('POST proposals/p1/accept', { said: 'accepted: gate', id: 'p1' });
    answer('GET proposals/p1', proposalOf({ status: 'accepted' }));
    await press('Accept and run', node);
    expect(asked(server)).toEqual([['proposals/p1/accept', { run: true }]]);
    expect(node.querySelector('[role=status]')!.textContent).toBe(
      'accepted: gate'
    );
    expect(node.textContent).toContain('accepted, runs next');
    expect(button('Accept and run', node)).toBeUndefined();
    const ran = proposalOf({ status: 'ran', iteration: 49 });
    answer('GET proposals/p1', ran);
    answer(
      'GET iterations/49',
      detailOf({ verdict: null, score: null, changes: [], log: '' })
    );
    const flying = {
      number: 49,
      attempt: 1,
      title: 'gate',
      agent: 'claude',
      hypothesis: '',
      base: 42
    };
    await stream({ state: running({ arena: ARENA, flying, total: 2 }) });
    expect(restoreArgs(area)).toEqual({ arena: ARENA, number: 49 });
    expect(node.textContent).toContain('◐ running');
    expect(node.textContent).toContain('cell train'); // known before the run ends
    answer('GET iterations/49', detailOf());
    await stream({ rows: [rowOf(49)] });
    expect(node.textContent).toContain('· discard');
    expect(button('Fork', node)).toBeDefined();
  });

  it('says why a decision failed, in one line, and can be decided again', async () => {
    const { node, answer } = await show({ proposal: 'p1' }, options());
    answer('POST proposals/p1/accept', { message: `busy ${EVIL}` }, 409);
    await press('Accept and run', node);
    expect(node.querySelector('[role=alert]')!.textContent).toBe(
      `busy ${EVIL}`
    );
    expect(
      button('Accept and run', node).getAttribute('aria-disabled')
    ).toBeNull();
  });

  it('runs what is left when hunks were rejected by keys', async () => {
    const { server, node, area, answer } = await show(
      { proposal: 'p1' },
      options()
    );
    await key(node, 'j', 'a', 'x');
    expect(node.textContent).toContain('1 hunk to decide');
    expect(area.title.className).toBe('jp-mod-dirty');
    const mine = proposalOf({ id: 'p2', status: 'accepted', title: 'by hand' });
    answer('POST proposals/p1/take-over', { said: 'yours runs', id: 'p2' });
    answer('GET proposals/p2', mine);
    await press('Run my version', node);
    expect(asked(server)).toEqual([
      [
        'proposals/p1/take-over',
        { units: { model: 'a = 2\nx\ny\nz\nb = 1' }, run: true }
      ]
    ]);
    expect(area.title.label).toBe('49 · by hand');
    expect(area.title.className).toBe('');
    expect(node.querySelector('[role=alert] span')).toBeNull();
  });

  it('takes a rejection back, and says when nothing is left to run', async () => {
    const { node } = await show({ proposal: 'p1' }, options());
    await key(node, 'j', 'x', 'x', 'x');
    const run = button('Run my version', node);
    expect(run.getAttribute('aria-disabled')).toBe('true');
    expect(run.title).toContain('skip it instead');
    act(() => {
      const event = { key: 'z', ctrlKey: true, bubbles: true };
      node.dispatchEvent(new KeyboardEvent('keydown', event));
    });
    await calm();
    expect(run.getAttribute('aria-disabled')).toBeNull();
  });

  it('is taken over by hand in place, and no answer of the server’s loses what was typed', async () => {
    const shown = await show({ proposal: 'p1' }, options());
    const { server, node, answer, stream, area } = shown;
    await press('Take over…', node);
    expect(button('Run my version', node)).toBeDefined();
    const editor = editorOf(node, 1);
    expect(editor.contentDOM.getAttribute('contenteditable')).toBe('true');
    act(() =>
      editor.dispatch({
        changes: { from: editor.state.doc.line(1).to, insert: '\nSTEPS = 3' },
        userEvent: 'input.type'
      })
    );
    await key(editor.contentDOM, 'x', 'j');
    expect(area.content.model.edited).toEqual({ train: 'LR = 2\nSTEPS = 3' });
    const before = reads(server, 'proposals/p1');
    await stream({ state: waitingState({ total: 2 }) });
    expect(reads(server, 'proposals/p1')).toBeGreaterThan(before);
    expect(editorOf(node, 1)).toBe(editor);
    // Somebody else decides: the version stays, and says so.
    answer('GET proposals/p1', proposalOf({ status: 'skipped', reason: 'no' }));
    await stream({ state: stateOf({ arena: ARENA, total: 2 }) });
    expect(editorOf(node, 1)).toBe(editor);
    expect(editor.state.doc.toString()).toContain('STEPS = 3');
    const alerts = [...node.querySelectorAll('[role=alert]')];
    expect(alerts.map(each => each.textContent).join()).toContain(
      'decided elsewhere (skipped)'
    );
    expect(button('Run my version', node)).toBeUndefined();
    await press('Discard my version', node);
    expect(node.textContent).not.toContain('decided elsewhere');
    expect(node.textContent).toContain('skipped');
    expect(area.content.model.dirty).toBe(false);
  });

  it('asks before it is closed with a version that has not run', async () => {
    const { node, area } = await show({ proposal: 'p1' }, options());
    await key(node, 'j', 'x');
    await act(async () => area.close());
    await calm();
    expect(area.isDisposed).toBe(false);
    expect(document.querySelector('.jp-Dialog')!.textContent).toContain(
      'will be lost'
    );
    await act(async () =>
      document.querySelector<HTMLElement>('.jp-Dialog .jp-mod-reject')!.click()
    );
    await calm();
    expect(area.isDisposed).toBe(false);
  });

  it('goes on from a version that a page before left, until that has run or is let go', async () => {
    const db = new StateDB();
    const first = await show({ proposal: 'p1' }, { ...options(), db });
    await key(first.node, 'j', 'x');
    const mine = { model: 'a = 1\nx\ny\nz\nb = 2' };
    expect(first.area.content.model.edited).toEqual(mine);
    expect((await db.list('autoloop-draft')).values).toEqual([mine]);
    act(() => made.splice(0).forEach(one => one.dispose())); // as a reload does

    const second = await show({ proposal: 'p1' }, { ...options(), db });
    expect(second.area.content.model.edited).toEqual(mine);
    expect(second.node.textContent).toContain('2 hunks to decide');
    expect(editorOf(second.node, 0).state.doc.toString()).toContain('a = 1');
    const { answer, node } = second;
    answer('POST proposals/p1/take-over', { said: 'yours runs', id: 'p2' });
    answer('GET proposals/p2', proposalOf({ id: 'p2', status: 'accepted' }));
    await press('Run my version', node);
    expect((await db.list('autoloop-draft')).values).toEqual([]);
  }, 60_000);

  it('shows a version that a page before left also where somebody else had the proposal run', async () => {
    const db = new StateDB();
    await db.save(`autoloop-draft:${ARENA}#p1`, {
      train: 'LR = 3',
      model: 7, // no source
      gone: 'x' // no longer a unit of it
    });
    const detail = detailOf();
    const proposal = proposalOf({ status: 'ran', iteration: 49 });
    const { node, area } = await show(
      { proposal: 'p1' },
      { detail, proposal, db }
    );
    expect(area.content.model.edited).toEqual({ train: 'LR = 3' });
    expect(node.textContent).toContain('decided elsewhere (ran)');
    expect(node.textContent).toContain('Your version, which has not run');
    expect(restoreArgs(area)).toEqual({ arena: ARENA, proposal: 'p1' });
    await press('Discard my version', node);
    expect((await db.list('autoloop-draft')).values).toEqual([]);
    expect(restoreArgs(area)).toEqual({ arena: ARENA, number: 49 });
  });

  it('is skipped with a reason', async () => {
    const { server, node, answer } = await show({ proposal: 'p1' }, options());
    answer('POST proposals/p1/skip', { said: 'skipped', id: 'p1' });
    await press('Skip with reason…', node);
    const input = document.querySelector<HTMLInputElement>(
      '.jp-Autoloop-popover input'
    )!;
    type(input, ' tried before ');
    await press('Skip', document.querySelector('.jp-Autoloop-popover')!);
    expect(asked(server)).toEqual([
      ['proposals/p1/skip', { reason: 'tried before' }]
    ]);
  });

  it('says that it was accepted elsewhere', async () => {
    const { node, answer, stream } = await show({ proposal: 'p1' }, options());
    answer('GET proposals/p1', proposalOf({ status: 'accepted' }));
    await stream({ state: stateOf({ arena: ARENA, total: 1 }) });
    expect(node.textContent).toContain('accepted, runs next');
    expect(button('Accept and run', node)).toBeUndefined();
  });
});

describe('an iteration', () => {
  it('that is cut short says so', async () => {
    const attempt = { attempt: 1, seed: 1, kind: 'screen', score: null };
    const flies = detailOf({ verdict: null, score: null });
    const flying = {
      number: 49,
      attempt: 1,
      title: 'gate',
      agent: 'claude',
      hypothesis: '',
      base: 42
    };
    const { node, answer, stream } = await show(
      { number: 49 },
      { detail: flies, state: running({ arena: ARENA, flying }) }
    );
    expect(node.textContent).toContain('running');
    answer('GET iterations/49', {
      ...flies,
      attempts: [{ ...attempt, verdict: 'interrupted', reason: 'stopped' }]
    });
    await stream({ state: stateOf({ arena: ARENA }) });
    expect(node.textContent).toContain('interrupted');
  });

  it('that runs beside an older one shows its own curve as it goes on', async () => {
    const { node, server } = await show(
      { number: 49 },
      {
        detail: detailOf({ verdict: null, score: null }),
        state: running({
          arena: ARENA,
          flights: [flightOf(48, 'w1'), flightOf(49, 'w2')],
          workers: [workerOf('w1'), workerOf('w2')]
        })
      }
    );
    const data = { step: 90, seconds: 9, numbers: { loss: 2.25 } };
    const events = [eventOf(1000, 'report', { iteration: 49, data })];
    act(() =>
      server.line.say({ seq: 1000, now: 1000, type: 'events', events })
    );
    await calm();
    const curve = node.querySelector('.jp-Autoloop-live-plot')!;
    expect(curve.getAttribute('aria-label')).toContain('loss is 2.250 at 9 s');
  });

  it('shows facts against its base, curve, log and attempts with their mean', async () => {
    const attempt = (attempt: number, score: number) => ({
      attempt,
      seed: attempt,
      kind: 'screen',
      verdict: 'scored' as const,
      score,
      reason: ''
    });
    const detail = detailOf({ attempts: [attempt(1, 2.5), attempt(2, 2.6)] });
    const { node, server } = await show({ number: 49 }, { detail });
    expect(node.textContent).toContain('parameters 104 (+4)');
    expect(node.textContent).toContain('mean 2.550 ± 0.635');
    expect(node.textContent).toContain(`step 1 ${EVIL}`);
    expect(node.querySelector('img')).toBeNull();
    expect(
      node.querySelector('[role=img]')!.getAttribute('aria-label')
    ).toContain('loss');
    expect(reads(server, 'iterations/49')).toBe(1); // what is known is not read again
  });

  it('can be opened, forked, replicated and exported; a keep is made champion', async () => {
    const shown = await show({ number: 49 }, { detail: detailOf() });
    const { server, node, opened, answer } = shown;
    for (const verb of ['fork', 'replicate', 'export']) {
      answer(`POST iterations/49/${verb}`, { said: `${verb} done` });
    }
    await press('Open notebook', node);
    expect(opened).toEqual(['a/tiny_runs/0049/iteration.ipynb']);
    await press('Fork', node);
    await press('Replicate', node);
    await press('Export…', node);
    await press('Export', document.querySelector('.jp-Autoloop-popover')!);
    expect(asked(server)).toEqual([
      ['iterations/49/fork', {}],
      ['iterations/49/replicate', { run: true }],
      [
        'iterations/49/export',
        { out: 'a/winner-49.ipynb', verify: false, force: false }
      ]
    ]);
    expect(node.querySelector('[role=status]')!.textContent).toBe(
      'export done'
    );
  });

  it('of a keep is made champion, once', async () => {
    const detail = detailOf({ verdict: 'keep', state: 'confirmed' });
    const shown = await show({ number: 49 }, { detail });
    const { server, node, answer, stream } = shown;
    answer('POST iterations/49/champion', { said: 'champion now' });
    await press('Make champion', node);
    expect(asked(server)).toEqual([['iterations/49/champion', {}]]);
    const champion = { number: 49, score: 2.55 };
    await stream({ state: stateOf({ arena: ARENA, champion }) });
    expect(button('Make champion', node).title).toContain('already');
    expect(node.textContent).toContain('the champion');
  });

  it('acts on its own arena while the panel shows another', async () => {
    const { server, node, answer } = await show(
      { number: 49 },
      { detail: detailOf(), elsewhere: true }
    );
    answer('POST iterations/49/fork', { said: 'forked' });
    await press('Fork', node);
    const [{ body }] = server.to('iterations/49/fork');
    expect(body).toEqual({ arena: ARENA });
  });

  it('follows its arena when the panel leaves it, and lets go when it is closed', async () => {
    const shown = await show({ number: 49 }, { detail: detailOf() });
    const { workbench, area } = shown;
    const { model } = area.content;
    expect(model.arenaModel).toBe(workbench.current);
    await act(async () => workbench.choose('b/other.ipynb'));
    const own = model.arenaModel;
    expect([own.arena, own.isDisposed]).toEqual([ARENA, false]);
    await act(async () => workbench.choose(ARENA));
    expect(own.isDisposed).toBe(true);
    expect(model.arenaModel).toBe(workbench.current);
    act(() => area.dispose());
    expect(workbench.current!.isDisposed).toBe(false);
  });

  it('is compared with any other', async () => {
    const shown = await show({ number: 49 }, { detail: detailOf() });
    const { node, server, answer } = shown;
    const side = (number: number, score: number) => {
      const { title, agent, base, verdict, curve, facts } = detailOf();
      return { number, score, title, agent, base, verdict, curve, facts };
    };
    answer('GET compare', {
      arena: ARENA,
      metric: detailOf().metric,
      a: side(5, 2.5),
      b: side(49, 2.6),
      comparable: true,
      difference: 0.1,
      changes: [{ unit: 'm', before: `m9 ${EVIL}`, after: 'm3' }]
    });
    const compare = async (number: string) => {
      await press('Compare with…', node);
      const input = document.querySelector<HTMLInputElement>(
        '.jp-Autoloop-popover input'
      )!;
      type(input, number);
      await press('Compare', document.querySelector('.jp-Autoloop-popover')!);
      await editors();
    };
    await compare('5');
    expect(server.to('compare')[0].query).toMatchObject({
      arena: ARENA,
      a: '5',
      b: '49'
    });
    const section = node.querySelector('section[aria-label=Comparison]')!;
    expect(section.textContent).toContain('5 and 49, side by side');
    expect(section.textContent).toContain('+0.100');
    expect(section.querySelector('.cm-deletedLine')!.textContent).toBe(
      `m9 ${EVIL}`
    );
    await press('Close the comparison', node);
    answer('GET compare', { message: 'there is no iteration 99' }, 404);
    await compare('99');
    expect(node.querySelector('.jp-Autoloop-problem')!.textContent).toContain(
      'there is no iteration 99'
    );
  });

  it('says why it cannot be shown', async () => {
    const { node } = await show({ number: 7 }, {});
    expect(node.querySelector('.jp-Autoloop-problem')!.textContent).toContain(
      'server extension'
    );
  });
});

describe('the layout', () => {
  it('is kept when a view shows something else, and not for every state of a run', async () => {
    const { workbench, server, answer, stream } = await show(
      { number: 49 },
      { detail: detailOf(), state: waitingState() }
    );
    answer('GET proposals/p1', proposalOf());
    const connector = new StateDB();
    const save = jest.spyOn(connector, 'save');
    const commands = new CommandRegistry();
    const app = {
      commands,
      shell: {
        add: (area: Widget) => {
          made.push(area);
          Widget.attach(area, document.body);
        },
        activateById: () => undefined
      },
      serviceManager: { serverSettings: workbench.api.settings }
    } as unknown as JupyterFrontEnd;
    const restorer = {
      restore: (tracker: WidgetTracker, options: object) =>
        tracker.restore({ ...options, connector, registry: commands } as never)
    } as unknown as ILayoutRestorer;
    await view.activate(app, workbench, null, null, restorer, null, null);
    await calm();
    await act(() =>
      commands.execute(CommandIDs.openIteration, { proposal: 'p1' })
    );
    await calm();
    const kept = () => save.mock.calls.map(([, value]) => value);
    const waits = { data: { arena: ARENA, proposal: 'p1' } };
    expect(kept()).toEqual([waits]);
    for (const ran of [1, 2, 3]) {
      await stream({ state: waitingState({ ran }) });
    }
    expect(kept()).toEqual([waits]);
    server.rows = [];
    answer('GET proposals/p1', proposalOf({ status: 'ran', iteration: 49 }));
    await stream({ state: stateOf({ arena: ARENA, total: 2 }) });
    expect(kept()).toEqual([waits, { data: { arena: ARENA, number: 49 } }]);
  });
});

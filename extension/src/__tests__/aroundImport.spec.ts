import { Notification } from '@jupyterlab/apputils';
import { fireEvent, screen, waitFor, within } from '@testing-library/react';

import { AroundIDs } from '../around/ids';
import type { IImport } from '../wire';
import { ARENA, Desk, notified } from './aroundKit';
import { arenasOf, calm } from './panelKit';

const PROPOSED: IImport = {
  whole: false,
  out: 'work/fit_arena.ipynb',
  score: 'val_mse',
  scores: ['val_mse', 'accuracy'],
  direction: 'min',
  answer: 'predict',
  answers: ['predict', 'none'],
  choices: [
    { name: '2', title: 'LR = 0.05', editable: true },
    { name: '3', title: 'def features(x):', editable: false }
  ],
  seals: ['val.npz'],
  budget_s: 60,
  grade: 'sealed',
  why: '',
  notes: ['in both kernels: loss = Loss()']
};
const WHY = 'you said that nothing is to answer';

let desk: Desk;

beforeEach(async () => {
  desk = new Desk();
  await desk.open({}, [], arenasOf());
  desk.add();
});

afterEach(() => {
  desk.workbench.dispose();
  Notification.manager.dismiss();
  document.body.innerHTML = '';
});

/** What the server proposes from now on. */
function propose(told: Partial<IImport> = {}): void {
  const body = { ...PROPOSED, ...told };
  desk.server.answers.set('GET import', { status: 200, body });
}

/** A query without the number that JupyterLab appends. */
function plain(query: Record<string, string>) {
  return Object.fromEntries(
    Object.entries(query).filter(([name]) => !/^\d+$/.test(name))
  );
}

/** What was asked of the route `import`, by its verb. */
function asked(method: string) {
  return desk.server.asked
    .filter(one => one.method === method && one.path === 'import')
    .map(one => (method === 'GET' ? plain(one.query) : one.body));
}

async function press(name: string): Promise<void> {
  const found = () =>
    [...document.querySelectorAll('.jp-Dialog-footer button')].find(
      one => one.textContent === name
    );
  await waitFor(() => expect(found()).toBeTruthy());
  await calm();
  fireEvent.click(found() as Element);
  await calm();
}

const open = (args = { path: 'work/fit.py' }) =>
  desk.commands.execute(AroundIDs.importArena, args) as Promise<boolean>;

const choose = async (label: string, value: string) => {
  fireEvent.change(await screen.findByLabelText(label), { target: { value } });
  await calm();
};

function accept(path: string): void {
  desk.server.answers.set('POST import', () => {
    desk.server.answers.set('GET arenas', {
      status: 200,
      body: arenasOf(path)
    });
    return { status: 201, body: { said: 'made', path } };
  });
}

it('shows what is proposed, and makes the arena as it was changed', async () => {
  propose();
  accept('work/mine.ipynb');
  const done = open();
  expect(
    await screen.findByText(
      '⟦Sealed: the referee asks predict and finds val_mse by itself.⟧'
    )
  ).toBeTruthy();
  expect(screen.getByText('in both kernels: loss = Loss()')).toBeTruthy();
  fireEvent.click(screen.getByLabelText(/def features/));
  fireEvent.click(screen.getByLabelText('val.npz'));
  fireEvent.change(screen.getByLabelText('⟦Seconds a run may take⟧'), {
    target: { value: '5' }
  });
  fireEvent.change(screen.getByLabelText('⟦Write the arena to⟧'), {
    target: { value: 'work/mine.ipynb' }
  });
  await press('⟦Import⟧');
  expect(await done).toBe(true);
  expect(asked('POST')).toEqual([
    {
      path: 'work/fit.py',
      out: 'work/mine.ipynb',
      score: 'val_mse',
      direction: 'min',
      answer: 'predict',
      editable: ['2', '3'],
      seal: ['none'],
      budget_s: 5
    }
  ]);
  expect(desk.workbench.current?.arena).toBe('work/mine.ipynb');
  expect(desk.opened).toEqual(['panel', 'work/mine.ipynb']);
});

it('asks again when another score, direction or answer is chosen', async () => {
  propose();
  const done = open();
  propose({ score: 'accuracy', direction: 'max', answer: 'model' });
  await choose('⟦The score⟧', 'accuracy');
  expect(screen.getByText(/asks model and finds accuracy/)).toBeTruthy();
  propose({ answer: 'none', grade: 'self-reported', why: WHY, seals: [] });
  await choose('⟦The referee asks⟧', 'none');
  expect(screen.getByText(`⟦Self-reported: ${WHY}⟧`)).toBeTruthy();
  expect(screen.queryByLabelText('val.npz')).toBeNull();
  expect(asked('GET')).toEqual([
    { path: 'work/fit.py' },
    { path: 'work/fit.py', score: 'accuracy' },
    {
      path: 'work/fit.py',
      score: 'accuracy',
      direction: 'max',
      answer: 'none'
    }
  ]);
  await press('⟦Cancel⟧');
  expect(await done).toBe(false);
  expect(asked('POST')).toEqual([]);
});

it('says what the server refuses, and sends nothing that is wrong', async () => {
  propose();
  const done = open();
  await screen.findByLabelText('⟦Better is⟧');
  desk.server.answers.set('GET import', {
    status: 409,
    body: { message: 'the score never asks it' }
  });
  await choose('⟦The referee asks⟧', 'none');
  expect(screen.getByText('the score never asks it')).toBeTruthy();
  expect(screen.getByDisplayValue('predict')).toBeTruthy();
  fireEvent.click(screen.getByLabelText(/LR = 0.05/));
  expect(screen.getByText('⟦Leave agents something to change⟧')).toBeTruthy();
  await press('⟦Import⟧');
  expect(asked('POST')).toEqual([]);
  await press('⟦Cancel⟧');
  expect(await done).toBe(false);
});

it('offers the document in front, and a whole script answers nobody', async () => {
  desk.front = 'train.py';
  propose({ whole: true, answer: 'none', grade: 'self-reported', why: 'x' });
  accept('train_arena.ipynb');
  const done = desk.commands.execute(AroundIDs.importArena);
  const field = await screen.findByDisplayValue('train.py');
  fireEvent.change(field, { target: { value: ' folder ' } });
  await press('⟦Look at it⟧');
  expect(await screen.findByLabelText('⟦The score⟧')).toBeTruthy();
  expect(screen.queryByLabelText('⟦The referee asks⟧')).toBeNull();
  const choices = screen.getByRole('group', {
    name: '⟦Agents may change⟧',
    hidden: true
  });
  expect(within(choices).getByLabelText('LR = 0.05')).toBeTruthy();
  await press('⟦Import⟧');
  expect(await done).toBe(true);
  expect(asked('POST')).toMatchObject([{ path: 'folder', answer: '' }]);
});

it('says in one line what cannot be imported', async () => {
  desk.panel = false;
  const message = 'a.txt is neither a folder, nor a notebook, nor a script';
  desk.server.answers.set('GET import', { status: 409, body: { message } });
  expect(await open({ path: 'a.txt' })).toBe(false);
  expect(notified()).toEqual([message]);
  expect(desk.workbench.arenas?.arenas.map(one => one.path)).not.toContain(
    ARENA
  );
});

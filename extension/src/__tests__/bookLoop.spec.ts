/** The loop in an arena's notebook: its buttons, its locks and its bar, and that other notebooks have none of it. */
import { NotebookPanel } from '@jupyterlab/notebook';
import { act, fireEvent, render, within } from '@testing-library/react';
import { createElement } from 'react';

import { AroundIDs } from '../around/ids';
import { Controls } from '../panel/controls';
import { Desk } from './aroundKit';
import {
  ARENA,
  Books,
  CELLS,
  chain,
  close,
  METRIC,
  prepare,
  UNITS
} from './bookLoopKit';
import { asked, calm, trans } from './panelKit';
import { running } from './server';

beforeEach(() => prepare());
afterEach(() => close());

const OTHER = 'b/other.ipynb';

async function served(champion: number | null = 1): Promise<Books> {
  const books = new Books();
  await books.serve(champion, chain(2));
  books.made(1, UNITS);
  books.made(2, { ...UNITS, train: 'LR = 2\nSTEPS = 5' });
  await books.write();
  return books;
}

/** The arena as a notebook in the page, with its stream open. */
async function shown(
  champion: number | null = 1
): Promise<{ books: Books; panel: NotebookPanel }> {
  const books = await served(champion);
  const panel = await books.panel(await books.open());
  books.server.line.open();
  await books.say(books.server.state);
  return { books, panel };
}

const tools = (panel: NotebookPanel) =>
  panel.node.querySelector<HTMLElement>('.jp-Autoloop-loop');

const bar = (panel: NotebookPanel) =>
  panel.node.querySelector<HTMLElement>('.jp-Autoloop-bar');

const press = (node: HTMLElement, name: string) =>
  act(async () => {
    fireEvent.click(within(node).getByRole('button', { name }));
    await calm();
  });

test('Step acts on the notebook’s own arena, not on the one of the panel', async () => {
  const { books, panel } = await shown();
  books.workbench.choose(OTHER);
  await calm();
  await press(tools(panel)!, 'Step');
  const [step] = books.server.asked.filter(({ method }) => method === 'POST');
  expect(step.path).toBe('step');
  expect(step.body).toMatchObject({
    arena: 'a/tiny.ipynb',
    agents: ['search']
  });
});

test('Step saves what is unsaved first, for the driver reads the file', async () => {
  const { books, panel } = await shown();
  const cell = panel.model!.sharedModel.cells[1];
  cell.setSource('LR = 9');
  await press(tools(panel)!, 'Step');
  expect(await books.saved()).toMatchObject({ train: 'LR = 9' });
  expect(asked(books.server).map(([path]) => path)).toEqual(['step']);
});

test('so do the panel’s Step and the commands', async () => {
  const { books, panel } = await shown();
  const { workbench } = books;
  act(() => workbench.choose(ARENA));
  await calm();
  const side = render(
    createElement(Controls, {
      workbench,
      model: workbench.current!,
      trans,
      openNotebook: () => undefined,
      openIteration: () => undefined
    })
  ).container;
  const desk = new Desk();
  desk.workbench = workbench;
  desk.add();
  const edit = (source: string) =>
    panel.model!.sharedModel.cells[1].setSource(source);

  edit('LR = 7');
  await press(side, 'Step');
  expect(await books.saved()).toMatchObject({ train: 'LR = 7' });
  edit('LR = 8');
  await act(() => desk.commands.execute(AroundIDs.step));
  expect(await books.saved()).toMatchObject({ train: 'LR = 8' });
  edit('LR = 9');
  await act(() => desk.commands.execute(AroundIDs.auto, { iterations: 2 }));
  expect(await books.saved()).toMatchObject({ train: 'LR = 9' });
  expect(asked(books.server).map(([path]) => path)).toEqual([
    'step',
    'step',
    'auto'
  ]);

  jest.spyOn(panel.context, 'save').mockRejectedValue(new Error('disk full'));
  edit('LR = 10');
  await press(side, 'Step');
  expect(workbench.error).toBe('the notebook could not be saved: disk full');
  expect(asked(books.server)).toHaveLength(3);
});

test('where saving fails nothing is started, and the bar says why', async () => {
  const { books, panel } = await shown();
  panel.model!.sharedModel.cells[1].setSource('LR = 9');
  jest.spyOn(panel.context, 'save').mockRejectedValue(new Error('disk full'));
  await press(tools(panel)!, 'Step');
  expect(asked(books.server)).toEqual([]);
  expect(within(bar(panel)!).getByRole('alert').textContent).toBe(
    'the notebook could not be saved: disk full'
  );
  await press(bar(panel)!, 'Dismiss');
  expect(within(bar(panel)!).getByRole('alert').textContent).toBe('');
});

test('while a driver runs the notebook is marked, the pill says so, and it is said once', async () => {
  const { books, panel } = await shown();
  const marked = () => panel.hasClass('jp-mod-autoloopDriven');
  expect(marked()).toBe(false);
  const driven = running({ arena: 'a/tiny.ipynb', ran: 2 });
  await books.say(driven);
  expect(marked()).toBe(true);
  expect(within(tools(panel)!).getByRole('status').textContent).toContain(
    'auto'
  );
  const [region] = within(bar(panel)!).getAllByRole('status');
  expect(region.textContent).toContain('Autoloop runs this arena now');
  const before = region.firstChild;
  await books.say({ ...driven, ran: 3 });
  expect(region.firstChild).toBe(before); // the same words in the same place are not spoken again
  await books.say(books.standing(1));
  expect(marked()).toBe(false);
  expect(region.textContent).toBe('');
});

test('a new champion stands in the bar, with what can be done about it', async () => {
  const { books, panel } = await shown();
  await books.say(books.standing(2));
  const line = bar(panel)!;
  expect(line.textContent).toContain(
    'Iteration 2 is the champion now (val_bpb 2.510). 1 cell here differs.'
  );
  await press(line, 'Show');
  expect(books.shown).toEqual([['a/tiny.ipynb', 2]]);
  await press(line, 'Update');
  expect(await books.saved()).toMatchObject({ train: 'LR = 2\nSTEPS = 5' });
  expect(line.textContent).toContain('Iteration 2 is in this notebook now.');
  await press(line, 'Undo');
  expect(panel.model!.sharedModel.cells[1].getSource()).toBe(UNITS.train);
  expect(within(line).queryByRole('button')).toBeNull();
});

test('a plain notebook, an executed copy and an export have no loop, and open no stream', async () => {
  const books = await served();
  const notebooks: [string, object | null][] = [
    ['plain.ipynb', null],
    ['a/tiny_runs/0002/iteration.ipynb', METRIC],
    ['a/winner.ipynb', { ...METRIC, export: { number: 2 } }]
  ];
  const lines = books.server.lines.length;
  for (const [path, metadata] of notebooks) {
    await books.write(CELLS, metadata, path);
    const panel = await books.panel(await books.open(path));
    expect(tools(panel)).toBeNull();
    expect(bar(panel)).toBeNull();
  }
  expect(books.server.lines).toHaveLength(lines);
});

test('the loop comes and goes with the metadata that make a notebook an arena', async () => {
  const books = await served();
  await books.write(CELLS, null);
  const panel = await books.panel(await books.open());
  const lines = books.server.lines.length;
  const { sharedModel } = panel.model!;
  act(() => sharedModel.setMetadata('autoloop', METRIC as never));
  await calm();
  expect(tools(panel)).not.toBeNull();
  expect(books.server.lines).toHaveLength(lines + 1);
  act(() => sharedModel.deleteMetadata('autoloop'));
  await calm();
  expect(tools(panel)).toBeNull();
  expect(books.server.line.closed).toBe(true);
});

test('two views of a notebook share one stream, which closes with the last of them', async () => {
  const books = await served();
  const before = books.server.lines.length;
  const context = await books.open();
  const one = await books.panel(context);
  const other = await books.panel(context);
  const lines = books.server.lines.slice(before);
  expect(lines).toHaveLength(1);
  lines[0].open();
  await books.say(books.server.state);
  await books.say(books.standing(2));
  await press(bar(one)!, 'Update');
  expect(bar(other)!.textContent).toContain('in this notebook now');
  act(() => one.dispose());
  expect(lines[0].closed).toBe(false);
  act(() => other.dispose());
  expect(lines[0].closed).toBe(true);
});

test('a notebook on its way to an arena has no loop until it is saved as a sound one', async () => {
  const books = await served();
  const check = (...errors: string[]) =>
    books.server.answers.set('GET check', {
      status: 200,
      body: { errors, notes: [], sound: '' }
    });
  check('notebook has no score cell');
  const lines = books.server.lines.length;
  const panel = await books.panel(await books.open());
  await calm();
  expect(tools(panel)).toBeNull();
  expect(books.server.lines.length).toBe(lines);
  check();
  await act(async () => {
    await panel.context.save();
    await calm();
  });
  expect(tools(panel)).not.toBeNull();
});

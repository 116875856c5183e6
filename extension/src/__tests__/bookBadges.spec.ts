import { NotebookActions, Notebook } from '@jupyterlab/notebook';
import type { PartialJSONObject } from '@lumino/coreutils';
import { nullTranslator } from '@jupyterlab/translation';

import { Badges } from '../book/badges';
import { setName } from '../book/names';
import { setRole } from '../book/roles';
import { IMade, shown, worn } from './bookKit';
import { pseudo } from './aroundKit';
import { calm } from './panelKit';

const trans = nullTranslator.load('autoloop');

const ARENA: IMade[] = [
  { type: 'markdown', tags: ['strategy'] },
  { tags: ['parameters'] },
  {},
  { type: 'markdown' },
  { tags: ['editable'], name: 'model' },
  { tags: ['score'] }
];
const WORN = [
  'strategy',
  'parameters',
  'locked',
  '',
  'editable · model',
  'score · sealed'
];

let notebook: Notebook;
let badges: Badges;
let opened: number[];

async function open(
  cells: readonly IMade[],
  metadata: PartialJSONObject = {}
): Promise<void> {
  notebook = shown(cells, metadata);
  opened = [];
  badges = new Badges(notebook, trans, cell =>
    opened.push(notebook.widgets.indexOf(cell))
  );
  await calm();
}

const shared = () => notebook.model!.sharedModel;
const cell = (index: number) => shared().cells[index];
const button = (index: number) =>
  notebook.widgets[index].node.querySelector<HTMLButtonElement>(
    '.jp-Autoloop-role-button'
  )!;

afterEach(() => {
  badges.dispose();
  notebook.dispose();
});

it('are worn by the cells of an arena, and say their name and their state', async () => {
  await open(ARENA);
  expect(worn(notebook)).toEqual(WORN);
  const bars = notebook.widgets.map(one => one.node.dataset.autoloopRole);
  expect(bars[3]).toBeUndefined();
  expect(bars[4]).toBe('editable');
  expect(button(4).getAttribute('aria-label')).toBe(
    'Role of this cell: editable · model'
  );
  expect(button(4).getAttribute('aria-haspopup')).toBe('menu');
  const locks = notebook.widgets.map(
    one => one.node.querySelector<HTMLElement>('.jp-Autoloop-role-lock')?.hidden
  );
  expect(locks).toEqual([false, false, false, undefined, true, false]);
  expect(
    notebook.node.querySelector('.jp-Autoloop-role-lock')!.textContent
  ).toBe('agents cannot change this cell');
});

it('are not worn in a notebook that is none, until it becomes one', async () => {
  await open([{ type: 'markdown' }, { tags: ['parameters'] }, {}]);
  expect(worn(notebook)).toEqual(['', '', '']);
  setRole(shared(), [cell(2)], 'score');
  await calm();
  expect(worn(notebook)).toEqual(['', 'parameters', 'score · sealed']);
  shared().undo();
  await calm();
  expect(worn(notebook)).toEqual(['', '', '']);
  notebook.model!.setMetadata('autoloop', {});
  await calm();
  expect(worn(notebook)).toEqual(['', 'parameters', 'locked']);
  notebook.model!.deleteMetadata('autoloop');
  await calm();
  expect(worn(notebook)).toEqual(['', '', '']);
});

it('follow tags and names, however they are changed', async () => {
  await open(ARENA);
  cell(2).setMetadata('tags', ['editable']);
  setName(shared(), cell(2), 'walk');
  await calm();
  expect(worn(notebook)[2]).toBe('editable · walk');
  setName(shared(), cell(2), '');
  await calm();
  expect(worn(notebook)[2]).toBe('editable · cell-2');
});

it('follow cells that are added, moved, retyped, deleted and brought back', async () => {
  await open(ARENA);
  notebook.activeCellIndex = 4;
  NotebookActions.insertBelow(notebook);
  await calm();
  expect(worn(notebook)).toEqual([
    ...WORN.slice(0, 5),
    'locked',
    'score · sealed'
  ]);
  NotebookActions.moveUp(notebook);
  await calm();
  expect(worn(notebook)).toEqual([
    ...WORN.slice(0, 4),
    'locked',
    ...WORN.slice(4)
  ]);
  NotebookActions.deleteCells(notebook);
  await calm();
  expect(worn(notebook)).toEqual(WORN);
  notebook.activeCellIndex = 4;
  NotebookActions.changeCellType(notebook, 'markdown');
  await calm();
  expect(worn(notebook)[4]).toBe('');
  NotebookActions.changeCellType(notebook, 'code');
  await calm();
  expect(worn(notebook)).toEqual(WORN);
});

it('are within reach of the Tab key at the active cell alone', async () => {
  await open(ARENA);
  const stops = () =>
    notebook.widgets.flatMap((_, index) =>
      button(index)?.tabIndex === 0 ? [index] : []
    );
  notebook.activeCellIndex = 2;
  expect(stops()).toEqual([2]);
  notebook.activeCellIndex = 5;
  expect(stops()).toEqual([5]);
  setRole(shared(), [cell(1)], 'shared');
  await calm();
  expect(stops()).toEqual([5]);
});

it('ask for the menu by click and key, and keep their keys from the notebook', async () => {
  await open(ARENA);
  button(4).click();
  const down = new KeyboardEvent('keydown', {
    key: 'ArrowDown',
    cancelable: true
  });
  button(2).dispatchEvent(down);
  expect(opened).toEqual([4, 2]);
  expect(down.defaultPrevented).toBe(true);
  expect(button(4).hasAttribute('data-lm-suppress-shortcuts')).toBe(true);
  button(4).focus();
  button(4).dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape' }));
  expect(document.activeElement).toBe(notebook.widgets[4].node);
});

it('leave the focus with the cell when they go', async () => {
  await open([{ type: 'markdown', tags: ['strategy'] }, {}]);
  button(0).focus();
  setRole(shared(), [cell(0)], 'note');
  await calm();
  expect(worn(notebook)).toEqual(['', '']);
  expect(document.activeElement).toBe(notebook.widgets[0].node);
});

it('go through the translator', async () => {
  notebook = shown(ARENA);
  badges = new Badges(notebook, pseudo, () => undefined);
  await calm();
  expect(worn(notebook)[0]).toBe('⟦strategy⟧');
  expect(button(0).title).toMatch(/^⟦.*⟧$/);
});

it('draw a large notebook once for all that changes at once', async () => {
  await open(Array.from({ length: 30 }, () => ({ tags: ['editable'] })));
  const read = jest.spyOn(shared(), 'getMetadata');
  shared().transact(() => {
    for (const one of shared().cells) {
      one.setMetadata('tags', ['shared']);
    }
  });
  await calm();
  expect(new Set(worn(notebook))).toEqual(new Set(['shared']));
  const looks = read.mock.calls.filter(([key]) => key === 'autoloop');
  expect(looks.length).toBe(1);
  notebook.model!.cells.get(3).setMetadata('execution', { at: 1 });
  await calm();
  expect(read.mock.calls.filter(([key]) => key === 'autoloop').length).toBe(1);
});

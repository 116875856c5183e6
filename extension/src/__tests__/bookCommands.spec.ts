/** The plugin in a notebook of its own: real models, real widgets, and a server that answers as the real one does. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { ICommandPalette, Notification } from '@jupyterlab/apputils';
import {
  INotebookTracker,
  NotebookPanel,
  NotebookTracker
} from '@jupyterlab/notebook';
import { NBTestUtils } from '@jupyterlab/notebook/lib/testutils';
import { CommandRegistry } from '@lumino/commands';
import type { PartialJSONObject } from '@lumino/coreutils';
import { Widget } from '@lumino/widgets';
import { act } from '@testing-library/react';

import { RoleIDs } from '../book/roleIDs';
import { roleOf, ROLES } from '../book/roles';
import { roles } from '../book/rolesPlugin';
import { IAutoloop } from '../tokens';
import { notified, Served } from './aroundKit';
import { cellsOf, modelOf, worn } from './bookKit';
import { arenasOf, calm } from './panelKit';

globalThis.ResizeObserver ??= class {
  observe() {}
  unobserve() {}
  disconnect() {}
};

let served: Served;
let commands: CommandRegistry;
let panel: NotebookPanel;
let listed: { command: string; args?: PartialJSONObject }[];
let front: Widget | null;

const cells = () => cellsOf(panel.model as never).map(roleOf);
const run = (id: string, args = {}) =>
  act(() => commands.execute(id, args)) as Promise<boolean>;
const strip = () =>
  panel.node.querySelector<HTMLElement>('.jp-Autoloop-check-strip');
const press = (name: string) => {
  const buttons = [...panel.node.querySelectorAll('button')];
  const found = buttons.find(one => one.textContent === name);
  act(() => found!.click());
};

beforeEach(async () => {
  served = new Served();
  await served.open();
  commands = new CommandRegistry();
  listed = [];
  const tracker = new NotebookTracker({ namespace: 'notebook' });
  const app = {
    commands,
    shell: {
      get currentWidget() {
        return front;
      }
    }
  } as unknown as JupyterFrontEnd;
  const palette = {
    addItem: (item: { command: string }) => listed.push(item)
  } as unknown as ICommandPalette;
  expect(roles.requires).toEqual([INotebookTracker, IAutoloop]);
  await roles.activate(app, tracker, served.workbench, null, palette);
  const context = await NBTestUtils.createMockContext();
  await context.initialize(true);
  const made = modelOf([{ type: 'markdown' }, {}, {}, {}]);
  context.model.fromJSON(made.toJSON() as never);
  panel = NBTestUtils.createNotebookPanel(context);
  front = panel;
  Widget.attach(panel, document.body);
  await tracker.add(panel);
  await calm();
  expect(tracker.currentWidget).toBe(panel);
});

afterEach(() => {
  Notification.manager.dismiss();
  act(() => panel.dispose());
  served.workbench.dispose();
});

it('are in the palette, each with a schema', async () => {
  const named = new Set(listed.map(one => one.command));
  expect(named).toEqual(new Set(commands.listCommands()));
  expect(named).toEqual(new Set(Object.values(RoleIDs)));
  for (const id of named) {
    const about = await commands.describedBy(id);
    expect(about.args).toMatchObject({ type: 'object' });
  }
  const labels = listed.map(one => commands.label(one.command, one.args));
  expect(new Set(labels).size).toBe(labels.length);
});

it('give the selected cells a role that fits them, and say which they have', async () => {
  const { content } = panel;
  content.activeCellIndex = 0;
  content.extendContiguousSelectionTo(2);
  const args = { role: 'editable' };
  expect(commands.isToggled(RoleIDs.setRole, args)).toBe(false);
  expect(await run(RoleIDs.setRole, args)).toBe(true);
  expect(cells()).toEqual(['note', 'editable', 'editable', 'locked']);
  expect(commands.isToggled(RoleIDs.setRole, args)).toBe(true);
  expect(commands.isToggled(RoleIDs.setRole, { role: 'score' })).toBe(false);
  await calm();
  expect(worn(content)).toEqual([
    '',
    'editable · cell-1',
    'editable · cell-2',
    'locked'
  ]);
});

it('offer only what fits, with the reason in its words', () => {
  panel.content.activeCellIndex = 1;
  const open = () =>
    ROLES.filter(role => commands.isEnabled(RoleIDs.setRole, { role }));
  expect(open()).toEqual(
    ROLES.filter(role => role !== 'strategy' && role !== 'note')
  );
  const strategy = { role: 'strategy' };
  expect(commands.caption(RoleIDs.setRole, strategy)).toBe(
    'markdown cells only'
  );
  expect(commands.label(RoleIDs.setRole, strategy)).toContain('markdown');
  panel.content.activeCellIndex = 0;
  expect(open()).toEqual(['strategy', 'workbench', 'note']);
});

it('rest while the notebook is not in front, or cannot be changed', () => {
  const open = () => Object.values(RoleIDs).map(id => commands.isEnabled(id));
  expect(open()).toEqual([true, true, true, true]);
  front = null;
  expect(open()).toEqual([false, false, false, false]);
  front = panel;
  panel.model!.readOnly = true;
  expect(open()).toEqual([false, false, false, false]);
});

it('name a cell, or say in a line why not', async () => {
  panel.content.activeCellIndex = 2;
  expect(await run(RoleIDs.nameCell, { name: 'model' })).toBe(true);
  const [, , cell] = cellsOf(panel.model as never);
  expect(cell.getMetadata('autoloop')).toEqual({ name: 'model' });
  panel.content.activeCellIndex = 3;
  expect(await run(RoleIDs.nameCell, { name: 'Model' })).toBe(false);
  expect(notified()[0]).toContain('Cell 3');
  expect(await run(RoleIDs.nameCell, { name: '../x' })).toBe(false);
  panel.content.activeCellIndex = 2;
  await run(RoleIDs.nameCell, { name: '' });
  expect(cell.getMetadata('autoloop')).toBeUndefined();
});

it('offer settings and check once a first role is set, and go when they are told to', async () => {
  panel.content.activeCellIndex = 1;
  await run(RoleIDs.setRole, { role: 'editable' });
  await calm();
  expect(strip()!.textContent).toContain('what its score is called');
  act(() => panel.model!.setMetadata('autoloop', {}));
  await calm();
  expect(strip()!.textContent).toContain('check whether it can run');
  press('×');
  await calm();
  expect(strip()).toBeNull();
  await run(RoleIDs.setRole, { role: 'score' });
  await calm();
  expect(strip()).toBeNull();
});

it('save, check, lead to the cell, and show a sound arena in the panel', async () => {
  const path = panel.context.localPath;
  const saved: string[] = [];
  panel.context.saveState.connect((_, state) => saved.push(state));
  const { server, workbench } = served;
  server.answers.set('GET check', {
    status: 200,
    body: {
      errors: ['cell 3 (cell-2): never closed: ( — mend the code'],
      notes: ['metadata.autoloop: has an odd key — remove it'],
      sound: ''
    }
  });
  expect(await run(RoleIDs.check)).toBe(false);
  await calm();
  expect(saved).toContain('completed');
  expect(strip()!.textContent).toContain('1 thing keeps this arena');
  expect(strip()!.querySelectorAll('li').length).toBe(2);
  expect(workbench.current?.arena).not.toBe(path);

  // The cell has moved by the time that its problem is clicked.
  panel.model!.sharedModel.moveCell(2, 0);
  await calm();
  press('cell 3 (cell-2)');
  await calm();
  expect(panel.content.activeCellIndex).toBe(0);

  server.answers.set('GET check', {
    status: 200,
    body: { errors: [], notes: [], sound: 'This arena is sound.' }
  });
  server.answers.set('GET arenas', { status: 200, body: arenasOf('x', path) });
  await act(() => panel.context.save()); // asked again by itself
  await calm();
  expect(strip()!.textContent).toContain('✓ This arena is sound.');
  expect(workbench.current?.arena).toBe(path);
});

it('say why a check could not be made', async () => {
  served.server.answers.set('GET check', {
    status: 404,
    body: { message: 'no such arena: x' }
  });
  expect(await run(RoleIDs.check)).toBe(false);
  await calm();
  expect(strip()!.textContent).toContain('Not checked: no such arena: x');
  expect(strip()!.querySelector('li')).toBeNull();
});

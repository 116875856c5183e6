import type { JupyterFrontEnd } from '@jupyterlab/application';
import { ICommandPalette, Notification } from '@jupyterlab/apputils';
import { ILauncher, LauncherModel } from '@jupyterlab/launcher';
import { IStatusBar, StatusBar } from '@jupyterlab/statusbar';
import { CommandRegistry } from '@lumino/commands';
import type { Token } from '@lumino/coreutils';
import { Widget } from '@lumino/widgets';
import { act, waitFor } from '@testing-library/react';

import { AroundIDs } from '../around/ids';
import { around } from '../around/plugins';
import { CommandIDs, IAutoloop } from '../tokens';
import { ARENA, notified, Served } from './aroundKit';
import { arenasOf, calm } from './panelKit';
import { rowOf, running } from './server';

let served: Served;
let commands: CommandRegistry;
let panel: Widget;
let shown: unknown[];

/** Activates all plugins in an application that has these services and no others. */
function start(...services: [Token<unknown>, unknown][]): void {
  const app = {
    commands,
    shell: { widgets: (area: string) => (area === 'left' ? [panel] : []) },
    serviceManager: { contents: { localPath: (path: string) => path } }
  } as unknown as JupyterFrontEnd;
  const known = new Map<unknown, unknown>([
    [IAutoloop, served.workbench],
    ...services
  ]);
  for (const plugin of around) {
    const needed = (plugin.requires ?? []).map(token => known.get(token));
    expect(needed).not.toContain(undefined);
    const wished = plugin.optional ?? [];
    void plugin.activate(
      app,
      ...needed,
      ...wished.map(token => known.get(token) ?? null)
    );
  }
}

beforeEach(() => {
  served = new Served();
  commands = new CommandRegistry();
  shown = [];
  commands.addCommand(CommandIDs.openPanel, {
    label: 'panel',
    describedBy: { args: { type: 'object' } },
    execute: args => shown.push(args)
  });
  panel = new Widget();
  panel.id = 'autoloop-panel';
});

afterEach(() => {
  served.workbench.dispose();
  panel.dispose();
  Notification.manager.dismiss();
});

it('need nothing but the models, as in Notebook 7', async () => {
  await served.open({}, [], arenasOf(ARENA));
  start();
  expect(commands.isEnabled(AroundIDs.step)).toBe(true);
  served.server.answers.set('POST step', { status: 200, body: { said: 'ok' } });
  await commands.execute(AroundIDs.step);
  expect(notified()).toEqual(['ok']);
  Notification.manager.dismiss();
  Widget.attach(panel, document.body);
  await commands.execute(AroundIDs.step);
  expect(notified()).toEqual([]);
});

it('say why a notebook cannot be opened', async () => {
  await served.open({}, [rowOf(3)]);
  start();
  commands.addCommand('docmanager:open', {
    label: 'open',
    describedBy: { args: { type: 'object' } },
    execute: () => Promise.reject(new Error('No such file or directory'))
  });
  const done = commands.execute(AroundIDs.openNotebook, { number: 3 });
  const dialog = await waitFor(() => {
    const found = document.querySelector('.jp-Dialog');
    expect(found).toBeTruthy();
    return found!;
  });
  expect(dialog.textContent).toContain('The notebook could not be opened');
  expect(dialog.textContent).toContain(
    'tiny_runs/3/iteration.ipynb: No such file or directory'
  );
  dialog.querySelector('button')?.click();
  await done;
});

it('put a card into the launcher, and every command into the palette', async () => {
  await served.open();
  const launcher = new LauncherModel();
  const listed: string[] = [];
  const palette = {
    addItem: ({ command }: { command: string }) => listed.push(command)
  };
  start([ILauncher, launcher], [ICommandPalette, palette]);
  const [card] = [...launcher.items()];
  expect([card.command, card.category]).toEqual([AroundIDs.newArena, 'Other']);
  const args = { ...card.args, cwd: '' };
  expect(commands.label(card.command, args)).toBe('Autoloop arena');
  expect(commands.icon(card.command, args)).toBeTruthy();
  expect(new Set(listed)).toEqual(new Set(commands.listCommands()));
});

it('put an item into the status bar that shows the panel', async () => {
  await served.open({}, [], arenasOf(ARENA, 'b.ipynb'));
  const bar = new StatusBar();
  start([IStatusBar, bar]);
  act(() => Widget.attach(bar, document.body));
  await calm();
  const item = bar.node.querySelector('.jp-Autoloop-statusItem') as HTMLElement;
  expect(item.className).toContain('lm-mod-hidden');
  act(() => served.workbench.choose(ARENA));
  await calm();
  expect(item.className).not.toContain('lm-mod-hidden');
  served.server.line.open();
  await served.say(running({ arena: ARENA, best: { number: 1, score: 2.5 } }));
  item.querySelector('button')?.click();
  expect(shown).toEqual([{}]);
  await served.say(running({ arena: ARENA, best: { number: 4, score: 2.4 } }));
  const [notice] = Notification.manager.notifications;
  notice.options.actions?.[0].callback(new MouseEvent('click'));
  await calm();
  expect(shown[1]).toEqual({ arena: ARENA });
  expect(served.workbench.selected).toBe(4);
  act(() => bar.dispose());
});

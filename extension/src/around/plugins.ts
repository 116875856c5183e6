/**
 * What is around the panel, as plugins: none of them needs more than the models, so that each works wherever what it
 * adds to is there, in Notebook 7 too.
 */
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ILauncher } from '@jupyterlab/launcher';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStateDB } from '@jupyterlab/statedb';
import { IStatusBar } from '@jupyterlab/statusbar';
import {
  ITranslator,
  nullTranslator,
  TranslationBundle
} from '@jupyterlab/translation';

import { offerNotebook } from '../opening';
import { CommandIDs, IAutoloop } from '../tokens';
import type { WorkbenchModel } from '../workbench';
import { chooseAgents } from './agents';
import { addCommands, ENTRIES } from './commands';
import type { IDesk } from './desk';
import { addCard } from './launcher';
import { Notices } from './notices';
import { Wishes } from './settings';
import { StatusItem } from './status';

/** The panel's widget, as the shell knows it. */
const PANEL = 'autoloop-panel';

/** Where the item stands in the status bar: first, as the kernel's and the terminals' are less often looked at. */
const STATUS_RANK = 0;

const commands: JupyterFrontEndPlugin<void> = {
  id: '@autoloop/lab:commands',
  description: 'Everything that can be done with an arena, as commands.',
  autoStart: true,
  requires: [IAutoloop],
  optional: [ITranslator, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    workbench: WorkbenchModel,
    translator: ITranslator | null,
    palette: ICommandPalette | null
  ) => {
    const trans = bundle(translator);
    addCommands(deskOf(app, workbench, trans));
    const category = trans.__('Autoloop');
    palette?.addItem({ command: CommandIDs.openPanel, category });
    ENTRIES.forEach(entry => palette?.addItem({ ...entry, category }));
  }
};

const launcher: JupyterFrontEndPlugin<void> = {
  id: '@autoloop/lab:launcher',
  description: 'A card in the launcher that makes an arena.',
  autoStart: true,
  requires: [IAutoloop],
  optional: [ILauncher, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    workbench: WorkbenchModel,
    cards: ILauncher | null,
    translator: ITranslator | null
  ) => {
    if (cards) {
      addCard(cards, translator ?? nullTranslator);
    }
  }
};

const status: JupyterFrontEndPlugin<void> = {
  id: '@autoloop/lab:status',
  description: 'How the arena that is shown stands, in the status bar.',
  autoStart: true,
  requires: [IAutoloop],
  optional: [IStatusBar, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    workbench: WorkbenchModel,
    bar: IStatusBar | null,
    translator: ITranslator | null
  ) => {
    const onClick = () => void app.commands.execute(CommandIDs.openPanel);
    bar?.registerStatusItem('@autoloop/lab:status', {
      item: new StatusItem({ workbench, trans: bundle(translator), onClick }),
      align: 'left',
      rank: STATUS_RANK,
      isActive: () => workbench.current !== null,
      activeStateChanged: workbench.changed
    });
  }
};

const notices: JupyterFrontEndPlugin<void> = {
  id: '@autoloop/lab:notices',
  description: 'Notifications of a new best, of a stall, and of a run’s end.',
  autoStart: true,
  requires: [IAutoloop],
  optional: [ITranslator, ISettingRegistry],
  activate: (
    app: JupyterFrontEnd,
    workbench: WorkbenchModel,
    translator: ITranslator | null,
    settings: ISettingRegistry | null
  ) => {
    const show = async (arena: string, number: number | null) => {
      await app.commands.execute(CommandIDs.openPanel, { arena });
      if (number !== null) {
        workbench.selected = number;
      }
    };
    new Notices({
      workbench,
      wishes: new Wishes(settings),
      trans: bundle(translator),
      show: (arena, number) => void show(arena, number)
    });
  }
};

const agents: JupyterFrontEndPlugin<void> = {
  id: '@autoloop/lab:agents',
  description: 'The agents of the settings, where none were chosen yet.',
  autoStart: true,
  requires: [IAutoloop],
  optional: [ISettingRegistry, IStateDB],
  activate: (
    app: JupyterFrontEnd,
    workbench: WorkbenchModel,
    settings: ISettingRegistry | null,
    state: IStateDB | null
  ) => {
    void chooseAgents(workbench, new Wishes(settings), state);
  }
};

function bundle(translator: ITranslator | null): TranslationBundle {
  return (translator ?? nullTranslator).load('autoloop');
}

function deskOf(
  app: JupyterFrontEnd,
  workbench: WorkbenchModel,
  trans: TranslationBundle
): IDesk {
  const { commands, shell, serviceManager } = app;
  return {
    commands,
    workbench,
    trans,
    openNotebook: path => offerNotebook(app, path, trans),
    openPanel: async () => {
      await commands.execute(CommandIDs.openPanel);
    },
    panelShown: () =>
      ['left', 'right'].some(area =>
        [...shell.widgets(area)].some(one => one.id === PANEL && one.isVisible)
      ),
    frontPath: () => {
      const front = shell.currentWidget as { context?: { localPath?: string } };
      return front?.context?.localPath ?? '';
    },
    localPath: path => serviceManager.contents.localPath(path)
  };
}

/** The plugins around the panel. */
export const around: JupyterFrontEndPlugin<void>[] = [
  commands,
  launcher,
  status,
  notices,
  agents
];

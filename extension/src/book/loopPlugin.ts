import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { Wishes } from '../around/settings';
import { CommandIDs, IAutoloop, PluginIDs } from '../tokens';
import type { WorkbenchModel } from '../workbench';
import { OpenDocument } from './document';
import { LoopFace } from './loop';

/** An arena's notebook holds its loop: what runs it, its locks, and the offer to update its cells. */
export const loop: JupyterFrontEndPlugin<void> = {
  id: PluginIDs.notebook,
  description: 'The loop of an arena in the notebook itself.',
  autoStart: true,
  requires: [INotebookTracker, IAutoloop],
  optional: [ITranslator, ISettingRegistry],
  activate: (
    app: JupyterFrontEnd,
    tracker: INotebookTracker,
    workbench: WorkbenchModel,
    translator: ITranslator | null,
    settings: ISettingRegistry | null
  ) => {
    const trans = (translator ?? nullTranslator).load('autoloop');
    const { contents } = app.serviceManager;
    const options = {
      workbench,
      wishes: new Wishes(settings),
      trans,
      open: (panel: NotebookPanel) =>
        new OpenDocument(panel.context, contents, trans),
      show: (arena: string, number: number) =>
        void app.commands.execute(CommandIDs.openIteration, { arena, number })
    };
    const add = (panel: NotebookPanel) => new LoopFace(panel, options);
    tracker.widgetAdded.connect((_, panel) => void add(panel));
    tracker.forEach(panel => void add(panel));
  }
};

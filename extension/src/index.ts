import {
  ILayoutRestorer,
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { IStateDB } from '@jupyterlab/statedb';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { AutoloopAPI } from './api';
import { around } from './around/plugins';
import { loop } from './book/loopPlugin';
import { roles } from './book/rolesPlugin';
import { rendererFactories } from './mime/renderer';
import { offerNotebook, openedIn, openNotebook } from './opening';
import { AutoloopPanel } from './panel/widget';
import { CommandIDs, IAutoloop, PluginIDs } from './tokens';
import { isSingle } from './view/place';
import { view } from './view/plugin';
import { WorkbenchModel } from './workbench';

/** Where the panel stands among the others of the left sidebar. */
const RANK = 600;

const workbench: JupyterFrontEndPlugin<WorkbenchModel> = {
  id: PluginIDs.workbench,
  description: 'The arenas below the server’s root, and the one chosen.',
  autoStart: true,
  provides: IAutoloop,
  optional: [IStateDB, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    state: IStateDB | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load('autoloop');
    const { serverSettings } = app.serviceManager;
    return new WorkbenchModel(
      new AutoloopAPI(serverSettings, trans),
      state,
      trans
    );
  }
};

const panel: JupyterFrontEndPlugin<void> = {
  id: PluginIDs.panel,
  description: 'The loop beside the notebook.',
  autoStart: true,
  requires: [IAutoloop],
  optional: [ITranslator, ILayoutRestorer, IStateDB],
  activate: (
    app: JupyterFrontEnd,
    model: WorkbenchModel,
    translator: ITranslator | null,
    restorer: ILayoutRestorer | null,
    state: IStateDB | null
  ) => {
    const trans = (translator ?? nullTranslator).load('autoloop');
    const widget = new AutoloopPanel({
      workbench: model,
      trans,
      state,
      openNotebook: path => void offerNotebook(app, path, trans),
      openIteration: what =>
        void app.commands.execute(CommandIDs.openIteration, what)
    });
    app.shell.add(widget, 'left', { rank: RANK, type: 'Autoloop' });
    restorer?.add(widget, widget.id);
    app.commands.addCommand(CommandIDs.openPanel, {
      label: trans.__('Show the Autoloop panel'),
      caption: trans.__('Show the loop beside the notebook'),
      describedBy: {
        args: {
          type: 'object',
          properties: {
            arena: {
              type: 'string',
              description: trans.__(
                'The path of the arena below the server’s root'
              )
            }
          }
        }
      },
      execute: async args => {
        app.shell.activateById(widget.id);
        if (typeof args['arena'] === 'string') {
          await model.choose(args['arena']);
        }
      }
    });
    // Read now: Notebook 7 may write another address once the page shows its folder.
    const arena = asked();
    void Promise.all([app.started, app.restored]).then(() => {
      if (arena !== null) {
        void app.commands.execute(CommandIDs.openPanel, { arena });
        return;
      }
      // A page of Notebook 7 is its document's: there the panel shows that arena, whatever it showed on another page.
      const path = isSingle() ? openedIn(app) : null;
      if (path !== null) {
        void model.suggest(path);
      }
    });
  }
};

const renderers: JupyterFrontEndPlugin<void> = {
  id: PluginIDs.renderers,
  description: 'Iterations in notebooks as the rich view.',
  autoStart: true,
  requires: [IRenderMimeRegistry],
  optional: [ITranslator, IEditorLanguageRegistry],
  activate: (
    app: JupyterFrontEnd,
    registry: IRenderMimeRegistry,
    translator: ITranslator | null,
    languages: IEditorLanguageRegistry | null
  ) => {
    const trans = (translator ?? nullTranslator).load('autoloop');
    const options = {
      languages: languages ?? undefined,
      open: (path: string) => openNotebook(app, path)
    };
    for (const factory of rendererFactories(trans, options)) {
      registry.addFactory(factory);
    }
  }
};

/** The arena that the address asks for (`?autoloop=PATH`, as `autoloop lab` writes it); null where it asks for none. */
function asked(): string | null {
  return new URLSearchParams(window.location.search).get('autoloop');
}

export default [workbench, panel, renderers, view, roles, loop, ...around];

/** The iteration view as a part of JupyterLab: the command that opens it, and its place in the layout. */
import {
  ILayoutRestorer,
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { WidgetTracker } from '@jupyterlab/apputils';
import { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { openNotebook } from '../opening';
import { CommandIDs, IAutoloop, PluginIDs } from '../tokens';
import type { WorkbenchModel } from '../workbench';
import { createIteration, restoreArgs, restoreName, shows } from './widget';
import type { IterationArea } from './widget';

/** Shows one iteration, or a proposal that waits, in the main area. */
export const view: JupyterFrontEndPlugin<void> = {
  id: PluginIDs.view,
  description: 'An iteration in the main area, and the review of a proposal.',
  autoStart: true,
  requires: [IAutoloop],
  optional: [ITranslator, IEditorLanguageRegistry, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    workbench: WorkbenchModel,
    translator: ITranslator | null,
    languages: IEditorLanguageRegistry | null,
    restorer: ILayoutRestorer | null
  ) => {
    const trans = (translator ?? nullTranslator).load('autoloop');
    const tracker = new WidgetTracker<IterationArea>({
      namespace: 'autoloop-iteration'
    });
    const open = (args: ReadonlyPartialJSONObject): void => {
      const arena = args['arena'] ?? workbench.current?.arena;
      const what = {
        number: typeof args['number'] === 'number' ? args['number'] : null,
        proposal: typeof args['proposal'] === 'string' ? args['proposal'] : null
      };
      if (
        typeof arena !== 'string' ||
        Object.values(what).every(one => one === null)
      ) {
        return;
      }
      const found = tracker.find(one => shows(one, arena, what));
      const area =
        found ??
        createIteration({
          workbench,
          trans,
          languages: languages ?? undefined,
          arena,
          ...what,
          openNotebook: path => void openNotebook(app, path)
        });
      if (!found) {
        // A proposal becomes an iteration once it has run.
        area.content.model.changed.connect(() => void tracker.save(area));
        void tracker.add(area);
      }
      if (!area.isAttached) {
        app.shell.add(area, 'main', { type: 'Autoloop' });
      }
      app.shell.activateById(area.id);
    };
    app.commands.addCommand(CommandIDs.openIteration, {
      label: trans.__('Show an Autoloop iteration'),
      caption: trans.__('Show an iteration or a proposal in the main area'),
      describedBy: {
        args: {
          type: 'object',
          properties: {
            arena: {
              type: 'string',
              description: trans.__(
                'The path of the arena below the server’s root; default: the one chosen'
              )
            },
            number: {
              type: 'integer',
              description: trans.__('The iteration’s number')
            },
            proposal: {
              type: 'string',
              description: trans.__('The id of a proposal')
            }
          }
        }
      },
      execute: open
    });
    void restorer?.restore(tracker, {
      command: CommandIDs.openIteration,
      args: restoreArgs,
      name: restoreName
    });
  }
};

/** The iteration view as a part of JupyterLab: the command that opens it, and its place in the layout. */
import {
  ILabStatus,
  ILayoutRestorer,
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { WidgetTracker } from '@jupyterlab/apputils';
import { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { IStateDB } from '@jupyterlab/statedb';
import {
  ITranslator,
  nullTranslator,
  TranslationBundle
} from '@jupyterlab/translation';
import type {
  ReadonlyJSONObject,
  ReadonlyPartialJSONObject
} from '@lumino/coreutils';
import type { IDisposable } from '@lumino/disposable';

import { offerNotebook } from '../opening';
import { CommandIDs, IAutoloop, PluginIDs } from '../tokens';
import type { WorkbenchModel } from '../workbench';
import { askedFor, become, isSingle, openPage } from './place';
import type { IShown } from './place';
import { createIteration, restoreArgs, restoreName, shows } from './widget';
import type { IterationArea } from './widget';

/** What the shell calls these views: a person may have moved what is called otherwise, as the panel, to a side bar. */
const TYPE = 'Autoloop Iteration';

/** Shows one iteration, or a proposal that waits, in the main area. */
export const view: JupyterFrontEndPlugin<void> = {
  id: PluginIDs.view,
  description: 'An iteration in the main area, and the review of a proposal.',
  autoStart: true,
  requires: [IAutoloop],
  optional: [
    ITranslator,
    IEditorLanguageRegistry,
    ILayoutRestorer,
    IStateDB,
    ILabStatus
  ],
  activate: (
    app: JupyterFrontEnd,
    workbench: WorkbenchModel,
    translator: ITranslator | null,
    languages: IEditorLanguageRegistry | null,
    restorer: ILayoutRestorer | null,
    state: IStateDB | null,
    status: ILabStatus | null
  ) => {
    const trans = (translator ?? nullTranslator).load('autoloop');
    const tracker = new WidgetTracker<IterationArea>({
      namespace: 'autoloop-iteration'
    });
    const { baseUrl } = app.serviceManager.serverSettings;
    const make = (what: IShown): IterationArea => {
      const area = createIteration({
        workbench,
        trans,
        languages: languages ?? undefined,
        state,
        ...what,
        openNotebook: path => void offerNotebook(app, path, trans)
      });
      void tracker.add(area);
      keep(area, tracker);
      // What is kept comes back with the page; a page of Notebook 7 keeps nothing beyond its own life.
      if (status && (!state || isSingle())) {
        guard(area, status);
      }
      return area;
    };
    const open = (args: ReadonlyPartialJSONObject): void => {
      const what = wanted(args, workbench);
      if (!what) {
        return;
      }
      const found = tracker.find(one => shows(one, what.arena, what));
      if (!found && isSingle()) {
        openPage(baseUrl, what);
        return;
      }
      const area = found ?? make(what);
      if (!area.isAttached) {
        app.shell.add(area, 'main', { type: TYPE });
      }
      app.shell.activateById(area.id);
    };
    const asked = askedFor();
    if (asked) {
      // Others take a main area that is filled for a sign that all of them are there: as it is for a notebook's page.
      void app.started.then(() => {
        const area = make(asked);
        app.shell.add(area, 'main', { type: TYPE });
        stay(area, baseUrl);
        void workbench.suggest(asked.arena);
      });
    }
    app.commands.addCommand(CommandIDs.openIteration, {
      label: trans.__('Show an Autoloop iteration'),
      caption: trans.__('Show an iteration or a proposal in the main area'),
      describedBy: { args: schema(trans) },
      execute: open
    });
    void restorer?.restore(tracker, {
      command: CommandIDs.openIteration,
      args: restoreArgs,
      name: restoreName
    });
  }
};

/** Which iteration or proposal a command's arguments name; null where they name none. */
function wanted(
  args: ReadonlyPartialJSONObject,
  workbench: WorkbenchModel
): IShown | null {
  const arena = args['arena'] ?? workbench.current?.arena;
  const number = typeof args['number'] === 'number' ? args['number'] : null;
  const proposal =
    typeof args['proposal'] === 'string' ? args['proposal'] : null;
  return typeof arena === 'string' && (number !== null || proposal !== null)
    ? { arena, number, proposal }
    : null;
}

/** Keeps in the layout what a view is opened again with: a proposal becomes an iteration once it has run. */
function keep(
  area: IterationArea,
  tracker: WidgetTracker<IterationArea>
): void {
  const told = () => JSON.stringify([restoreName(area), restoreArgs(area)]);
  let kept = told();
  area.content.model.changed.connect(() => {
    const now = told();
    // Every state of a run changes the view: each save would be one of the whole workspace.
    if (now !== kept) {
      kept = now;
      void tracker.save(area);
    }
  });
}

/** Keeps the page's address and title those of the view, which is all that the page shows. */
function stay({ content }: IterationArea, base: string): void {
  const { model, title } = content;
  const say = () => {
    const { arena, number, proposalId: proposal } = model;
    become(base, { arena, number, proposal }, title.label);
  };
  title.changed.connect(say);
  model.changed.connect(say);
  say();
}

/** The browser asks before it leaves a page on which a person's version of a proposal would be lost. */
function guard(area: IterationArea, status: ILabStatus): void {
  const { model } = area.content;
  let held: IDisposable | null = null;
  const look = () => {
    if (model.dirty && !held && !area.isDisposed) {
      held = status.setDirty();
    } else if (held && (!model.dirty || area.isDisposed)) {
      held.dispose();
      held = null;
    }
  };
  model.changed.connect(look);
  area.disposed.connect(look);
}

/** The arguments of the command that opens a view, as a JSON schema. */
function schema(trans: TranslationBundle): ReadonlyJSONObject {
  return {
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
  };
}

/**
 * The notebook wears its roles: badges on cells, the menu that sets them, and the way from a plain notebook to an arena.
 */
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import type { Cell } from '@jupyterlab/cells';
import {
  INotebookTracker,
  type Notebook,
  type NotebookPanel
} from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { MenuSvg } from '@jupyterlab/ui-components';

import { IAutoloop } from '../tokens';
import type { WorkbenchModel } from '../workbench';
import { Badges } from './badges';
import { CheckModel } from './checkModel';
import { CheckStrip } from './checkStrip';
import { addRoleCommands } from './roleCommands';
import { RoleIDs } from './roleIDs';
import { ROLES } from './roles';

/** Badges, the menu of roles, settings and check, wherever there are notebooks. */
export const roles: JupyterFrontEndPlugin<void> = {
  id: '@autoloop/lab:roles',
  description: 'The cells of an arena wear their roles, and get them.',
  autoStart: true,
  requires: [INotebookTracker, IAutoloop],
  optional: [ITranslator, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    tracker: INotebookTracker,
    workbench: WorkbenchModel,
    translator: ITranslator | null,
    palette: ICommandPalette | null
  ) => {
    const { commands, shell } = app;
    const trans = (translator ?? nullTranslator).load('autoloop');
    const checks = new WeakMap<NotebookPanel, CheckModel>();
    addRoleCommands({
      commands,
      trans,
      panel: () => {
        const panel = tracker.currentWidget;
        const usable = panel?.model && !panel.model.readOnly;
        return usable && panel === shell.currentWidget ? panel : null;
      },
      checkOf: panel => {
        const known = checks.get(panel);
        if (known) {
          return known;
        }
        const model = new CheckModel(panel, workbench);
        const onSettings = () => void commands.execute(RoleIDs.settings);
        const strip = new CheckStrip({ model, trans, onSettings });
        panel.contentHeader.addWidget(strip);
        checks.set(panel, model);
        return model;
      }
    });
    const menu = roleMenu(app);
    const dress = (panel: NotebookPanel) => {
      const badges = new Badges(panel.content, trans, (cell, button) =>
        openMenu(menu, panel.content, cell, button)
      );
      panel.disposed.connect(() => badges.dispose());
    };
    tracker.forEach(dress);
    tracker.widgetAdded.connect((_, panel) => dress(panel));
    const tell = () => commands.notifyCommandChanged(RoleIDs.setRole);
    tracker.activeCellChanged.connect(tell);
    tracker.selectionChanged.connect(tell);
    const category = trans.__('Autoloop');
    for (const role of ROLES) {
      const args = { role, isPalette: true };
      palette?.addItem({ command: RoleIDs.setRole, args, category });
    }
    for (const command of [RoleIDs.nameCell, RoleIDs.settings, RoleIDs.check]) {
      palette?.addItem({ command, category });
    }
  }
};

/** The menu that a badge opens: the same entries as in the menu of the cell. */
function roleMenu({ commands }: JupyterFrontEnd): MenuSvg {
  const menu = new MenuSvg({ commands });
  menu.addClass('jp-Autoloop-role-menu');
  ROLES.forEach(role =>
    menu.addItem({ command: RoleIDs.setRole, args: { role } })
  );
  menu.addItem({ type: 'separator' });
  menu.addItem({ command: RoleIDs.nameCell });
  return menu;
}

/** Opens the menu below a badge, for its cell; the badge has the focus again when it is closed. */
function openMenu(
  menu: MenuSvg,
  notebook: Notebook,
  cell: Cell,
  button: HTMLElement
): void {
  if (!notebook.isSelectedOrActive(cell)) {
    notebook.deselectAll();
  }
  notebook.activeCellIndex = notebook.widgets.indexOf(cell);
  const { left, bottom } = button.getBoundingClientRect();
  button.setAttribute('aria-expanded', 'true');
  const closed = () => {
    menu.aboutToClose.disconnect(closed);
    button.setAttribute('aria-expanded', 'false');
    button.focus();
  };
  menu.aboutToClose.connect(closed);
  menu.open(left, bottom);
}

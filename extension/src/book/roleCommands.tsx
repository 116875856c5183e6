/**
 * What makes an arena of a notebook, as commands: roles and names of cells, the arena's settings, the check.
 */
import { InputDialog, Notification } from '@jupyterlab/apputils';
import type { Cell } from '@jupyterlab/cells';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import * as React from 'react';

import { ask } from '../around/dialog';
import { ISettings, readSettings, writeSettings } from './arenaSettings';
import type { CheckModel } from './checkModel';
import { NameForm } from './nameForm';
import { givenName, nameFault, setName } from './names';
import { RoleIDs } from './roleIDs';
import { fits, Role, roleOf, ROLES, setRole, settingsOf } from './roles';
import { SettingsForm } from './settingsForm';
import { roleGloss, roleReason, roleWord } from './wording';

/** What these commands stand on. */
export interface IBookDesk {
  commands: CommandRegistry;
  trans: TranslationBundle;
  /** The notebook in front; null where there is none that can be changed. */
  panel: () => NotebookPanel | null;
  /** The check of a notebook, which is shown above it. */
  checkOf: (panel: NotebookPanel) => CheckModel;
}

type Args = ReadonlyPartialJSONObject;

/** Adds the commands. */
export function addRoleCommands(desk: IBookDesk): void {
  addSetRole(desk);
  addNameCell(desk);
  addSettings(desk);
  addCheck(desk);
}

/** The cells that a command acts on: those that are selected, the active one among them. */
function chosen(panel: NotebookPanel | null): Cell[] {
  const notebook = panel?.content;
  return notebook
    ? notebook.widgets.filter(cell => notebook.isSelectedOrActive(cell))
    : [];
}

function roleIn(args: Args): Role | undefined {
  return ROLES.find(role => role === args['role']);
}

function addSetRole(desk: IBookDesk): void {
  const { commands, trans } = desk;
  const able = (role: Role) =>
    chosen(desk.panel()).filter(cell => fits(cell.model.sharedModel, role));
  commands.addCommand(RoleIDs.setRole, {
    label: args => {
      const role = roleIn(args);
      if (!role) {
        return trans.__('Role of the cell…');
      }
      const word = roleWord(role, trans);
      if (args['isPalette']) {
        return trans.__('Role of the cell: %1', word);
      }
      const reason = desk.panel() && !able(role).length;
      const gloss = reason ? roleReason(role, trans) : roleGloss(role, trans);
      return `${word} · ${gloss}`;
    },
    caption: args => {
      const role = roleIn(args);
      if (!role) {
        return trans.__('Say what the selected cells are for');
      }
      return desk.panel() && !able(role).length
        ? roleReason(role, trans)
        : roleGloss(role, trans);
    },
    describedBy: {
      args: {
        type: 'object',
        properties: {
          role: {
            type: 'string',
            enum: [...ROLES],
            description: trans.__(
              'What the selected cells are for; left out: it is asked for'
            )
          },
          isPalette: {
            type: 'boolean',
            description: trans.__('Whether the palette lists it')
          }
        }
      }
    },
    isToggleable: true,
    isToggled: args => {
      const role = roleIn(args);
      const cells = role ? able(role) : [];
      return (
        cells.length > 0 &&
        cells.every(cell => roleOf(cell.model.sharedModel) === role)
      );
    },
    isEnabled: args => {
      const role = roleIn(args);
      return role ? able(role).length > 0 : chosen(desk.panel()).length > 0;
    },
    execute: async args => {
      const panel = desk.panel();
      const role = roleIn(args) ?? (panel && (await askRole(desk, panel)));
      return !!panel && !!role && give(desk, panel, role);
    }
  });
}

/** Which role the selected cells get; null where the dialog was left. */
async function askRole(
  { trans }: IBookDesk,
  panel: NotebookPanel
): Promise<Role | null> {
  const cells = chosen(panel).map(cell => cell.model.sharedModel);
  const roles = ROLES.filter(role => cells.some(cell => fits(cell, role)));
  const said = roles.map(
    role => `${roleWord(role, trans)} · ${roleGloss(role, trans)}`
  );
  const { value } = await InputDialog.getItem({
    title: trans.__('Role of the cell'),
    items: said,
    current: cells.length ? roles.indexOf(roleOf(cells[0])) : 0,
    okLabel: trans.__('Set')
  });
  return value === null ? null : (roles[said.indexOf(value)] ?? null);
}

function give(desk: IBookDesk, panel: NotebookPanel, role: Role): boolean {
  const notebook = panel.model?.sharedModel;
  if (!notebook) {
    return false;
  }
  const cells = chosen(panel).map(cell => cell.model.sharedModel);
  const given = setRole(notebook, cells, role);
  if (given.length && settingsOf(notebook) === null) {
    desk.checkOf(panel).offer();
  }
  return given.length > 0;
}

function addNameCell(desk: IBookDesk): void {
  const { commands, trans } = desk;
  commands.addCommand(RoleIDs.nameCell, {
    label: trans.__('Name this cell…'),
    caption: trans.__('What diffs and agents call this cell'),
    describedBy: {
      args: {
        type: 'object',
        properties: {
          name: {
            type: 'string',
            maxLength: 64,
            description: trans.__(
              'Letters, digits, _ and -; empty: the name is taken away; left out: it is asked for'
            )
          }
        }
      }
    },
    isEnabled: () => !!desk.panel()?.content.activeCell,
    execute: async args => {
      const panel = desk.panel();
      const cell = panel?.content.activeCell?.model.sharedModel;
      const notebook = panel?.model?.sharedModel;
      if (!cell || !notebook) {
        return false;
      }
      const fault = (name: string) => nameFault(notebook, cell, name, trans);
      const told = args['name'];
      const name =
        typeof told === 'string'
          ? told
          : await ask<string>(
              trans,
              trans.__('Name of the cell'),
              trans.__('Save'),
              done => (
                <NameForm
                  trans={trans}
                  name={givenName(cell)}
                  usual={cell.getId()}
                  faultOf={fault}
                  onSend={done}
                />
              )
            );
      if (name === null) {
        return false;
      }
      const wrong = fault(name);
      if (wrong) {
        Notification.error(wrong, { autoClose: false });
        return false;
      }
      setName(notebook, cell, name);
      return true;
    }
  });
}

function addSettings(desk: IBookDesk): void {
  const { commands, trans } = desk;
  commands.addCommand(RoleIDs.settings, {
    label: trans.__('Arena settings…'),
    caption: trans.__('What the score is called, and how long a run may take'),
    describedBy: { args: { type: 'object', properties: {} } },
    isEnabled: () => desk.panel() !== null,
    execute: async () => {
      const panel = desk.panel();
      const notebook = panel?.model?.sharedModel;
      if (!panel || !notebook) {
        return false;
      }
      const settings = await ask<ISettings>(
        trans,
        trans.__('Arena settings'),
        trans.__('Save'),
        done => (
          <SettingsForm
            trans={trans}
            settings={readSettings(notebook)}
            onSend={done}
          />
        )
      );
      if (settings === null) {
        return false;
      }
      writeSettings(notebook, settings);
      const check = desk.checkOf(panel);
      if (check.standing === 'told' || check.standing === 'failed') {
        void check.check(); // what stood there was about the old ones
      } else {
        check.offer();
      }
      return true;
    }
  });
}

function addCheck(desk: IBookDesk): void {
  const { commands, trans } = desk;
  commands.addCommand(RoleIDs.check, {
    label: trans.__('Check this arena'),
    caption: trans.__('Save the notebook, and say what keeps it from running'),
    describedBy: { args: { type: 'object', properties: {} } },
    isEnabled: () => desk.panel() !== null,
    execute: async () => {
      const panel = desk.panel();
      return !!panel && desk.checkOf(panel).check();
    }
  });
}

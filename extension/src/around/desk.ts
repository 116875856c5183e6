/**
 * What commands stand on: the models, the application around them, and one way in which all of them answer.
 */
import { Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { LabIcon } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import type {
  ReadonlyPartialJSONObject,
  ReadonlyPartialJSONValue
} from '@lumino/coreutils';

import type { ArenaModel } from '../model';
import type { Action } from '../panel/acting';
import type { WorkbenchModel } from '../workbench';

/** What a command is called with. */
export type Args = ReadonlyPartialJSONObject;

/** The application as the commands see it. */
export interface IDesk {
  commands: CommandRegistry;
  workbench: WorkbenchModel;
  trans: TranslationBundle;
  /** Opens a notebook by its path below the server's root, or says why that cannot be. */
  openNotebook: (path: string) => Promise<void>;
  /** Brings the panel to the front. */
  openPanel: () => Promise<void>;
  /** Whether the panel is in sight, and with it what actions say. */
  panelShown: () => boolean;
  /** The path of the document in front, below the server's root; empty where there is none. */
  frontPath: () => string;
  /** A path of the file browser's, below the server's root. */
  localPath: (path: string) => string;
}

/** A command: its words, its arguments (the properties of a JSON schema), when it can be used, and what it does. */
export interface ICommand {
  id: string;
  label: (args: Args) => string;
  caption: string;
  args?: Record<string, ReadonlyPartialJSONObject>;
  icon?: (args: Args) => LabIcon | undefined;
  /** Whether it can be used on the arena that is shown; null: where none is chosen, too. */
  enabled: ((model: ArenaModel, args: Args) => boolean) | null;
  visible?: (model: ArenaModel | null) => boolean;
  /** Whether that went well. */
  execute: (args: Args) => Promise<boolean>;
}

/** Adds a command that acts on the arena that is shown, or on the one in the argument `arena`, which is then shown. */
export function add(desk: IDesk, command: ICommand): void {
  const { commands, workbench, trans } = desk;
  const { enabled, visible } = command;
  const arena = {
    type: 'string',
    description: trans.__(
      'The path of the arena below the server’s root; left out: the one that is shown'
    )
  };
  commands.addCommand(command.id, {
    label: command.label,
    caption: command.caption,
    icon: command.icon,
    describedBy: {
      args: { type: 'object', properties: { arena, ...command.args } }
    },
    isEnabled: args => {
      const model = workbench.current;
      const asked = textOf(args, 'arena');
      const shown = asked === undefined || asked === model?.arena;
      return (
        enabled === null ||
        !shown || // nobody knows how that one stands: the server will tell
        (model !== null && enabled(model, args))
      );
    },
    isVisible: () => visible?.(workbench.current) ?? true,
    execute: args => {
      const asked = textOf(args, 'arena');
      if (asked !== undefined) {
        workbench.choose(asked);
      }
      return command.execute(args);
    }
  });
}

/** Does something to the arena that is shown, and answers as `tell` does. */
export function act(desk: IDesk, action: Action): Promise<boolean> {
  return tell(desk, desk.workbench.act(action));
}

/** Says why a command could not be carried out, as the server's own refusals are said. */
export function refuse(desk: IDesk, line: string): Promise<boolean> {
  return tell(desk, desk.workbench.complain(line));
}

/** Waits for an action of the workbench; what it says is seen in the panel, or beside it where that is hidden. */
export async function tell(
  desk: IDesk,
  action: Promise<boolean>
): Promise<boolean> {
  const well = await action;
  const { notice, error } = desk.workbench;
  if (!desk.panelShown() && (error || notice)) {
    const emit = error ? Notification.error : Notification.success;
    emit(error || notice, { autoClose: error ? false : 5000 });
  }
  return well;
}

/** A text among the arguments; undefined where there is none. */
export function textOf(args: Args, name: string): string | undefined {
  return given(args[name], 'string') as string | undefined;
}

/** A number among the arguments; undefined where there is none. */
export function numberOf(args: Args, name: string): number | undefined {
  return given(args[name], 'number') as number | undefined;
}

/** Whether an argument is set. */
export function flagOf(args: Args, name: string): boolean {
  return args[name] === true;
}

function given(
  value: ReadonlyPartialJSONValue | undefined,
  type: 'string' | 'number'
): ReadonlyPartialJSONValue | undefined {
  return typeof value === type ? value : undefined;
}

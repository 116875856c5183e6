/**
 * Everything that can be done, as commands: for the menu, the palette, shortcuts, and other extensions.
 */
import type { IDisposable } from '@lumino/disposable';

import { addArenaCommands } from './arenaCommands';
import type { IDesk } from './desk';
import { follow } from './follow';
import { AroundIDs } from './ids';
import { addImportCommand } from './importCommand';
import { addIterationCommands } from './iterationCommands';
import { addLoopCommands } from './loopCommands';
import { addReportCommand } from './reportCommand';
import { addReviewCommands } from './reviewCommands';

/** A command with arguments, as menu and palette list it. */
export interface IEntry {
  command: string;
  args?: { review?: boolean; now?: boolean };
}

/** What the palette lists, in its order. */
export const ENTRIES: readonly IEntry[] = [
  { command: AroundIDs.newArena },
  { command: AroundIDs.importArena },
  { command: AroundIDs.chooseArena },
  { command: AroundIDs.step },
  { command: AroundIDs.step, args: { review: true } },
  { command: AroundIDs.auto },
  { command: AroundIDs.pause },
  { command: AroundIDs.resume },
  { command: AroundIDs.stop },
  { command: AroundIDs.stop, args: { now: true } },
  { command: AroundIDs.accept },
  { command: AroundIDs.skip },
  { command: AroundIDs.openNotebook },
  { command: AroundIDs.makeChampion },
  { command: AroundIDs.fork },
  { command: AroundIDs.replicate },
  { command: AroundIDs.confirm },
  { command: AroundIDs.apply },
  { command: AroundIDs.exportWinner },
  { command: AroundIDs.report }
];

/** Adds all commands, and tells the application whenever one of them looks another way; until that is disposed of. */
export function addCommands(desk: IDesk): IDisposable {
  addArenaCommands(desk);
  addImportCommand(desk);
  addLoopCommands(desk);
  addReviewCommands(desk);
  addIterationCommands(desk);
  addReportCommand(desk);
  const { commands, workbench } = desk;
  const looks = new Map<string, string>();
  return follow(workbench, () => {
    // States come many times a second while something runs: menus are drawn anew only for what is seen in them.
    const changed = new Set<string>();
    for (const entry of ENTRIES) {
      const { command, args } = entry;
      const key = `${command} ${JSON.stringify(args)}`;
      const now = [
        commands.isEnabled(command, args),
        commands.isVisible(command, args),
        commands.label(command, args)
      ].join(' ');
      if (looks.get(key) !== now) {
        looks.set(key, now);
        changed.add(command);
      }
    }
    changed.forEach(command => commands.notifyCommandChanged(command));
  });
}

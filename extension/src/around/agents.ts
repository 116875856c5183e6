import type { IStateDB } from '@jupyterlab/statedb';

import { STATE_KEY, WorkbenchModel } from '../workbench';
import type { Wishes } from './settings';

/**
 * Chooses the agents of the settings where nobody has chosen yet: in a workspace in which nothing was saved, and until
 * others are chosen by hand.
 */
export async function chooseAgents(
  workbench: WorkbenchModel,
  wishes: Wishes,
  db: IStateDB | null
): Promise<void> {
  // Asked for before anything else is awaited: the workbench saves soon after it has opened.
  const saved = await db?.fetch(STATE_KEY).catch(() => undefined);
  await Promise.all([workbench.ready, wishes.ready]);
  if (saved !== undefined) {
    return;
  }
  let given = String(workbench.agents);
  const give = () => {
    const offered = workbench.arenas?.agents;
    const agents = wishes.now.agents.filter(
      name => !offered || name.includes(':') || offered.includes(name)
    );
    if (String(workbench.agents) !== given) {
      wishes.changed.disconnect(give); // a person has chosen
    } else if (agents.length && String(agents) !== given) {
      workbench.agents = agents;
      given = String(agents);
    }
  };
  wishes.changed.connect(give);
  give();
}

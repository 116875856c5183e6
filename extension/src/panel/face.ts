import type { TranslationBundle } from '@jupyterlab/translation';

import type { ArenaModel } from '../model';
import type { WorkbenchModel } from '../workbench';

/** What the panel needs of the rest of the world, handed down to each of its parts. */
export interface IFace {
  /** The arenas below the server's root, the one that is shown, and what is chosen in it. */
  workbench: WorkbenchModel;
  trans: TranslationBundle;
  /** Opens a notebook by its path below the server's root. */
  openNotebook: (path: string) => void;
  /** Shows an iteration or a proposal of the arena that is shown in the main area. */
  openIteration: (what: { number?: number; proposal?: string }) => void;
}

/** What a part needs that shows one arena. */
export interface IArenaFace extends IFace {
  model: ArenaModel;
}

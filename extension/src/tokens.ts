import { Token } from '@lumino/coreutils';

import type { WorkbenchModel } from './workbench';

/** The extension's own token: the arenas below the server's root, the one that is chosen, and what can be done with it. */
export const IAutoloop = new Token<WorkbenchModel>(
  '@autoloop/lab:IAutoloop',
  'The arenas below the server’s root, and the one that is chosen.'
);

export namespace PluginIDs {
  export const workbench = '@autoloop/lab:workbench';
  export const panel = '@autoloop/lab:panel';
  export const renderers = '@autoloop/lab:renderers';
  export const view = '@autoloop/lab:view';
  export const notebook = '@autoloop/lab:notebook';
}

export namespace CommandIDs {
  /** Show the panel; with `arena` (a path below the server's root) that arena is chosen. */
  export const openPanel = 'autoloop:open-panel';
  /** Show an iteration (`number`) or a proposal (its id) of an `arena` in the main area. */
  export const openIteration = 'autoloop:open-iteration';
}

import type { INotebookModel } from '@jupyterlab/notebook';

import { settingsOf } from './roles';

/**
 * Whether the notebook at `path` (below the server's root) is an arena that can be driven: its metadata names a metric,
 * as for the server's list. Executed copies in a runs folder, and exports, hold the same metadata and are none.
 */
export function isDrivable(model: INotebookModel, path: string): boolean {
  const folders = path.split('/').slice(0, -1);
  const settings = settingsOf(model.sharedModel);
  return (
    settings !== null &&
    'metric' in settings &&
    !('export' in settings) &&
    !folders.some(folder => folder.endsWith('_runs'))
  );
}

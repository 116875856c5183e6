import type { JupyterFrontEnd } from '@jupyterlab/application';

/** Open a notebook by its path below the server's root, as a notebook. */
export async function openNotebook(
  app: JupyterFrontEnd,
  path: string
): Promise<void> {
  await app.commands.execute('docmanager:open', { path, factory: 'Notebook' });
}

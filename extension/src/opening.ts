import type { JupyterFrontEnd } from '@jupyterlab/application';
import { DocumentWidget } from '@jupyterlab/docregistry';

/** Open a notebook by its path below the server's root, as a notebook. */
export async function openNotebook(
  app: JupyterFrontEnd,
  path: string
): Promise<void> {
  await app.commands.execute('docmanager:open', { path, factory: 'Notebook' });
}

/** The path below the server's root of the document that a page of Notebook 7 shows; null where it shows none. */
export function openedIn({
  shell,
  serviceManager
}: JupyterFrontEnd): string | null {
  const { currentWidget } = shell;
  return currentWidget instanceof DocumentWidget
    ? serviceManager.contents.localPath(currentWidget.context.path)
    : null;
}

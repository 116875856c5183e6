import type { JupyterFrontEnd } from '@jupyterlab/application';
import { showErrorMessage } from '@jupyterlab/apputils';
import { DocumentWidget } from '@jupyterlab/docregistry';
import type { TranslationBundle } from '@jupyterlab/translation';

import { lineOf } from './api';

/** Open a notebook by its path below the server's root, as a notebook. */
export async function openNotebook(
  app: JupyterFrontEnd,
  path: string
): Promise<void> {
  await app.commands.execute('docmanager:open', { path, factory: 'Notebook' });
}

/** As `openNotebook`, for a button: where it cannot be opened, a dialog says why. Never rejects. */
export async function offerNotebook(
  app: JupyterFrontEnd,
  path: string,
  trans: TranslationBundle
): Promise<void> {
  try {
    await openNotebook(app, path);
  } catch (error) {
    const title = trans.__('The notebook could not be opened');
    await showErrorMessage(title, `${path}: ${lineOf(error)}`);
  }
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

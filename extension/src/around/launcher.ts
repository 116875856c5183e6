import type { ILauncher } from '@jupyterlab/launcher';
import type { ITranslator } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';

import { AroundIDs } from './ids';

/** Adds the card that makes an arena in the launcher's folder, among JupyterLab's own cards: it names their group. */
export function addCard(
  launcher: ILauncher,
  translator: ITranslator
): IDisposable {
  const trans = translator.load('jupyterlab');
  return launcher.add({
    command: AroundIDs.newArena,
    args: { isLauncher: true },
    category: trans.__('Other'),
    rank: 1
  });
}

import type { ILauncher } from '@jupyterlab/launcher';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';

import { AroundIDs } from './ids';

/** Adds the card that makes an arena in the launcher's folder. */
export function addCard(
  launcher: ILauncher,
  trans: TranslationBundle
): IDisposable {
  return launcher.add({
    command: AroundIDs.newArena,
    args: { isLauncher: true },
    category: trans.__('Other'),
    rank: 1
  });
}

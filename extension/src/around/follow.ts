import { DisposableDelegate, IDisposable } from '@lumino/disposable';

import type { ArenaModel } from '../model';
import type { WorkbenchModel } from '../workbench';

/**
 * Calls `hear` with the arena that is shown (null: none) at once, whenever it is another one, and whenever its state,
 * its iterations, its connection or a choice of the workbench's changed. Until it is disposed of.
 */
export function follow(
  workbench: WorkbenchModel,
  hear: (model: ArenaModel | null) => void
): IDisposable {
  let followed: ArenaModel | null = null;
  const speak = () => hear(followed);
  const signals = (model: ArenaModel) => [
    model.stateChanged,
    model.rowsChanged,
    model.connectionChanged
  ];
  const turn = () => {
    if (workbench.current !== followed) {
      // One that was let go of has cleared its signals itself.
      followed = workbench.current;
      if (followed) {
        signals(followed).forEach(signal => signal.connect(speak));
      }
    }
    speak();
  };
  workbench.changed.connect(turn);
  turn();
  return new DisposableDelegate(() => {
    workbench.changed.disconnect(turn);
    if (followed) {
      signals(followed).forEach(signal => signal.disconnect(speak));
    }
  });
}

import type { ISignal } from '@lumino/signaling';
import * as React from 'react';

import type { AutoloopAPI } from '../api';
import type { ISaid } from '../wire';
import type { WorkbenchModel } from '../workbench';

/** Something that the server is asked to do to the arena that is shown. */
export type Action = (api: AutoloopAPI, arena: string) => Promise<ISaid>;

/** Who acts, and tells of it: the workbench for the arena that is shown, a view for its own. */
export type Actor = Pick<
  WorkbenchModel,
  'act' | 'dismiss' | 'error' | 'notice'
> & { readonly changed: ISignal<unknown, void> };

/**
 * The way from a button to the server: `act` runs an action and answers whether it went well (what was said or went
 * wrong is then in the actor's notice or error), and `busy` holds until the server has answered, so that a second
 * click does not ask again.
 */
export function useAct(actor: Pick<Actor, 'act'>): {
  act: (action: Action) => Promise<boolean>;
  busy: boolean;
} {
  const [pending, setPending] = React.useState(0);
  const mounted = React.useRef(true);
  React.useEffect(() => {
    mounted.current = true;
    return () => {
      mounted.current = false;
    };
  }, []);
  const act = React.useCallback(
    async (action: Action) => {
      setPending(count => count + 1);
      try {
        return await actor.act(action);
      } finally {
        if (mounted.current) {
          setPending(count => count - 1);
        }
      }
    },
    [actor]
  );
  return { act, busy: pending > 0 };
}

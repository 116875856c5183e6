import type { TranslationBundle } from '@jupyterlab/translation';

import type { IState } from '../wire';

/** Whether the driver is for one iteration only. */
export function single({ plan }: Pick<IState, 'plan'>): boolean {
  return plan !== null && (plan.queued || plan.iterations === 1);
}

/** How an arena stands, in a sign (none while nothing runs) and a word. */
export function standingOf(
  state: IState,
  trans: TranslationBundle
): { sign: string; word: string } {
  switch (state.state) {
    case 'running':
      return {
        sign: '●',
        word: single(state) ? trans.__('step') : trans.__('auto')
      };
    case 'paused':
      return { sign: '‖', word: trans.__('paused') };
    case 'stopping':
      return { sign: '■', word: trans.__('stopping') };
    default:
      return { sign: '', word: trans.__('idle') };
  }
}

import type { TranslationBundle } from '@jupyterlab/translation';

import type { IState } from '../wire';
import { bill } from '../words';

/** Whether the driver is for one iteration only. */
export function single({ plan }: Pick<IState, 'plan'>): boolean {
  return plan !== null && (plan.queued || plan.iterations === 1);
}

/** What the driver that runs has spent, of what it may: `$1.24 of $5.00`; empty where nothing was, or may be. */
export function billOf(state: IState, trans: TranslationBundle): string {
  const { plan, spent } = state;
  const cost = { requests: spent > 0 ? 1 : 0, dollars: spent };
  return state.state === 'idle'
    ? ''
    : bill(cost, plan?.max_cost ?? null, trans);
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

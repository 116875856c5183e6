import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { IState } from '../wire';
import { duration, number } from '../words';
import { single, billOf, standingOf } from './standing';

/** How an arena stands, in a sign, a word and what is left: `● auto · 12 left`. */
export function StatePill(props: {
  state: IState;
  connected: boolean;
  trans: TranslationBundle;
}): JSX.Element {
  const { state, connected, trans } = props;
  const { sign, word } = standingOf(state, trans);
  const rest = state.state === 'idle' ? '' : left(state, trans);
  const kind = connected ? state.state : 'away';
  return (
    <span
      className={`jp-Autoloop-pill jp-mod-${kind}`}
      role="status"
      title={connected ? (state.ended ?? '') : undefined}
    >
      {connected ? (
        <>
          {sign && <span aria-hidden="true">{sign} </span>}
          {word}
          {rest && <span> · {rest}</span>}
        </>
      ) : (
        trans.__('reconnecting…')
      )}
    </span>
  );
}

/** What is left of the plan: iterations before hours before a target, as a person would ask. Empty for a single step. */
function left(state: IState, trans: TranslationBundle): string {
  const { plan } = state;
  if (!plan || single(state)) {
    return '';
  }
  if (plan.iterations !== null) {
    return trans.__('%1 left', Math.max(0, plan.iterations - state.ran));
  }
  if (state.left_seconds !== null) {
    return trans.__('%1 left', duration(Math.max(0, state.left_seconds)));
  }
  if (plan.until !== null) {
    return trans.__('until %1', number(plan.until));
  }
  return plan.max_cost !== null ? billOf(state, trans) : '';
}

import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { IState } from '../wire';
import { wording } from '../mime/wording';
import {
  DASH,
  decimals,
  dollars,
  goal,
  look,
  money,
  number,
  share
} from '../words';
import type { IArenaFace } from './face';
import { useChanges } from './listen';
import { isShown } from './workers';

interface IFigure {
  key: string;
  value: string;
  label: string;
  /** The label where there is little room; the same where it is left out. */
  brief?: string;
  title?: string;
}

/** The few numbers that tell how the search goes. What is not known is left out rather than shown empty. */
export const Figures = React.memo((props: IArenaFace): JSX.Element | null => {
  const { model, trans } = props;
  useChanges(model.stateChanged);
  // Before the first run there is nothing to tell.
  if (!model.state || !(model.state.total || model.state.best)) {
    return null;
  }
  return (
    <dl className="jp-Autoloop-figures">
      {figuresOf(model.state, trans).map(figure => (
        <div key={figure.key} title={figure.title}>
          <dt>
            {figure.brief ? (
              <>
                <span className="jp-mod-long">{figure.label}</span>
                <span className="jp-mod-short">{figure.brief}</span>
              </>
            ) : (
              figure.label
            )}
          </dt>
          <dd>{figure.value}</dd>
        </div>
      ))}
    </dl>
  );
});
Figures.displayName = 'Figures';

/** Which numbers are known, in the order in which they are shown. */
export function figuresOf(state: IState, trans: TranslationBundle): IFigure[] {
  const { best, baseline, metric, noise, total } = state;
  // Of several workers their own lines tell, run by run: one number more would only seem to contradict them.
  const busy = state.driver && isShown(state.workers) ? null : state.busy;
  const places = decimals([best?.score, baseline?.score]);
  const change = share(best?.score, baseline?.score);
  // A baseline is what others are held against: nobody asks whether it holds up.
  const standing = best?.number === baseline?.number ? null : best?.state;
  const found: IFigure[] = [
    {
      key: 'best',
      value: number(best?.score, places),
      label: standing
        ? `${look('keep', standing).sign} ${trans.__('best %1', metric.name)}`
        : trans.__('best %1', metric.name),
      title: best
        ? [
            trans.__('Iteration %1 · %2', best.number, goal(metric, trans)),
            standing ? wording(standing, trans) : ''
          ]
            .filter(Boolean)
            .join(' · ')
        : goal(metric, trans)
    }
  ];
  if (change) {
    found.push({
      key: 'change',
      value: change === '+0.0 %' ? '0.0 %' : change,
      label: trans.__('since baseline'),
      title: trans.__('The baseline scored %1', number(baseline?.score, places))
    });
  }
  found.push(
    noise !== null
      ? {
          key: 'noise',
          value: `±${number(noise, places)}`,
          label: trans.__('noise (σ)'),
          title: trans.__(
            'One standard deviation of the score when nothing but the seed changes'
          )
        }
      : {
          key: 'total',
          value: total ? String(total) : DASH,
          label: trans._n('iteration', 'iterations', total)
        }
  );
  if (busy !== null) {
    found.push({
      key: 'busy',
      value: `${Math.round(100 * busy)} %`,
      label: trans.__('trainer busy'),
      brief: trans.__('busy'),
      title: trans.__('The share of this run in which the trainer worked')
    });
  }
  return [...found, ...paid(state, trans)];
}

/** What the agents have cost: while a driver runs that may spend so much, what it has spent of that. */
function paid(state: IState, trans: TranslationBundle): IFigure[] {
  const { cost, plan, spent } = state;
  const most = state.state === 'idle' ? null : (plan?.max_cost ?? null);
  if (!cost.requests && most === null) {
    return [];
  }
  const known = most !== null || cost.dollars !== null;
  return [
    {
      key: 'cost',
      value: known
        ? dollars(most !== null ? spent : (cost.dollars ?? 0))
        : DASH,
      label:
        most !== null
          ? trans.__('of %1 spent', dollars(most))
          : trans.__('spent'),
      title: money(cost, trans)
    }
  ];
}

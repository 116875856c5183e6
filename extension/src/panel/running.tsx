import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { LiveCurve } from '../chart/live';
import { BudgetRing } from '../chart/ring';
import type { ArenaModel, ILive } from '../model';
import type { IState } from '../wire';
import { duration } from '../words';
import type { IArenaFace } from './face';
import { useChanges, useSeconds } from './listen';

/** How many of an agent's last lines are shown while it thinks. */
const LINES = 4;

/** What is under way: how far it is, its curve beside the champion's, and why it was thought worth a try. */
export const Running = React.memo((props: IArenaFace): JSX.Element | null => {
  const { model, workbench, trans } = props;
  useChanges(model.liveChanged, model.stateChanged, workbench.changed);
  const { state } = model;
  // Of several, the one that the person has chosen.
  const live = model.liveOf(workbench.selected) ?? model.live;
  if (!live || !state) {
    return null;
  }
  return (
    <section
      className="jp-Autoloop-card jp-Autoloop-running"
      aria-label={trans.__('Under way')}
    >
      <Progress
        key={live.number}
        model={model}
        live={live}
        state={state}
        trans={trans}
      />
      {live.points.length > 0 && (
        <LiveCurve
          points={live.points}
          champion={live.champion}
          budget={state.budget_s}
          clock={state.clock}
          trans={trans}
        />
      )}
      <Reasoning live={live} trans={trans} />
      <Next live={live} trans={trans} />
    </section>
  );
});
Running.displayName = 'Running';

/** The ring and one line: number, phase, and how much of the budget is used. The only part that moves every second. */
function Progress(props: {
  model: ArenaModel;
  live: ILive;
  state: IState;
  trans: TranslationBundle;
}): JSX.Element {
  const { model, live, state, trans } = props;
  useSeconds(live.phase !== 'recorded');
  const spent = spentOf(live, state, model.now(), useQuiet(model, live));
  const billed = spent !== null;
  return (
    <div className="jp-Autoloop-progress">
      {billed ? (
        <BudgetRing
          spent={spent}
          budget={state.budget_s}
          label={trans.__('Budget used')}
        />
      ) : (
        <span className="jp-Autoloop-spinner" aria-hidden="true" />
      )}
      <div className="jp-Autoloop-progressText">
        <div>
          <strong>
            {live.number !== null && `${live.number} · `}
            {phaseWord(live, trans)}
          </strong>{' '}
          <span className="jp-Autoloop-soft jp-Autoloop-number">
            {billed && live.phase === 'running'
              ? budgetWord(spent, state, trans)
              : sinceWord(live, model.now())}
          </span>
        </div>
        {live.title && (
          <div className="jp-Autoloop-cut jp-Autoloop-soft" title={live.title}>
            {live.title}
          </div>
        )}
      </div>
    </div>
  );
}

/**
 * How much of the budget the run has used, in seconds of the arena's clock; null while nothing is billed. `quiet`: how
 * many seconds ago the last point came; the wall's clock goes on between two points, how much CPU time was used only
 * the points tell.
 */
export function spentOf(
  live: ILive,
  state: IState,
  now: number,
  quiet: number
): number | null {
  const last = live.points[live.points.length - 1]?.seconds;
  if (live.phase === 'scoring' || live.phase === 'recorded') {
    return Math.min(state.budget_s, last ?? state.budget_s);
  }
  if (live.phase !== 'running') {
    return null;
  }
  const wall = last === undefined ? now - live.since : last + quiet;
  const spent = state.clock === 'cpu' ? (last ?? 0) : wall;
  return Math.max(0, Math.min(state.budget_s, spent));
}

/** For how many seconds the curve has had no new point. */
function useQuiet(model: ArenaModel, live: ILive): number {
  const heard = React.useRef({ points: live.points, at: model.now() });
  if (heard.current.points !== live.points) {
    heard.current = { points: live.points, at: model.now() };
  }
  return model.now() - heard.current.at;
}

function phaseWord(live: ILive, trans: TranslationBundle): string {
  switch (live.phase) {
    case 'proposing':
      return live.agent
        ? trans.__('%1 is thinking', live.agent.split(/\s/)[0])
        : trans.__('thinking');
    case 'starting':
      return trans.__('starting');
    case 'running':
      return live.attempt > 1
        ? trans.__('training again')
        : trans.__('training');
    case 'scoring':
      return trans.__('scoring');
    default:
      return trans.__('recorded');
  }
}

function budgetWord(
  spent: number,
  state: IState,
  trans: TranslationBundle
): string {
  const [used, budget] = [spent, state.budget_s].map(value =>
    Math.floor(value * 10 + 1e-6) % 10 && state.budget_s < 5
      ? value.toFixed(1)
      : String(Math.floor(value + 1e-6))
  );
  return state.clock === 'cpu'
    ? trans.__('%1 of %2 s of CPU time', used, budget)
    : trans.__('%1 of %2 s', used, budget);
}

function sinceWord(live: ILive, now: number): string {
  const seconds = Math.floor(now - live.since);
  if (live.phase === 'recorded' || live.since <= 0 || seconds < 1) {
    return '';
  }
  return seconds < 100 ? `${seconds} s` : duration(seconds);
}

/** What the agent says while it thinks, and afterwards why it proposed this. */
function Reasoning(props: {
  live: ILive;
  trans: TranslationBundle;
}): JSX.Element | null {
  const { live, trans } = props;
  const thinking = live.number === null;
  const text = thinking
    ? live.thoughts.slice(-LINES).join('\n')
    : live.hypothesis;
  if (!text.trim()) {
    return null;
  }
  return (
    <blockquote
      className={`jp-Autoloop-reasoning ${thinking ? 'jp-mod-thoughts' : ''}`}
      aria-label={thinking ? trans.__('Thoughts') : trans.__('Hypothesis')}
    >
      <span>{text}</span>
    </blockquote>
  );
}

/** What an agent says that is asked for the next proposal already: its last line. */
function Next(props: {
  live: ILive;
  trans: TranslationBundle;
}): JSX.Element | null {
  const { live, trans } = props;
  const last = live.ahead[live.ahead.length - 1];
  if (!last || live.number === null) {
    return null;
  }
  return (
    <p className="jp-Autoloop-soft jp-Autoloop-next">
      {trans.__('next · %1: %2', last.agent.split(/\s/)[0], last.text)}
    </p>
  );
}

/** The progress of an arena: every iteration of one epoch by verdict, the best so far as the one blue line. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { IRow, IState } from '../wire';
import { goal } from '../words';
import { Drawn, ShownLegend } from './drawn';
import { EpochSwitch, useEpoch } from './epoch';
import type { IShown } from './plot';
import { Scores, WholeSwitch } from './scores';
import { series } from './series';
import { TableSwitch, useTabular } from './table';

/**
 * `rows` in any order, of any epochs; `version` changes when they do. `onSelect` is called with an iteration's number
 * for a click near its point, and for Enter.
 */
export interface IProgressChartProps {
  rows: readonly IRow[];
  version: number;
  state: IState;
  selected: number | null;
  onSelect: (number: number) => void;
  trans: TranslationBundle;
}

/**
 * The chart, its legend and, where there are several epochs, a switch between them: scores never cross epochs, so that
 * each has a scale of its own. It shows the current epoch, or that of the iteration that was selected last. A switch
 * below shows the same as a table.
 */
export function ProgressChart(props: IProgressChartProps): React.JSX.Element {
  const { rows, version, state, selected, trans } = props;
  const epochs = useEpoch(rows, version, state.epoch, selected);
  const shown = useShown(props, epochs.shown, epochs.shown === epochs.current);
  return (
    <div className="jp-Autoloop-chart">
      {epochs.all.length > 1 && <EpochSwitch {...epochs} trans={trans} />}
      {shown.series.rows.length ? (
        <Shown {...props} shown={shown} />
      ) : (
        <p className="jp-Autoloop-chart-empty">
          {emptyLine(props, shown.running)}
        </p>
      )}
    </div>
  );
}

/** The picture or the table, and the switch between them. */
function Shown(
  props: IProgressChartProps & { shown: IShown }
): React.JSX.Element {
  const { shown, state, selected, onSelect, trans } = props;
  const tabular = useTabular();
  const what = { selected, onSelect, trans, goal: goal(state.metric, trans) };
  const [whole, setWhole] = React.useState(false);
  const { series } = shown;
  return (
    <>
      {tabular.on ? (
        <Scores key={state.arena} {...what} series={series} whole={whole} />
      ) : (
        <Drawn key={state.arena} {...what} shown={shown} />
      )}
      {/* The switch stays where it is: who pressed it keeps the focus. */}
      <div className="jp-Autoloop-chart-foot">
        <TableSwitch {...tabular} trans={trans} />
        {tabular.on ? (
          <WholeSwitch
            on={whole}
            set={setWhole}
            series={series}
            trans={trans}
          />
        ) : (
          <ShownLegend shown={shown} trans={trans} />
        )}
      </div>
    </>
  );
}

/** What is drawn, the same object as long as it is the same. */
function useShown(
  props: IProgressChartProps,
  epoch: number | null,
  isCurrent: boolean
): IShown {
  const { rows, version, state } = props;
  const { direction } = state.metric;
  const own = React.useMemo(
    () => series(rows, epoch, direction),
    [rows, version, epoch, direction]
  );
  // The noise and the iteration under way are those of the current epoch.
  const flights = isCurrent ? state.flights.map(flight => flight.number) : [];
  // The same array as long as the same are under way: every state brings a new one.
  const running = React.useMemo(() => flights, [flights.join()]);
  const noise = isCurrent && (state.noise ?? 0) > 0 ? state.noise : null;
  return React.useMemo(
    () => ({ series: own, noise, running }),
    [own, noise, running]
  );
}

function emptyLine(
  props: IProgressChartProps,
  running: readonly number[]
): string {
  const { rows, state, trans } = props;
  if (running.length) {
    return trans.__(
      'Iteration %1 is under way: its point comes here.',
      running[0]
    );
  }
  return state.total > 0 && !rows.length
    ? trans.__('Loading…')
    : trans.__('No iteration has ended yet: Step runs one.');
}

import * as React from 'react';

import { ProgressChart } from '../chart/progress';
import { Controls } from './controls';
import { Nothing } from './empty';
import type { IArenaFace, IFace } from './face';
import { Figures } from './figures';
import { FilterBar } from './filter';
import { Header } from './header';
import { Islands } from './islands';
import { IterationList } from './list';
import { useChanges } from './listen';
import { Notices, Problem } from './notices';
import { Running } from './running';
import { Selection } from './selection';
import { Sharing } from './sharing';
import { Tables } from './tables';
import { Waiting } from './waiting';
import { Workers } from './workers';

/** The panel: the arena that is shown, or the way to one. */
export function Panel(props: IFace): JSX.Element {
  const { workbench } = props;
  useChanges(workbench.changed);
  const model = workbench.current;
  return (
    <div className="jp-Autoloop-panelBody">
      {model ? (
        // Another arena is another panel: nothing that was typed or opened for the one is meant for the other.
        <Tables workbench={workbench}>
          <Arena key={model.arena} {...props} model={model} />
        </Tables>
      ) : (
        <>
          <Notices actor={props.workbench} trans={props.trans} />
          <Nothing {...props} />
        </>
      )}
    </div>
  );
}

function Arena(props: IArenaFace): JSX.Element {
  return (
    <>
      <Header {...props} />
      <Controls {...props} />
      <Notices actor={props.workbench} trans={props.trans} />
      <Trouble {...props} />
      <Figures {...props} />
      <Chart {...props} />
      <Waiting {...props} />
      <Workers {...props} />
      <Islands {...props} />
      <Sharing {...props} />
      <Running {...props} />
      <Iterations {...props} />
    </>
  );
}

/** Why the arena cannot run, or cannot be shown as it is; or why the last run of it came to no good end. */
const Trouble = React.memo((props: IArenaFace): JSX.Element | null => {
  const { model, workbench } = props;
  useChanges(model.stateChanged, workbench.changed);
  const { state } = model;
  const failed = state?.state === 'idle' && state.failed ? state.ended : '';
  const lines = new Set([model.problem, state?.problem ?? '', failed ?? '']);
  return (
    <>
      {[...lines]
        .filter(line => line && line !== workbench.error)
        .map(line => (
          <Problem key={line} text={line} />
        ))}
    </>
  );
});
Trouble.displayName = 'Trouble';

const Chart = React.memo((props: IArenaFace): JSX.Element | null => {
  const { model, workbench, trans } = props;
  useChanges(model.rowsChanged, model.stateChanged, workbench.changed);
  const onSelect = React.useCallback(
    (number: number) => {
      workbench.selected = number;
    },
    [workbench]
  );
  if (!model.state || !model.rows.size) {
    return null;
  }
  return (
    <div className="jp-Autoloop-chartHolder">
      <ProgressChart
        rows={model.rows.rows}
        state={model.state}
        selected={workbench.selected}
        onSelect={onSelect}
        trans={trans}
        version={model.rows.version}
      />
    </div>
  );
});
Chart.displayName = 'Chart';

/** The list with its filter and what is selected in it; before the first run, what to do first. */
const Iterations = React.memo((props: IArenaFace): JSX.Element | null => {
  const { model, trans } = props;
  useChanges(model.stateChanged, model.rowsChanged);
  const { state } = model;
  if (!state) {
    return model.problem ? null : (
      <p className="jp-Autoloop-nothing">{trans.__('Reading the arena…')}</p>
    );
  }
  if (!state.total && !model.rows.size && !state.flying) {
    return state.state === 'idle' && !state.problem ? (
      <p className="jp-Autoloop-nothing">
        {trans.__(
          'This arena has not run yet. Step runs the baseline first: the notebook as it is.'
        )}
      </p>
    ) : null;
  }
  return (
    <>
      <FilterBar {...props} />
      <IterationList {...props} />
      <Selection {...props} />
    </>
  );
});
Iterations.displayName = 'Iterations';

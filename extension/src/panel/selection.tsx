import * as React from 'react';

import type { IRow, IState } from '../wire';
import { DASH, decimals, lookOf, number, signed, standing } from '../words';
import { Action, useAct } from './acting';
import { Button } from './button';
import { ExportForm } from './export';
import type { IArenaFace } from './face';
import { useChanges } from './listen';
import { Popover } from './popover';
import { Sign } from './sign';
import { said } from './verdicts';

/** The iteration that is selected, and what can be done with it. */
export const Selection = React.memo((props: IArenaFace): JSX.Element | null => {
  const { model, workbench, trans } = props;
  useChanges(model.rowsChanged, model.stateChanged, workbench.changed);
  const { selected } = workbench;
  const row = selected === null ? undefined : model.rows.get(selected);
  if (!row || !model.state) {
    return null;
  }
  const flying = model.state.driver ? model.state.flying : null;
  const seen = lookOf(row, flying?.number ?? null);
  const { kind } = seen;
  const word = said(seen, trans);
  const champion = model.state.champion?.number === row.number;
  return (
    <section
      className="jp-Autoloop-selection"
      aria-label={trans.__('Iteration %1', row.number)}
    >
      <div className="jp-Autoloop-selectionHead">
        <h3 title={row.title}>
          {row.number} · {row.title || trans.__('no title')}
        </h3>
        <Button
          kind="quiet"
          label={trans.__('Clear the selection')}
          onClick={() => {
            workbench.selected = null;
          }}
        >
          ✕
        </Button>
      </div>
      <div className="jp-Autoloop-selectionFacts">
        <span className={`jp-Autoloop-chip jp-mod-${kind}`}>
          <Sign look={seen} />
          {word}
        </span>
        <Scores row={row} state={model.state} />
        {champion && (
          <span className="jp-Autoloop-champion">{trans.__('champion')}</span>
        )}
        <span className="jp-Autoloop-soft">
          {trans.__('by %1', row.agent)}
          {row.base !== null && ` · ${trans.__('on %1', row.base)}`}
        </span>
      </div>
      {row.reason && (
        <p className="jp-Autoloop-reason" title={row.reason}>
          {row.reason}
        </p>
      )}
      <Actions {...props} key={row.number} row={row} champion={champion} />
    </section>
  );
});
Selection.displayName = 'Selection';

function Scores({ row, state }: { row: IRow; state: IState }): JSX.Element {
  const places = decimals([row.score, state.best?.score]);
  return (
    <span className="jp-Autoloop-number">
      {row.score === null ? DASH : number(row.score, places)}
      {row.difference !== null && (
        <span className="jp-Autoloop-soft">
          {' '}
          {signed(row.difference, places)}
        </span>
      )}
    </span>
  );
}

/** The actions that make sense for this iteration; those that may make sense later say why they cannot be used now. */
function Actions(
  props: IArenaFace & { row: IRow; champion: boolean }
): JSX.Element {
  const { workbench, model, trans, row, champion, openNotebook } = props;
  const { act, busy } = useAct(workbench);
  const wait = busy ? trans.__('The server was asked: one moment') : '';
  const run = (action: Action) => void act(action);
  const open = (
    <Button
      reason={row.notebook ? '' : trans.__('It has no notebook yet')}
      title={trans.__('The notebook as it was executed')}
      onClick={() => openNotebook(row.notebook)}
    >
      {trans.__('Open notebook')}
    </Button>
  );
  if (row.verdict === null) {
    return <div className="jp-Autoloop-actions">{open}</div>;
  }
  const past =
    model.state?.epoch !== null && row.epoch !== model.state?.epoch
      ? trans.__('It is of an earlier epoch: its score does not compare')
      : '';
  const already = champion ? trans.__('It is the champion already') : '';
  return (
    <div className="jp-Autoloop-actions">
      {open}
      {standing(row) ? (
        <Button
          reason={already || past || wait}
          title={trans.__('The next proposals edit it')}
          onClick={() => run((api, arena) => api.champion(arena, row.number))}
        >
          {trans.__('Make champion')}
        </Button>
      ) : (
        <Button
          reason={already || past || wait}
          title={trans.__('Go on from it although it was not kept')}
          onClick={() => run((api, arena) => api.fork(arena, row.number))}
        >
          {trans.__('Fork')}
        </Button>
      )}
      <Button
        reason={
          row.score === null
            ? trans.__('It has no score to replicate')
            : past || wait
        }
        title={trans.__('Run it again with a fresh seed')}
        onClick={() => run((api, arena) => api.replicate(arena, row.number))}
      >
        {trans.__('Replicate')}
      </Button>
      <Popover
        popup="dialog"
        align="end"
        name={trans.__('Export iteration %1', row.number)}
        title={trans.__('A notebook that runs without Autoloop')}
        reason={wait}
        face={trans.__('Export…')}
      >
        {close => (
          <ExportForm
            trans={trans}
            row={row}
            onExport={options => {
              close();
              run((api, arena) => api.export(arena, row.number, options));
            }}
          />
        )}
      </Popover>
    </div>
  );
}

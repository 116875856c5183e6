import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { lineOf } from '../mime/whose';
import type { IRow, IState } from '../wire';
import { decimals, lookOf, number, signed } from '../words';
import { Actions } from './actions';
import { Button } from './button';
import type { IArenaFace } from './face';
import { useChanges } from './listen';
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
      <Facts
        row={row}
        state={model.state}
        flies={model.flies(row.number)}
        trans={trans}
      />
      {row.reason && (
        <p className="jp-Autoloop-reason" title={row.reason}>
          {row.reason}
        </p>
      )}
      <Actions {...props} key={row.number} row={row} />
    </section>
  );
});
Selection.displayName = 'Selection';

/** Verdict, score, and where it comes from. */
function Facts(props: {
  row: IRow;
  state: IState;
  flies: boolean;
  trans: TranslationBundle;
}): JSX.Element {
  const { row, state, flies, trans } = props;
  const seen = lookOf(row, flies ? row.number : null);
  const places = decimals([row.score, state.best?.score]);
  return (
    <div className="jp-Autoloop-selectionFacts">
      <span className={`jp-Autoloop-chip jp-mod-${seen.kind}`}>
        <Sign look={seen} />
        {said(seen, trans)}
      </span>
      <span className="jp-Autoloop-number">
        {number(row.score, places)}
        {row.difference !== null && (
          <span className="jp-Autoloop-soft">
            {' '}
            {signed(row.difference, places)}
          </span>
        )}
      </span>
      {state.champion?.number === row.number && (
        <span className="jp-Autoloop-champion">{trans.__('champion')}</span>
      )}
      <span className="jp-Autoloop-soft">
        {trans.__('by %1', row.agent)}
        {row.base !== null && ` · ${trans.__('on %1', row.base)}`}
        {lineOf(row, trans).map(part => ` · ${part}`)}
      </span>
    </div>
  );
}

import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { IRow, IState } from '../wire';
import { standing } from '../words';
import { useAct } from './acting';
import type { Action, Actor } from './acting';
import { Button } from './button';
import { ExportForm } from './export';
import type { IArenaFace } from './face';
import { Popover } from './popover';

interface IActionProps extends IArenaFace {
  row: IRow;
}

/** What can be done with an iteration; what makes no sense just now says why, what never will is not there. */
export function Actions(props: IActionProps): JSX.Element {
  const { row, trans, openNotebook, openIteration } = props;
  return (
    <div className="jp-Autoloop-actions">
      <Button
        title={trans.__('What it changed, and what came of it')}
        onClick={() => openIteration({ number: row.number })}
      >
        {trans.__('Details')}
      </Button>
      <Button
        reason={row.notebook ? '' : trans.__('It has no notebook yet')}
        title={trans.__('The notebook as it was executed')}
        onClick={() => openNotebook(row.notebook)}
      >
        {trans.__('Open notebook')}
      </Button>
      {row.verdict !== null && (
        <Ended {...props} actor={props.workbench} state={props.model.state} />
      )}
    </div>
  );
}

/** What is done, by whom, to which iteration, as its arena stands. */
export interface IEndedProps {
  actor: Actor;
  state: IState | null;
  row: IRow;
  trans: TranslationBundle;
}

/** What can be done once there is a verdict. */
export function Ended(props: IEndedProps): JSX.Element {
  const { actor, state, trans, row } = props;
  const { act, busy } = useAct(actor);
  const wait = busy ? trans.__('The server was asked: one moment') : '';
  const past = earlier(row, state, trans);
  const unscored =
    row.score === null ? trans.__('It has no score to replicate') : '';
  const confirm: Action = (api, arena) => api.confirm(arena, row.number);
  const replicate: Action = (api, arena) => api.replicate(arena, row.number);
  return (
    <>
      <GoOn {...props} reason={past || wait} act={act} />
      <Button
        reason={unscored || past || wait}
        title={trans.__('Run it again with a fresh seed')}
        onClick={() => void act(replicate)}
      >
        {trans.__('Replicate')}
      </Button>
      {row.state === 'provisional' && row.base !== null && (
        <Button
          reason={past || wait}
          title={trans.__('Hold it against fresh runs of its base')}
          onClick={() => void act(confirm)}
        >
          {trans.__('Confirm')}
        </Button>
      )}
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
              void act((api, arena) => api.export(arena, row.number, options));
            }}
          />
        )}
      </Popover>
    </>
  );
}

/** Make it what the next proposals edit: of a keep that is to be champion, of anything else it is a fork. */
function GoOn(
  props: IEndedProps & {
    reason: string;
    act: (action: Action) => Promise<boolean>;
  }
): JSX.Element {
  const { state, trans, row, reason, act } = props;
  const kept = standing(row);
  const already =
    state?.champion?.number === row.number
      ? trans.__('It is the champion already')
      : '';
  const action: Action = (api, arena) =>
    kept ? api.champion(arena, row.number) : api.fork(arena, row.number);
  return (
    <Button
      reason={already || reason}
      title={
        kept
          ? trans.__('The next proposals edit it')
          : trans.__('Go on from it although it was not kept')
      }
      onClick={() => void act(action)}
    >
      {kept ? trans.__('Make champion') : trans.__('Fork')}
    </Button>
  );
}

/** Why an iteration of an earlier epoch is not gone on from; empty for one of this epoch. */
function earlier(
  row: IRow,
  state: IState | null,
  trans: TranslationBundle
): string {
  return state && state.epoch !== null && row.epoch !== state.epoch
    ? trans.__('It is of an earlier epoch: its score does not compare')
    : '';
}

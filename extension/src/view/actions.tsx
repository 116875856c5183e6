import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { Button } from '../panel/button';
import { ExportForm } from '../panel/export';
import { Popover } from '../panel/popover';
import type { IDetail, IRow } from '../wire';
import { standing } from '../words';
import type { IterationModel } from './model';

interface IActionsProps {
  model: IterationModel;
  detail: IDetail;
  trans: TranslationBundle;
  openNotebook: (path: string) => void;
}

/** What can be done with an iteration; what makes no sense just now says why, what never will is not there. */
export function Actions(props: IActionsProps): JSX.Element {
  const { detail, trans, openNotebook } = props;
  return (
    <div
      className="jp-Autoloop-View-actions"
      role="group"
      aria-label={trans.__('Actions')}
    >
      <Button
        reason={detail.notebook ? '' : trans.__('It has no notebook yet')}
        title={trans.__('The notebook as it was executed')}
        onClick={() => openNotebook(detail.notebook)}
      >
        {trans.__('Open notebook')}
      </Button>
      {detail.verdict !== null && <Ended {...props} />}
    </div>
  );
}

/** What can be done once there is a verdict. */
function Ended(props: IActionsProps): JSX.Element {
  const { model, detail, trans } = props;
  const { number } = detail;
  const wait = model.acting ? trans.__('The server was asked: one moment') : '';
  const past = earlier(props);
  const unscored =
    detail.score === null ? trans.__('It has no score to replicate') : '';
  return (
    <>
      <GoOn {...props} reason={past || wait} />
      <Button
        reason={unscored || past || wait}
        title={trans.__('Run it again with a fresh seed')}
        onClick={() =>
          void model.act((api, arena) => api.replicate(arena, number))
        }
      >
        {trans.__('Replicate')}
      </Button>
      <Popover
        popup="dialog"
        name={trans.__('Export iteration %1', number)}
        title={trans.__('A notebook that runs without Autoloop')}
        reason={wait}
        face={trans.__('Export…')}
      >
        {close => (
          <ExportForm
            trans={trans}
            row={rowOf(detail)}
            onExport={options => {
              close();
              void model.act((api, arena) =>
                api.export(arena, number, options)
              );
            }}
          />
        )}
      </Popover>
    </>
  );
}

/** Make it what the next proposals edit: of a keep that is to be champion, of anything else it is a fork. */
function GoOn(props: IActionsProps & { reason: string }): JSX.Element {
  const { model, detail, trans, reason } = props;
  const { number } = detail;
  const kept = standing(rowOf(detail));
  const already =
    model.arenaModel.state?.champion?.number === number
      ? trans.__('It is the champion already')
      : '';
  const go = () =>
    model.act((api, arena) =>
      kept ? api.champion(arena, number) : api.fork(arena, number)
    );
  return (
    <Button
      reason={already || reason}
      title={
        kept
          ? trans.__('The next proposals edit it')
          : trans.__('Go on from it although it was not kept')
      }
      onClick={() => void go()}
    >
      {kept ? trans.__('Make champion') : trans.__('Fork')}
    </Button>
  );
}

/** Why an iteration of an earlier epoch is not gone on from; empty for one of this epoch. */
function earlier({ model, detail, trans }: IActionsProps): string {
  const epoch = model.arenaModel.state?.epoch ?? null;
  return epoch !== null && detail.epoch !== epoch
    ? trans.__('It is of an earlier epoch: its score does not compare')
    : '';
}

/** An iteration as a list has it. */
export function rowOf(detail: IDetail): IRow {
  const { score, base_score, attempts, seconds, ...rest } = detail;
  const difference =
    score === null || base_score === null ? null : score - base_score;
  return {
    ...rest,
    score,
    difference,
    attempts: attempts.length,
    seconds: seconds.total
  };
}

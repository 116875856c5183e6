import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { Ended } from '../panel/actions';
import { Button } from '../panel/button';
import type { IDetail, IRow } from '../wire';
import type { IterationModel } from './model';

interface IActionsProps {
  model: IterationModel;
  detail: IDetail;
  trans: TranslationBundle;
  openNotebook: (path: string) => void;
}

/** What can be done with an iteration; what makes no sense just now says why, what never will is not there. */
export function Actions(props: IActionsProps): JSX.Element {
  const { model, detail, trans, openNotebook } = props;
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
      {detail.verdict !== null && (
        <Ended
          actor={model}
          state={model.arenaModel.state}
          row={rowOf(detail)}
          trans={trans}
        />
      )}
    </div>
  );
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

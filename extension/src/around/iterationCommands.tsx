import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { IExportOptions, lineOf } from '../api';
import { putIteration } from '../book/book';
import type { ArenaModel } from '../model';
import type { Action } from '../panel/acting';
import { ExportForm } from '../panel/export';
import type { IRow } from '../wire';
import { standing } from '../words';
import {
  act,
  add,
  Args,
  flagOf,
  ICommand,
  IDesk,
  numberOf,
  refuse,
  textOf
} from './desk';
import { ask } from './dialog';
import { AroundIDs } from './ids';

/** Adds the commands on one iteration: the one with the `number`, or the one that is selected in the panel. */
export function addIterationCommands(desk: IDesk): void {
  addGoingOn(desk);
  addOutcome(desk);
}

/** What the commands below have in common. */
interface IOnIteration {
  id: string;
  /** What it is called for an iteration, and where none is selected. */
  one: (number: number) => string;
  none: string;
  caption: string;
  args?: ICommand['args'];
  enabled: (row: IRow, model: ArenaModel) => boolean;
  execute: (number: number, args: Args) => Promise<boolean>;
}

function addOn(desk: IDesk, command: IOnIteration): void {
  const { trans, workbench } = desk;
  const pick = (args: Args) => numberOf(args, 'number') ?? workbench.selected;
  const number = {
    type: 'integer',
    minimum: 1,
    description: trans.__(
      'Which iteration; left out: the one that is selected in the panel'
    )
  };
  add(desk, {
    id: command.id,
    label: args => {
      const picked = pick(args);
      return picked === null ? command.none : command.one(picked);
    },
    caption: command.caption,
    args: { number, ...command.args },
    enabled: (model, args) => {
      const picked = pick(args);
      const row = picked === null ? undefined : model.rows.get(picked);
      // An iteration that is named may be on a page that is not here yet: the server will tell.
      return row ? command.enabled(row, model) : picked !== null;
    },
    execute: async args => {
      const picked = pick(args);
      return picked === null
        ? refuse(desk, trans.__('no iteration is selected: select one first'))
        : command.execute(picked, args);
    }
  });
}

/** Whether an iteration is one that the next proposals may go on from: scores of another epoch do not compare. */
function current(row: IRow, { state }: ArenaModel): boolean {
  return (
    row.verdict !== null && (!state || (state.epoch ?? row.epoch) === row.epoch)
  );
}

function addGoingOn(desk: IDesk): void {
  const { trans } = desk;
  const on = (action: (number: number) => Action) => (number: number) =>
    act(desk, action(number));
  addOn(desk, {
    id: AroundIDs.makeChampion,
    one: number => trans.__('Make iteration %1 the champion', number),
    none: trans.__('Make the selected iteration the champion'),
    caption: trans.__('The next proposals edit it'),
    enabled: (row, model) =>
      current(row, model) &&
      standing(row) &&
      model.state?.champion?.number !== row.number,
    execute: on(number => (api, arena) => api.champion(arena, number))
  });
  addOn(desk, {
    id: AroundIDs.fork,
    one: number => trans.__('Fork from iteration %1', number),
    none: trans.__('Fork from the selected iteration'),
    caption: trans.__('Go on from it although it was not kept'),
    enabled: (row, model) =>
      current(row, model) && model.state?.champion?.number !== row.number,
    execute: on(number => (api, arena) => api.fork(arena, number))
  });
  addOn(desk, {
    id: AroundIDs.replicate,
    one: number => trans.__('Replicate iteration %1', number),
    none: trans.__('Replicate the selected iteration'),
    caption: trans.__('Run it again with a fresh seed'),
    enabled: (row, model) => current(row, model) && row.score !== null,
    execute: on(number => (api, arena) => api.replicate(arena, number))
  });
  addOn(desk, {
    id: AroundIDs.confirm,
    one: number => trans.__('Confirm iteration %1', number),
    none: trans.__('Confirm the selected iteration'),
    caption: trans.__('Hold it against fresh runs of its base'),
    enabled: (row, model) =>
      current(row, model) && row.state === 'provisional' && row.base !== null,
    execute: on(number => (api, arena) => api.confirm(arena, number))
  });
}

function addOutcome(desk: IDesk): void {
  const { trans } = desk;
  addOn(desk, {
    id: AroundIDs.apply,
    one: number => trans.__('Put iteration %1 into the notebook', number),
    none: trans.__('Put the selected iteration into the notebook'),
    caption: trans.__('Write its cells into the arena’s notebook'),
    enabled: row => row.verdict !== null,
    execute: number =>
      act(desk, (api, arena) =>
        putIteration(desk.workbench, api, arena, number)
      )
  });
  addOn(desk, {
    id: AroundIDs.exportWinner,
    one: number => trans.__('Export iteration %1…', number),
    none: trans.__('Export the selected iteration…'),
    caption: trans.__('A notebook that runs without Autoloop'),
    args: exportArgs(desk),
    enabled: row => row.verdict !== null,
    execute: (number, args) => write(desk, number, args)
  });
  addOn(desk, {
    id: AroundIDs.openNotebook,
    one: number => trans.__('Open the notebook of iteration %1', number),
    none: trans.__('Open the notebook of the selected iteration'),
    caption: trans.__('The notebook as it was executed'),
    enabled: row => row.notebook !== '',
    execute: number => open(desk, number)
  });
}

function exportArgs({ trans }: IDesk): ICommand['args'] {
  return {
    out: {
      type: 'string',
      description: trans.__(
        'Where to, a path that ends in .ipynb, beside the arena; left out: it is asked for'
      )
    },
    verify: {
      type: 'boolean',
      description: trans.__('Whether it is run afresh to compare the scores')
    },
    force: {
      type: 'boolean',
      description: trans.__('Whether what is there is overwritten')
    }
  };
}

async function write(
  desk: IDesk,
  number: number,
  args: Args
): Promise<boolean> {
  const { trans, workbench } = desk;
  const out = textOf(args, 'out');
  const row = workbench.current?.rows.get(number);
  if (out === undefined && !row) {
    return refuse(desk, trans.__('there is no iteration %1', number));
  }
  const options =
    out === undefined
      ? await asked(trans, row!)
      : { out, verify: flagOf(args, 'verify'), force: flagOf(args, 'force') };
  return (
    options !== null &&
    act(desk, (api, arena) => api.export(arena, number, options))
  );
}

function asked(
  trans: TranslationBundle,
  row: IRow
): Promise<IExportOptions | null> {
  return ask<IExportOptions>(
    trans,
    trans.__('Export iteration %1', row.number),
    trans.__('Export'),
    done => <ExportForm trans={trans} row={row} onExport={done} />
  );
}

async function open(desk: IDesk, number: number): Promise<boolean> {
  const { workbench, trans } = desk;
  const model = workbench.current;
  const known = model?.rows.get(number)?.notebook;
  let path = known;
  if (model && path === undefined) {
    try {
      path = (await model.api.iteration(model.arena, number)).notebook;
    } catch (error) {
      return refuse(desk, lineOf(error));
    }
  }
  if (!path) {
    return refuse(desk, trans.__('iteration %1 has no notebook yet', number));
  }
  await desk.openNotebook(path);
  return true;
}

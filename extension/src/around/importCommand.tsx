import { InputDialog } from '@jupyterlab/apputils';
import * as React from 'react';

import { IImportOptions, lineOf } from '../api';
import type { IImport } from '../wire';
import { add, Args, IDesk, refuse, tell, textOf } from './desk';
import { ask } from './dialog';
import { AroundIDs } from './ids';
import { ImportForm } from './importForm';

/** Adds the command that makes an arena of a notebook, a script or a checkout that is there already. */
export function addImportCommand(desk: IDesk): void {
  const { trans } = desk;
  add(desk, {
    id: AroundIDs.importArena,
    label: () => trans.__('Import as an arena…'),
    caption: trans.__(
      'Make an arena of a notebook, a script or an autoresearch checkout, which stays as it is'
    ),
    args: {
      path: {
        type: 'string',
        description: trans.__(
          'The file or folder below the server’s root; left out: it is asked for'
        )
      }
    },
    enabled: null,
    execute: args => bring(desk, args)
  });
}

async function bring(desk: IDesk, args: Args): Promise<boolean> {
  const { workbench, trans } = desk;
  const path = await origin(desk, args);
  if (path === null) {
    return false;
  }
  let found: IImport;
  try {
    found = await workbench.api.proposeImport(path);
  } catch (error) {
    return refuse(desk, lineOf(error));
  }
  const wanted = await ask<IImportOptions>(
    trans,
    trans.__('Import %1 as an arena', path),
    trans.__('Import'),
    done => (
      <ImportForm
        trans={trans}
        proposed={found}
        again={wishes => workbench.api.proposeImport(path, wishes)}
        onImport={done}
      />
    )
  );
  if (wanted === null) {
    return false;
  }
  const made = await tell(desk, workbench.importArena(path, wanted));
  const arena = workbench.current?.arena;
  await desk.openPanel();
  if (made && arena !== undefined) {
    await desk.openNotebook(arena);
  }
  return made;
}

/** What to import: as told, or what the person types, who is offered the document in front; null: nothing. */
async function origin(desk: IDesk, args: Args): Promise<string | null> {
  const told = textOf(args, 'path');
  if (told) {
    return desk.localPath(told);
  }
  const { trans } = desk;
  const { value } = await InputDialog.getText({
    title: trans.__('Import as an arena'),
    label: trans.__('A notebook, a script or a folder, by its path'),
    text: desk.frontPath(),
    okLabel: trans.__('Look at it')
  });
  return value?.trim() || null;
}

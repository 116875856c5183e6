import { InputDialog } from '@jupyterlab/apputils';
import * as React from 'react';

import { loopIcon } from '../icons';
import { add, Args, flagOf, IDesk, refuse, tell, textOf } from './desk';
import { ask } from './dialog';
import { AroundIDs } from './ids';
import { INewArena, NewArenaForm } from './newArena';

/** Adds the commands that make an arena and choose one. */
export function addArenaCommands(desk: IDesk): void {
  const { trans } = desk;
  add(desk, {
    id: AroundIDs.newArena,
    label: args =>
      flagOf(args, 'isLauncher')
        ? trans.__('Autoloop arena')
        : trans.__('New arena…'),
    caption: trans.__('Make an arena: a notebook that agents improve'),
    icon: args => (flagOf(args, 'isLauncher') ? loopIcon : undefined),
    args: {
      template: {
        type: 'string',
        description: trans.__('The template’s name; left out: it is asked for')
      },
      folder: {
        type: 'string',
        description: trans.__(
          'Where to make it, below the server’s root; left out: a folder named like the template'
        )
      },
      cwd: {
        type: 'string',
        description: trans.__('The folder in which that folder is made')
      },
      isLauncher: {
        type: 'boolean',
        description: trans.__('Whether it is shown as a card of the launcher')
      }
    },
    enabled: null,
    execute: args => make(desk, args)
  });
  add(desk, {
    id: AroundIDs.chooseArena,
    label: () => trans.__('Choose arena…'),
    caption: trans.__('Show another arena in the panel'),
    enabled: null,
    execute: args => choose(desk, args)
  });
}

async function make(desk: IDesk, args: Args): Promise<boolean> {
  const { workbench } = desk;
  const wanted = await newArena(desk, args);
  if (wanted === null) {
    return false;
  }
  const { template, folder } = wanted;
  const made = await tell(desk, workbench.create(template, folder));
  const arena = workbench.current?.arena;
  await desk.openPanel();
  if (made && arena !== undefined) {
    await desk.openNotebook(arena);
  }
  return made;
}

/** What to make, asked for where it is not told; null where there is nothing to make. */
async function newArena(desk: IDesk, args: Args): Promise<INewArena | null> {
  const { workbench, trans } = desk;
  const cwd = desk.localPath(textOf(args, 'cwd') ?? '');
  const template = textOf(args, 'template');
  if (template !== undefined) {
    const usual = cwd ? `${cwd}/${template}` : template;
    return { template, folder: textOf(args, 'folder') ?? usual };
  }
  await workbench.ready;
  if (!workbench.arenas) {
    await workbench.refreshArenas();
  }
  const templates = workbench.arenas?.templates ?? [];
  if (!templates.length) {
    const why = workbench.problem || trans.__('the server has no templates');
    await refuse(desk, why);
    return null;
  }
  return ask<INewArena>(
    trans,
    trans.__('New arena'),
    trans.__('Make'),
    done => (
      <NewArenaForm
        trans={trans}
        templates={templates}
        cwd={textOf(args, 'folder') ?? cwd}
        onMake={done}
      />
    )
  );
}

async function choose(desk: IDesk, args: Args): Promise<boolean> {
  const { workbench, trans } = desk;
  if (textOf(args, 'arena') === undefined) {
    await workbench.refreshArenas();
    const items = (workbench.arenas?.arenas ?? []).map(one => one.path);
    if (!items.length) {
      const none = trans.__('there is no arena here yet: make one first');
      return refuse(desk, workbench.problem || none);
    }
    const { value } = await InputDialog.getItem({
      title: trans.__('Choose an arena'),
      items,
      current: Math.max(0, items.indexOf(workbench.current?.arena ?? '')),
      okLabel: trans.__('Choose')
    });
    if (value === null) {
      return false;
    }
    workbench.choose(value);
  }
  await desk.openPanel();
  return true;
}

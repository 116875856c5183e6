import * as React from 'react';

import { saveOpen } from '../book/book';
import type { Action } from '../panel/acting';
import { AutoForm, faults, IBounds } from '../panel/auto';
import type { IState } from '../wire';
import { stopAfter } from '../words';
import { act, add, Args, flagOf, IDesk, numberOf, refuse } from './desk';
import { ask } from './dialog';
import { AroundIDs } from './ids';

/** Adds the commands that run the loop and end it. */
export function addLoopCommands(desk: IDesk): void {
  addStarts(desk);
  addEnds(desk);
}

/** Starts a driver; an open notebook is saved first, as by the buttons. */
function start(desk: IDesk, action: Action): Promise<boolean> {
  return act(desk, async (api, arena) => {
    await saveOpen(desk.workbench, arena);
    return action(api, arena);
  });
}

/** Whether a driver may be started. */
function startable(state: IState | null): boolean {
  return state !== null && !state.problem && state.state === 'idle';
}

function addStarts(desk: IDesk): void {
  const { trans, workbench } = desk;
  add(desk, {
    id: AroundIDs.step,
    label: args =>
      flagOf(args, 'review')
        ? trans.__('Step, review first')
        : trans.__('Step'),
    caption: trans.__('Run one iteration'),
    args: {
      review: {
        type: 'boolean',
        description: trans.__(
          'Whether the proposal waits for you before it is run'
        )
      }
    },
    enabled: model => startable(model.state),
    execute: args =>
      start(desk, (api, arena) =>
        api.step(arena, {
          agents: workbench.agents,
          review: flagOf(args, 'review')
        })
      )
  });
  add(desk, {
    id: AroundIDs.auto,
    label: () => trans.__('Auto…'),
    caption: trans.__('Run iteration after iteration'),
    args: {
      iterations: {
        type: 'integer',
        minimum: 1,
        description: trans.__('End after so many iterations')
      },
      hours: {
        type: 'number',
        exclusiveMinimum: 0,
        description: trans.__('End after so many hours')
      },
      until: {
        type: 'number',
        description: trans.__('End at this score')
      },
      max_cost: {
        type: 'number',
        exclusiveMinimum: 0,
        description: trans.__('End once the agents have spent so many dollars')
      },
      workers: {
        type: 'string',
        description: trans.__(
          'What runs at once: a number, ray, ray:4 or ray://HOST:PORT'
        )
      },
      share: {
        type: 'string',
        description: trans.__(
          'The git repository, a folder or an address, over which it shares with others'
        )
      },
      share_every: {
        type: 'number',
        exclusiveMinimum: 0,
        description: trans.__('Every how many minutes it looks there')
      },
      islands: {
        type: 'boolean',
        description: trans.__('Whether each agent has a line of its own')
      }
    },
    enabled: model => startable(model.state),
    execute: args => auto(desk, args)
  });
}

const CHECKED = [
  'iterations',
  'hours',
  'until',
  'max_cost',
  'workers'
] as const;
const BOUNDS = [...CHECKED, 'share', 'share_every', 'islands'] as const;

/** Starts a run within the bounds that are told; asks for them where none is. */
async function auto(desk: IDesk, args: Args): Promise<boolean> {
  const { workbench, trans } = desk;
  const metric = workbench.current?.state?.metric ?? null;
  const told = BOUNDS.some(name => args[name] !== undefined);
  const bounds = told
    ? boundsOf(args)
    : await ask<IBounds>(
        trans,
        trans.__('Run by itself'),
        trans.__('Start'),
        done => (
          <AutoForm
            trans={trans}
            metric={metric}
            agents={workbench.agents}
            remote={workbench.current?.state?.sharing?.remote ?? ''}
            onStart={done}
          />
        )
      );
  if (bounds === null) {
    return false;
  }
  const text = (name: keyof IBounds) => String(bounds[name] ?? '');
  const wrong = faults(
    {
      iterations: text('iterations'),
      hours: text('hours'),
      until: text('until'),
      max_cost: text('max_cost'),
      workers: text('workers'),
      share: text('share')
    },
    trans
  );
  const fault = CHECKED.find(name => wrong[name]);
  if (fault) {
    return refuse(desk, `${fault}: ${wrong[fault]}`);
  }
  return start(desk, (api, arena) =>
    api.auto(arena, { agents: workbench.agents, ...bounds })
  );
}

/** The bounds among the arguments: null where one is left out or null, NaN where one is no number. */
function boundsOf(args: Args): IBounds {
  const bound = (
    name: Exclude<keyof IBounds, 'workers' | 'share' | 'islands'>
  ) =>
    args[name] === undefined || args[name] === null
      ? null
      : (numberOf(args, name) ?? NaN);
  return {
    iterations: bound('iterations'),
    hours: bound('hours'),
    until: bound('until'),
    max_cost: bound('max_cost'),
    workers: args.workers ? String(args.workers) : null,
    share: args.share ? String(args.share) : null,
    share_every: bound('share_every'),
    islands: flagOf(args, 'islands')
  };
}

function addEnds(desk: IDesk): void {
  const { trans } = desk;
  add(desk, {
    id: AroundIDs.pause,
    label: () => trans.__('Pause'),
    caption: trans.__('Start no further iteration until resumed'),
    enabled: model => model.state?.state === 'running',
    visible: model => model?.state?.state !== 'paused',
    execute: () => act(desk, (api, arena) => api.pause(arena))
  });
  add(desk, {
    id: AroundIDs.resume,
    label: () => trans.__('Resume'),
    caption: trans.__('Go on after a pause'),
    enabled: model => model.state?.state === 'paused',
    visible: model => model?.state?.state === 'paused',
    execute: () => act(desk, (api, arena) => api.resume(arena))
  });
  add(desk, {
    id: AroundIDs.stop,
    label: args =>
      flagOf(args, 'now')
        ? trans.__('Stop now')
        : stopAfter(desk.workbench.current?.state ?? null, trans),
    caption: trans.__('End the run'),
    args: {
      now: {
        type: 'boolean',
        description: trans.__(
          'Whether the iteration under way is cut short, and run again later'
        )
      }
    },
    enabled: ({ state }, args) =>
      state !== null &&
      state.state !== 'idle' &&
      (flagOf(args, 'now') || state.state !== 'stopping'),
    execute: args =>
      act(desk, (api, arena) => api.stop(arena, flagOf(args, 'now')))
  });
}

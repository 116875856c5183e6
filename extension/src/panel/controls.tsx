import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { saveOpen } from '../book/book';
import type { IState } from '../wire';
import { stopAfter } from '../words';
import { Action, Actor, useAct } from './acting';
import { AgentPicker } from './agents';
import { Caret } from './arenas';
import { AutoForm } from './auto';
import { Button } from './button';
import type { IArenaFace } from './face';
import { useChanges } from './listen';
import { IEntry, Menu } from './menu';
import { Popover } from './popover';

/** What runs the loop and ends it: Step, Auto (Pause and Resume while a driver runs), Stop, and who proposes. */
export const Controls = React.memo((props: IArenaFace): JSX.Element => {
  const { model, workbench, trans } = props;
  useChanges(model.stateChanged, workbench.changed);
  return (
    <div
      className="jp-Autoloop-controls"
      role="toolbar"
      aria-label={trans.__('Run')}
    >
      <Runs {...props} actor={workbench} />
      <AgentPicker {...props} />
    </div>
  );
});
Controls.displayName = 'Controls';

/** Who acts on which arena. */
export interface IRunsProps extends Pick<
  IArenaFace,
  'model' | 'workbench' | 'trans'
> {
  actor: Actor;
}

/**
 * The buttons that run the loop and end it; drawn anew by what holds them. An open notebook is saved before anything is
 * started.
 */
export function Runs(props: IRunsProps): JSX.Element {
  const { model, workbench, actor, trans } = props;
  const { act, busy } = useAct(actor);
  const { state } = model;
  const run = (action: Action) => void act(action);
  const start = (action: Action) =>
    act(async (api, arena) => {
      await saveOpen(workbench, arena);
      return action(api, arena);
    });
  const reason = whyNoStart(state, busy, trans);
  return (
    <>
      <Step {...props} reason={reason} start={start} />
      {state && state.state !== 'idle' ? (
        <PauseOrResume state={state} busy={busy} run={run} trans={trans} />
      ) : (
        <Auto {...props} reason={reason} start={start} />
      )}
      <Stop state={state} busy={busy} run={run} trans={trans} />
    </>
  );
}

/** Why nothing can be started just now, in a few words; empty where it can. */
function whyNoStart(
  state: IState | null,
  busy: boolean,
  trans: TranslationBundle
): string {
  if (!state) {
    return trans.__('The arena is being read');
  }
  if (state.problem) {
    return trans.__('The arena is unsound: %1', state.problem);
  }
  if (state.state !== 'idle') {
    return trans.__('The loop runs already');
  }
  return busy ? trans.__('The server was asked: one moment') : '';
}

interface IStart extends IRunsProps {
  reason: string;
  start: (action: Action) => Promise<boolean>;
}

function Step(props: IStart): JSX.Element {
  const { workbench, trans, reason, start } = props;
  const more = trans.__('More ways to step');
  const step = (review: boolean) =>
    void start((api, arena) =>
      api.step(arena, { agents: workbench.agents, review })
    );
  const reviewed = (close: () => void): IEntry => ({
    key: 'review',
    label: trans.__('Step, review first'),
    hint: trans.__('The proposal waits for you before it is run'),
    onSelect: () => {
      close();
      step(true);
    }
  });
  return (
    <span className="jp-Autoloop-split">
      <Button
        reason={reason}
        title={trans.__('Run one iteration')}
        onClick={() => step(false)}
      >
        {trans.__('Step')}
      </Button>
      <Popover
        popup="menu"
        name={more}
        label={more}
        reason={reason}
        face={<Caret />}
      >
        {close => <Menu kind="menu" name={more} entries={[reviewed(close)]} />}
      </Popover>
    </span>
  );
}

function Auto(props: IStart): JSX.Element {
  const { workbench, model, trans, reason, start } = props;
  return (
    <Popover
      popup="dialog"
      kind="primary"
      name={trans.__('Run by itself')}
      title={trans.__('Run iteration after iteration')}
      reason={reason}
      face={trans.__('Auto')}
    >
      {close => (
        <AutoForm
          trans={trans}
          metric={model.state?.metric ?? null}
          agents={workbench.agents}
          remote={model.state?.sharing?.remote ?? ''}
          onStart={bounds => {
            close();
            void start((api, arena) =>
              api.auto(arena, { agents: workbench.agents, ...bounds })
            );
          }}
        />
      )}
    </Popover>
  );
}

interface ISteering {
  state: IState | null;
  busy: boolean;
  run: (action: Action) => void;
  trans: TranslationBundle;
}

function PauseOrResume({ state, busy, run, trans }: ISteering): JSX.Element {
  const wait = busy ? trans.__('The server was asked: one moment') : '';
  if (state?.state === 'paused') {
    return (
      <Button
        kind="primary"
        reason={wait}
        onClick={() => run((api, arena) => api.resume(arena))}
      >
        {trans.__('Resume')}
      </Button>
    );
  }
  const stopping =
    state?.state === 'stopping' ? trans.__('It is stopping already') : '';
  return (
    <Button
      kind="primary"
      reason={stopping || wait}
      title={trans.__('Start no further iteration until resumed')}
      onClick={() => run((api, arena) => api.pause(arena))}
    >
      {trans.__('Pause')}
    </Button>
  );
}

function Stop({ state, busy, run, trans }: ISteering): JSX.Element {
  const idle = !state || state.state === 'idle';
  const wait = busy ? trans.__('The server was asked: one moment') : '';
  const name = trans.__('Stop');
  return (
    <Popover
      popup="menu"
      name={name}
      reason={idle ? trans.__('Nothing runs') : wait}
      face={
        <>
          {name}
          <Caret />
        </>
      }
    >
      {close => (
        <Menu
          kind="menu"
          name={name}
          entries={waysToStop(state, trans, now => {
            close();
            run((api, arena) => api.stop(arena, now));
          })}
        />
      )}
    </Popover>
  );
}

function waysToStop(
  state: IState | null,
  trans: TranslationBundle,
  stop: (now: boolean) => void
): IEntry[] {
  const many = state?.flights.length ?? 1;
  return [
    {
      key: 'after',
      label: stopAfter(state, trans),
      hint: trans._n(
        'The iteration under way gets its verdict',
        'The iterations under way get their verdicts',
        many || 1
      ),
      reason:
        state?.state === 'stopping' ? trans.__('It is stopping already') : '',
      onSelect: () => stop(false)
    },
    {
      key: 'now',
      label: trans.__('Stop now'),
      hint: trans._n(
        'It is cut short, and run again later',
        'They are cut short, and run again later',
        many || 1
      ),
      onSelect: () => stop(true)
    }
  ];
}

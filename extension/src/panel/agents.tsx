import * as React from 'react';

import { Caret } from './arenas';
import { Button } from './button';
import type { IArenaFace } from './face';
import { useChanges } from './listen';
import { Menu } from './menu';
import { Popover } from './popover';

/** The forms in which the server lists agents that have to be written out: `command:CMD`, `module:attr`. */
const FORMS: ReadonlySet<string> = new Set(['command:CMD', 'module:attr']);

/** How an agent is written out: no words, and so not to be translated. */
const EXAMPLE = 'command:python my_agent.py';

/**
 * Whether a text names an agent that the list does not have: a command, Claude with a model and options, an attribute of
 * a Python module, or any of them in a role (`search@refine`).
 */
export function written(text: string): boolean {
  return (
    /^(command|claude):\s*\S/.test(text) ||
    /^[A-Za-z_][\w.]*:[A-Za-z_][\w.]*(@\w+)?$/.test(text) ||
    /^[\w.-]+@\w+$/.test(text)
  );
}

/** A command's name is its whole line: what is shown of it is its beginning. */
function short(agent: string): string {
  const command = agent.replace(/^command:\s*/, '');
  return command === agent ? agent : command.split(/\s+/)[0] || agent;
}

/** Who proposes: several take turns. While a driver runs, the choice counts from the next start on. */
export function AgentPicker(props: IArenaFace): JSX.Element {
  const { workbench, model, trans } = props;
  const running = !!model.state && model.state.state !== 'idle';
  const chosen = running ? (model.state?.agents ?? []) : workbench.agents;
  const label = chosen.map(short).join(' + ') || trans.__('search');
  return (
    <Popover
      popup="dialog"
      className="jp-Autoloop-agents"
      align="end"
      name={trans.__('Who proposes')}
      label={trans.__('Who proposes: %1', chosen.join(', ') || 'search')}
      title={chosen.join(' + ') || trans.__('Who proposes')}
      face={
        <>
          <span className="jp-Autoloop-cut">{label}</span>
          <Caret />
        </>
      }
    >
      {close => <Agents {...props} running={running} close={close} />}
    </Popover>
  );
}

function Agents(
  props: IArenaFace & { running: boolean; close: () => void }
): JSX.Element {
  const { workbench, model, trans, running, close } = props;
  useChanges(workbench.changed);
  const chosen = workbench.agents;
  const known = new Set([
    'search',
    ...(workbench.arenas?.agents ?? []),
    ...(model.state?.agents ?? []),
    ...chosen
  ]);
  const toggle = (agent: string) => {
    workbench.agents = chosen.includes(agent)
      ? chosen.filter(one => one !== agent)
      : [...chosen, agent];
  };
  return (
    <>
      <Menu
        kind="checks"
        name={trans.__('Agents')}
        entries={[...known]
          .filter(agent => !FORMS.has(agent))
          .map(agent => ({
            key: agent,
            label: agent,
            checked: chosen.includes(agent),
            onSelect: () => toggle(agent)
          }))}
      />
      <Other {...props} onAdd={toggle} close={close} />
      <p className="jp-Autoloop-hint jp-mod-padded">
        {running
          ? trans.__('Counts from the next start on.')
          : trans.__('Of several, those that earn more propose more.')}
      </p>
    </>
  );
}

/** An agent that is not in the list, as free text. */
function Other(
  props: IArenaFace & { onAdd: (agent: string) => void; close: () => void }
): JSX.Element {
  const { workbench, trans, onAdd } = props;
  const [text, setText] = React.useState('');
  const [fault, setFault] = React.useState(false);
  const add = (event: React.FormEvent) => {
    event.preventDefault();
    const agent = text.trim();
    if (!written(agent)) {
      setFault(true);
    } else {
      if (!workbench.agents.includes(agent)) {
        onAdd(agent);
      }
      setText('');
    }
  };
  return (
    <form className="jp-Autoloop-other" onSubmit={add} noValidate>
      <input
        value={text}
        spellCheck={false}
        aria-label={trans.__('Another agent')}
        aria-invalid={fault}
        placeholder={EXAMPLE}
        onChange={event => {
          setText(event.target.value);
          setFault(false);
        }}
      />
      <Button type="submit">{trans.__('Add')}</Button>
      {fault && (
        <span className="jp-Autoloop-fault" role="alert">
          {trans.__(
            'Write command: and a command, claude:MODEL, module:attr, or with a role NAME@explore, @refine, @simplify, @combine'
          )}
        </span>
      )}
    </form>
  );
}

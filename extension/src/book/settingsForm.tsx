/** The form of an arena's settings. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { Button } from '../panel/button';
import { Field } from '../panel/field';
import { Faults, ISettings, settingsFaults } from './arenaSettings';

/** What the score is called, which way it is better, and how long a run may take. Enter sends it. */
export function SettingsForm(props: {
  trans: TranslationBundle;
  settings: ISettings;
  onSend: (settings: ISettings) => void;
}): JSX.Element {
  const { trans } = props;
  const [settings, setSettings] = React.useState(props.settings);
  const [tried, setTried] = React.useState(false);
  const faults = settingsFaults(settings, trans);
  const change = (part: Partial<ISettings>) =>
    setSettings({ ...settings, ...part });
  const send = (event: React.FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    setTried(true);
    const [first] = Object.keys(faults);
    if (first) {
      const field = `[name="${first}"]`;
      event.currentTarget.querySelector<HTMLElement>(field)?.focus();
    } else {
      props.onSend(settings);
    }
  };
  const shown = tried ? faults : {};
  return (
    <form
      className="jp-Autoloop-form jp-Autoloop-settings"
      noValidate
      onSubmit={send}
    >
      <Texts
        trans={trans}
        settings={settings}
        faults={shown}
        onChange={change}
      />
      <Choices trans={trans} settings={settings} onChange={change} />
      <div className="jp-Autoloop-formFoot">
        <Button kind="primary" type="submit">
          {trans.__('Save')}
        </Button>
      </div>
    </form>
  );
}

interface IParts {
  trans: TranslationBundle;
  settings: ISettings;
  onChange: (part: Partial<ISettings>) => void;
}

function Texts(props: IParts & { faults: Faults }): JSX.Element {
  const { trans, settings, faults, onChange } = props;
  return (
    <>
      <Field
        name="metric"
        label={trans.__('Score')}
        placeholder={trans.__('its name, such as loss')}
        value={settings.metric}
        fault={faults.metric}
        onChange={metric => onChange({ metric })}
      />
      <Radios
        name="direction"
        legend={trans.__('Better is')}
        value={settings.direction}
        options={[
          ['min', trans.__('lower')],
          ['max', trans.__('higher')]
        ]}
        onChange={direction => onChange({ direction })}
      />
      <Field
        name="target"
        label={trans.__('Target')}
        placeholder={trans.__('none')}
        numeric
        value={settings.target}
        fault={faults.target}
        onChange={target => onChange({ target })}
      />
      <Field
        name="budget"
        label={trans.__('Seconds a run')}
        numeric
        value={settings.budget}
        fault={faults.budget}
        onChange={budget => onChange({ budget })}
      />
    </>
  );
}

function Choices({ trans, settings, onChange }: IParts): JSX.Element {
  return (
    <>
      <Radios
        name="clock"
        legend={trans.__('Clock')}
        value={settings.clock}
        options={[
          ['wall', trans.__('wall')],
          ['cpu', trans.__('CPU')]
        ]}
        hint={
          settings.clock === 'cpu'
            ? trans.__('A busy neighbour disturbs it less')
            : trans.__('Right for GPUs and for runs that wait')
        }
        onChange={clock => onChange({ clock })}
      />
      <Radios
        name="policy"
        legend={trans.__('Keep')}
        value={settings.policy}
        options={[
          ['bayes', trans.__('likely gains')],
          ['greedy', trans.__('every gain')]
        ]}
        hint={
          settings.policy === 'greedy'
            ? trans.__('Right where scores are exact')
            : trans.__('Weighs a gain against the noise of the score')
        }
        onChange={policy => onChange({ policy })}
      />
    </>
  );
}

/** One of a few, in a line. */
function Radios<T extends string>(props: {
  name: string;
  legend: string;
  value: T;
  options: [T, string][];
  hint?: string;
  onChange: (value: T) => void;
}): JSX.Element {
  const { name, legend, value, options, hint, onChange } = props;
  const id = React.useId();
  return (
    <div
      role="radiogroup"
      className="jp-Autoloop-field jp-Autoloop-radios"
      aria-labelledby={`${id}-legend`}
      aria-describedby={hint ? `${id}-hint` : undefined}
    >
      <span id={`${id}-legend`}>{legend}</span>
      <span className="jp-Autoloop-radioLine">
        {options.map(([key, label]) => (
          <label key={key} className="jp-Autoloop-tick">
            <input
              type="radio"
              name={name}
              checked={key === value}
              onChange={() => onChange(key)}
            />
            {label}
          </label>
        ))}
      </span>
      {hint && (
        <span id={`${id}-hint`} className="jp-Autoloop-hint">
          {hint}
        </span>
      )}
    </div>
  );
}

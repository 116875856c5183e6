import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { IMetric } from '../wire';
import { goal } from '../words';
import { Button } from './button';

/** Where a run ends by itself; null: no such bound. */
export interface IBounds {
  iterations: number | null;
  hours: number | null;
  until: number | null;
}

type Texts = Record<keyof IBounds, string>;

/** What is wrong with each field, in one line; empty where nothing is. */
export function faults(texts: Texts, trans: TranslationBundle): Texts {
  const { iterations, hours, until } = read(texts);
  const whole = iterations === null || Number.isSafeInteger(iterations);
  return {
    iterations:
      whole && (iterations === null || iterations >= 1)
        ? ''
        : trans.__('A whole number, 1 or more'),
    hours:
      hours === null || (Number.isFinite(hours) && hours > 0)
        ? ''
        : trans.__('A number above 0, such as 1.5'),
    until:
      until === null || Number.isFinite(until)
        ? ''
        : trans.__('A number, such as 2.45')
  };
}

/** The fields as numbers: null where a field is empty, NaN where it holds no number. */
function read(texts: Texts): IBounds {
  const value = (text: string) =>
    text.trim() === '' ? null : Number(text.trim().replace('−', '-'));
  return {
    iterations: value(texts.iterations),
    hours: value(texts.hours),
    until: value(texts.until)
  };
}

/** The bounds of a run. Enter starts it; what is wrong is said at the field, which then has the focus. */
export function AutoForm(props: {
  trans: TranslationBundle;
  metric: IMetric | null;
  onStart: (bounds: IBounds) => void;
}): JSX.Element {
  const { trans, metric, onStart } = props;
  const [texts, setTexts] = React.useState<Texts>({
    iterations: '',
    hours: '',
    until: metric?.target === null || !metric ? '' : String(metric.target)
  });
  const [tried, setTried] = React.useState(false);
  const form = React.useRef<HTMLFormElement>(null);
  const wrong = faults(texts, trans);
  const start = (event: React.FormEvent) => {
    event.preventDefault();
    setTried(true);
    const first = (Object.keys(wrong) as Array<keyof Texts>).find(
      key => wrong[key]
    );
    if (first) {
      form.current?.querySelector<HTMLElement>(`[name="${first}"]`)?.focus();
    } else {
      onStart(read(texts));
    }
  };
  const field = (key: keyof Texts, label: string, placeholder: string) => (
    <Field
      name={key}
      label={label}
      value={texts[key]}
      placeholder={placeholder}
      fault={tried ? wrong[key] : ''}
      onChange={text => setTexts({ ...texts, [key]: text })}
    />
  );
  return (
    <form
      ref={form}
      className="jp-Autoloop-form jp-Autoloop-auto"
      noValidate
      onSubmit={start}
    >
      {field('iterations', trans.__('Iterations'), trans.__('any number'))}
      {field('hours', trans.__('Hours'), trans.__('any time'))}
      {field('until', trans.__('Target'), trans.__('none'))}
      <p className="jp-Autoloop-hint">
        {metric && `${goal(metric)}. `}
        {trans.__(
          'It ends at what comes first. All empty: it runs until you stop it.'
        )}
      </p>
      <div className="jp-Autoloop-formFoot">
        <Button kind="primary" type="submit">
          {trans.__('Start')}
        </Button>
      </div>
    </form>
  );
}

/** One field with its name, and what is wrong with it. */
function Field(props: {
  name: string;
  label: string;
  value: string;
  placeholder: string;
  fault: string;
  onChange: (text: string) => void;
}): JSX.Element {
  const id = React.useId();
  const { fault } = props;
  return (
    <div className="jp-Autoloop-field">
      <label htmlFor={id}>{props.label}</label>
      <input
        id={id}
        name={props.name}
        value={props.value}
        inputMode="decimal"
        autoComplete="off"
        placeholder={props.placeholder}
        aria-invalid={!!fault}
        aria-describedby={fault ? `${id}-fault` : undefined}
        onChange={event => props.onChange(event.target.value)}
      />
      {fault && (
        <span id={`${id}-fault`} className="jp-Autoloop-fault" role="alert">
          {fault}
        </span>
      )}
    </div>
  );
}

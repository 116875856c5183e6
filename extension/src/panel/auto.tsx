import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { IMetric } from '../wire';
import { goal } from '../words';
import { Button } from './button';
import { Field, Tick } from './field';

/** Where a run ends by itself; null: no such bound. */
export interface IBounds {
  iterations: number | null;
  hours: number | null;
  until: number | null;
  /** In dollars, of what the agents' requests cost. */
  max_cost: number | null;
  /** What runs at once: `4`, `ray`, `ray:4`, `ray://HOST:PORT`; null: one iteration at a time. */
  workers: string | null;
  /** The git repository over which it shares with others; null: with nobody. */
  share: string | null;
  /** Every how many minutes; null: as often as the server finds right. */
  share_every: number | null;
  /** Whether each agent has a line of its own. */
  islands: boolean;
}

/** What is typed; what is shared with whom the server alone can tell to be right. */
type Texts = Record<
  'iterations' | 'hours' | 'until' | 'max_cost' | 'workers' | 'share',
  string
>;

type Typed = Pick<IBounds, keyof Texts>;

/** How workers are named; the server looks, too. */
const WORKERS = /^([1-9]\d{0,3}|ray(:[1-9]\d{0,3})?|ray:\/\/[\w.\-[\]:]+)$/;

/** What is wrong with each field, in one line; empty where nothing is. */
export function faults(texts: Texts, trans: TranslationBundle): Texts {
  const { iterations, hours, until, max_cost, workers } = read(texts);
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
        : trans.__('A number, such as 2.45'),
    max_cost:
      max_cost === null || (Number.isFinite(max_cost) && max_cost > 0)
        ? ''
        : trans.__('Dollars above 0, such as 5'),
    workers:
      workers === null || WORKERS.test(workers)
        ? ''
        : trans.__('A number, ray, ray:4 or ray://HOST:PORT'),
    share: ''
  };
}

/** Whether an agent may be one that costs money: the bundled search, a person and a command are not billed here. */
export function costs(agent: string): boolean {
  return !/^((search|human)(@\w+)?|command:.*)$/s.test(agent);
}

/** The fields as numbers: null where a field is empty, NaN where it holds no number. */
function read(texts: Texts): Typed {
  const value = (text: string) =>
    text.trim() === '' ? null : Number(text.trim().replace('−', '-'));
  return {
    iterations: value(texts.iterations),
    hours: value(texts.hours),
    until: value(texts.until),
    max_cost: value(texts.max_cost),
    workers: texts.workers.trim() || null,
    share: texts.share.trim() || null
  };
}

/**
 * The bounds of a run; that of the money where one of `agents` may cost some, and a line for each where they are several.
 * `remote` is what the arena was shared over last. Enter starts it; what is wrong is said at the field, which then has
 * the focus.
 */
export function AutoForm(props: {
  trans: TranslationBundle;
  metric: IMetric | null;
  agents: readonly string[];
  remote: string;
  onStart: (bounds: IBounds) => void;
}): JSX.Element {
  const { trans, metric, agents, remote, onStart } = props;
  const [texts, setTexts] = React.useState<Texts>({
    iterations: '',
    hours: '',
    until: metric?.target === null || !metric ? '' : String(metric.target),
    max_cost: '',
    workers: '',
    share: remote
  });
  const [islands, setIslands] = React.useState(false);
  const several = agents.length > 1;
  const [tried, setTried] = React.useState(false);
  const wrong = faults(texts, trans);
  const start = (event: React.FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    setTried(true);
    const first = Object.entries(wrong).find(([, fault]) => fault);
    if (first) {
      const field = `[name="${first[0]}"]`;
      event.currentTarget.querySelector<HTMLElement>(field)?.focus();
    } else {
      onStart({
        ...read(texts),
        share_every: null,
        islands: several && islands
      });
    }
  };
  return (
    <form
      className="jp-Autoloop-form jp-Autoloop-auto"
      noValidate
      onSubmit={start}
    >
      <Bounds
        trans={trans}
        paid={agents.some(costs)}
        texts={texts}
        faults={tried ? wrong : null}
        onChange={setTexts}
      />
      {several && (
        <Tick
          label={trans.__('A line for each agent (islands)')}
          checked={islands}
          onChange={setIslands}
        />
      )}
      <p className="jp-Autoloop-hint">
        {metric && `${goal(metric, trans)}. `}
        {trans.__(
          'It ends at what comes first. All empty: it runs until you stop it.'
        )}{' '}
        {trans.__('Workers: how many run at once, or ray for a cluster.')}{' '}
        {trans.__(
          'Share with: a git repository, where others find what is learnt here.'
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

function Bounds(props: {
  trans: TranslationBundle;
  paid: boolean;
  texts: Texts;
  faults: Texts | null;
  onChange: (texts: Texts) => void;
}): JSX.Element {
  const { trans, paid, texts, faults, onChange } = props;
  const fields: Array<[keyof Texts, string, string]> = [
    ['iterations', trans.__('Iterations'), trans.__('any number')],
    ['hours', trans.__('Hours'), trans.__('any time')],
    ['until', trans.__('Target'), trans.__('none')]
  ];
  if (paid) {
    fields.push(['max_cost', trans.__('Dollars'), trans.__('any cost')]);
  }
  fields.push(['workers', trans.__('Workers'), trans.__('one at a time')]);
  fields.push(['share', trans.__('Share with'), trans.__('nobody')]);
  return (
    <>
      {fields.map(([name, label, placeholder]) => (
        <Field
          key={name}
          name={name}
          label={label}
          wide={name === 'share'}
          placeholder={placeholder}
          numeric={name !== 'workers' && name !== 'share'}
          value={texts[name]}
          fault={faults?.[name]}
          onChange={text => onChange({ ...texts, [name]: text })}
        />
      ))}
    </>
  );
}

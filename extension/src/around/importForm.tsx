import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { IImportOptions, IImportWishes, lineOf } from '../api';
import { Field, Tick } from '../panel/field';
import { Form } from '../panel/form';
import type { IImport } from '../wire';

/** What the server calls it where no function answers. */
const NONE = 'none';

/**
 * What an import would make, every choice of it open. `again` asks for another proposal when the score, its direction or
 * who answers is another: what may change and what is sealed follows from these. What is refused is said, and the choice
 * before it stands.
 */
export function ImportForm(props: {
  trans: TranslationBundle;
  proposed: IImport;
  again: (wishes: IImportWishes) => Promise<IImport>;
  onImport: (options: IImportOptions) => void;
}): JSX.Element {
  const { trans, again, onImport } = props;
  const [found, setFound] = React.useState(props.proposed);
  const [problem, setProblem] = React.useState('');
  const [out, setOut] = React.useState(found.out);
  const [budget, setBudget] = React.useState(String(found.budget_s));
  const [open, setOpen] = React.useState(() => names(found));
  const [sealed, setSealed] = React.useState(() => new Set(found.seals));
  const asked = React.useRef(0);

  const follow = async (wishes: IImportWishes): Promise<void> => {
    const mine = ++asked.current;
    const { score, direction, answer } = { ...found, ...wishes };
    // Another score may be answered for by another function, and it may be better the other way.
    const named = wishes.score ? { score } : { score, direction, answer };
    try {
      const next = await again(named);
      if (mine === asked.current) {
        setFound(next);
        setOpen(names(next));
        setSealed(new Set(next.seals));
        setProblem('');
      }
    } catch (error) {
      if (mine === asked.current) {
        setProblem(lineOf(error));
      }
    }
  };

  const seconds = Number(budget);
  const faults = {
    out: out.trim().endsWith('.ipynb')
      ? ''
      : trans.__('A name that ends in .ipynb'),
    budget: seconds > 0 ? '' : trans.__('A number of seconds above 0'),
    open: open.size ? '' : trans.__('Leave agents something to change')
  };
  const { score, direction, answer } = found;
  return (
    <Form
      send={trans.__('Import')}
      fault={faults.out || faults.budget || faults.open}
      onSend={() =>
        onImport({
          out: out.trim(),
          score,
          direction,
          // A whole script has nobody who answers: naming that would have its parts told apart.
          answer: found.whole ? '' : answer,
          editable: [...open],
          seal: found.seals.length && !sealed.size ? [NONE] : [...sealed],
          budget_s: seconds
        })
      }
    >
      <div className="jp-Autoloop-import">
        <Choice
          label={trans.__('The score')}
          value={score}
          options={found.scores.map(one => [one, one])}
          onChange={one => void follow({ score: one })}
        />
        <Choice
          label={trans.__('Better is')}
          value={direction}
          options={[
            ['min', trans.__('lower')],
            ['max', trans.__('higher')]
          ]}
          onChange={one => void follow({ direction: one as 'min' | 'max' })}
        />
        {!found.whole && (
          <Choice
            label={trans.__('The referee asks')}
            value={answer}
            options={found.answers.map(one => [
              one,
              one === NONE ? trans.__('nobody: self-reported') : one
            ])}
            onChange={one => void follow({ answer: one })}
          />
        )}
        <p
          className={`jp-Autoloop-grade jp-mod-${found.grade}`}
          role={problem ? 'alert' : 'status'}
        >
          {problem || verdict(trans, found)}
        </p>
        <fieldset className="jp-Autoloop-choices">
          <legend>{trans.__('Agents may change')}</legend>
          {found.choices.map(one => (
            <Tick
              key={one.name}
              label={found.whole ? one.title : `${one.name}  ${one.title}`}
              checked={open.has(one.name)}
              onChange={on => setOpen(toggled(open, one.name, on))}
            />
          ))}
          {faults.open && (
            <span className="jp-Autoloop-fault" role="alert">
              {faults.open}
            </span>
          )}
        </fieldset>
        {found.seals.length > 0 && (
          <fieldset className="jp-Autoloop-choices">
            <legend>{trans.__('Only the referee may read')}</legend>
            {found.seals.map(one => (
              <Tick
                key={one}
                label={one}
                checked={sealed.has(one)}
                onChange={on => setSealed(toggled(sealed, one, on))}
              />
            ))}
          </fieldset>
        )}
        <Field
          numeric
          label={trans.__('Seconds a run may take')}
          value={budget}
          fault={faults.budget}
          onChange={setBudget}
        />
        <Field
          wide
          label={trans.__('Write the arena to')}
          value={out}
          fault={faults.out}
          onChange={setOut}
        />
        {found.notes.length > 0 && (
          <ul className="jp-Autoloop-notes">
            {found.notes.map(one => (
              <li key={one}>{one}</li>
            ))}
          </ul>
        )}
      </div>
    </Form>
  );
}

/** The grade that the arena would have, and why. */
function verdict(trans: TranslationBundle, found: IImport): string {
  if (found.grade === 'sealed') {
    return trans.__(
      'Sealed: the referee asks %1 and finds %2 by itself.',
      found.answer,
      found.score
    );
  }
  return trans.__('Self-reported: %1', found.why);
}

/** One of several, by its label. */
function Choice(props: {
  label: string;
  value: string;
  options: readonly (readonly [string, string])[];
  onChange: (value: string) => void;
}): JSX.Element {
  const id = React.useId();
  return (
    <div className="jp-Autoloop-field">
      <label htmlFor={id}>{props.label}</label>
      <select
        id={id}
        value={props.value}
        onChange={event => props.onChange(event.target.value)}
      >
        {props.options.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </div>
  );
}

function names(found: IImport): Set<string> {
  return new Set(
    found.choices.filter(one => one.editable).map(one => one.name)
  );
}

function toggled(
  before: ReadonlySet<string>,
  name: string,
  on: boolean
): Set<string> {
  const after = new Set(before);
  if (on) {
    after.add(name);
  } else {
    after.delete(name);
  }
  return after;
}

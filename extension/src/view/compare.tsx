import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { lineOf } from '../api';
import { ComparisonView } from '../mime/comparison';
import type { IContext } from '../mime/parts';
import { readComparison } from '../mime/records';
import type { IComparison } from '../mime/types';
import { Button } from '../panel/button';
import { Field } from '../panel/field';
import { Form } from '../panel/form';
import { Problem } from '../panel/notices';
import { Popover } from '../panel/popover';
import type { IDetail } from '../wire';
import type { IterationModel } from './model';

interface ICompareProps {
  model: IterationModel;
  detail: IDetail;
  context: IContext;
}

/** A button that asks for another iteration, and both side by side below it. */
export function Compare(props: ICompareProps): JSX.Element {
  const { model, detail, context } = props;
  const { trans } = context;
  const [record, setRecord] = React.useState<IComparison | null>(null);
  const [problem, setProblem] = React.useState('');
  const asked = React.useRef(0);
  const show = async (other: number) => {
    const turn = ++asked.current;
    setProblem('');
    try {
      const { arena, number } = detail;
      const found = await model.api.compare(arena, other, number);
      if (turn === asked.current) {
        setRecord(readComparison(found));
      }
    } catch (error) {
      if (turn === asked.current) {
        setProblem(lineOf(error));
      }
    }
  };
  return (
    <div className="jp-Autoloop-View-compare">
      <Popover
        popup="dialog"
        name={trans.__('Compare with another iteration')}
        face={trans.__('Compare with…')}
      >
        {close => (
          <NumberForm
            own={detail.number}
            trans={trans}
            onNumber={other => {
              close();
              void show(other);
            }}
          />
        )}
      </Popover>
      {record && (
        <Button kind="quiet" onClick={() => setRecord(null)}>
          {trans.__('Close the comparison')}
        </Button>
      )}
      {problem && <Problem text={problem} />}
      {record && (
        <section aria-label={trans.__('Comparison')}>
          <ComparisonView record={record} context={context} />
        </section>
      )}
    </div>
  );
}

function NumberForm(props: {
  own: number;
  trans: TranslationBundle;
  onNumber: (number: number) => void;
}): JSX.Element {
  const { own, trans, onNumber } = props;
  const [text, setText] = React.useState('');
  const other = /^\s*#?\d{1,9}\s*$/.test(text)
    ? Number(text.replace('#', ''))
    : 0;
  const fault =
    text && (other < 1 || other === own)
      ? trans.__('The number of another iteration')
      : '';
  return (
    <Form
      send={trans.__('Compare')}
      fault={other < 1 || other === own}
      onSend={() => onNumber(other)}
    >
      <Field
        numeric
        label={trans.__('Iteration')}
        value={text}
        fault={fault}
        onChange={setText}
      />
    </Form>
  );
}

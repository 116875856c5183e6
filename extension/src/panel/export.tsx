import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { IExportOptions } from '../api';
import type { IRow } from '../wire';
import { Field, Tick } from './field';
import { Form } from './form';

/** Where the winner is written, and whether it is run afresh to see that it holds. */
export function ExportForm(props: {
  trans: TranslationBundle;
  row: IRow;
  onExport: (options: IExportOptions) => void;
}): JSX.Element {
  const { trans, row, onExport } = props;
  const [out, setOut] = React.useState(`winner-${row.number}.ipynb`);
  const [verify, setVerify] = React.useState(false);
  const [force, setForce] = React.useState(false);
  const fault = out.trim().endsWith('.ipynb')
    ? ''
    : trans.__('A name that ends in .ipynb');
  return (
    <Form
      send={trans.__('Export')}
      fault={fault}
      onSend={() => onExport({ out: out.trim(), verify, force })}
    >
      <Field
        wide
        label={trans.__('Write it to, beside the arena')}
        value={out}
        fault={fault}
        onChange={setOut}
      />
      <Tick
        label={trans.__('Run it afresh and compare the scores')}
        checked={verify}
        onChange={setVerify}
      />
      <Tick
        label={trans.__('Overwrite what is there')}
        checked={force}
        onChange={setForce}
      />
    </Form>
  );
}

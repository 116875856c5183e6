import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { IExportOptions } from '../api';
import type { IRow } from '../wire';
import { Button } from './button';

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
  const id = React.useId();
  const fault = out.trim().endsWith('.ipynb')
    ? ''
    : trans.__('A name that ends in .ipynb');
  const start = (event: React.FormEvent) => {
    event.preventDefault();
    if (!fault) {
      onExport({ out: out.trim(), verify, force });
    }
  };
  return (
    <form className="jp-Autoloop-form" noValidate onSubmit={start}>
      <div className="jp-Autoloop-field jp-mod-wide">
        <label htmlFor={id}>{trans.__('Write it to, beside the arena')}</label>
        <input
          id={id}
          value={out}
          spellCheck={false}
          aria-invalid={!!fault}
          aria-describedby={fault ? `${id}-fault` : undefined}
          onChange={event => setOut(event.target.value)}
        />
        {fault && (
          <span id={`${id}-fault`} className="jp-Autoloop-fault" role="alert">
            {fault}
          </span>
        )}
      </div>
      <label className="jp-Autoloop-tick">
        <input
          type="checkbox"
          checked={verify}
          onChange={event => setVerify(event.target.checked)}
        />
        {trans.__('Run it afresh and compare the scores')}
      </label>
      <label className="jp-Autoloop-tick">
        <input
          type="checkbox"
          checked={force}
          onChange={event => setForce(event.target.checked)}
        />
        {trans.__('Overwrite what is there')}
      </label>
      <div className="jp-Autoloop-formFoot">
        <Button kind="primary" type="submit">
          {trans.__('Export')}
        </Button>
      </div>
    </form>
  );
}

/** The form of a cell's name. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { Button } from '../panel/button';
import { Field } from '../panel/field';

/** One name; left empty, the cell goes by its id, `usual`. Enter sends it. */
export function NameForm(props: {
  trans: TranslationBundle;
  name: string;
  usual: string;
  faultOf: (name: string) => string;
  onSend: (name: string) => void;
}): JSX.Element {
  const { trans, usual, faultOf, onSend } = props;
  const [name, setName] = React.useState(props.name);
  const fault = faultOf(name.trim());
  const send = (event: React.FormEvent) => {
    event.preventDefault();
    if (!fault) {
      onSend(name.trim());
    }
  };
  return (
    <form className="jp-Autoloop-form" noValidate onSubmit={send}>
      <Field
        wide
        name="name"
        label={trans.__('What diffs and agents call it')}
        placeholder={usual}
        value={name}
        fault={fault}
        onChange={setName}
      />
      <div className="jp-Autoloop-formFoot">
        <Button kind="primary" type="submit">
          {trans.__('Save')}
        </Button>
      </div>
    </form>
  );
}

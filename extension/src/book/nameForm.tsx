/** The form of a cell's name. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { Field } from '../panel/field';
import { Form } from '../panel/form';

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
  return (
    <Form
      send={trans.__('Save')}
      fault={fault}
      onSend={() => onSend(name.trim())}
    >
      <Field
        wide
        name="name"
        label={trans.__('What diffs and agents call it')}
        placeholder={usual}
        value={name}
        fault={fault}
        onChange={setName}
      />
    </Form>
  );
}

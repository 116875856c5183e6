import { PathExt } from '@jupyterlab/coreutils';
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { Field } from '../panel/field';
import { Form } from '../panel/form';
import type { ITemplate } from '../wire';

/** An arena to make: the template's name, and the folder below the server's root. */
export interface INewArena {
  template: string;
  folder: string;
}

/** Which template, and into which folder; left empty, one of the template's name in `cwd` (below the server's root). */
export function NewArenaForm(props: {
  trans: TranslationBundle;
  templates: readonly ITemplate[];
  cwd: string;
  onMake: (made: INewArena) => void;
}): JSX.Element {
  const { trans, templates, cwd, onMake } = props;
  const [template, setTemplate] = React.useState(templates[0].name);
  const [folder, setFolder] = React.useState('');
  const usual = PathExt.join(cwd, template);
  return (
    <Form
      send={trans.__('Make')}
      onSend={() => onMake({ template, folder: folder.trim() || usual })}
    >
      <fieldset className="jp-Autoloop-choices">
        <legend>{trans.__('Start from')}</legend>
        {templates.map(one => (
          <label key={one.name} className="jp-Autoloop-choice">
            <input
              type="radio"
              name="template"
              checked={one.name === template}
              onChange={() => setTemplate(one.name)}
            />
            <span>
              <strong>{one.title}</strong>
              <span>{one.summary}</span>
            </span>
          </label>
        ))}
      </fieldset>
      <Field
        wide
        name="folder"
        label={trans.__('In the folder')}
        placeholder={usual}
        value={folder}
        onChange={setFolder}
      />
    </Form>
  );
}

import * as React from 'react';

import type { IFace } from './face';
import { useChanges } from './listen';

/**
 * The arenas that come with Autoloop, each as a card: one click makes a copy of it, in the folder that is named.
 *
 * `focus`: whether the first card takes the focus as it appears. `onDone` is called once the arena is there.
 */
export function Templates(
  props: IFace & { focus?: boolean; onDone?: () => void }
): JSX.Element {
  const { workbench, trans, focus, onDone } = props;
  useChanges(workbench.changed);
  const [folder, setFolder] = React.useState('');
  const [making, setMaking] = React.useState('');
  const first = React.useRef<HTMLButtonElement>(null);
  const id = React.useId();
  React.useEffect(() => {
    if (focus) {
      first.current?.focus();
    }
  }, [focus]);
  const make = async (name: string) => {
    if (making) {
      return;
    }
    setMaking(name);
    const made = await workbench.create(name, folder.trim() || name);
    setMaking('');
    if (made) {
      onDone?.();
    }
  };
  return (
    <div className="jp-Autoloop-templates">
      {(workbench.arenas?.templates ?? []).map((template, index) => (
        <button
          key={template.name}
          ref={index ? undefined : first}
          type="button"
          className="jp-Autoloop-template"
          aria-disabled={making ? true : undefined}
          onClick={() => void make(template.name)}
        >
          <strong>{template.title}</strong>
          <span>
            {making === template.name
              ? trans.__('making it…')
              : template.summary}
          </span>
        </button>
      ))}
      <label className="jp-Autoloop-field" htmlFor={id}>
        <span>{trans.__('In the folder')}</span>
        <input
          id={id}
          value={folder}
          spellCheck={false}
          placeholder={trans.__('named like the template')}
          onChange={event => setFolder(event.target.value)}
        />
      </label>
    </div>
  );
}

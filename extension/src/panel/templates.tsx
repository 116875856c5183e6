import * as React from 'react';

import type { ITemplate } from '../wire';
import { Field } from './field';
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
        <Card
          key={template.name}
          ref={index ? undefined : first}
          template={template}
          busy={!!making}
          told={making === template.name ? trans.__('making it…') : ''}
          onClick={() => void make(template.name)}
        />
      ))}
      <Field
        label={trans.__('In the folder')}
        value={folder}
        placeholder={trans.__('named like the template')}
        onChange={setFolder}
      />
    </div>
  );
}

interface ICardProps {
  template: ITemplate;
  busy: boolean;
  /** What is happening to it, in place of its summary. */
  told: string;
  onClick: () => void;
}

const Card = React.forwardRef<HTMLButtonElement, ICardProps>(
  ({ template, busy, told, onClick }, ref) => (
    <button
      ref={ref}
      type="button"
      className="jp-Autoloop-template"
      aria-disabled={busy ? true : undefined}
      onClick={onClick}
    >
      <strong>{template.title}</strong>
      <span>{told || template.summary}</span>
    </button>
  )
);
Card.displayName = 'Card';

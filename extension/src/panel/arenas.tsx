import * as React from 'react';

import type { IArenaItem } from '../wire';
import { number } from '../words';
import { Button } from './button';
import type { IFace } from './face';
import { useChanges } from './listen';
import { IEntry, Menu } from './menu';
import { Popover } from './popover';
import { Templates } from './templates';

/** The last part of a path, and the folders before it. */
function parts(path: string): { name: string; folder: string } {
  const cut = path.lastIndexOf('/') + 1;
  return { name: path.slice(cut), folder: path.slice(0, cut) };
}

/** The name of the arena that is shown; it opens the list of all arenas below the root, and the way to a new one. */
export function ArenaPicker(props: IFace): JSX.Element {
  const { workbench, trans } = props;
  useChanges(workbench.changed);
  const shown = workbench.current?.arena ?? '';
  const label = shown ? parts(shown).name : trans.__('Choose an arena');
  return (
    <Popover
      popup="dialog"
      kind="quiet"
      className="jp-Autoloop-picker"
      name={trans.__('Arenas')}
      title={shown}
      face={
        <>
          <span className="jp-Autoloop-cut">{label}</span>
          <Caret />
        </>
      }
      onOpen={() => void workbench.refreshArenas()}
    >
      {close => <Arenas {...props} close={close} />}
    </Popover>
  );
}

/** The mark of a button that opens something. */
export function Caret(): JSX.Element {
  return (
    <span className="jp-Autoloop-caret" aria-hidden="true">
      ▾
    </span>
  );
}

/** The list of arenas; or, once asked for, the templates of a new one. */
function Arenas(props: IFace & { close: () => void }): JSX.Element {
  const { workbench, trans, close } = props;
  useChanges(workbench.changed);
  const [making, setMaking] = React.useState(false);
  if (making) {
    return (
      <div className="jp-Autoloop-form">
        <h2>{trans.__('New arena')}</h2>
        <Templates {...props} focus onDone={close} />
      </div>
    );
  }
  const found = workbench.arenas?.arenas ?? [];
  return (
    <>
      <Menu
        kind="listbox"
        name={trans.__('Arenas')}
        entries={found.map(item => entryOf(item, props, close))}
      />
      {workbench.arenas?.truncated && (
        <p className="jp-Autoloop-hint jp-mod-padded">
          {trans.__(
            'There are more folders than are looked through: open JupyterLab in a folder nearer to your arenas.'
          )}
        </p>
      )}
      <div className="jp-Autoloop-menuFoot">
        <Button kind="quiet" onClick={() => setMaking(true)}>
          {trans.__('New arena…')}
        </Button>
      </div>
    </>
  );
}

/** An arena as an entry of a list; `done` is called once it is chosen. */
export function entryOf(
  item: IArenaItem,
  { workbench, trans }: IFace,
  done: () => void
): IEntry {
  const { name, folder } = parts(item.path);
  const states: Record<IArenaItem['state'], string> = {
    idle: '',
    running: `● ${trans.__('running')}`,
    paused: `‖ ${trans.__('paused')}`,
    stopping: `■ ${trans.__('stopping')}`,
    unsound: `× ${trans.__('unsound')}`
  };
  const state = states[item.state];
  const told = item.iterations
    ? trans._n(
        '%1 iteration',
        '%1 iterations',
        item.iterations,
        item.iterations
      )
    : trans.__('has not run yet');
  return {
    key: item.path,
    label: name,
    hint: item.problem || [folder, told].filter(Boolean).join(' · '),
    aside: (
      <>
        {item.best !== null && (
          <span className="jp-Autoloop-number">{number(item.best)}</span>
        )}
        {state && (
          <span className={`jp-Autoloop-state jp-mod-${item.state}`}>
            {state}
          </span>
        )}
      </>
    ),
    checked: item.path === workbench.current?.arena,
    onSelect: () => {
      workbench.choose(item.path);
      done();
    }
  };
}

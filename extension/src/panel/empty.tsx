import * as React from 'react';

import { loopIcon } from '../icons';
import { Menu } from './menu';
import { ArenaPicker, entryOf } from './arenas';
import { Button } from './button';
import type { IFace } from './face';
import { Problem } from './notices';
import { Templates } from './templates';

/** What the panel shows while there is no arena to show: none chosen, none there, or no server to ask. */
export function Nothing(props: IFace): JSX.Element {
  const { workbench, trans } = props;
  const { arenas, problem } = workbench;
  if (problem && !arenas) {
    return (
      <Problem text={problem}>
        <Button onClick={() => void workbench.refreshArenas()}>
          {trans.__('Try again')}
        </Button>
      </Problem>
    );
  }
  if (!arenas) {
    return (
      <p className="jp-Autoloop-nothing">{trans.__('Looking for arenas…')}</p>
    );
  }
  return arenas.arenas.length ? <Choice {...props} /> : <Welcome {...props} />;
}

/** Several arenas, and none chosen. */
function Choice(props: IFace): JSX.Element {
  const { workbench, trans } = props;
  return (
    <>
      <header className="jp-Autoloop-header">
        <ArenaPicker {...props} />
      </header>
      <Menu
        kind="listbox"
        name={trans.__('Arenas')}
        entries={(workbench.arenas?.arenas ?? []).map(item =>
          entryOf(item, props, () => undefined)
        )}
      />
    </>
  );
}

/** No arena below the root: what one is, and the ones that come with Autoloop. */
function Welcome(props: IFace): JSX.Element {
  const { trans } = props;
  return (
    <section className="jp-Autoloop-welcome">
      <loopIcon.react tag="span" className="jp-Autoloop-welcomeIcon" />
      <h2>{trans.__('No arena here yet')}</h2>
      <p>
        {trans.__(
          'An arena is a notebook with a strategy, cells that agents may change, and a score. Start from one of these:'
        )}
      </p>
      <Templates {...props} />
    </section>
  );
}

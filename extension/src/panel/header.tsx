import * as React from 'react';

import { ArenaPicker } from './arenas';
import type { IArenaFace } from './face';
import { useChanges } from './listen';
import { StatePill } from './pill';

/** The arena's name, which opens the picker, and how it stands. */
export const Header = React.memo((props: IArenaFace): JSX.Element => {
  const { model, trans } = props;
  useChanges(model.stateChanged, model.connectionChanged);
  return (
    <header className="jp-Autoloop-header">
      <ArenaPicker {...props} />
      {model.state && (
        <StatePill
          state={model.state}
          connected={model.connected}
          trans={trans}
        />
      )}
    </header>
  );
});
Header.displayName = 'Header';

import * as React from 'react';

import { Tabular } from '../chart/table';
import type { WorkbenchModel } from '../workbench';
import { useChanges } from './listen';

/** Charts within are shown as tables, or not, as the workbench remembers: in all places alike. */
export function Tables(props: {
  workbench: WorkbenchModel;
  children: React.ReactNode;
}): JSX.Element {
  const { workbench, children } = props;
  useChanges(workbench.changed);
  const on = workbench.tabular;
  const choice = React.useMemo(
    () => ({ on, set: (next: boolean) => (workbench.tabular = next) }),
    [workbench, on]
  );
  return <Tabular.Provider value={choice}>{children}</Tabular.Provider>;
}

import * as React from 'react';

import { ENDS, look } from '../words';
import { Caret } from './arenas';
import { Button } from './button';
import type { IArenaFace } from './face';
import { useChanges } from './listen';
import { Menu } from './menu';
import { Popover } from './popover';
import { Sign } from './sign';
import { said } from './verdicts';

/** Which iterations the list shows, and how many these are. */
export const FilterBar = React.memo((props: IArenaFace): JSX.Element => {
  const { model, workbench, trans } = props;
  useChanges(model.rowsChanged, model.stateChanged, workbench.changed);
  const { query } = workbench;
  const { verdicts } = query;
  const label = !verdicts.size
    ? trans.__('All verdicts')
    : [...verdicts].map(one => said(look(one), trans)).join(', ');
  return (
    <div className="jp-Autoloop-filter" role="search">
      <Popover
        popup="menu"
        kind="quiet"
        name={trans.__('Verdicts')}
        title={trans.__('Which verdicts are shown')}
        face={
          <>
            <span className="jp-Autoloop-cut">{label}</span>
            <Caret />
          </>
        }
      >
        {() => <Verdicts {...props} />}
      </Popover>
      <input
        className="jp-Autoloop-search"
        type="search"
        value={query.search}
        spellCheck={false}
        placeholder={trans.__('Search…')}
        aria-label={trans.__('Search the iterations')}
        onChange={event => {
          workbench.query = { ...query, search: event.target.value };
        }}
      />
      <span className="jp-Autoloop-count" role="status">
        <Count {...props} />
      </span>
    </div>
  );
});
FilterBar.displayName = 'FilterBar';

/** `47 iterations`, or `12 of 47` where some are not shown. */
function Count({ model, workbench, trans }: IArenaFace): JSX.Element {
  const shown = model.rows.select(workbench.query).length;
  const total = Math.max(model.state?.total ?? 0, model.rows.size);
  const text =
    shown === total
      ? trans._n('%1 iteration', '%1 iterations', total, total)
      : trans.__('%1 of %2', shown.toLocaleString(), total.toLocaleString());
  return <>{text}</>;
}

/** Each verdict with how often it occurs. It stays open: several can be chosen. */
function Verdicts(props: IArenaFace): JSX.Element {
  const { model, workbench, trans } = props;
  useChanges(workbench.changed, model.stateChanged);
  const { query } = workbench;
  const counts: Record<string, number> = { ...model.state?.counts };
  const known = new Set([...ENDS, ...Object.keys(counts), ...query.verdicts]);
  const set = (verdicts: ReadonlySet<string>) => {
    workbench.query = { ...query, verdicts };
  };
  return (
    <>
      <Menu
        kind="checks"
        name={trans.__('Verdicts')}
        entries={[...known].map(verdict => ({
          key: verdict,
          label: <VerdictName verdict={verdict} trans={trans} />,
          aside: (
            <span className="jp-Autoloop-number jp-Autoloop-soft">
              {(counts[verdict] ?? 0).toLocaleString()}
            </span>
          ),
          checked: query.verdicts.has(verdict),
          onSelect: () => set(toggled(query.verdicts, verdict))
        }))}
      />
      <div className="jp-Autoloop-menuFoot">
        <Button
          kind="quiet"
          reason={query.verdicts.size ? '' : trans.__('All are shown')}
          onClick={() => set(new Set())}
        >
          {trans.__('Show all')}
        </Button>
      </div>
    </>
  );
}

function VerdictName(props: {
  verdict: string;
  trans: IArenaFace['trans'];
}): JSX.Element {
  const seen = look(props.verdict);
  return (
    <>
      <Sign look={seen} />
      {said(seen, props.trans)}
    </>
  );
}

function toggled(all: ReadonlySet<string>, one: string): Set<string> {
  const next = new Set(all);
  if (!next.delete(one)) {
    next.add(one);
  }
  return next;
}

import { useVirtualizer } from '@tanstack/react-virtual';
import * as React from 'react';

import type { IFlying, IRow, IState } from '../wire';
import { decimals } from '../words';
import { Heads } from './columns';
import type { IArenaFace } from './face';
import { useChanges } from './listen';
import { ROW_HEIGHT, Row } from './row';

/** How many of the newest scores decide how many decimals all are written with. */
const SAMPLE = 200;

/** The iterations, of which only those in sight are in the page. */
export const IterationList = React.memo((props: IArenaFace): JSX.Element => {
  const { model, workbench, trans, openNotebook } = props;
  useChanges(model.rowsChanged, model.stateChanged, workbench.changed);
  const { state } = model;
  const { query, selected } = workbench;
  const flying = (state?.driver && state.flying) || null;
  const shown = model.rows.select(query);
  const rows = React.useMemo(
    () => withFlying(shown, flying, model.rows.get(flying?.number ?? -1)),
    [shown, flying]
  );
  const places = usePlaces(model.rows.rows, state);
  const scroller = React.useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    getItemKey: index => rows[index].number,
    overscan: 12,
    scrollMargin: ROW_HEIGHT,
    scrollPaddingStart: ROW_HEIGHT,
    useFlushSync: false
  });
  const id = React.useId();
  const index = rows.findIndex(row => row.number === selected);
  React.useEffect(() => {
    if (index >= 0) {
      virtual.scrollToIndex(index, { align: 'auto' });
    }
    // A choice is followed; rows that come in while the person looks elsewhere must not move the list.
  }, [selected]);
  const onSelect = React.useCallback(
    (number: number) => {
      workbench.selected = number;
    },
    [workbench]
  );
  const onOpen = React.useCallback(
    (row: IRow) => {
      if (row.notebook) {
        openNotebook(row.notebook);
      }
    },
    [openNotebook]
  );
  const onKeyDown = (event: React.KeyboardEvent) => {
    const page = Math.floor((scroller.current?.clientHeight ?? 0) / ROW_HEIGHT);
    const goal = goalOf(event.key, index, rows.length, Math.max(1, page - 2));
    if (event.target !== event.currentTarget) {
      return; // a key for the head of a column
    }
    if (goal !== null) {
      workbench.selected = rows[goal]?.number ?? null;
    } else if (event.key === 'Enter' && index >= 0) {
      onOpen(rows[index]);
    } else if (event.key === 'Escape' && selected !== null) {
      workbench.selected = null;
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div
      ref={scroller}
      role="grid"
      tabIndex={0}
      className="jp-Autoloop-list"
      aria-label={trans.__('Iterations')}
      aria-rowcount={rows.length + 1}
      aria-activedescendant={index >= 0 ? `${id}-${selected}` : undefined}
      onKeyDown={onKeyDown}
    >
      <Heads
        query={query}
        metric={state?.metric ?? null}
        trans={trans}
        onQuery={next => {
          workbench.query = next;
        }}
      />
      <div
        role="rowgroup"
        className="jp-Autoloop-rows"
        style={{ height: virtual.getTotalSize() }}
      >
        {virtual.getVirtualItems().map(item => {
          const row = rows[item.index];
          return (
            <Row
              key={item.key}
              id={`${id}-${row.number}`}
              row={row}
              live={row.number === flying?.number ? model : null}
              index={item.index}
              top={item.start - ROW_HEIGHT}
              selected={row.number === selected}
              champion={row.number === state?.champion?.number}
              places={places}
              metric={state?.metric ?? null}
              trans={trans}
              onSelect={onSelect}
              onOpen={onOpen}
            />
          );
        })}
      </div>
      {!rows.length && (
        <p className="jp-Autoloop-nothing">
          {model.loading && !model.rows.size
            ? trans.__('Reading the iterations…')
            : model.rows.size
              ? trans.__('No iteration is like that.')
              : trans.__('Nothing has run yet.')}
        </p>
      )}
    </div>
  );
});
IterationList.displayName = 'IterationList';

/** The rows with the one under way on top, whatever the order; made up as long as the ledger has not told it. */
export function withFlying(
  rows: readonly IRow[],
  flying: IFlying | null,
  known: IRow | undefined
): readonly IRow[] {
  if (!flying || rows[0]?.number === flying.number) {
    return rows;
  }
  const { number, attempt, title, agent, base } = flying;
  const told: IRow = known ?? {
    number,
    title,
    agent,
    base,
    attempts: attempt,
    epoch: 0,
    verdict: null,
    state: null,
    score: null,
    difference: null,
    reason: '',
    time: Date.now() / 1000,
    seconds: 0,
    notebook: ''
  };
  return [told, ...rows.filter(row => row.number !== number)];
}

/** Where a key leads from row `index` (-1: none) of `count`; null where it leads nowhere. */
export function goalOf(
  key: string,
  index: number,
  count: number,
  page: number
): number | null {
  const last = count - 1;
  if (last < 0) {
    return null;
  }
  switch (key) {
    case 'ArrowDown':
      return Math.min(last, index + 1);
    case 'ArrowUp':
      return Math.max(0, index - 1);
    case 'PageDown':
      return Math.min(last, Math.max(0, index) + page);
    case 'PageUp':
      return Math.max(0, index - page);
    case 'Home':
      return 0;
    case 'End':
      return last;
    default:
      return null;
  }
}

/** With how many decimals scores are written, the same for all, so that they stand one below the other. */
function usePlaces(rows: readonly IRow[], state: IState | null): number {
  return React.useMemo(
    () =>
      decimals([
        state?.best?.score,
        ...rows.slice(0, SAMPLE).map(row => row.score)
      ]),
    [rows, state?.best?.score]
  );
}

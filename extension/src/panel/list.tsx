import {
  useVirtualizer,
  VirtualItem,
  Virtualizer
} from '@tanstack/react-virtual';
import * as React from 'react';

import type { ArenaModel } from '../model';
import { letterOf } from '../mime/whose';
import type { IFlying, IRow, IState } from '../wire';
import { decimals, number, signed } from '../words';
import { Heads } from './columns';
import type { IArenaFace } from './face';
import { useChanges } from './listen';
import { ROW_HEIGHT, Row } from './row';

/** How many of the newest scores decide how many decimals all are written with. */
const SAMPLE = 200;

const NONE: readonly IFlying[] = [];

/** The iterations, of which only those in sight are in the page. */
export const IterationList = React.memo((props: IArenaFace): JSX.Element => {
  const { model, workbench, trans } = props;
  useChanges(model.rowsChanged, model.stateChanged, workbench.changed);
  const { query, selected } = workbench;
  const flights = (model.state?.driver && model.state.flights) || NONE;
  const shown = model.rows.select(query);
  const rows = React.useMemo(
    () => withFlights(shown, flights, number => model.rows.get(number)),
    [shown, flights]
  );
  const index = rows.findIndex(row => row.number === selected);
  const scroller = React.useRef<HTMLDivElement>(null);
  const virtual = useRowsInSight(scroller, rows, index, selected);
  const places = usePlaces(model.rows.rows, model.state);
  const widths = useWidths(model.rows.rows, places);
  const id = React.useId();
  return (
    <div
      ref={scroller}
      role="grid"
      tabIndex={0}
      className="jp-Autoloop-list"
      style={widths}
      aria-label={trans.__('Iterations')}
      aria-rowcount={rows.length + 1}
      aria-activedescendant={index >= 0 ? `${id}-${selected}` : undefined}
      onKeyDown={event => onKey(event, rows, index, props)}
    >
      <Heads
        query={query}
        metric={model.state?.metric ?? null}
        trans={trans}
        onQuery={next => {
          workbench.query = next;
        }}
      />
      <Rows {...props} {...{ id, rows, virtual, places }} />
      {!rows.length && <Nothing {...props} />}
    </div>
  );
});
IterationList.displayName = 'IterationList';

type Virtual = Virtualizer<HTMLDivElement, Element>;

/** Which rows are in sight. The row that is chosen is brought there, whoever chose it. */
function useRowsInSight(
  scroller: React.RefObject<HTMLDivElement>,
  rows: readonly IRow[],
  index: number,
  selected: number | null
): Virtual {
  const virtual = useVirtualizer<HTMLDivElement, Element>({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    getItemKey: index => rows[index].number,
    overscan: 6,
    scrollMargin: ROW_HEIGHT,
    scrollPaddingStart: ROW_HEIGHT,
    useFlushSync: false
  });
  React.useEffect(() => {
    if (index >= 0) {
      virtual.scrollToIndex(index, { align: 'auto' });
    }
    // A choice is followed; rows that come in while the person looks elsewhere must not move the list.
  }, [selected]);
  return virtual;
}

/** The rows in sight, each at its place. */
function Rows(
  props: IArenaFace & {
    id: string;
    rows: readonly IRow[];
    virtual: Virtual;
    places: number;
  }
): JSX.Element {
  const { model, workbench, trans, openNotebook, rows, virtual } = props;
  const { state } = model;
  const onSelect = React.useCallback(
    (number: number) => {
      workbench.selected = number;
    },
    [workbench]
  );
  const row = ({ index, start }: VirtualItem) => (
    <Row
      key={rows[index].number}
      id={`${props.id}-${rows[index].number}`}
      row={rows[index]}
      live={isLive(rows[index], model) ? model : null}
      index={index}
      top={start - ROW_HEIGHT}
      selected={rows[index].number === workbench.selected}
      champion={rows[index].number === state?.champion?.number}
      line={
        state && rows[index].island ? letterOf(rows[index].island, state) : ''
      }
      places={props.places}
      metric={state?.metric ?? null}
      trans={trans}
      onSelect={onSelect}
      onOpen={openNotebook}
    />
  );
  return (
    <div
      role="rowgroup"
      className="jp-Autoloop-rows"
      style={{ height: virtual.getTotalSize() }}
    >
      {virtual.getVirtualItems().map(row)}
    </div>
  );
}

/** Whether a row is under way. The stream's events tell of it a moment before the state does. */
function isLive(row: IRow, model: ArenaModel): boolean {
  const begun = row.verdict === null && model.state?.driver;
  return (
    model.flies(row.number) || (!!begun && model.liveOf(row.number) !== null)
  );
}

/** Why there is no row to show. */
function Nothing({ model, trans }: IArenaFace): JSX.Element {
  const text = model.rows.size
    ? trans.__('No iteration is like that.')
    : model.loading
      ? trans.__('Reading the iterations…')
      : trans.__('Nothing has run yet.');
  return <p className="jp-Autoloop-nothing">{text}</p>;
}

/** What a key does to the list that has the focus. */
function onKey(
  event: React.KeyboardEvent<HTMLElement>,
  rows: readonly IRow[],
  index: number,
  { workbench, openNotebook }: IArenaFace
): void {
  const { key, currentTarget, target } = event;
  if (target !== currentTarget) {
    return; // a key for the head of a column
  }
  const page = Math.floor(currentTarget.clientHeight / ROW_HEIGHT) - 2;
  const goal = goalOf(key, index, rows.length, Math.max(1, page));
  if (goal !== null) {
    workbench.selected = rows[goal].number;
  } else if (key === 'Enter' && rows[index]?.notebook) {
    openNotebook(rows[index].notebook);
  } else if (key === 'Escape' && workbench.selected !== null) {
    workbench.selected = null;
  } else {
    return;
  }
  event.preventDefault();
  event.stopPropagation();
}

/** The rows with those under way on top, whatever the order; made up as long as the ledger has not told them. */
export function withFlights(
  rows: readonly IRow[],
  flights: readonly IFlying[],
  known: (number: number) => IRow | undefined
): readonly IRow[] {
  const newest = [...flights].sort((a, b) => b.number - a.number);
  if (newest.every(({ number }, i) => rows[i]?.number === number)) {
    return rows;
  }
  const numbers = new Set(flights.map(flight => flight.number));
  return [
    ...newest.map(flight => known(flight.number) ?? madeUp(flight)),
    ...rows.filter(row => !numbers.has(row.number))
  ];
}

function madeUp({ number, attempt, title, agent, base }: IFlying): IRow {
  return {
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

/** The columns of numbers are as wide as their longest: what is left is the titles'. */
function useWidths(rows: readonly IRow[], places: number): React.CSSProperties {
  return React.useMemo(() => widths(rows, places), [rows, places]);
}

/** How wide the columns of scores and differences are, as variables of the style sheet. */
export function widths(
  rows: readonly IRow[],
  places: number
): React.CSSProperties {
  let [score, difference] = [0, 0];
  for (const row of rows) {
    score = Math.max(score, number(row.score, places).length);
    if (row.difference !== null) {
      difference = Math.max(difference, signed(row.difference, places).length);
    }
  }
  // Signs are a little wider than figures.
  return {
    '--jp-autoloop-score': `${Math.max(5, score) + 0.6}ch`,
    '--jp-autoloop-difference': `${Math.max(5, difference) + 0.6}ch`
  } as React.CSSProperties;
}

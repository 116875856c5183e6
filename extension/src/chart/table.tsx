/**
 * What a chart shows, as a table: for those who listen, who read numbers rather than pictures, or who copy them. A
 * page of it at a time, so that ten thousand iterations cost no more than ten.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

/** How many rows a page has: about as high as the chart that it stands for. */
export const PAGE = 10;

/** A column: its head, and what stands in it. The first one names the row. */
export interface IColumn<T> {
  key: string;
  name: string;
  cell: (row: T) => React.ReactNode;
  /** Words rather than numbers. */
  text?: boolean;
}

/** `rows` in the order in which they are read; `chosen`: the key of the row that is selected. */
export interface ITableProps<T> {
  caption: string;
  columns: readonly IColumn<T>[];
  rows: readonly T[];
  keyOf: (row: T) => number;
  chosen?: number | null;
  trans: TranslationBundle;
}

/** The table and, where there is more than one page, the way through them. */
export function Table<T>(props: ITableProps<T>): React.JSX.Element {
  const { caption, columns, rows, keyOf, chosen = null, trans } = props;
  const { at, from, last, turn } = usePages(rows, keyOf, chosen);
  const [head, ...others] = columns;
  return (
    <div className="jp-Autoloop-table">
      <table>
        <caption>{caption}</caption>
        <thead>
          <tr>
            {columns.map(({ key, name, text }) => (
              <th key={key} scope="col" className={text ? 'jp-mod-text' : ''}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(from, from + PAGE).map(row => (
            <tr
              key={keyOf(row)}
              className={keyOf(row) === chosen ? 'jp-mod-selected' : ''}
            >
              <th scope="row">{head.cell(row)}</th>
              {others.map(({ key, cell, text }) => (
                <td key={key} className={text ? 'jp-mod-text' : ''}>
                  {cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {last > 0 && (
        <Pages at={at} last={last} total={rows.length} {...{ turn, trans }} />
      )}
    </div>
  );
}

/** Which page is shown: the one that was turned to, or that of the row that was chosen since. */
function usePages<T>(
  rows: readonly T[],
  keyOf: (row: T) => number,
  chosen: number | null
) {
  const [asked, turn] = React.useState(0);
  React.useEffect(() => {
    const index =
      chosen === null ? -1 : rows.findIndex(row => keyOf(row) === chosen);
    if (index >= 0) {
      turn(Math.floor(index / PAGE));
    }
    // A choice is followed; rows that come in must not turn the page.
  }, [chosen]);
  const last = Math.max(0, Math.ceil(rows.length / PAGE) - 1);
  const at = Math.min(asked, last);
  return { at, from: at * PAGE, last, turn };
}

function Pages(props: {
  at: number;
  last: number;
  total: number;
  turn: (page: number) => void;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { at, last, total, turn, trans } = props;
  // What cannot be used stays within reach: a key's second press must not lose the focus.
  const button = (to: number, sign: string, label: string) => (
    <button
      type="button"
      className="jp-Autoloop-chart-button"
      aria-disabled={to < 0 || to > last}
      aria-label={label}
      title={label}
      onClick={() => turn(Math.min(last, Math.max(0, to)))}
    >
      {sign}
    </button>
  );
  const first = at * PAGE + 1;
  return (
    <div
      className="jp-Autoloop-table-pages"
      role="group"
      aria-label={trans.__('Pages')}
    >
      {button(0, '«', trans.__('First page'))}
      {button(at - 1, '‹', trans.__('Previous page'))}
      <span role="status">
        {trans.__(
          '%1 to %2 of %3',
          first,
          Math.min(total, first + PAGE - 1),
          total
        )}
      </span>
      {button(at + 1, '›', trans.__('Next page'))}
      {button(last, '»', trans.__('Last page'))}
    </div>
  );
}

/** Whether charts are shown as tables: one choice for all of a face. */
export interface ITabular {
  readonly on: boolean;
  readonly set: (on: boolean) => void;
}

/** Where the choice is kept for all charts within; without it each chart has its own. */
export const Tabular = React.createContext<ITabular | null>(null);

/** The choice that holds here. */
export function useTabular(): ITabular {
  const shared = React.useContext(Tabular);
  const [on, set] = React.useState(false);
  return shared ?? { on, set };
}

/** The button that shows a chart as a table and back. */
export function TableSwitch(
  props: ITabular & { trans: TranslationBundle }
): React.JSX.Element {
  const { on, set, trans } = props;
  return (
    <button
      type="button"
      className="jp-Autoloop-chart-button jp-mod-quiet"
      aria-pressed={on}
      title={
        on
          ? trans.__('Show the chart again')
          : trans.__('Show the numbers in a table')
      }
      onClick={() => set(!on)}
    >
      {trans.__('Table')}
    </button>
  );
}

import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { oneLine } from '../diff/visible';
import type { IMetric } from '../wire';
import { better, decimals, grouped, look, number, signed } from '../words';
import { differences, ordered } from './order';
import type { Key } from './order';
import { Fold, Note, Sign } from './parts';
import type { IContext } from './parts';
import type { IHistory, IHistoryRow } from './types';

/** How many iterations are shown until more are asked for. */
const SHOWN = 200;

/** A column: what it sorts by, its head, and the class of its cells. */
type Column = [Key, string, string];

/** Many iterations as a table that can be sorted, newest first; proposals that never ran are folded below it. */
export function HistoryView(props: {
  record: IHistory;
  context: IContext;
}): React.JSX.Element {
  const { record: it, context } = props;
  const { trans } = context;
  const [key, setKey] = React.useState<Key>('number');
  const [descending, setDescending] = React.useState(true);
  const [all, setAll] = React.useState(false);
  const gains = React.useMemo(() => differences(it.rows), [it]);
  const rows = React.useMemo(
    () => ordered(it.rows, key, descending, gains),
    [it, key, descending, gains]
  );
  const shown = all ? rows : rows.slice(0, SHOWN);
  const sort = (next: Key): void => {
    // Numbers and gains begin with what is new or large, words with A.
    setDescending(next === key ? !descending : next === 'number');
    setKey(next);
  };
  return (
    <>
      {rows.length === 0 ? (
        <Note>{trans.__('No iteration has run yet.')}</Note>
      ) : (
        <Table
          {...{ rows: shown, metric: it.metric, champion: it.champion }}
          islands={it.rows.some(row => row.island !== '')}
          {...{ gains, sortKey: key, descending, sort, trans }}
        />
      )}
      <Foot
        said={said(it, shown.length, trans)}
        more={rows.length > SHOWN ? rows.length : 0}
        {...{ all, setAll, trans }}
      />
      <Unrun rows={it.unrun} trans={trans} />
    </>
  );
}

/** What is said below the table, and the button that shows all `more` rows (0: there are no more). */
function Foot(props: {
  said: string;
  more: number;
  all: boolean;
  setAll: (all: boolean) => void;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { said, more, all, setAll, trans } = props;
  return (
    <div className="jp-Autoloop-Mime-foot">
      <span>{said}</span>
      {more > 0 && (
        <button
          type="button"
          className="jp-Autoloop-Mime-button"
          onClick={() => setAll(!all)}
        >
          {all
            ? trans.__('Show %1', SHOWN)
            : trans.__('Show all %1', grouped(more))}
        </button>
      )}
    </div>
  );
}

interface ITableProps {
  rows: readonly IHistoryRow[];
  metric: IMetric;
  champion: number | null;
  /** Whether there are lines of agents, which a column then names. */
  islands: boolean;
  gains: ReadonlyMap<number, number>;
  sortKey: Key;
  descending: boolean;
  sort: (key: Key) => void;
  trans: TranslationBundle;
}

function Table(props: ITableProps): React.JSX.Element {
  const { rows, metric, islands, trans } = props;
  const columns: Column[] = [
    ['number', trans.__('no.'), 'jp-mod-number'],
    ['verdict', trans.__('verdict'), ''],
    ['score', oneLine(metric.name, 30), 'jp-mod-number'],
    ['difference', trans.__('± base'), 'jp-mod-number'],
    ['title', trans.__('what changed'), 'jp-mod-wide'],
    ['agent', trans.__('agent'), 'jp-mod-rest'],
    ['seconds', trans.__('seconds'), 'jp-mod-number jp-mod-rest']
  ];
  if (islands) {
    columns.push(['island', trans.__('island'), 'jp-mod-rest']);
  }
  const places = decimals(rows.map(row => row.score));
  return (
    <div className="jp-Autoloop-Mime-scroll jp-mod-tall" tabIndex={0}>
      <table className="jp-Autoloop-Mime-table">
        <thead>
          <tr>
            {columns.map(column => (
              <Head key={column[0]} column={column} {...props} />
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(row => (
            <Row key={row.number} {...{ ...props, row, places }} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The head of a column, which sorts by it. */
function Head(props: ITableProps & { column: Column }): React.JSX.Element {
  const { column, sortKey, descending, sort } = props;
  const [key, head, kind] = column;
  const way = descending ? 'descending' : 'ascending';
  return (
    <th scope="col" className={kind} aria-sort={key === sortKey ? way : 'none'}>
      <button
        type="button"
        className="jp-Autoloop-Mime-sort"
        onClick={() => sort(key)}
      >
        {head}
        <span aria-hidden="true">
          {key !== sortKey ? '' : descending ? ' ▾' : ' ▴'}
        </span>
      </button>
    </th>
  );
}

function Row(
  props: ITableProps & { row: IHistoryRow; places: number }
): React.JSX.Element {
  const { row, places, metric, champion, islands, gains, trans } = props;
  const gain = gains.get(row.number ?? NaN);
  const good =
    gain !== undefined &&
    row.verdict === 'keep' &&
    row.state !== 'refuted' &&
    row.island === '' &&
    better(gain, 0, metric.direction);
  const mine = row.number === champion;
  const failed = ['crash', 'timeout', 'pruned'].includes(row.verdict ?? '');
  return (
    <tr className={mine ? 'jp-mod-champion' : undefined}>
      <td className="jp-mod-number">{row.number}</td>
      <td>
        <Sign look={look(row.verdict, row.state)} trans={trans} />
      </td>
      <td className="jp-mod-number">
        {row.score === null ? '' : number(row.score, places)}
      </td>
      <td className={good ? 'jp-mod-number jp-mod-good' : 'jp-mod-number'}>
        {gain === undefined ? '' : signed(gain, places)}
      </td>
      <td className="jp-mod-wide">
        {oneLine(row.title, 200)}
        {mine && <Mine trans={trans} />}
        {failed && <Why reason={row.reason} />}
      </td>
      <td className="jp-mod-rest">{oneLine(row.agent, 40)}</td>
      <td className="jp-mod-number jp-mod-rest">
        {row.seconds.total > 0 ? number(row.seconds.total, 1) : ''}
      </td>
      {islands && <td className="jp-mod-rest">{oneLine(row.island, 40)}</td>}
    </tr>
  );
}

function Mine(props: { trans: TranslationBundle }): React.JSX.Element {
  return (
    <span className="jp-Autoloop-Mime-champion">
      {' ◂ '}
      {props.trans.__('champion')}
    </span>
  );
}

function Why(props: { reason: string }): React.JSX.Element | null {
  return props.reason.trim() === '' ? null : (
    <span className="jp-Autoloop-Mime-key"> – {oneLine(props.reason)}</span>
  );
}

/** How many iterations there are, and how many of them are not here. */
function said(it: IHistory, shown: number, trans: TranslationBundle): string {
  // %1 is the number itself, without groups of three.
  const total = trans._n(
    '%2 iteration',
    '%2 iterations',
    it.total,
    grouped(it.total)
  );
  return shown < it.total
    ? trans.__('%1, %2 shown', total, grouped(shown))
    : total;
}

/** Proposals that never ran: they have no number. */
function Unrun(props: {
  rows: readonly IHistoryRow[];
  trans: TranslationBundle;
}): React.JSX.Element | null {
  const { rows, trans } = props;
  if (rows.length === 0) {
    return null;
  }
  const latest = rows.slice(-SHOWN).reverse();
  return (
    <Fold
      summary={trans._n(
        '%2 proposal never ran',
        '%2 proposals never ran',
        rows.length,
        grouped(rows.length)
      )}
    >
      <div className="jp-Autoloop-Mime-scroll jp-mod-tall" tabIndex={0}>
        <table className="jp-Autoloop-Mime-table">
          <tbody>
            {latest.map((row, place) => (
              <tr key={place}>
                <td>
                  <Sign look={look(row.verdict)} trans={trans} />
                </td>
                <td className="jp-mod-wide">
                  {oneLine(row.title, 200)}
                  <Why reason={row.reason} />
                </td>
                <td className="jp-mod-rest">{oneLine(row.agent, 40)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Fold>
  );
}

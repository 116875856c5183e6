import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { IQuery, SortKey } from '../store';
import type { IMetric } from '../wire';

interface IColumn {
  key: SortKey;
  /** The end of the class that places it. */
  place: string;
  label: string;
  /** In full, where the label is a sign or cut short. */
  name: string;
}

/** The columns, in their order; narrow side bars leave out the last ones but the title (see the style sheet). */
export function columns(
  metric: IMetric | null,
  trans: TranslationBundle
): IColumn[] {
  const score = metric?.name ?? trans.__('score');
  return [
    { key: 'number', place: 'no', label: '#', name: trans.__('Number') },
    {
      key: 'verdict',
      place: 'verdict',
      label: trans.__('verdict'),
      name: trans.__('Verdict')
    },
    { key: 'score', place: 'score', label: score, name: score },
    {
      key: 'difference',
      place: 'difference',
      label: '±',
      name: trans.__('Difference from its base')
    },
    {
      key: 'title',
      place: 'title',
      label: trans.__('title'),
      name: trans.__('Title')
    },
    {
      key: 'agent',
      place: 'agent',
      label: trans.__('agent'),
      name: trans.__('Agent')
    },
    {
      key: 'time',
      place: 'time',
      label: trans.__('time'),
      name: trans.__('Time')
    }
  ];
}

/** The query after a click on a column's head: its direction turned, or sorted by it, the most telling first. */
export function resorted(
  query: IQuery,
  key: SortKey,
  direction: 'min' | 'max'
): IQuery {
  if (query.sort === key) {
    return { ...query, descending: !query.descending };
  }
  const falling =
    key === 'number' ||
    key === 'time' ||
    (key === 'score' && direction === 'max') ||
    (key === 'difference' && direction === 'max');
  return { ...query, sort: key, descending: falling };
}

/** The heads of the columns, each of which sorts by its own. */
export const Heads = React.memo(
  (props: {
    query: IQuery;
    metric: IMetric | null;
    trans: TranslationBundle;
    onQuery: (query: IQuery) => void;
  }): JSX.Element => {
    const { query, metric, trans, onQuery } = props;
    const rising = query.descending ? 'descending' : 'ascending';
    return (
      <div
        role="row"
        aria-rowindex={1}
        className="jp-Autoloop-row jp-Autoloop-heads"
      >
        {columns(metric, trans).map(({ key, place, label, name }) => (
          <div
            key={key}
            role="columnheader"
            aria-sort={query.sort === key ? rising : undefined}
            className={`jp-Autoloop-col-${place}`}
          >
            <button
              type="button"
              aria-label={name}
              title={trans.__('Sort by: %1', name)}
              onClick={() =>
                onQuery(resorted(query, key, metric?.direction ?? 'min'))
              }
            >
              <span className="jp-Autoloop-cut">{label}</span>
              {query.sort === key && (
                <span aria-hidden="true">{query.descending ? '↓' : '↑'}</span>
              )}
            </button>
          </div>
        ))}
      </div>
    );
  }
);
Heads.displayName = 'Heads';

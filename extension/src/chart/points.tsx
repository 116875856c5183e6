/** A learning curve as a table: a few of its points, and the other's value at the same moments. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { decimals, number } from '../words';
import type { ICurves } from './curve';
import { IColumn, Table } from './table';
import { valueAt } from './traces';

/** How many points of a curve are told: enough for its shape. */
export const POINTS = 50;

interface IMoment {
  /** Its place within the curve: two points may share a moment. */
  at: number;
  seconds: number;
  own: number;
  other: number | null;
}

/** The points of `shown`, in order; `beside`: what the other line is called. */
export function Points(props: {
  shown: ICurves;
  beside: string;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { shown, beside, trans } = props;
  const { name, own, champion } = shown;
  const rows = moments(shown).reverse();
  const places = decimals(own.y);
  const columns: IColumn<IMoment>[] = [
    {
      key: 'seconds',
      name: trans.__('Seconds'),
      cell: ({ seconds }) => number(seconds, 1)
    },
    { key: 'own', name, cell: one => number(one.own, places) },
    {
      key: 'other',
      name: beside,
      cell: ({ other }) => (other === null ? '' : number(other, places))
    }
  ];
  return (
    <Table
      caption={
        rows.length < own.x.length
          ? trans.__(
              'Learning curve, latest first: %1 of %2 points',
              rows.length,
              own.x.length
            )
          : trans._n(
              'Learning curve, latest first: %1 point',
              'Learning curve, latest first: %1 points',
              rows.length
            )
      }
      columns={champion.x.length ? columns : columns.slice(0, 2)}
      rows={rows}
      keyOf={({ at }) => at}
      trans={trans}
    />
  );
}

/** At most `POINTS` moments, evenly through the curve, always with its first and its last. */
export function moments({ own, champion }: ICurves): IMoment[] {
  const count = Math.min(POINTS, own.x.length);
  const last = own.x.length - 1;
  return Array.from({ length: count }, (_, i) => {
    const at = count < 2 ? 0 : Math.round((i * last) / (count - 1));
    const seconds = own.x[at];
    return { at, seconds, own: own.y[at], other: valueAt(champion, seconds) };
  });
}

/** The canvas of the progress chart within the page: its keys, its words for those who listen, its reset button. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { decimals, number, share } from '../words';
import { markNames, spoken } from './card';
import { Legend } from './legend';
import { limits, width } from './limits';
import { isOutside } from './place';
import { IShown, ProgressPlot } from './plot';
import { counts } from './series';

/** `goal`: the metric in words. `shown` must be the same object as long as it is the same. */
export interface IDrawnProps {
  shown: IShown;
  goal: string;
  selected: number | null;
  onSelect: (number: number) => void;
  trans: TranslationBundle;
}

/** The plot, which lives as long as this is in the page; React does nothing while the pointer moves over it. */
export function Drawn(props: IDrawnProps): React.JSX.Element {
  const { shown, selected, trans } = props;
  const [zoomed, setZoomed] = React.useState(false);
  const said = React.useRef<HTMLDivElement>(null);
  const { host, plot } = usePlot(props, said, setZoomed);
  React.useEffect(() => plot.current?.show(shown), [shown]);
  React.useEffect(() => plot.current?.select(selected), [selected]);
  const onKeyDown = (event: React.KeyboardEvent) => {
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
    if (plain && plot.current?.press(event.key)) {
      event.preventDefault();
      event.stopPropagation();
    }
  };
  return (
    <>
      <div className="jp-Autoloop-chart-stage">
        <div
          ref={host}
          className="jp-Autoloop-chart-plot"
          tabIndex={0}
          role="application"
          aria-roledescription={trans.__('chart')}
          aria-label={summary(props)}
          onKeyDown={onKeyDown}
          onBlur={() => plot.current?.leave()}
        />
        {zoomed && (
          <button
            type="button"
            className="jp-Autoloop-chart-button jp-Autoloop-chart-reset"
            onClick={() => plot.current?.reset()}
          >
            {trans.__('Reset zoom')}
          </button>
        )}
        <div ref={said} className="jp-Autoloop-chart-said" role="status" />
      </div>
    </>
  );
}

/** Makes the plot once its host is in the page. What it tells goes to the props as they are then. */
function usePlot(
  props: IDrawnProps,
  said: React.RefObject<HTMLElement>,
  zoomChanged: (zoomed: boolean) => void
) {
  const host = React.useRef<HTMLDivElement>(null);
  const plot = React.useRef<ProgressPlot | null>(null);
  const latest = React.useRef(props);
  latest.current = props;
  React.useEffect(() => {
    const { shown, trans } = latest.current;
    const listener = {
      zoomChanged,
      pick: (number: number) => latest.current.onSelect(number),
      reached: (row: IShown['series']['rows'][number], places: number) => {
        said.current!.textContent = spoken(row, places, trans);
      }
    };
    const made = new ProgressPlot(host.current!, shown, listener, trans);
    plot.current = made;
    return () => made.dispose();
  }, []);
  return { host, plot };
}

/** The signs that occur in what is shown. */
export function ShownLegend({
  shown,
  trans
}: Pick<IDrawnProps, 'shown' | 'trans'>): React.JSX.Element {
  const { series, noise } = shown;
  const kinds = React.useMemo(() => {
    const { numbers, scores, direction } = series;
    const all = width(numbers[0], numbers[numbers.length - 1]);
    const y = limits(series, all, noise);
    const far = scores.some(score => isOutside(score, direction, y));
    const found = [...counts(series).keys()];
    return far ? [...found, 'outside' as const] : found;
  }, [series, noise]);
  return (
    <Legend
      kinds={kinds}
      line={series.stairs.length > 0}
      noise={noise === null ? '' : `±${number(noise, decimals([noise], 1))}`}
      turned={series.direction === 'max'}
      trans={trans}
    />
  );
}

/** The chart in words: how many iterations of which kind, the best, and where it came from. */
function summary({ shown, goal, trans }: IDrawnProps): string {
  const { series } = shown;
  const names = markNames(trans);
  const parts = [...counts(series)].map(
    ([kind, total]) => `${total} ${names[kind]}`
  );
  return [
    trans._n(
      '%2 by iteration: %1 iteration',
      '%2 by iteration: %1 iterations',
      series.rows.length,
      goal
    ),
    ...parts,
    ...trend(series, trans),
    trans.__('arrow keys move along the points, Enter selects')
  ].join('; ');
}

/** The best so far, what it was at first, and for how long nothing has been better. */
function trend(
  { rows, stairs, scores }: IShown['series'],
  trans: TranslationBundle
): string[] {
  const top = stairs[stairs.length - 1];
  if (!top) {
    return [trans.__('nothing kept yet')];
  }
  const places = decimals(scores);
  const first = stairs[0];
  const newest = rows[rows.length - 1].number;
  const change = share(top.score, first.score);
  const from = [number(first.score, places), first.number, change];
  return [
    trans.__('best %1 at %2', number(top.score, places), top.number),
    ...(stairs.length > 1
      ? [
          trans._n(
            'improved %1 time from %2 at %3 (%4)',
            'improved %1 times from %2 at %3 (%4)',
            stairs.length - 1,
            ...from
          )
        ]
      : []),
    ...(newest > top.number
      ? [
          trans._n(
            'no better in %1 iteration since',
            'no better in %1 iterations since',
            rows.filter(row => row.number > top.number).length
          )
        ]
      : [])
  ];
}

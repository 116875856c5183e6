/** The learning curve of the iteration under way beside the champion's. */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { IPoint } from '../wire';
import { decimals, duration, number } from '../words';
import { CurvePlot, curves, ICurves } from './curve';
import { Points } from './points';
import { TableSwitch, useTabular } from './table';
import { valueAt } from './traces';

/** The points so far, those of the champion (none: it has no line), the budget in seconds, the arena's clock. */
export interface ILiveCurveProps {
  points: readonly IPoint[];
  champion: readonly IPoint[];
  budget: number;
  clock: 'wall' | 'cpu';
  trans: TranslationBundle;
  /** What the line beside it is called, where it is not the champion's. */
  beside?: string;
}

/** The curve, named below with its latest value, or its points as a table. */
export function LiveCurve(props: ILiveCurveProps): React.JSX.Element {
  const { points, champion, budget, clock, trans } = props;
  const tabular = useTabular();
  const shown = curves(points, champion, budget);
  const beside = props.beside ?? trans.__('champion');
  const length = budget < 100 ? `${tidy(budget)} s` : duration(budget);
  const end = clock === 'cpu' ? trans.__('%1 CPU', length) : length;
  const has = shown.own.x.length > 0;
  return (
    <div className="jp-Autoloop-live">
      {tabular.on && has ? (
        <Points {...{ shown, beside, trans }} />
      ) : (
        <>
          <Plot shown={shown} label={inWords(shown, beside, trans)} />
          <div className="jp-Autoloop-live-axis" aria-hidden="true">
            <span>{trans.__('0 s')}</span>
            <Names
              shown={shown}
              lacks={champion.length > 0}
              beside={beside}
              trans={trans}
            />
            <span>{end}</span>
          </div>
        </>
      )}
      {has && (
        <div className="jp-Autoloop-chart-foot">
          <TableSwitch {...tabular} trans={trans} />
        </div>
      )}
    </div>
  );
}

/** The canvas, which is redrawn in place whenever this renders. */
function Plot(props: { shown: ICurves; label: string }): React.JSX.Element {
  const host = React.useRef<HTMLDivElement>(null);
  const plot = React.useRef<CurvePlot | null>(null);
  React.useEffect(() => {
    const made = new CurvePlot(host.current!);
    plot.current = made;
    return () => made.dispose();
  }, []);
  // Points may have been added to the same array: whoever renders this has something to show.
  React.useEffect(() => plot.current?.show(props.shown));
  return (
    <div
      ref={host}
      className="jp-Autoloop-live-plot"
      role="img"
      aria-label={props.label}
    />
  );
}

/** Which line is which; `lacks`: whether the other has a curve, though perhaps not of this number. */
function Names(props: {
  shown: ICurves;
  lacks: boolean;
  beside: string;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { shown, lacks, beside, trans } = props;
  const { name, own, champion } = shown;
  if (!name) {
    return <span className="jp-mod-names">{trans.__('no curve yet')}</span>;
  }
  return (
    <span className="jp-mod-names">
      <span className="jp-mod-own">
        {name} {own.y.length ? number(own.y[own.y.length - 1]) : ''}
      </span>
      {champion.y.length > 0 && (
        <span className="jp-mod-champion">{beside}</span>
      )}
      {lacks && !champion.y.length && (
        <span>{trans.__('%1: no %2', beside, name)}</span>
      )}
    </span>
  );
}

/** The curve in words: its latest value, and the other's at the same moment. */
function inWords(
  shown: ICurves,
  beside: string,
  trans: TranslationBundle
): string {
  const { name, own, champion } = shown;
  const last = own.x.length - 1;
  if (last < 0) {
    return trans.__('Learning curve: no point yet');
  }
  const places = decimals([own.y[last]]);
  const seconds = tidy(own.x[last]);
  const said = trans.__(
    'Learning curve: %1 is %2 at %3 s',
    name,
    number(own.y[last], places),
    seconds
  );
  const then = valueAt(champion, own.x[last]);
  return then === null
    ? said
    : trans.__('%1; %2 at that time: %3', said, beside, number(then, places));
}

function tidy(seconds: number): string {
  return `${Math.round(10 * seconds) / 10}`;
}

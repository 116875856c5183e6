import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { LiveCurve } from '../chart/live';
import { oneLine } from '../diff/visible';
import {
  DASH,
  better,
  decimals,
  duration,
  goal,
  look,
  number,
  signed
} from '../words';
import { FACTS, fact, moved } from './format';
import { gained } from './fresh';
import { Changes, Head, Note, Sign } from './parts';
import type { IContext } from './parts';
import type { ICompared, IComparison } from './types';
import { wording } from './wording';

/** A line of the table: a name, both values, and the second less the first where that says something. */
type Line = [string, React.ReactNode, React.ReactNode, React.ReactNode];

/** Two iterations side by side: their numbers, and what changed from the one to the other. */
export function ComparisonView(props: {
  record: IComparison;
  context: IContext;
}): React.JSX.Element {
  const { record: it, context } = props;
  const { trans } = context;
  const { a, b } = it;
  return (
    <>
      <Head
        title={trans.__('%1 and %2, side by side', a.number, b.number)}
        below={[oneLine(it.arena, 60), goal(it.metric, trans)]}
      />
      <Numbers it={it} trans={trans} />
      <Curves it={it} trans={trans} />
      {!it.comparable && (
        <Note>
          {trans.__(
            'They are of different epochs: their scores do not compare.'
          )}
        </Note>
      )}
      {it.changes.length > 0 ? (
        <Changes changes={it.changes} context={context} />
      ) : (
        <Note>
          {trans.__(
            'No diff: their sources are the same, or are not in the lineage.'
          )}
        </Note>
      )}
    </>
  );
}

/** Both learning curves in one picture, where either has one. */
function Curves(props: {
  it: IComparison;
  trans: TranslationBundle;
}): React.JSX.Element | null {
  const { it, trans } = props;
  const { a, b } = it;
  const both = [...a.curve, ...b.curve];
  if (both.length === 0) {
    return null;
  }
  return (
    <div className="jp-Autoloop-Mime-curve">
      <LiveCurve
        points={b.curve}
        champion={a.curve}
        budget={b.budget_s ?? Math.max(...both.map(point => point.seconds))}
        clock={b.clock}
        trans={trans}
        beside={trans.__('iteration %1', a.number)}
      />
    </div>
  );
}

/** The numbers of both, and what the second has less the first. */
function Numbers(props: {
  it: IComparison;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { it, trans } = props;
  const { a, b } = it;
  return (
    <div className="jp-Autoloop-Mime-scroll">
      <table className="jp-Autoloop-Mime-table jp-mod-compared">
        <thead>
          <tr>
            <td />
            <th scope="col">{trans.__('iteration %1', a.number)}</th>
            <th scope="col">{trans.__('iteration %1', b.number)}</th>
            <th scope="col" className="jp-mod-number">
              {trans.__('%1 less %2', b.number, a.number)}
            </th>
          </tr>
        </thead>
        <tbody>
          <Lines lines={lines(it, trans)} />
          <Lines lines={facts(a, b)} />
        </tbody>
      </table>
    </div>
  );
}

function Lines(props: { lines: readonly Line[] }): React.JSX.Element {
  return (
    <>
      {props.lines.map(([name, one, two, less], place) => (
        <tr key={place}>
          <th scope="row">{oneLine(name, 60)}</th>
          <td>{one}</td>
          <td>{two}</td>
          <td className="jp-mod-number">{less}</td>
        </tr>
      ))}
    </>
  );
}

function lines(it: IComparison, trans: TranslationBundle): Line[] {
  const places = decimals([it.a.score, it.b.score]);
  const gain = it.comparable ? it.difference : null;
  const good = gain !== null && better(gain, 0, it.metric.direction);
  const line = (
    name: string,
    show: (each: ICompared) => React.ReactNode
  ): Line => [name, show(it.a), show(it.b), ''];
  return [
    line(trans.__('title'), each => oneLine(each.title, 200)),
    line(trans.__('verdict'), each => (
      <>
        <Sign look={look(each.verdict, each.state)} trans={trans} />
        {each.state !== null && ` (${wording(each.state, trans)})`}
      </>
    )),
    [
      it.metric.name,
      number(it.a.score, places),
      number(it.b.score, places),
      gain === null ? (
        ''
      ) : (
        <span className={good ? 'jp-mod-good' : undefined}>
          {signed(gain, places)}
        </span>
      )
    ],
    ...fresh(it, places, trans),
    line(trans.__('base'), each =>
      each.base === null ? trans.__('none: a baseline') : each.base
    ),
    line(trans.__('agent'), each => oneLine(each.agent, 40)),
    line(trans.__('attempts'), each => each.attempts),
    line(trans.__('time in all'), each => duration(each.seconds.total || null))
  ];
}

/** What fresh runs say of both, where they say something. */
function fresh(
  it: IComparison,
  places: number,
  trans: TranslationBundle
): Line[] {
  const held: [string, 'gain' | 'total' | 'held_out'][] = [
    [trans.__('gain over its base, fresh runs'), 'gain'],
    [trans.__('gain over the baseline, fresh runs'), 'total'],
    [trans.__('the same on the holdout'), 'held_out']
  ];
  return held
    .map(([name, key]): Line => {
      const [a, b] = [it.a.fresh?.[key], it.b.fresh?.[key]];
      return [name, a ? gained(a, places) : '', b ? gained(b, places) : '', ''];
    })
    .filter(([, a, b]) => a !== '' || b !== '');
}

function facts(a: ICompared, b: ICompared): Line[] {
  const names = [
    ...new Set([...Object.keys(a.facts), ...Object.keys(b.facts)])
  ];
  const value = (from: ICompared, name: string): string =>
    name in from.facts ? fact(from.facts[name]) : DASH;
  return names
    .slice(0, FACTS)
    .map(name => [
      name,
      value(a, name),
      value(b, name),
      moved(a.facts[name], b.facts[name])
    ]);
}

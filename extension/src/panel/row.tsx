import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { reported } from '../chart/traces';
import { lineOf } from '../mime/whose';
import type { ArenaModel } from '../model';
import type { IMetric, IRow } from '../wire';
import { DASH, better, decimals, lookOf, number, signed } from '../words';
import { useChanges } from './listen';
import { Sign } from './sign';
import { said } from './verdicts';

/** The height of a row in pixels; the style sheet has the same. */
export const ROW_HEIGHT = 25;

/** How times are written. Made once: to make one takes longer than to draw a row. */
const MOMENT = new Intl.DateTimeFormat(undefined, {
  dateStyle: 'medium',
  timeStyle: 'medium'
});
const DAY = new Intl.DateTimeFormat(undefined, {
  month: 'short',
  day: 'numeric'
});
const HOUR = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23'
});

/** What a row of the list shows. */
export interface IRowProps {
  row: IRow;
  /** The model, where this row is the one under way: it then shows the last number of its curve. */
  live: ArenaModel | null;
  id: string;
  /** Its place within the list, from 0. */
  index: number;
  top: number;
  selected: boolean;
  champion: boolean;
  /** The letter of the agent's line that it belongs to; empty for the main line. */
  line: string;
  places: number;
  metric: IMetric | null;
  trans: TranslationBundle;
  onSelect: (number: number) => void;
  /** Opens its executed notebook, where it has one. */
  onOpen: (notebook: string) => void;
}

/** One iteration in one line. */
export const Row = React.memo((props: IRowProps): JSX.Element => {
  const { row, live, selected, champion } = props;
  const marks = [
    'jp-Autoloop-row',
    selected && 'jp-mod-selected',
    champion && 'jp-mod-champion',
    live && 'jp-mod-live'
  ];
  return (
    <div
      id={props.id}
      role="row"
      aria-rowindex={props.index + 2}
      aria-selected={selected}
      className={marks.filter(Boolean).join(' ')}
      style={{ transform: `translateY(${props.top}px)` }}
      onClick={() => props.onSelect(row.number)}
      onDoubleClick={() => row.notebook && props.onOpen(row.notebook)}
    >
      <Judged {...props} />
      <Told {...props} />
    </div>
  );
});
Row.displayName = 'Row';

/** Number, verdict, score and difference. */
function Judged(props: IRowProps): JSX.Element {
  const { row, live, champion, places, metric, trans } = props;
  const seen = lookOf(row, live ? row.number : null);
  const word = said(seen, trans);
  const gained =
    row.verdict === 'keep' &&
    row.difference !== null &&
    better(row.difference, 0, metric?.direction ?? 'min');
  const named = champion ? trans.__('%1, the champion', row.number) : undefined;
  return (
    <>
      <span
        role="gridcell"
        className="jp-Autoloop-col-no"
        title={named}
        aria-label={named}
      >
        {row.number}
      </span>
      <span
        role="gridcell"
        className={`jp-Autoloop-col-verdict jp-Autoloop-chip jp-mod-${seen.kind}`}
        title={row.reason || word}
      >
        <Sign look={seen} />
        <span className="jp-Autoloop-word">{word}</span>
      </span>
      <span role="gridcell" className="jp-Autoloop-col-score">
        {live ? (
          <SoFar model={live} number={row.number} trans={trans} />
        ) : (
          number(row.score, places)
        )}
      </span>
      <span
        role="gridcell"
        className={`jp-Autoloop-col-difference ${gained ? 'jp-mod-gained' : ''}`}
      >
        {row.difference === null ? '' : signed(row.difference, places)}
      </span>
    </>
  );
}

/** Title, agent and time: what the ledger was told. Whose it is and of which line stands before the title. */
function Told({ row, line, trans }: IRowProps): JSX.Element {
  const { title, reason, agent, time, origin } = row;
  const whose = lineOf(row, trans);
  return (
    <>
      <span
        role="gridcell"
        className="jp-Autoloop-col-title"
        title={[title, ...whose, reason].filter(Boolean).join('\n')}
      >
        {line && <span className="jp-Autoloop-whose">{line}</span>}
        {origin && <span className="jp-Autoloop-whose">⇄</span>}
        {title}
      </span>
      <span
        role="gridcell"
        className="jp-Autoloop-col-agent"
        title={[agent, ...whose].join('\n')}
      >
        {agent}
      </span>
      <span
        role="gridcell"
        className="jp-Autoloop-col-time"
        title={MOMENT.format(time * 1000)}
      >
        {clock(time)}
      </span>
    </>
  );
}

/** The time of day; of other days the date. It does not age, so that no row has to be drawn again for it. */
function clock(time: number): string {
  const then = new Date(time * 1000);
  const today = then.toDateString() === new Date().toDateString();
  return (today ? HOUR : DAY).format(then);
}

/** The last number of the curve of the run under way: no score yet, and so in quiet ink. */
function SoFar(props: {
  model: ArenaModel;
  number: number;
  trans: TranslationBundle;
}): JSX.Element {
  const { model, trans } = props;
  useChanges(model.liveChanged);
  const points = model.liveOf(props.number)?.points ?? [];
  const last = points.slice(-1);
  const name = reported([last]);
  const value = last[0]?.numbers[name];
  return (
    <span
      className="jp-Autoloop-soft"
      title={name && trans.__('%1 so far', name)}
    >
      {typeof value === 'number'
        ? number(value, Math.max(2, decimals([value], 2)))
        : DASH}
    </span>
  );
}

import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { oneLine, visible } from '../diff/visible';
import type { Verdict } from '../wire';
import {
  ENDS,
  duration,
  goal,
  grouped,
  look,
  number,
  share,
  workerLook
} from '../words';
import type { ILook } from '../words';
import { Counts, Figures, Fold, Head, Note, Sign } from './parts';
import type { IContext, IFigure } from './parts';
import type { IArenaRecord, IDriverRecord, IStaffed, IStanding } from './types';
import { wording } from './wording';

/** How many workers have a line. */
const MOST = 12;

/** An arena at a glance: what the game is, and how it stands. */
export function ArenaView(props: {
  record: IArenaRecord;
  context: IContext;
}): React.JSX.Element {
  const { record: it, context } = props;
  const { trans } = context;
  const units = Object.keys(it.units).map(name => oneLine(name, 40));
  const total = Object.values(it.counts).reduce((sum, n) => sum + n, 0);
  return (
    <>
      <Head
        title={it.arena}
        below={[
          goal(it.metric, trans),
          budget(it, trans),
          units.length ? trans.__('%1 may change', units.join(', ')) : ''
        ]}
      >
        <Pill state={it.state} trans={trans} />
      </Head>
      <Figures
        items={[
          ...best(it, trans),
          total
            ? {
                value: grouped(total),
                label: trans._n('iteration', 'iterations', total)
              }
            : null
        ]}
      />
      <Tally counts={it.counts} trans={trans} />
      <UnderWay it={it} trans={trans} />
      <Drives it={it} trans={trans} />
      <Strategy text={it.strategy} />
    </>
  );
}

/** Who drives it, where somebody does. */
function Drives(props: {
  it: IStanding;
  trans: TranslationBundle;
}): React.JSX.Element | null {
  const { it, trans } = props;
  return it.driver === null ? null : (
    <Note>
      {trans.__(
        '%1: process %2 on %3',
        wording(it.state, trans),
        it.driver.pid,
        oneLine(it.driver.host, 60)
      )}
    </Note>
  );
}

/** The strategy behind its first line, which is its title as a rule. */
function Strategy(props: { text: string }): React.JSX.Element | null {
  const first = props.text
    .split('\n')
    .map(line => line.replace(/^[\s#*]+|[\s#*]+$/g, ''))
    .find(Boolean);
  return first === undefined ? null : (
    <Fold summary={oneLine(first, 200)}>
      <pre className="jp-Autoloop-Mime-text">{visible(props.text)}</pre>
    </Fold>
  );
}

/**
 * How a driver stands: state, figures, what is under way or why it ended, the verdicts so far. It keeps its height
 * meanwhile: the driver's buttons stand below.
 */
export function DriverView(props: {
  record: IDriverRecord;
  context: IContext;
}): React.JSX.Element {
  const { record: it, context } = props;
  const { trans } = context;
  const done =
    it.planned === null
      ? trans.__('%1 done', grouped(it.ran))
      : trans.__('%1 of %2', grouped(it.ran), grouped(it.planned));
  return (
    <>
      <Head title={it.arena} below={[goal(it.metric, trans)]}>
        <Pill state={it.state} more={done} trans={trans} />
      </Head>
      <Figures
        items={[
          ...(it.best === null
            ? [{ value: '–', label: trans.__('best %1', it.metric.name) }]
            : best(it, trans)),
          it.rate_per_hour
            ? {
                value: grouped(Math.round(it.rate_per_hour)),
                label: trans.__('an hour')
              }
            : null,
          it.left_seconds === null
            ? null
            : { value: rough(it.left_seconds), label: trans.__('left') }
        ]}
      />
      <UnderWay it={it} trans={trans} />
      {it.ended !== null ? (
        <p className="jp-Autoloop-Mime-card">
          {trans.__('Ended: %1.', oneLine(it.ended, 300).replace(/\.$/, ''))}
        </p>
      ) : (
        it.iteration === null && <Between it={it} trans={trans} />
      )}
      <Tally counts={it.verdicts} none trans={trans} />
      {it.company.map(line => (
        <Note key={line}>{oneLine(line, 300)}</Note>
      ))}
    </>
  );
}

const SIGNS: Readonly<Record<string, string>> = {
  running: '●',
  paused: '‖',
  stopping: '■',
  ended: '■'
};

function Pill(props: {
  state: string;
  more?: string;
  trans: TranslationBundle;
}): React.JSX.Element | null {
  const { state, more, trans } = props;
  return state === '' ? null : (
    <span className="jp-Autoloop-Mime-pill" data-state={state}>
      {Object.prototype.hasOwnProperty.call(SIGNS, state) ? SIGNS[state] : '○'}{' '}
      {wording(state, trans)}
      {more !== undefined && ` · ${more}`}
    </span>
  );
}

/** The best score, and its share since the baseline. */
function best(it: IStanding, trans: TranslationBundle): (IFigure | null)[] {
  if (it.best === null) {
    return [];
  }
  const since =
    it.baseline !== null && it.baseline.number !== it.best.number
      ? share(it.best.score, it.baseline.score)
      : '';
  return [
    {
      value: number(it.best.score),
      label: trans.__('best %1, iteration %2', it.metric.name, it.best.number)
    },
    since ? { value: since, label: trans.__('since baseline') } : null
  ];
}

/** The iteration under way; while no driver runs it was cut short, and waits to be run again. */
function UnderWay(props: {
  it: IStanding;
  trans: TranslationBundle;
}): React.JSX.Element | null {
  const { it, trans } = props;
  if (it.driver !== null && it.workers.length > 1) {
    return <Staff workers={it.workers} trans={trans} />;
  }
  if (it.iteration === null) {
    return null;
  }
  const { number: count, title, agent, phase } = it.iteration;
  return (
    <p className="jp-Autoloop-Mime-card">
      <Sign
        look={look(it.driver === null ? 'interrupted' : null)}
        trans={trans}
      />{' '}
      <strong>
        {count} · {oneLine(title, 200)}
      </strong>{' '}
      <span className="jp-Autoloop-Mime-key">
        {[phase, agent && trans.__('by %1', oneLine(agent, 40))]
          .filter(Boolean)
          .join(' · ')}
      </span>
    </p>
  );
}

/** What stands where nothing is under way, while a driver runs. */
function Between(props: {
  it: IStanding;
  trans: TranslationBundle;
}): React.JSX.Element | null {
  const { it, trans } = props;
  if (it.driver !== null && it.workers.length > 1) {
    return null;
  }
  return (
    <p className="jp-Autoloop-Mime-card">
      <span className="jp-Autoloop-Mime-key">
        {it.state === 'paused'
          ? trans.__('Paused: resume it here, or in any terminal.')
          : trans.__('No iteration is under way at this moment.')}
      </span>
    </p>
  );
}

/** What each of several workers runs, or what is the matter with it. */
function Staff(props: {
  workers: readonly IStaffed[];
  trans: TranslationBundle;
}): React.JSX.Element {
  const { workers, trans } = props;
  return (
    <ul className="jp-Autoloop-Mime-card">
      {workers.slice(0, MOST).map((worker, i) => {
        const seen = workerLook({ ...worker, run: worker.number });
        const word = wording(seen.word, trans);
        const why = [word, oneLine(worker.text, 200)].filter(Boolean);
        return (
          <li key={i}>
            <span aria-hidden="true">{seen.sign}</span>{' '}
            <strong>{oneLine(worker.name, 40)}</strong>{' '}
            {worker.number !== null &&
              `${worker.number} · ${oneLine(worker.title, 200)} `}
            <span className="jp-Autoloop-Mime-key">
              {worker.number !== null && worker.state === 'up'
                ? worker.phase
                : why.join(': ')}
            </span>
          </li>
        );
      })}
      {workers.length > MOST && (
        <li>{trans.__('… and %1 more', workers.length - MOST)}</li>
      )}
    </ul>
  );
}

/** The verdicts so far; with `none` it says so where there are none. */
function Tally(props: {
  counts: Partial<Record<Verdict, number>>;
  none?: boolean;
  trans: TranslationBundle;
}): React.JSX.Element | null {
  const found = ENDS.map((verdict): [ILook, number] => [
    look(verdict),
    props.counts[verdict] ?? 0
  ]).filter(([, count]) => count > 0);
  return found.length === 0 && !props.none ? null : (
    <p className="jp-Autoloop-Mime-tally">
      {found.length === 0 ? (
        <span className="jp-Autoloop-Mime-key">
          {props.trans.__('no verdict yet')}
        </span>
      ) : (
        <Counts counts={found} trans={props.trans} />
      )}
    </p>
  );
}

function budget(it: IArenaRecord, trans: TranslationBundle): string {
  if (it.budget_s === null) {
    return '';
  }
  return it.clock === 'cpu'
    ? trans.__('%1 s of CPU time an iteration', it.budget_s)
    : trans.__('%1 s an iteration', it.budget_s);
}

/** A time left, as exactly as it is known: seconds up to a minute, else minutes. */
function rough(seconds: number): string {
  return seconds < 60
    ? `${Math.ceil(seconds)} s`
    : duration(60 * Math.round(seconds / 60)).replace(' 00 s', '');
}

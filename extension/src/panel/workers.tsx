import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { wording } from '../mime/wording';
import type { IWorker } from '../wire';
import { DASH, workerLook } from '../words';
import type { IArenaFace } from './face';
import { useChanges, useSeconds } from './listen';
import { Sign } from './sign';

/** The states in which a worker takes runs, and those that say why in a line. */
const AT_WORK: readonly string[] = ['up', 'slow'];
const TROUBLE: readonly string[] = ['lost', 'refused', 'slow'];

/** The workers of the driver that runs: what each runs, how busy it was; nothing where one iteration runs at a time. */
export const Workers = React.memo((props: IArenaFace): JSX.Element | null => {
  const { model, trans } = props;
  useChanges(model.stateChanged);
  const { state } = model;
  const workers = state?.driver ? state.workers : [];
  const shown = isShown(workers);
  useSeconds(shown && workers.some(worker => worker.run !== null));
  if (!shown) {
    return null;
  }
  const now = model.now();
  // A place that several share tells them not apart.
  const places = new Set(workers.map(worker => worker.where));
  const apart = workers.length === 1 || places.size > 1;
  return (
    <section className="jp-Autoloop-workers" aria-label={trans.__('Workers')}>
      <ul>
        {workers.map(worker => (
          <Line key={worker.name} {...props} {...{ worker, now, apart }} />
        ))}
      </ul>
      <p className="jp-Autoloop-soft">{together(workers, now, trans)}</p>
    </section>
  );
});
Workers.displayName = 'Workers';

/** Whether there is anything to tell: several, or one with which something is the matter. */
export function isShown(workers: readonly IWorker[]): boolean {
  return (
    workers.length > 1 || workers.some(({ state }) => TROUBLE.includes(state))
  );
}

/**
 * The share (0 to 1) of its time in which a worker ran something; null before it was up. The server tells it as of the
 * last event: since then it goes on by itself, as long as the worker is there.
 */
export function busyShare(worker: IWorker, now: number): number | null {
  const [worked, up] = sums(worker, now);
  return up > 0 ? Math.min(1, worked / up) : null;
}

function sums(worker: IWorker, now: number): [number, number] {
  const more = Math.max(0, now - worker.at);
  return [
    worker.worked_seconds + (worker.run !== null ? more : 0),
    worker.up_seconds + (AT_WORK.includes(worker.state) ? more : 0)
  ];
}

/** One worker: its sign and name, what it runs, how busy it was; below that what is the matter with it. */
function Line(
  props: IArenaFace & { worker: IWorker; now: number; apart: boolean }
): JSX.Element {
  const { worker, now, trans } = props;
  const look = workerLook(worker);
  const word = wording(look.word, trans);
  const place = [worker.where, worker.hardware].filter(Boolean).join(' · ');
  const text = TROUBLE.includes(worker.state)
    ? [worker.run ? word : '', worker.text].filter(Boolean).join(': ')
    : '';
  return (
    <li className={`jp-Autoloop-worker jp-mod-${look.kind}`}>
      <span className="jp-Autoloop-workerName" title={place || undefined}>
        <Sign look={look} />
        {worker.name}
        {props.apart && (
          <span className="jp-Autoloop-workerWhere">{worker.where}</span>
        )}
      </span>
      {worker.run ? (
        <Runs {...props} run={worker.run} />
      ) : (
        <span className="jp-Autoloop-workerRun jp-Autoloop-soft">{word}</span>
      )}
      <Busy worker={worker} now={now} trans={trans} />
      {text && <span className="jp-Autoloop-workerText">{text}</span>}
    </li>
  );
}

/** What it runs: a press shows that iteration, here and in the main area. */
function Runs(
  props: IArenaFace & { run: NonNullable<IWorker['run']> }
): JSX.Element {
  const { run, workbench, trans, openIteration } = props;
  const again = run.kind !== 'screen' ? ` (${kindWord(run.kind, trans)})` : '';
  const name = `${run.number} · ${run.title}${again}`;
  return (
    <button
      type="button"
      className="jp-Autoloop-workerRun"
      title={name}
      aria-label={trans.__('Show iteration %1', name)}
      onClick={() => {
        workbench.selected = run.number;
        openIteration({ number: run.number });
      }}
    >
      {name}
    </button>
  );
}

/** How busy it was, as a slim bar and a number. */
function Busy(props: {
  worker: IWorker;
  now: number;
  trans: TranslationBundle;
}): JSX.Element {
  const { worker, now, trans } = props;
  const share = busyShare(worker, now);
  if (share === null) {
    return <span className="jp-Autoloop-workerBusy">{DASH}</span>;
  }
  const percent = Math.round(100 * share);
  const done = trans._n('%1 run', '%1 runs', worker.runs, worker.runs);
  return (
    <span
      className="jp-Autoloop-workerBusy"
      role="meter"
      aria-label={trans.__('%1 busy', worker.name)}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent}
      aria-valuetext={`${percent} %`}
      title={trans.__('Busy for %1 % of its time · %2', percent, done)}
    >
      <span className="jp-Autoloop-workerBar" aria-hidden="true">
        <span style={{ width: `${percent}%` }} />
      </span>
      {percent} %
    </span>
  );
}

/** All of them in a line: how many run something, and how busy they were together. */
function together(
  workers: readonly IWorker[],
  now: number,
  trans: TranslationBundle
): string {
  const all = workers.map(worker => sums(worker, now));
  const [worked, up] = [0, 1].map(i => all.reduce((sum, s) => sum + s[i], 0));
  const run = workers.filter(worker => worker.run !== null).length;
  const told = trans.__('%1 of %2 workers run', run, workers.length);
  const percent = Math.round(100 * Math.min(1, worked / up));
  return up > 0 ? `${told} · ${trans.__('%1 % busy', percent)}` : told;
}

function kindWord(kind: string, trans: TranslationBundle): string {
  switch (kind) {
    case 'replicate':
      return trans.__('once more');
    case 'confirm':
      return trans.__('confirmation');
    case 'holdout':
      return trans.__('holdout');
    default:
      return trans.__('calibration');
  }
}

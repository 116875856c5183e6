import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { LiveCurve } from '../chart/live';
import { oneLine, visible } from '../diff/visible';
import type { IAttempt } from '../wire';
import {
  better,
  bill,
  decimals,
  duration,
  goal,
  look,
  money,
  number,
  share,
  signed
} from '../words';
import { DASH } from '../words';
import type { ILook } from '../words';
import { moment, pairsOf } from './format';
import { freshLines } from './fresh';
import { mean } from './mean';
import {
  Changes,
  Figures,
  Fold,
  Head,
  Note,
  Pairs,
  Prose,
  Sign
} from './parts';
import type { IContext, IFigure } from './parts';
import type { IShownIteration } from './types';
import { wording } from './wording';
import { lineOf } from './whose';

/** A longer table of attempts is folded. */
const OPEN_ATTEMPTS = 8;

/** One iteration: what was tried, why, what changed, how it learnt, and what came of it. `children`: before its diff. */
export function IterationView(props: {
  record: IShownIteration;
  context: IContext;
  children?: React.ReactNode;
}): React.JSX.Element {
  const { record: it, context } = props;
  const { trans } = context;
  const reason = it.reason.trim();
  return (
    <>
      <Head title={`${it.number} · ${it.title}`} below={origin(it, trans)} />
      <Figures items={figures(it, trans)} />
      {reason !== '' && reason !== it.title.trim() && (
        <p className="jp-Autoloop-Mime-why">{oneLine(reason, 1000)}</p>
      )}
      {freshLines(it.fresh, decimals([it.score]), trans).map(line => (
        <p key={line} className="jp-Autoloop-Mime-why">
          {line}
        </p>
      ))}
      <Prose text={it.hypothesis} />
      {props.children}
      {it.changes.length > 0 ? (
        <Changes changes={it.changes} context={context} />
      ) : (
        <Note>{unchanged(it, trans)}</Note>
      )}
      <Curve it={it} trans={trans} />
      <Receipt it={it} trans={trans} />
      <Notebook path={it.notebook} context={context} />
    </>
  );
}

/** What was measured and recorded: facts, attempts, where the time went, and what the ledger knows it by. */
function Receipt(props: {
  it: IShownIteration;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { it, trans } = props;
  const facts = pairsOf(it.facts, it.base_facts);
  return (
    <>
      <Pairs label={trans.__('facts')} pairs={facts} trans={trans} />
      <Pairs
        label={trans.__('recorded')}
        pairs={pairsOf(it.extra)}
        trans={trans}
      />
      <Attempts it={it} trans={trans} />
      <Pairs label={trans.__('time')} pairs={times(it, trans)} trans={trans} />
      <Pairs label={trans.__('cost')} pairs={paid(it, trans)} trans={trans} />
      <Pairs
        label={trans.__('record')}
        pairs={marks(it, trans)}
        trans={trans}
      />
    </>
  );
}

/** What the ledger and the lineage know it by. */
function marks(
  it: IShownIteration,
  trans: TranslationBundle
): [string, string][] {
  const found: [string, string][] = [[trans.__('epoch'), String(it.epoch)]];
  if (it.attempts.length === 1) {
    found.push([trans.__('seed'), String(it.attempts[0].seed)]);
  }
  if (it.commit) {
    found.push([trans.__('commit'), visible(it.commit.slice(0, 10))]);
  }
  return found;
}

/** One line of it, for where the full record stands above in the same cell; the rest opens. */
export function IterationLine(props: {
  record: IShownIteration;
  context: IContext;
}): React.JSX.Element {
  const [open, setOpen] = React.useState(false);
  const { record: it, context } = props;
  const { trans } = context;
  const scored = it.score !== null;
  return (
    <details
      className="jp-Autoloop-Mime-brief"
      onToggle={event => setOpen(event.currentTarget.open)}
    >
      <summary>
        {it.number} · {oneLine(it.title, 80)}{' '}
        <Sign look={looks(it)} trans={trans} />
        {scored && ` ${oneLine(it.metric.name, 30)} ${number(it.score)}`}
      </summary>
      {open && <IterationView {...props} />}
    </details>
  );
}

/** Who proposed it, on what, where and when. */
function origin(it: IShownIteration, trans: TranslationBundle): string[] {
  return [
    it.agent && it.agent !== 'baseline'
      ? trans.__('by %1', oneLine(it.agent, 40))
      : '',
    it.base === null ? trans.__('a baseline') : trans.__('on %1', it.base),
    ...lineOf(it, trans).map(part => oneLine(part, 60)),
    oneLine(it.arena, 60),
    moment(it.time),
    it.cost ? bill(it.cost, null, trans) : ''
  ];
}

function looks(it: IShownIteration): ILook {
  const last = it.attempts[it.attempts.length - 1]?.verdict;
  return it.verdict === null && last === 'interrupted'
    ? look('interrupted')
    : look(it.verdict, it.state);
}

/** Verdict, score, difference and time. */
function figures(
  it: IShownIteration,
  trans: TranslationBundle
): (IFigure | null)[] {
  const standing = [
    it.state === null ? '' : wording(it.state, trans),
    it.champion ? trans.__('the champion') : ''
  ].filter(Boolean);
  return [
    {
      value: <Sign look={looks(it)} trans={trans} />,
      label: standing.join(', ') || trans.__('verdict')
    },
    it.score === null
      ? null
      : { value: number(it.score), label: goal(it.metric, trans) },
    difference(it, trans),
    it.seconds.total > 0
      ? { value: duration(it.seconds.total), label: trans.__('in all') }
      : null
  ];
}

function difference(
  it: IShownIteration,
  trans: TranslationBundle
): IFigure | null {
  if (it.score === null || it.base_score === null || it.base === null) {
    return null;
  }
  const gain = it.score - it.base_score;
  const good = better(it.score, it.base_score, it.metric.direction);
  const part = share(it.score, it.base_score);
  const base = `${number(it.base_score)}${part && `; ${part}`}`;
  const label = good
    ? trans.__('better than %1 (%2)', it.base, base)
    : gain
      ? trans.__('worse than %1 (%2)', it.base, base)
      : trans.__('the same as %1 (%2)', it.base, base);
  return { value: signed(gain, decimals([it.score])), label, good };
}

/** Why there is no diff to show. */
function unchanged(it: IShownIteration, trans: TranslationBundle): string {
  if (it.base === null) {
    return trans.__(
      'A baseline: the arena as it stood, with no base to differ from.'
    );
  }
  return it.verdict === null
    ? trans.__('No diff: its sources are recorded when it ends.')
    : trans.__(
        'No diff: its sources are those of its base, or are not in the lineage.'
      );
}

function Curve(props: {
  it: IShownIteration;
  trans: TranslationBundle;
}): React.JSX.Element | null {
  const { it, trans } = props;
  if (it.curve.length === 0) {
    return null;
  }
  const longest = [...it.curve, ...it.base_curve].reduce(
    (most, point) => Math.max(most, point.seconds),
    0
  );
  return (
    <div className="jp-Autoloop-Mime-curve">
      <LiveCurve
        points={it.curve}
        champion={it.base_curve}
        budget={it.budget_s ?? longest}
        clock={it.clock}
        trans={trans}
        beside={trans.__('its base, %1', it.base ?? DASH)}
      />
    </div>
  );
}

/** Every attempt where there are several. */
function Attempts(props: {
  it: IShownIteration;
  trans: TranslationBundle;
}): React.JSX.Element | null {
  const { it, trans } = props;
  const { attempts } = it;
  if (attempts.length < 2) {
    return null;
  }
  return (
    <Fold
      summary={trans.__('%1 attempts', attempts.length)}
      open={attempts.length <= OPEN_ATTEMPTS}
    >
      <div className="jp-Autoloop-Mime-scroll">
        <table className="jp-Autoloop-Mime-table">
          <thead>
            <tr>
              <th scope="col">{trans.__('attempt')}</th>
              <th scope="col" className="jp-mod-number">
                {trans.__('seed')}
              </th>
              <th scope="col" className="jp-mod-number">
                {trans.__('score')}
              </th>
              <th scope="col">{trans.__('verdict')}</th>
              <th scope="col">{trans.__('reason')}</th>
            </tr>
          </thead>
          <tbody>
            {attempts.map((each, place) => (
              <Attempt key={place} attempt={each} trans={trans} />
            ))}
          </tbody>
        </table>
      </div>
      <Mean it={it} trans={trans} />
    </Fold>
  );
}

/** The mean of its scores with its interval, where there are two or more. */
function Mean(props: {
  it: IShownIteration;
  trans: TranslationBundle;
}): React.JSX.Element | null {
  const { it, trans } = props;
  const found = mean(it.attempts);
  if (found === null) {
    return null;
  }
  const places = decimals([found.value]);
  return (
    <p className="jp-Autoloop-Mime-note">
      {trans
        .__(
          'mean %1 ± %2 (95 % interval, %3 scores)',
          number(found.value, places),
          number(found.half, places),
          found.count
        )
        .replace('%%', '%')}
    </p>
  );
}

function Attempt(props: {
  attempt: IAttempt;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { attempt: it, trans } = props;
  return (
    <tr>
      <td>{`${it.attempt}\u00a0${oneLine(it.kind, 20)}`}</td>
      <td className="jp-mod-number">{it.seed}</td>
      <td className="jp-mod-number">
        {it.score === null ? '' : number(it.score)}
      </td>
      <td>
        <Sign look={look(it.verdict)} trans={trans} />
      </td>
      <td className="jp-mod-wide">{oneLine(it.reason)}</td>
    </tr>
  );
}

/** Where the time went. */
function times(
  it: IShownIteration,
  trans: TranslationBundle
): [string, string][] {
  const { propose, start, run, score, total } = it.seconds;
  return total > 0
    ? [
        [trans.__('propose'), duration(propose)],
        [trans.__('start'), duration(start)],
        [trans.__('run'), duration(run)],
        [trans.__('score'), duration(score)]
      ]
    : [];
}

/** What the requests for its proposal took, where there were any. */
function paid(
  it: IShownIteration,
  trans: TranslationBundle
): [string, string][] {
  const said = it.cost ? money(it.cost, trans) : '';
  return said ? [[trans.__('agent'), said]] : [];
}

/** Where the executed notebook lies, and a button that opens it. */
function Notebook(props: {
  path: string;
  context: IContext;
}): React.JSX.Element | null {
  const [problem, setProblem] = React.useState('');
  const { path, context } = props;
  const { trans, open } = context;
  if (path === '') {
    return null;
  }
  const opened = (): void => {
    setProblem('');
    open?.(path).catch((error: unknown) =>
      setProblem(
        trans.__(
          'The notebook could not be opened: %1',
          error instanceof Error ? error.message : String(error)
        )
      )
    );
  };
  return (
    <div className="jp-Autoloop-Mime-pairs">
      <span className="jp-Autoloop-Mime-label">{trans.__('notebook')}</span>
      <div className="jp-Autoloop-Mime-values">
        <code className="jp-Autoloop-Mime-path">{visible(path)}</code>
        {open !== null && (
          <button
            type="button"
            className="jp-Autoloop-Mime-button"
            onClick={opened}
          >
            {trans.__('Open notebook')}
          </button>
        )}
        {problem !== '' && <span role="alert">{oneLine(problem, 200)}</span>}
      </div>
    </div>
  );
}

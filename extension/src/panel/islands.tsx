import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { letterOf } from '../mime/whose';
import type { IExchange, IIsland, IState } from '../wire';
import { ago, decimals, look, number } from '../words';
import type { IArenaFace } from './face';
import { useChanges, useSeconds } from './listen';
import { Sign } from './sign';

/** How many of the last exchanges are shown. */
const LAST = 3;

/** The lines of agents beside the main one: what each stands on, and what they offered each other last. */
export const Islands = React.memo((props: IArenaFace): JSX.Element | null => {
  const { model, trans } = props;
  useChanges(model.stateChanged);
  const { state } = model;
  useSeconds(!!state?.driver && state.exchanges.length > 0);
  if (!state?.islands.length) {
    return null;
  }
  const lines = [...mainLine(props, state), ...state.islands];
  const places = decimals([state.best?.score, state.baseline?.score]);
  return (
    <section className="jp-Autoloop-workers" aria-label={trans.__('Islands')}>
      <ul>
        {lines.map(island => (
          <Line
            key={island.name}
            {...props}
            {...{ island, places }}
            letter={letterOf(island.name, state)}
          />
        ))}
      </ul>
      {state.exchanges
        .slice(-LAST)
        .reverse()
        .map(one => (
          <p key={`${one.time} ${one.to}`} className="jp-Autoloop-soft">
            {exchanged(one, trans)} · {ago(one.time, model.now(), trans)}
          </p>
        ))}
    </section>
  );
});
Islands.displayName = 'Islands';

/** The main line as one of them; nothing before it has a champion. */
function mainLine({ model }: IArenaFace, { champion }: IState): IIsland[] {
  const row = champion && model.rows.get(champion.number);
  return champion
    ? [
        {
          name: '',
          number: champion.number,
          score: champion.score,
          state: champion.state ?? null,
          title: row?.title ?? '',
          own: true
        }
      ]
    : [];
}

/** One line: its agent, its champion (a press shows that iteration), and the score. */
function Line(
  props: IArenaFace & { island: IIsland; letter: string; places: number }
): JSX.Element {
  const { island, letter, places, workbench, trans, openIteration } = props;
  const name = island.name || trans.__('main line');
  const champion = `${island.number} · ${island.title}`;
  return (
    <li className="jp-Autoloop-worker jp-mod-line">
      <span className="jp-Autoloop-workerName" title={name}>
        {island.own ? (
          <Sign look={look('keep', island.state)} />
        ) : (
          <span className="jp-Autoloop-sign" aria-hidden="true" />
        )}
        {letter && <span className="jp-Autoloop-whose">{letter}</span>}
        <span className="jp-Autoloop-cut">{name}</span>
      </span>
      <button
        type="button"
        className={`jp-Autoloop-workerRun ${island.own ? '' : 'jp-Autoloop-soft'}`}
        title={
          island.own
            ? champion
            : trans.__('Goes on from iteration %1', champion)
        }
        aria-label={trans.__('Show iteration %1', champion)}
        onClick={() => {
          workbench.selected = island.number;
          openIteration({ number: island.number });
        }}
      >
        {champion}
      </button>
      <span className="jp-Autoloop-lineScore">
        {number(island.score, places)}
      </span>
    </li>
  );
}

/** What lines offered each other, as the other faces say it. */
export function exchanged(one: IExchange, trans: TranslationBundle): string {
  const named = (line: string) => line || trans.__('the main line');
  const [from, to] = [named(one.source), named(one.to)];
  if (one.restart) {
    return trans.__('island %1 goes on from iteration %2', to, one.number);
  }
  return one.tried
    ? trans.__(
        'iteration %1 of %2, confirmed, is tried on %3',
        one.number,
        from,
        to
      )
    : trans.__(
        'iteration %1 of %2, confirmed, is not tried on %3 (%4)',
        one.number,
        from,
        to,
        one.why
      );
}

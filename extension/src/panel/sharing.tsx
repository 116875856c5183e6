import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { short } from '../mime/whose';
import type { ISharing, ITaken } from '../wire';
import { ago, number } from '../words';
import type { IArenaFace } from './face';
import { useChanges, useSeconds } from './listen';

/** Of how many others it is shown what came from each. */
const MOST = 4;

/** With whom the arena is shared: what went and came, when, whose it was, and why nothing does just now. */
export const Sharing = React.memo((props: IArenaFace): JSX.Element | null => {
  const { model, trans } = props;
  useChanges(model.stateChanged);
  const sharing = model.state?.sharing ?? null;
  useSeconds(!!model.state?.driver && sharing !== null);
  if (sharing === null) {
    return null;
  }
  const now = model.now();
  const rest = sharing.origins - Math.min(MOST, sharing.whose.length);
  const seen = sharing.at === null ? '' : ago(sharing.at, now, trans);
  return (
    <section className="jp-Autoloop-sharing" aria-label={trans.__('Sharing')}>
      <h3
        title={[sharing.remote, seen && trans.__('It answered %1', seen)]
          .filter(Boolean)
          .join('\n')}
      >
        {sharing.remote
          ? trans.__('Shared over %1', placeOf(sharing.remote))
          : trans.__('Shared by others')}
      </h3>
      <p>{moved(sharing, now, trans)}</p>
      {sharing.trouble && (
        <p className="jp-Autoloop-sharingTrouble">
          <span aria-hidden="true">◌ </span>
          {sharing.trouble}
        </p>
      )}
      <ul>
        {sharing.whose.slice(0, MOST).map(one => (
          <Whose key={one.origin} one={one} trans={trans} />
        ))}
        {rest > 0 && (
          <li>{trans._n('and %1 more', 'and %1 more', rest, rest)}</li>
        )}
      </ul>
    </section>
  );
});
Sharing.displayName = 'Sharing';

/** The end of an address, by which a person knows it. */
export function placeOf(remote: string): string {
  const parts = remote.split(/[/:\\]/).filter(Boolean);
  return parts[parts.length - 1] ?? remote;
}

/** `12 sent (2 min ago), 40 taken in from 2 others (1 min ago)`. */
export function moved(
  sharing: ISharing,
  now: number,
  trans: TranslationBundle
): string {
  const { remote, pushed, pushed_at, pulled, pulled_at, origins } = sharing;
  const told = (text: string, when: number | null) =>
    when === null ? text : `${text} (${ago(when, now, trans)})`;
  const others = trans._n('%1 other', '%1 others', origins, origins);
  return [
    remote ? told(trans.__('%1 sent', pushed), pushed_at) : '',
    told(trans.__('%1 taken in from %2', pulled, others), pulled_at)
  ]
    .filter(Boolean)
    .join(', ');
}

/** Somebody else: so many findings, and a champion where they keep something. */
function Whose(props: { one: ITaken; trans: TranslationBundle }): JSX.Element {
  const { one, trans } = props;
  const { findings, champion } = one;
  const what = [
    trans._n('%1 finding', '%1 findings', findings, findings),
    champion === null ? '' : trans.__('1 champion')
  ];
  const by = one.agent && trans.__('by %1', one.agent);
  const about = [number(one.score), one.state, by].filter(Boolean).join(', ');
  return (
    <li
      title={
        champion === null
          ? one.origin
          : `${one.origin}\n${champion} · ${one.title} (${about})`
      }
    >
      <strong>{short(one.origin)}</strong> {what.filter(Boolean).join(', ')}
    </li>
  );
}

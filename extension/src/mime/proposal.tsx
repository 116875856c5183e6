import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { oneLine } from '../diff/visible';
import type { IProposal } from '../wire';
import { DASH } from '../words';
import { moment } from './format';
import { Changes, Head, Note, Prose } from './parts';
import type { IContext } from './parts';

/**
 * A proposal: what it would change and why, and where it stands. `children` stand before its changes; `bare`: those are
 * shown elsewhere.
 */
export function ProposalView(props: {
  record: IProposal;
  context: IContext;
  bare?: boolean;
  children?: React.ReactNode;
}): React.JSX.Element {
  const { record: it, context } = props;
  const { trans } = context;
  const [sign, kind, said] = standing(it, trans);
  const title = it.title.trim() || trans.__('a proposal without a title');
  const number = it.iteration ?? it.number;
  return (
    <>
      <Head
        title={number === null ? title : `${number} · ${title}`}
        below={[
          it.agent ? trans.__('by %1', oneLine(it.agent, 60)) : '',
          it.base === null ? '' : trans.__('on %1', it.base),
          oneLine(it.arena, 60),
          moment(it.time)
        ]}
      />
      <p className="jp-Autoloop-Mime-status">
        <span className="jp-Autoloop-Mime-sign" data-kind={kind}>
          {sign} {said}
        </span>
        {it.reason.trim() !== '' && it.status !== 'ran' && (
          <> {oneLine(it.reason, 1000)}</>
        )}
      </p>
      <Prose text={it.hypothesis} />
      {props.children}
      {it.changes.length > 0 ? (
        !props.bare && <Changes changes={it.changes} context={context} />
      ) : (
        <Note>{trans.__('It changes nothing of its base.')}</Note>
      )}
    </>
  );
}

/** Where it stands: a sign, a kind for the colour, and words. */
function standing(
  it: IProposal,
  trans: TranslationBundle
): [string, string, string] {
  switch (it.status) {
    case 'waiting':
      return ['◐', 'running', trans.__('waits for review')];
    case 'accepted':
      return ['○', 'provisional', trans.__('accepted, runs next')];
    case 'pending':
      return ['…', 'pending', trans.__('in the queue')];
    case 'invalid':
      return [DASH, 'invalid', trans.__('invalid')];
    case 'duplicate':
      return [DASH, 'duplicate', trans.__('duplicate')];
    case 'skipped':
      return [DASH, 'skipped', trans.__('skipped')];
    case 'ran':
      return [
        '·',
        'scored',
        it.iteration === null
          ? trans.__('ran')
          : trans.__('ran as iteration %1', it.iteration)
      ];
    default:
      return ['·', 'scored', oneLine(it.status, 40) || trans.__('proposed')];
  }
}

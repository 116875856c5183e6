import * as React from 'react';

import type { IWaiting } from '../wire';
import { Action, useAct } from './acting';
import { Button } from './button';
import type { IArenaFace } from './face';
import { Field } from './field';
import { Form } from './form';
import { useChanges } from './listen';
import { Popover } from './popover';

/** The proposals that wait for a person, each as a quiet card. */
export const Waiting = React.memo((props: IArenaFace): JSX.Element | null => {
  const { model, trans } = props;
  useChanges(model.stateChanged);
  if (!model.waiting.length) {
    return null;
  }
  return (
    <section aria-label={trans.__('Waiting for you')}>
      {model.waiting.map(proposal => (
        <Proposal key={proposal.id} {...props} proposal={proposal} />
      ))}
    </section>
  );
});
Waiting.displayName = 'Waiting';

function Proposal(props: IArenaFace & { proposal: IWaiting }): JSX.Element {
  const { trans, proposal } = props;
  const { title, agent, base, hypothesis } = proposal;
  return (
    <article className="jp-Autoloop-card jp-Autoloop-waiting">
      <h3>{title}</h3>
      <div className="jp-Autoloop-soft">
        {trans.__('by %1', agent)}
        {base === null ? '' : ` · ${trans.__('on %1', base)}`} ·{' '}
        {trans.__('waits for your review')}
      </div>
      {hypothesis && (
        <blockquote className="jp-Autoloop-reasoning">{hypothesis}</blockquote>
      )}
      <Decision {...props} />
    </article>
  );
}

/** Accept, or skip. */
function Decision(props: IArenaFace & { proposal: IWaiting }): JSX.Element {
  const { workbench, trans, proposal, openIteration } = props;
  const { act, busy } = useAct(workbench);
  const reason = busy ? trans.__('The server was asked: one moment') : '';
  const accept: Action = (api, arena) => api.accept(arena, proposal.id);
  return (
    <div className="jp-Autoloop-actions">
      <Button kind="primary" reason={reason} onClick={() => void act(accept)}>
        {trans.__('Accept and run')}
      </Button>
      <Button
        title={trans.__('Look at its diff, hunk by hunk')}
        onClick={() => openIteration({ proposal: proposal.id })}
      >
        {trans.__('Review…')}
      </Button>
      <Popover
        popup="dialog"
        name={trans.__('Skip this proposal')}
        reason={reason}
        face={trans.__('Skip…')}
      >
        {close => (
          <SkipForm
            trans={trans}
            onSkip={why => {
              close();
              void act((api, arena) => api.skip(arena, proposal.id, why));
            }}
          />
        )}
      </Popover>
    </div>
  );
}

/** Why a proposal is skipped: agents that are asked later read it. */
export function SkipForm(props: {
  trans: IArenaFace['trans'];
  onSkip: (reason: string) => void;
}): JSX.Element {
  const { trans, onSkip } = props;
  const [reason, setReason] = React.useState('');
  return (
    <Form send={trans.__('Skip')} onSend={() => onSkip(reason.trim())}>
      <Field
        wide
        label={trans.__('Why? The agents will read it.')}
        value={reason}
        placeholder={trans.__('may stay empty')}
        onChange={setReason}
      />
    </Form>
  );
}

import * as React from 'react';

import type { IWaiting } from '../wire';
import { useAct } from './acting';
import { Button } from './button';
import type { IArenaFace } from './face';
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
  const { workbench, trans, proposal } = props;
  const { act, busy } = useAct(workbench);
  const reason = busy ? trans.__('The server was asked: one moment') : '';
  const base =
    proposal.base === null ? '' : ` · ${trans.__('on %1', proposal.base)}`;
  return (
    <article className="jp-Autoloop-card jp-Autoloop-waiting">
      <h3>{proposal.title}</h3>
      <div className="jp-Autoloop-soft">
        {trans.__('by %1', proposal.agent)}
        {base} · {trans.__('waits for your review')}
      </div>
      {proposal.hypothesis && (
        <blockquote className="jp-Autoloop-reasoning">
          {proposal.hypothesis}
        </blockquote>
      )}
      <div className="jp-Autoloop-actions">
        <Button
          kind="primary"
          reason={reason}
          onClick={() =>
            void act((api, arena) => api.accept(arena, proposal.id))
          }
        >
          {trans.__('Accept and run')}
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
    </article>
  );
}

/** Why a proposal is skipped: agents that are asked later read it. */
function SkipForm(props: {
  trans: IArenaFace['trans'];
  onSkip: (reason: string) => void;
}): JSX.Element {
  const { trans, onSkip } = props;
  const [reason, setReason] = React.useState('');
  const id = React.useId();
  return (
    <form
      className="jp-Autoloop-form"
      onSubmit={event => {
        event.preventDefault();
        onSkip(reason.trim());
      }}
    >
      <label className="jp-Autoloop-field jp-mod-wide" htmlFor={id}>
        <span>{trans.__('Why? The agents will read it.')}</span>
        <input
          id={id}
          value={reason}
          placeholder={trans.__('may stay empty')}
          onChange={event => setReason(event.target.value)}
        />
      </label>
      <div className="jp-Autoloop-formFoot">
        <Button kind="primary" type="submit">
          {trans.__('Skip')}
        </Button>
      </div>
    </form>
  );
}

import type { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { createDiff } from '../diff/diff';
import type { IReviewed, Review } from '../diff/diff';
import { Button } from '../panel/button';
import { Popover } from '../panel/popover';
import { SkipForm } from '../panel/waiting';
import type { IChange, IProposal } from '../wire';
import type { IterationModel } from './model';

/** What the buttons of a review and its diff have in common. */
export interface IReviewing {
  /** The diff's review; null until it is on the page. */
  review: Review | null;
  /** How far it is; null until something was decided, or a hunk was gone to. */
  reviewed: IReviewed | null;
  /** Whether sources are typed into. */
  typing: boolean;
}

interface IDecisionProps {
  model: IterationModel;
  proposal: IProposal;
  reviewing: IReviewing;
  trans: TranslationBundle;
  onTyping: (typing: boolean) => void;
}

/** Accept, take over, or skip; and how to go through the hunks by keyboard. */
export function Decision(props: IDecisionProps): JSX.Element {
  const { model, proposal, reviewing, trans, onTyping } = props;
  const { typing, reviewed } = reviewing;
  const wait = model.acting ? trans.__('The server was asked: one moment') : '';
  const nothing =
    model.dirty && reviewed?.nothing
      ? trans.__('Nothing of it is left: skip it instead')
      : '';
  return (
    <div
      className="jp-Autoloop-View-actions"
      role="group"
      aria-label={trans.__('Decision')}
    >
      <Button
        kind="primary"
        reason={wait || nothing}
        onClick={() => void run(model, proposal)}
      >
        {typing || model.dirty
          ? trans.__('Run my version')
          : trans.__('Accept and run')}
      </Button>
      <Button
        reason={
          wait ||
          (proposal.changes.length ? '' : trans.__('It changes nothing'))
        }
        title={
          typing
            ? trans.__('What you typed stays')
            : trans.__('Edit the proposed lines by hand, here')
        }
        onClick={() => onTyping(!typing)}
      >
        {typing ? trans.__('Stop typing') : trans.__('Take over…')}
      </Button>
      <Skip model={model} proposal={proposal} wait={wait} trans={trans} />
      <span className="jp-Autoloop-View-hint">
        {typing
          ? trans.__('Escape, then Tab leaves an editor')
          : trans.__('J/K next hunk · A accept hunk · X reject hunk')}
      </span>
    </div>
  );
}

/** Run what the review came to: the proposal as it is, or a person's version of it. */
async function run(model: IterationModel, proposal: IProposal): Promise<void> {
  const { edited } = model;
  const went = await model.act((api, arena) =>
    Object.keys(edited).length
      ? api.takeOver(arena, proposal.id, edited)
      : api.accept(arena, proposal.id)
  );
  // What was typed while the server was asked has not run.
  if (went && model.edited === edited) {
    model.edited = {};
  }
}

function Skip(props: {
  model: IterationModel;
  proposal: IProposal;
  wait: string;
  trans: TranslationBundle;
}): JSX.Element {
  const { model, proposal, wait, trans } = props;
  return (
    <Popover
      popup="dialog"
      name={trans.__('Skip this proposal')}
      reason={wait}
      face={trans.__('Skip with reason…')}
    >
      {close => (
        <SkipForm
          trans={trans}
          onSkip={reason => {
            close();
            void model.act((api, arena) =>
              api.skip(arena, proposal.id, reason)
            );
          }}
        />
      )}
    </Popover>
  );
}

/**
 * The diff of a proposal, to be decided hunk by hunk. Made once for the same changes: what a person did to it is its
 * own, and no answer of the server's makes it anew.
 */
export const ReviewDiff = React.memo(
  (props: {
    changes: readonly IChange[];
    /** A person's sources so far, from which it goes on. */
    drafts: Readonly<Record<string, string>>;
    trans: TranslationBundle;
    languages?: IEditorLanguageRegistry;
    onReview: (review: Review | null, reviewed: IReviewed) => void;
  }): JSX.Element => {
    const host = React.useRef<HTMLDivElement>(null);
    React.useEffect(() => {
      const { changes, drafts, trans, languages, onReview } = props;
      const diff = createDiff(host.current!, changes, {
        trans,
        languages,
        drafts,
        onReview: reviewed => onReview(diff.review, reviewed)
      });
      let gone = false;
      void diff.ready.then(() => {
        if (!gone && diff.review) {
          onReview(diff.review, diff.review.reviewed);
        }
      });
      return () => {
        gone = true;
        diff.dispose();
      };
    }, []);
    return <div ref={host} className="jp-Autoloop-Mime-changes" />;
  },
  () => true
);
ReviewDiff.displayName = 'ReviewDiff';

/** How far the review is, in words; spoken as it goes on. */
export function Progress(props: {
  reviewing: IReviewing;
  dirty: boolean;
  trans: TranslationBundle;
}): JSX.Element {
  const { reviewing, dirty, trans } = props;
  const { reviewed } = reviewing;
  const words = reviewed && [
    reviewed.at,
    reviewed.left
      ? trans._n('%1 hunk to decide', '%1 hunks to decide', reviewed.left)
      : trans.__('every hunk is decided'),
    dirty
      ? trans.__(
          'yours differs in %1',
          Object.keys(reviewed.units).join(', ').slice(0, 200)
        )
      : ''
  ];
  return (
    <div className="jp-Autoloop-View-progress" role="status">
      {words?.filter(Boolean).join(' · ')}
    </div>
  );
}

/** Which key does what, where nothing is typed into; gives whether it did something. */
export function pressed(review: Review, event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement;
  if (target.closest('input, textarea, select, [contenteditable="true"]')) {
    return false;
  }
  const key = event.key.toLowerCase();
  if (key === 'z' && (event.ctrlKey || event.metaKey) && !event.shiftKey) {
    review.takeBack();
    return true;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) {
    return false;
  }
  const deeds: Record<string, () => void> = {
    j: () => review.step(1),
    k: () => review.step(-1),
    a: () => review.decide('accept'),
    x: () => review.decide('reject')
  };
  deeds[key]?.();
  return key in deeds;
}

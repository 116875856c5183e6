import type { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { IReviewed, Review } from '../diff/diff';
import { oneLine, visible } from '../diff/visible';
import { IterationView } from '../mime/iteration';
import { Fold } from '../mime/parts';
import type { IContext } from '../mime/parts';
import { ProposalView } from '../mime/proposal';
import { Button } from '../panel/button';
import { useChanges } from '../panel/listen';
import { Notices, Problem } from '../panel/notices';
import type { IDetail, IProposal } from '../wire';
import { Actions } from './actions';
import { Compare } from './compare';
import type { IterationModel } from './model';
import { Decision, Progress, ReviewDiff } from './review';
import type { IReviewing } from './review';

/** How many characters of a log's end are put on the page. */
const LOG = 60_000;

const START: IReviewing = { review: null, reviewed: null, typing: false };

/** What the view needs of the rest of the world. */
export interface IPageProps {
  model: IterationModel;
  trans: TranslationBundle;
  languages?: IEditorLanguageRegistry;
  openNotebook: (path: string) => void;
}

/** One iteration, or one proposal and the decision on it. */
export function Page(props: IPageProps): JSX.Element {
  const { model, trans } = props;
  useChanges(model.changed);
  const [reviewing, setReviewing] = React.useState<IReviewing>(START);
  const { detail, proposal } = model;
  const id = useReviewed(model, setReviewing);
  const onReview = React.useCallback(
    (review: Review | null, reviewed: IReviewed) => {
      setReviewing(now => ({ ...now, review, reviewed }));
      model.review = review;
      model.edited = reviewed.units;
    },
    [model]
  );
  return (
    <div className="jp-Autoloop-Mime jp-Autoloop-View-page">
      <Notices actor={model} trans={trans} />
      {model.problem && <Problem text={model.problem} />}
      {id !== null && proposal?.status !== 'waiting' && (
        <Overtaken model={model} proposal={proposal} trans={trans} />
      )}
      <Subject {...props} reviewing={reviewing} setReviewing={setReviewing} />
      {!detail && !proposal && !model.problem && (
        <p className="jp-Autoloop-nothing">{trans.__('Reading…')}</p>
      )}
      {id !== null && proposal && (
        <section aria-label={trans.__('Review')}>
          {proposal.status !== 'waiting' && (
            <h2 className="jp-Autoloop-View-own">
              {trans.__('Your version, which has not run')}
            </h2>
          )}
          <Progress reviewing={reviewing} dirty={model.dirty} trans={trans} />
          <ReviewDiff
            key={id}
            changes={proposal.changes}
            drafts={model.edited}
            trans={trans}
            languages={props.languages}
            onReview={onReview}
          />
        </section>
      )}
    </div>
  );
}

/**
 * The id of the proposal whose diff is to be decided on, null where there is none: while it waits, and for as long as
 * there is a version of a person's that has not run.
 */
function useReviewed(
  model: IterationModel,
  set: (reviewing: IReviewing) => void
): string | null {
  const { proposal } = model;
  const open = proposal?.status === 'waiting' || model.dirty;
  const id = open ? (proposal?.id ?? null) : null;
  React.useEffect(
    () => () => {
      model.review = null;
      set(START);
    },
    [id]
  );
  return id;
}

/** The iteration, or the proposal while it has none. */
function Subject(
  props: IPageProps & {
    reviewing: IReviewing;
    setReviewing: React.Dispatch<React.SetStateAction<IReviewing>>;
  }
): JSX.Element | null {
  const { model, trans, languages, reviewing, setReviewing } = props;
  const { detail, proposal } = model;
  const context: IContext = { trans, languages, open: null };
  if (detail) {
    return <Ran {...props} detail={detail} context={context} />;
  }
  if (!proposal) {
    return null;
  }
  const onTyping = (typing: boolean) => {
    reviewing.review?.open(typing);
    setReviewing(now => ({ ...now, typing }));
  };
  const waits = proposal.status === 'waiting';
  return (
    <ProposalView
      record={proposal}
      context={context}
      bare={waits || model.dirty}
    >
      {waits && <Decision {...props} proposal={proposal} onTyping={onTyping} />}
    </ProposalView>
  );
}

/** An iteration that runs, or that has run. */
function Ran(
  props: IPageProps & { detail: IDetail; context: IContext }
): JSX.Element {
  const { model, detail, trans, context } = props;
  const { arenaModel } = model;
  const running = detail.verdict === null;
  useChanges(running ? arenaModel.liveChanged : null);
  const mine = running ? arenaModel.liveOf(detail.number) : null;
  const { changes } = detail;
  const champion = arenaModel.state?.champion;
  const log = detail.log.slice(-LOG);
  return (
    <>
      <IterationView
        record={{
          ...detail,
          changes:
            running && !changes.length
              ? (model.proposal?.changes ?? [])
              : changes,
          curve: mine?.points.length ? mine.points : detail.curve,
          champion: champion
            ? champion.number === detail.number
            : detail.champion
        }}
        context={context}
      >
        <Actions {...props} />
      </IterationView>
      {log.trim() !== '' && (
        <Fold summary={trans.__('the end of its log')}>
          <pre className="jp-Autoloop-Mime-text" tabIndex={0}>
            {visible(log)}
          </pre>
        </Fold>
      )}
      {!running && <Compare model={model} detail={detail} context={context} />}
    </>
  );
}

/** That somebody else decided while a person had a version of their own; which stays until it is let go. */
function Overtaken(props: {
  model: IterationModel;
  proposal: IProposal | null;
  trans: TranslationBundle;
}): JSX.Element {
  const { model, proposal, trans } = props;
  const status = oneLine(proposal?.status ?? '', 40);
  return (
    <Problem
      text={trans.__(
        'It was decided elsewhere (%1), and your version has not run: it stays below, so that you can copy what you need.',
        status
      )}
    >
      <Button onClick={() => (model.edited = {})}>
        {trans.__('Discard my version')}
      </Button>
    </Problem>
  );
}

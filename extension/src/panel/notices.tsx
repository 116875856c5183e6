import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { Actor } from './acting';
import { Button } from './button';
import { useChanges } from './listen';

/** Whose words are told. */
export interface INoticesProps {
  actor: Actor;
  trans: TranslationBundle;
}

/** What the last action said, or why it failed: one line, which can be put away. */
export const Notices = React.memo((props: INoticesProps): JSX.Element => {
  const { actor, trans } = props;
  useChanges(actor.changed);
  const { error, notice } = actor;
  const text = error || notice;
  return (
    // The regions stay in the page while they are empty, or screen readers do not speak what comes into them.
    <div className="jp-Autoloop-notices">
      <div role="alert">{error && <span>{error}</span>}</div>
      <div role="status">{!error && notice && <span>{notice}</span>}</div>
      {text && (
        <Button
          kind="quiet"
          label={trans.__('Dismiss')}
          onClick={() => actor.dismiss()}
        >
          ✕
        </Button>
      )}
    </div>
  );
});
Notices.displayName = 'Notices';

/** A line that says what is wrong with what is shown, until it is mended. */
export function Problem(props: {
  text: string;
  children?: React.ReactNode;
}): JSX.Element {
  return (
    <div className="jp-Autoloop-problem" role="alert">
      <span aria-hidden="true">×</span>
      <span>{props.text}</span>
      {props.children}
    </div>
  );
}

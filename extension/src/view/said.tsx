import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { Button } from '../panel/button';
import type { IterationModel } from './model';

/** What the last action of this view said, or why it failed: as the panel tells it, but only of what was done here. */
export function Said(props: {
  model: IterationModel;
  trans: TranslationBundle;
}): JSX.Element {
  const { model, trans } = props;
  const { error, notice } = model;
  return (
    // The regions stay in the page while they are empty, or screen readers do not speak what comes into them.
    <div className="jp-Autoloop-notices">
      <div role="alert">{error && <span>{error}</span>}</div>
      <div role="status">{!error && notice && <span>{notice}</span>}</div>
      {(error || notice) && (
        <Button
          kind="quiet"
          label={trans.__('Dismiss')}
          onClick={() => model.dismiss()}
        >
          ✕
        </Button>
      )}
    </div>
  );
}

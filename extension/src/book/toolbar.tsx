import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import * as React from 'react';

import { Runs } from '../panel/controls';
import { useChanges } from '../panel/listen';
import { StatePill } from '../panel/pill';
import type { ArenaBook } from './book';

/** In an arena's own toolbar: what runs its loop and ends it, and how it stands. */
export class LoopToolbar extends ReactWidget {
  constructor(
    private readonly book: ArenaBook,
    private readonly trans: TranslationBundle
  ) {
    super();
    this.addClass('jp-Autoloop-loop');
  }

  protected render(): JSX.Element {
    return <Loop book={this.book} trans={this.trans} />;
  }
}

function Loop(props: {
  book: ArenaBook;
  trans: TranslationBundle;
}): JSX.Element {
  const { book, trans } = props;
  useChanges(book.changed, book.workbench.changed);
  const { model, workbench } = book;
  return (
    <span
      className="jp-Autoloop-loopParts"
      role="group"
      aria-label={trans.__('Autoloop')}
    >
      <Runs actor={book} model={model} workbench={workbench} trans={trans} />
      {model.state && (
        <StatePill
          state={model.state}
          connected={model.connected}
          trans={trans}
        />
      )}
    </span>
  );
}

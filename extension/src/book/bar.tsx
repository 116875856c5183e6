/** Between a notebook's toolbar and its cells: what an arena is offered, what was done, and what went wrong. */
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import { MessageLoop } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';
import * as React from 'react';

import { useAct } from '../panel/acting';
import { Button } from '../panel/button';
import { useChanges } from '../panel/listen';
import { Notices } from '../panel/notices';
import { number as figure } from '../words';
import type { ArenaBook } from './book';
import type { IDone, IOffered } from './offer';

/** What the bar takes; `show` opens an iteration of this arena. */
export interface IBarOptions {
  book: ArenaBook;
  trans: TranslationBundle;
  show: (number: number) => void;
}

/** The bar as a widget. It is as high as what it says, and takes no room while it says nothing. */
export class LoopBar extends ReactWidget {
  constructor(private readonly options: IBarOptions) {
    super();
    this.addClass('jp-Autoloop-bar');
  }

  protected render(): JSX.Element {
    return <Bar {...this.options} fit={height => this._fit(height)} />;
  }

  /** Layouts ask for a least height, and do not look at what is within. */
  private _fit(height: number): void {
    const least = `${Math.ceil(height)}px`;
    if (this.node.style.minHeight !== least) {
      this.node.style.minHeight = least;
      if (this.parent) {
        MessageLoop.postMessage(this.parent, Widget.Msg.FitRequest);
      }
    }
  }
}

/** Tells how high an element is, in pixels, and whenever that changes. */
function useHeight(
  node: React.RefObject<HTMLElement>,
  tell: (height: number) => void
): void {
  React.useLayoutEffect(() => {
    if (!node.current || typeof ResizeObserver === 'undefined') {
      return;
    }
    const observer = new ResizeObserver(() =>
      tell(node.current?.offsetHeight ?? 0)
    );
    observer.observe(node.current);
    return () => observer.disconnect();
  }, []);
}

function Bar(
  props: IBarOptions & { fit: (height: number) => void }
): JSX.Element {
  const { book, trans, fit } = props;
  const node = React.useRef<HTMLDivElement>(null);
  useChanges(book.changed);
  useHeight(node, fit);
  const { offered, done } = book.offer;
  const driven = book.driven
    ? trans.__(
        'Autoloop runs this arena now. Its agents change no cell that is locked.'
      )
    : '';
  const news = offered?.news ? toldOf(offered, book, trans) : '';
  return (
    <div ref={node} className="jp-Autoloop-barParts">
      <div className="jp-Autoloop-spoken" role="status">
        {driven}
      </div>
      <div className="jp-Autoloop-spoken" role="status">
        {news || (done && doneOf(done, trans))}
      </div>
      {offered ? (
        <Offered {...props} offered={offered} />
      ) : (
        done && <Done {...props} done={done} />
      )}
      <Notices actor={book} trans={trans} />
    </div>
  );
}

function Offered(props: IBarOptions & { offered: IOffered }): JSX.Element {
  const { book, trans, offered, show } = props;
  const { act, busy } = useAct(book);
  const { number, free, files, ownFiles } = offered;
  const some = free.length > 0 || (files.length > 0 && !ownFiles.length);
  const update = () =>
    act(async () => {
      await book.offer.update();
      return { said: '' };
    });
  return (
    <div
      className="jp-Autoloop-offer"
      role="group"
      aria-label={trans.__('The champion is another one')}
    >
      <span className="jp-Autoloop-offerText">
        {toldOf(offered, book, trans)}
      </span>
      {some && (
        <Button
          kind="primary"
          reason={busy ? trans.__('One moment') : ''}
          title={trans.__('Undo brings back what is here now')}
          onClick={() => void update()}
        >
          {trans.__('Update')}
        </Button>
      )}
      <Button
        title={trans.__('What it changed, and what came of it')}
        onClick={() => show(number)}
      >
        {trans.__('Show')}
      </Button>
      <Button kind="quiet" onClick={() => book.offer.dismiss()}>
        {trans.__('Dismiss')}
      </Button>
    </div>
  );
}

function Done(props: IBarOptions & { done: IDone }): JSX.Element {
  const { book, trans, done } = props;
  return (
    <div className="jp-Autoloop-offer" role="group">
      <span className="jp-Autoloop-offerText">{doneOf(done, trans)}</span>
      {done.undoable && (
        <Button onClick={() => book.offer.undo()}>{trans.__('Undo')}</Button>
      )}
      <Button kind="quiet" onClick={() => book.offer.dismiss()}>
        {trans.__('Dismiss')}
      </Button>
    </div>
  );
}

/** What is offered, in a few sentences: what is new, what would change, and what would not. */
function toldOf(
  offered: IOffered,
  book: ArenaBook,
  trans: TranslationBundle
): string {
  const { number, score, free, own, files, ownFiles } = offered;
  const metric = book.model.state?.metric.name ?? '';
  const told = [
    score === null
      ? trans.__('Iteration %1 is the champion now.', number)
      : trans.__(
          'Iteration %1 is the champion now (%2 %3).',
          number,
          metric,
          figure(score)
        )
  ];
  const cells = free.length + own.length;
  if (cells) {
    told.push(
      trans._n('%1 cell here differs.', '%1 cells here differ.', cells)
    );
  }
  const mine = [...own, ...ownFiles].join(', ');
  if (mine) {
    told.push(trans.__('Your own version of %1 stays.', mine));
  }
  if (files.length && !ownFiles.length) {
    const names = files.join(', ');
    told.push(trans.__('%1 is put in its place too, on disk.', names));
  }
  if (offered.dirty) {
    told.push(
      trans.__('There are unsaved changes here: saving is left to you.')
    );
  }
  return told.join(' ');
}

function doneOf(done: IDone, trans: TranslationBundle): string {
  return done.saved
    ? trans.__('Iteration %1 is in this notebook now.', done.number)
    : trans.__(
        'Iteration %1 is in this notebook now, which is not saved.',
        done.number
      );
}

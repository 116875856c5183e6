/** The iteration view in the main area: restorable, one for an iteration or for a proposal until it has run. */
import { Dialog, MainAreaWidget, showDialog } from '@jupyterlab/apputils';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import type { Message } from '@lumino/messaging';
import * as React from 'react';

import { oneLine } from '../diff/visible';
import { loopIcon } from '../icons';
import { Tables } from '../panel/tables';
import { IterationModel } from './model';
import type { ISubject } from './model';
import { Page } from './page';
import type { IPageProps } from './page';
import { pressed } from './review';

/** What a view is made of: which iteration or proposal, and what it needs of the application. */
export type IViewOptions = ISubject & Omit<IPageProps, 'model'>;

/** The contents of the view. */
export class IterationWidget
  extends ReactWidget
  implements EventListenerObject
{
  constructor(private readonly options: IViewOptions) {
    super();
    this.model = new IterationModel(options);
    this.addClass('jp-Autoloop-View');
    this.title.icon = loopIcon;
    this.title.closable = true;
    this.node.tabIndex = -1;
    this.node.setAttribute('role', 'region');
    this.model.changed.connect(this.name, this);
    this.name();
  }

  readonly model: IterationModel;

  dispose(): void {
    if (!this.isDisposed) {
      this.model.dispose();
      super.dispose();
    }
  }

  protected render(): JSX.Element {
    return (
      <Tables workbench={this.options.workbench}>
        <Page {...this.options} model={this.model} />
      </Tables>
    );
  }

  /** Activation brings the focus to the node: the keys of a review work at once, wherever in it the focus is. */
  handleEvent(event: Event): void {
    const { review } = this.model;
    if (review && event instanceof KeyboardEvent && pressed(review, event)) {
      event.preventDefault();
      event.stopPropagation();
    }
  }

  protected onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    this.node.addEventListener('keydown', this);
  }

  protected onBeforeDetach(message: Message): void {
    this.node.removeEventListener('keydown', this);
    super.onBeforeDetach(message);
  }

  private name(): void {
    const { trans } = this.options;
    const { detail, proposal, number, dirty } = this.model;
    const what = detail?.title ?? proposal?.title ?? '';
    const place = number ?? proposal?.number ?? null;
    const said = oneLine(what, 60) || trans.__('Iteration');
    const label = place === null ? said : `${place} · ${said}`;
    if (this.title.label !== label) {
      this.title.label = label;
      this.title.caption = `${label}\n${oneLine(this.model.arena, 200)}`;
      this.node.setAttribute('aria-label', label);
    }
    this.title.className = dirty ? 'jp-mod-dirty' : '';
  }
}

/** The view as a document of the main area; closing it asks first where a person's version would be lost. */
export class IterationArea extends MainAreaWidget<IterationWidget> {
  constructor(private readonly view: IViewOptions) {
    super({ content: new IterationWidget(view) });
    this.addClass('jp-Autoloop-View-area');
    this.toolbar.hide();
  }

  protected onCloseRequest(message: Message): void {
    if (!this.content.model.dirty) {
      super.onCloseRequest(message);
      return;
    }
    const { trans } = this.view;
    void showDialog({
      title: trans.__('Close without running your version?'),
      body: trans.__('What you changed in this proposal will be lost.'),
      buttons: [
        Dialog.cancelButton({ label: trans.__('Cancel') }),
        Dialog.warnButton({ label: trans.__('Close') })
      ]
    }).then(({ button }) => {
      if (button.accept && !this.isDisposed) {
        this.content.model.edited = {};
        this.dispose();
      }
    });
  }
}

let made = 0;

/** Make a view of an iteration (`number`) or of a proposal (`proposal`, its id). */
export function createIteration(options: IViewOptions): IterationArea {
  const area = new IterationArea(options);
  area.id = `autoloop-iteration-${++made}`;
  return area;
}

/** With what `autoloop:open-iteration` opens this view again after a reload. */
export function restoreArgs(area: IterationArea): ReadonlyPartialJSONObject {
  const { arena, number, proposalId, dirty } = area.content.model;
  // A person's version belongs to its proposal, also where somebody else had that one run.
  return number === null || (dirty && proposalId !== null)
    ? { arena, proposal: proposalId ?? '' }
    : { arena, number };
}

/** A name for the view that no other has, for a tracker: `arena#number`, or `arena#id`. */
export function restoreName(area: IterationArea): string {
  const { arena, number, proposalId } = area.content.model;
  return `${arena}#${number ?? proposalId ?? ''}`;
}

/** Whether this view shows that iteration or proposal, so that none is opened twice. */
export function shows(
  area: IterationArea,
  arena: string,
  what: { number?: number | null; proposal?: string | null }
): boolean {
  const { model } = area.content;
  return (
    model.arena === arena &&
    (what.number === null || what.number === undefined
      ? model.proposalId !== null && model.proposalId === what.proposal
      : model.number === what.number)
  );
}

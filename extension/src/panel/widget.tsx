import { ReactWidget } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import * as React from 'react';

import { loopIcon } from '../icons';
import type { IFace } from './face';
import { Panel } from './panel';

/** The panel in the left side bar: one arena, how it goes, and what can be done about it. */
export class AutoloopPanel extends ReactWidget {
  constructor(options: IFace) {
    super();
    this._options = options;
    this.id = 'autoloop-panel';
    this.addClass('jp-Autoloop-panel');
    this.title.icon = loopIcon;
    this.title.caption = options.trans.__('Autoloop');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', options.trans.__('Autoloop'));
  }

  /** The panel's contents. */
  protected render(): JSX.Element {
    return <Panel {...this._options} />;
  }

  /** Whoever activates the panel goes on by the keyboard from its first control. */
  protected onActivateRequest(_: Message): void {
    this.node.querySelector<HTMLElement>('button')?.focus();
  }

  private readonly _options: IFace;
}

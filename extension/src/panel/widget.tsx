import type { IStateDB } from '@jupyterlab/statedb';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import * as React from 'react';

import { loopIcon } from '../icons';
import type { IFace } from './face';
import { Panel } from './panel';
import { giveRoom } from './room';

/** What the panel takes besides what its parts need: where it remembers that it was given room. */
export interface IPanelOptions extends IFace {
  state: IStateDB | null;
}

/** The panel in the left side bar: one arena, how it goes, and what can be done about it. */
export class AutoloopPanel extends ReactWidget {
  constructor(options: IPanelOptions) {
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

  /** Shown for the first time in a workspace, it asks for the room that it needs; without an arena it looks for one. */
  protected onAfterShow(message: Message): void {
    super.onAfterShow(message);
    const { workbench } = this._options;
    if (workbench.arenas && !workbench.current) {
      void workbench.refreshArenas(); // one may have been made elsewhere since
    }
    void giveRoom(this, this._options.state);
  }

  /** Whoever activates the panel goes on by the keyboard from its first control. */
  protected onActivateRequest(_: Message): void {
    this.node.querySelector<HTMLElement>('button')?.focus();
  }

  private readonly _options: IPanelOptions;
}

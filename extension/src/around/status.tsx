import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import { Signal } from '@lumino/signaling';
import * as React from 'react';

import { loopIcon } from '../icons';
import type { ArenaModel } from '../model';
import { useChanges, useSeconds } from '../panel/listen';
import { single, billOf, standingOf } from '../panel/standing';
import type { IState } from '../wire';
import { number } from '../words';
import type { WorkbenchModel } from '../workbench';

/** What the item takes; `onClick` shows the panel. */
export interface IStatusOptions {
  workbench: WorkbenchModel;
  trans: TranslationBundle;
  onClick: () => void;
}

/** In the status bar: how the arena that is shown stands, its best, and how long it goes on. */
export class StatusItem extends ReactWidget {
  constructor(options: IStatusOptions) {
    super();
    this._options = options;
    this.addClass('jp-Autoloop-statusItem');
  }

  /** Whether somebody could see it. */
  get inSight(): boolean {
    return this.isVisible && !document.hidden;
  }

  protected render(): JSX.Element {
    return <Standing {...this._options} item={this} seen={this._seen} />;
  }

  protected onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    document.addEventListener('visibilitychange', this._look);
    this._look();
  }

  protected onBeforeDetach(message: Message): void {
    document.removeEventListener('visibilitychange', this._look);
    super.onBeforeDetach(message);
  }

  protected onAfterShow(_: Message): void {
    this._look();
  }

  protected onAfterHide(_: Message): void {
    this._look();
  }

  private readonly _look = (): void => this._seen.emit();
  private readonly _seen = new Signal<this, void>(this);
  private readonly _options: IStatusOptions;
}

function Standing(
  props: IStatusOptions & {
    item: StatusItem;
    seen: Signal<StatusItem, void>;
  }
): JSX.Element | null {
  const { workbench, trans, onClick, item, seen } = props;
  const model = workbench.current;
  useChanges(
    workbench.changed,
    model?.stateChanged,
    model?.connectionChanged,
    seen
  );
  const rest = useRest(model, item.inSight);
  const state = model?.state;
  if (!model || !state) {
    return null;
  }
  const { best } = state;
  const spent = billOf(state, trans);
  return (
    <button
      type="button"
      className="jp-Autoloop-status"
      title={trans.__('Show the Autoloop panel')}
      onClick={onClick}
    >
      <loopIcon.react tag="span" className="jp-Autoloop-statusIcon" />
      <span>
        <strong>
          {model.connected
            ? standingOf(state, trans).word
            : trans.__('reconnecting…')}
        </strong>
        {ranOf(state, trans)}
      </span>
      {best && (
        <span>
          {' · '}
          {trans.__('best')} <strong>{number(best.score)}</strong>
        </span>
      )}
      {rest !== null && (
        <span>
          {' · '}
          {trans.__('%1 left', clock(rest))}
        </span>
      )}
      {spent && (
        <span>
          {' · '}
          {spent}
        </span>
      )}
    </button>
  );
}

/** How many iterations have run, of how many; empty where nothing runs, or a single one does. */
function ranOf(state: IState, trans: TranslationBundle): string {
  const { plan, ran } = state;
  if (state.state === 'idle' || !plan || single(state)) {
    return '';
  }
  return plan.iterations === null
    ? ` ${ran}`
    : ` ${trans.__('%1 of %2', ran, plan.iterations)}`;
}

/**
 * How many seconds are left by the last estimate, null where there is none, and for a single step; drawn anew each second while they run down
 * and somebody can see it. A pause holds them.
 */
function useRest(model: ArenaModel | null, inSight: boolean): number | null {
  const state = model?.state ?? null;
  const now = model?.now() ?? 0;
  const heard = React.useRef({ state, at: now });
  if (heard.current.state !== state) {
    heard.current = { state, at: now };
  }
  const lasts = state !== null && state.state !== 'idle' && !single(state);
  const left = lasts ? state.left_seconds : null;
  const runs = left !== null && state?.state !== 'paused';
  useSeconds(runs && inSight);
  const gone = runs ? now - heard.current.at : 0;
  return left === null ? null : Math.max(0, left - gone);
}

/** Seconds as a clock shows them: `00:03:12`. */
export function clock(seconds: number): string {
  const whole = Math.round(seconds);
  return [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
    .map(part => String(part).padStart(2, '0'))
    .join(':');
}

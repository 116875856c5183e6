/**
 * What a cell wears: a bar at its left edge, and above its input a quiet label that opens the menu of roles.
 */
import type { Cell } from '@jupyterlab/cells';
import type { TranslationBundle } from '@jupyterlab/translation';
import { lockIcon } from '@jupyterlab/ui-components';
import type { IDisposable } from '@lumino/disposable';

import { sayingName } from './names';
import { Role, roleOf } from './roles';
import { badgeWord, roleGloss } from './wording';

/** The part of a cell that stands above its input, in every notebook layout. */
const HEADER = '.jp-CellHeader';

/** The badge of one cell that has been drawn; `onOpen` is told when its menu is asked for. */
export class Badge implements IDisposable {
  constructor(
    cell: Cell,
    trans: TranslationBundle,
    onOpen: (button: HTMLElement) => void
  ) {
    this._cell = cell;
    this._trans = trans;
    this._button = buttonOf(onOpen, () => cell.node.focus());
    this._lock = lockOf(trans);
    this.node.className = 'jp-Autoloop-role';
    this.node.append(this._button, this._lock);
  }

  readonly node = document.createElement('div');

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Shows how the cell stands now; where the notebook is no arena, or the cell a note, there is nothing to see. */
  update(arena: boolean): void {
    const role = roleOf(this._cell.model.sharedModel);
    if (!arena || role === 'note') {
      this._undress();
      return;
    }
    this._write(role);
    const header = this._cell.node.querySelector(HEADER);
    if (header && this.node.parentElement !== header) {
      header.append(this.node);
    }
  }

  /** Whether the Tab key stops at the badge. */
  reach(stop: boolean): void {
    this._button.tabIndex = stop ? 0 : -1;
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      this._undress();
    }
  }

  private _write(role: Role): void {
    const name = role === 'editable' ? this._name() : '';
    const text = [badgeWord(role, this._trans), name]
      .filter(part => part)
      .join(' · ');
    if (text !== this._button.textContent) {
      this._button.textContent = text;
      this._button.setAttribute(
        'aria-label',
        this._trans.__('Role of this cell: %1', text)
      );
    }
    this._button.title = roleGloss(role, this._trans);
    this._lock.hidden = role === 'editable';
    this._cell.node.dataset.autoloopRole = role;
  }

  private _name(): string {
    return sayingName(this._cell.model.sharedModel);
  }

  private _undress(): void {
    const focused = this.node.contains(document.activeElement);
    this.node.remove();
    delete this._cell.node.dataset.autoloopRole;
    if (focused) {
      this._cell.node.focus(); // or the keyboard would be nowhere
    }
  }

  private readonly _cell: Cell;
  private readonly _trans: TranslationBundle;
  private readonly _button: HTMLButtonElement;
  private readonly _lock: HTMLElement;
  private _isDisposed = false;
}

function buttonOf(
  onOpen: (button: HTMLElement) => void,
  onLeave: () => void
): HTMLButtonElement {
  const button = document.createElement('button');
  button.type = 'button';
  button.tabIndex = -1;
  button.className = 'jp-Autoloop-role-button';
  button.setAttribute('aria-haspopup', 'menu');
  button.setAttribute('aria-expanded', 'false');
  // Enter and the space bar are the button's here, not the notebook's.
  button.dataset.lmSuppressShortcuts = 'true';
  button.addEventListener('click', () => onOpen(button));
  button.addEventListener('keydown', event => {
    if (event.key === 'ArrowDown') {
      event.preventDefault();
      onOpen(button);
    } else if (event.key === 'Escape') {
      onLeave(); // back to the cell, where the notebook's keys count again
    }
  });
  return button;
}

/** The lock that is seen while a driver runs. */
function lockOf(trans: TranslationBundle): HTMLElement {
  const lock = document.createElement('span');
  const said = document.createElement('span');
  const meaning = trans.__('agents cannot change this cell');
  lock.className = 'jp-Autoloop-role-lock';
  lock.title = said.textContent = meaning;
  said.className = 'jp-Autoloop-role-said';
  const icon = lockIcon.element({ tag: 'span' });
  icon.setAttribute('aria-hidden', 'true');
  lock.append(icon, said);
  return lock;
}

import * as React from 'react';

/** An entry of a menu or of a list of choices. */
export interface IEntry {
  key: string;
  label: React.ReactNode;
  /** Said below the label, quietly. */
  hint?: React.ReactNode;
  /** Stands at the right edge. */
  aside?: React.ReactNode;
  /** Whether a choice that can be on or off is on. */
  checked?: boolean;
  /** Why it cannot be chosen just now. */
  reason?: string;
  onSelect: () => void;
}

/** What a menu takes. */
export interface IMenuProps {
  name: string;
  /** `menu`: does something and is gone; `checks`: each entry on or off; `listbox`: one of them is the chosen one. */
  kind: 'menu' | 'checks' | 'listbox';
  entries: IEntry[];
}

const ROLES = {
  menu: ['menu', 'menuitem'],
  checks: ['menu', 'menuitemcheckbox'],
  listbox: ['listbox', 'option']
} as const;

/** Entries that the arrow keys, Home and End go through, and Enter, the space bar or a click chooses. */
export function Menu(props: IMenuProps): JSX.Element {
  const { name, kind, entries } = props;
  const [role, item] = ROLES[kind];
  const start = Math.max(
    0,
    kind === 'listbox' ? entries.findIndex(entry => entry.checked) : 0
  );
  return (
    <div
      role={role}
      aria-label={name}
      className="jp-Autoloop-menu"
      onKeyDown={roam}
    >
      {entries.map((entry, index) => (
        <button
          key={entry.key}
          type="button"
          role={item}
          className="jp-Autoloop-menuItem"
          tabIndex={index === start ? 0 : -1}
          data-first={index === start ? true : undefined}
          aria-checked={kind === 'checks' ? !!entry.checked : undefined}
          aria-selected={kind === 'listbox' ? !!entry.checked : undefined}
          aria-disabled={entry.reason ? true : undefined}
          title={entry.reason}
          onClick={() => entry.reason || entry.onSelect()}
        >
          {kind !== 'menu' && (
            <span className="jp-Autoloop-check" aria-hidden="true">
              {entry.checked ? '✓' : ''}
            </span>
          )}
          <span className="jp-Autoloop-menuText">
            <span className="jp-Autoloop-menuLabel">{entry.label}</span>
            {entry.hint && (
              <span className="jp-Autoloop-hint">{entry.hint}</span>
            )}
          </span>
          {entry.aside && (
            <span className="jp-Autoloop-menuAside">{entry.aside}</span>
          )}
        </button>
      ))}
    </div>
  );
}

/** Moves the focus between the entries of the menu that the key was pressed in. */
function roam(event: React.KeyboardEvent<HTMLElement>): void {
  const all = [...event.currentTarget.querySelectorAll<HTMLElement>('[role]')];
  const now = all.indexOf(document.activeElement as HTMLElement);
  const goals: Record<string, number> = {
    ArrowDown: (now + 1) % all.length,
    ArrowUp: (now - 1 + all.length) % all.length,
    Home: 0,
    End: all.length - 1
  };
  const goal = goals[event.key];
  if (goal !== undefined) {
    event.preventDefault();
    all[goal]?.focus();
  }
}

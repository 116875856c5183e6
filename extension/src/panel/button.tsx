import * as React from 'react';

/** What a button of the panel takes. */
export interface IButtonProps {
  onClick?: () => void;
  /** Why the button cannot be used just now, in a few words; empty where it can. */
  reason?: string;
  /** What it does, where its label says too little. */
  title?: string;
  /** Its name for screen readers, where the label is only a sign. */
  label?: string;
  kind?: 'plain' | 'primary' | 'quiet';
  className?: string;
  type?: 'button' | 'submit';
  popup?: 'menu' | 'dialog' | 'listbox';
  expanded?: boolean;
  children: React.ReactNode;
}

/**
 * A button that says why it cannot be used.
 *
 * It stays within reach of the Tab key while it cannot (`aria-disabled`), or nobody would ever hear the reason.
 */
export const Button = React.forwardRef<HTMLButtonElement, IButtonProps>(
  (props, ref) => {
    const { reason = '', kind = 'plain', className = '' } = props;
    return (
      <button
        ref={ref}
        type={props.type ?? 'button'}
        className={`jp-Autoloop-button jp-mod-${kind} ${className}`}
        aria-disabled={reason ? true : undefined}
        aria-haspopup={props.popup}
        aria-expanded={props.expanded}
        aria-label={props.label}
        title={reason || props.title}
        onClick={event => {
          if (reason) {
            event.preventDefault();
            return;
          }
          props.onClick?.();
        }}
      >
        {props.children}
      </button>
    );
  }
);
Button.displayName = 'Button';

import * as React from 'react';

/** A field with its name, and what is wrong with it. */
export interface IFieldProps {
  label: string;
  value: string;
  onChange: (text: string) => void;
  name?: string;
  placeholder?: string;
  /** What is wrong with what was typed, in a few words; empty where nothing is. */
  fault?: string;
  /** Whether the label stands above the field rather than before it. */
  wide?: boolean;
  /** Whether a number is expected, so that small keyboards show digits. */
  numeric?: boolean;
}

/** One line of text, its label, and what is wrong with it, tied together for screen readers. */
export function Field(props: IFieldProps): JSX.Element {
  const { label, value, onChange, name, placeholder, fault } = props;
  const id = React.useId();
  return (
    <div className={`jp-Autoloop-field ${props.wide ? 'jp-mod-wide' : ''}`}>
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        name={name}
        value={value}
        spellCheck={false}
        autoComplete="off"
        inputMode={props.numeric ? 'decimal' : undefined}
        placeholder={placeholder}
        aria-invalid={!!fault}
        aria-describedby={fault ? `${id}-fault` : undefined}
        onChange={event => onChange(event.target.value)}
      />
      {fault && (
        <span id={`${id}-fault`} className="jp-Autoloop-fault" role="alert">
          {fault}
        </span>
      )}
    </div>
  );
}

/** Something that can be on or off. */
export function Tick(props: {
  label: string;
  checked: boolean;
  onChange: (checked: boolean) => void;
}): JSX.Element {
  return (
    <label className="jp-Autoloop-tick">
      <input
        type="checkbox"
        checked={props.checked}
        onChange={event => props.onChange(event.target.checked)}
      />
      {props.label}
    </label>
  );
}

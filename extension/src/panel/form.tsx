import * as React from 'react';

import { Button } from './button';

/**
 * Fields and the one button that sends them; Enter does so, too. While something is wrong with what was typed (`fault`,
 * which its field says), nothing is sent.
 */
export function Form(props: {
  /** What the button says. */
  send: string;
  fault?: string | boolean;
  onSend: () => void;
  children: React.ReactNode;
}): JSX.Element {
  const { send, fault, onSend, children } = props;
  return (
    <form
      className="jp-Autoloop-form"
      noValidate
      onSubmit={event => {
        event.preventDefault();
        if (!fault) {
          onSend();
        }
      }}
    >
      {children}
      <div className="jp-Autoloop-formFoot">
        <Button kind="primary" type="submit">
          {send}
        </Button>
      </div>
    </form>
  );
}

/**
 * The panel's forms in dialogs: for those who come by the menu, the palette or a key.
 */
import { Dialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';

/** Where the button stands that sends the form. */
const SEND = 1;

/** A dialog that closes by its own accord only: a form in it is sent first, and it stays while something is wrong. */
class FormDialog extends Dialog<unknown> {
  /** A button was pressed, or Enter (none: the one that sends). */
  resolve(index: number = SEND): void {
    const form = this.node.querySelector('form');
    if (index === SEND && !this._filled && form) {
      form.requestSubmit();
    } else {
      super.resolve(index);
    }
  }

  /** The form was sent, and nothing is wrong with it. */
  finish(): void {
    this._filled = true;
    this.resolve(SEND);
  }

  private _filled = false;
}

/**
 * Asks by a form. `form` draws it and calls `done` when it was sent with nothing wrong; its own button is not shown, as
 * the dialog has one, named `send`. Gives what was filled in, null where the dialog was left.
 */
export async function ask<T>(
  trans: TranslationBundle,
  title: string,
  send: string,
  form: (done: (value: T) => void) => JSX.Element
): Promise<T | null> {
  let filled: T | null = null;
  const body = ReactWidget.create(
    form(value => {
      filled = value;
      dialog.finish();
    })
  );
  body.addClass('jp-Autoloop-dialog');
  const dialog = new FormDialog({
    title,
    body,
    focusNodeSelector: 'input',
    buttons: [
      Dialog.cancelButton({ label: trans.__('Cancel') }),
      Dialog.okButton({ label: send })
    ]
  });
  await dialog.launch();
  return filled;
}

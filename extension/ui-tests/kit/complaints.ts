import type { BrowserContext, ConsoleMessage } from '@playwright/test';

/** What the console may say although nothing is wrong, each with its reason. */
const KNOWN: readonly { text: RegExp; why: string }[] = [];

/** What the pages of a test complain of: errors in their consoles, and errors that nothing caught. */
export class Complaints {
  /** Listens to every page of `context`, also to those that are opened later. */
  constructor(context: BrowserContext) {
    context.on('console', message => this.hear(message));
    context.on('weberror', error =>
      this.heard.push(`page error: ${error.error().stack ?? error.error()}`)
    );
  }

  /** From now on `text` is no fault; `why` says the reason to who reads the test. */
  allow(text: RegExp, why: string): void {
    this.known.push({ text, why });
  }

  /** All that was heard and is not known to be no fault. */
  get all(): string[] {
    return this.heard.filter(
      line => !this.known.some(({ text }) => text.test(line))
    );
  }

  private hear(message: ConsoleMessage): void {
    if (message.type() === 'error') {
      const { url } = message.location();
      this.heard.push(`console: ${message.text()} (${url})`);
    }
  }

  private readonly heard: string[] = [];
  private readonly known = [...KNOWN];
}

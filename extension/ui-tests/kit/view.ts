import { expect, Locator, Page } from '@playwright/test';

/** The iteration view as a person meets it: an iteration, or a proposal under review, in the main area. */
export class View {
  /** The view whose name holds `title`. */
  constructor(
    readonly page: Page,
    title: string | RegExp
  ) {
    const main = page.getByRole('main');
    this.region = main
      .locator('.jp-Autoloop-View')
      .and(main.getByRole('region', { name: title }));
    this.tab = main.getByRole('tab', { name: title });
    this.heading = this.region.locator('.jp-Autoloop-Mime-title').first();
    const review = this.region.getByRole('region', { name: 'Review' });
    this.diff = review.getByRole('region', { name: /^Changes of / });
    this.source = this.diff.locator('.cm-merge-b .cm-content');
    this.decision = this.region.getByRole('group', { name: 'Decision' });
    this.actions = this.region.getByRole('group', { name: 'Actions' });
    this.progress = this.region.locator('.jp-Autoloop-View-progress');
    this.said = this.region.locator('.jp-Autoloop-notices');
  }

  readonly region: Locator;
  readonly tab: Locator;
  readonly heading: Locator;
  /** The diff that is under review. */
  readonly diff: Locator;
  /** The newer source, as an editor shows it. */
  readonly source: Locator;
  /** What can be done with a proposal that waits. */
  readonly decision: Locator;
  /** What can be done with an iteration. */
  readonly actions: Locator;
  /** How far the review is, in words. */
  readonly progress: Locator;
  /** What the last action said. */
  readonly said: Locator;

  /** A button of the view, by its whole name. */
  button(name: string): Locator {
    return this.region.getByRole('button', { name, exact: true });
  }

  /** Accepts or rejects the hunk that is at this place among those left, by the button beside it. */
  async decide(what: 'Accept' | 'Reject', place: number): Promise<void> {
    const buttons = this.diff.getByRole('button', { name: what, exact: true });
    const left = await buttons.count();
    await buttons.nth(place).click();
    await expect(buttons).toHaveCount(left - 1);
  }

  /** Puts `after` in place of `before`, which stands in one line of the newer source, by typing. */
  async type(before: string, after: string): Promise<void> {
    const line = this.source.locator('.cm-line', { hasText: before });
    const text = (await line.textContent())!;
    await line.click();
    await this.page.keyboard.press('Home');
    await this.page.keyboard.press('Home'); // a first one may stop before the first letter
    await this.page.keyboard.press('Shift+End');
    await this.page.keyboard.insertText(text.replace(before, after));
    await expect(
      this.source.locator('.cm-line', { hasText: after })
    ).toBeVisible();
  }

  /** Brings the keyboard to the page as a whole, where the keys of a review are heard. */
  async focus(): Promise<void> {
    await this.region.focus();
  }

  /** Skips the proposal for a reason. */
  async skip(reason: string): Promise<void> {
    await this.button('Skip with reason…').click();
    const form = this.page.getByRole('dialog', { name: 'Skip this proposal' });
    await form.getByRole('textbox').fill(reason);
    await form.getByRole('button', { name: 'Skip' }).click();
  }

  /** Waits until the iteration that is shown has a verdict. */
  async ended(): Promise<void> {
    await expect(this.button('Replicate')).toBeVisible();
  }
}

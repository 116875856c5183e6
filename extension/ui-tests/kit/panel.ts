import { expect, Locator, Page } from '@playwright/test';

/** The id of the panel's tab in the side bar. */
const ID = 'autoloop-panel';

/** The panel as a person meets it: by what its parts are called. */
export class Panel {
  constructor(readonly page: Page) {
    this.region = page.getByRole('region', { name: 'Autoloop', exact: true });
    this.list = this.region.getByRole('grid', { name: 'Iterations' });
    this.rows = this.list.getByRole('rowgroup').getByRole('row');
    this.pill = this.region.locator('header').getByRole('status');
    this.search = this.region.getByRole('searchbox');
    this.count = this.region.getByRole('search').getByRole('status');
    this.chart = this.region.locator('.jp-Autoloop-chart');
    this.running = this.region.getByRole('region', { name: 'Under way' });
    this.waiting = this.region.getByRole('region', { name: 'Waiting for you' });
  }

  readonly region: Locator;
  readonly list: Locator;
  readonly rows: Locator;
  readonly pill: Locator;
  readonly search: Locator;
  readonly count: Locator;
  readonly chart: Locator;
  readonly running: Locator;
  readonly waiting: Locator;

  /** Brings the panel up, where it is not there already. */
  async show(): Promise<void> {
    if (!(await this.region.isVisible())) {
      await this.page.locator(`.jp-SideBar [data-id="${ID}"]`).click();
    }
    await this.region.waitFor();
  }

  /** Makes the side bar so many pixels wide, by its handle. */
  async widen(width: number): Promise<void> {
    const handle = this.page
      .locator('#jp-main-split-panel > .lm-SplitPanel-handle')
      .first();
    const box = (await handle.boundingBox())!;
    const now = (await this.region.boundingBox())!.width;
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    await this.page.mouse.move(x, y);
    await this.page.mouse.down();
    await this.page.mouse.move(x + width - now, y, { steps: 4 });
    await this.page.mouse.up();
    await expect
      .poll(async () => (await this.region.boundingBox())!.width)
      .toBeCloseTo(width, -1);
  }

  /** A button of the panel, by its whole name. */
  button(name: string): Locator {
    return this.region.getByRole('button', { name, exact: true });
  }

  /** Opens what the button `name` opens and chooses `entry` in it. */
  async choose(name: string, entry: string): Promise<void> {
    await this.button(name).click();
    await this.page
      .getByRole('menuitem', { name: new RegExp(`^${entry}`) })
      .click();
  }

  /** Starts a run by itself, with the bounds that are given. */
  async auto(bounds: {
    iterations?: number;
    hours?: number;
    target?: number;
  }): Promise<void> {
    await this.button('Auto').click();
    const form = this.page.getByRole('dialog', { name: 'Run by itself' });
    const labels = {
      iterations: 'Iterations',
      hours: 'Hours',
      target: 'Target'
    };
    for (const [key, value] of Object.entries(bounds)) {
      await form
        .getByLabel(labels[key as keyof typeof labels])
        .fill(String(value));
    }
    await form.getByRole('button', { name: 'Start' }).click();
  }

  /** The row of an iteration; it is in the page only while it is in sight. */
  row(number: number): Locator {
    const cell = this.page.getByRole('gridcell', {
      name: new RegExp(`^${number}(, |$)`)
    });
    return this.rows.filter({ has: cell });
  }

  /** Waits until the iteration has a verdict that a person can read. */
  async verdict(number: number): Promise<void> {
    await expect(this.row(number)).toContainText(
      /keep|confirmed|provisional|refuted|discard|crash|timeout|pruned|contended/
    );
  }

  /** How many iterations the list has, in sight or not. */
  async length(): Promise<number> {
    return Number(await this.list.getAttribute('aria-rowcount')) - 1;
  }

  /** Waits until the list has so many iterations, or more. */
  async has(count: number): Promise<void> {
    await expect.poll(() => this.length()).toBeGreaterThanOrEqual(count);
  }

  /** The numbers of the rows in sight, from the top. */
  async numbers(): Promise<number[]> {
    const texts = await this.rows
      .locator('.jp-Autoloop-col-no')
      .allTextContents();
    const tops = await this.rows.evaluateAll(rows =>
      rows.map(row => row.getBoundingClientRect().top)
    );
    return texts
      .map((text, index) => ({ number: Number(text), top: tops[index] }))
      .sort((one, other) => one.top - other.top)
      .map(({ number }) => number);
  }
}

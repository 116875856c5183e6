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
    this.chart = this.region.locator('.jp-Autoloop-chart').first();
    this.plot = this.chart.getByRole('application');
    this.running = this.region.getByRole('region', { name: 'Under way' });
    this.workers = this.region.getByRole('region', { name: 'Workers' });
    this.islands = this.region.getByRole('region', { name: 'Islands' });
    this.sharing = this.region.getByRole('region', { name: 'Sharing' });
    this.waiting = this.region.getByRole('region', { name: 'Waiting for you' });
  }

  readonly region: Locator;
  readonly list: Locator;
  readonly rows: Locator;
  readonly pill: Locator;
  readonly search: Locator;
  readonly count: Locator;
  readonly chart: Locator;
  readonly plot: Locator;
  readonly running: Locator;
  readonly workers: Locator;
  readonly islands: Locator;
  readonly sharing: Locator;
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
    workers?: string;
    share?: string;
    islands?: boolean;
  }): Promise<void> {
    await this.button('Auto').click();
    const form = this.page.getByRole('dialog', { name: 'Run by itself' });
    const names = {
      iterations: 'Iterations',
      hours: 'Hours',
      target: 'Target',
      workers: 'Workers',
      share: 'Share with'
    };
    const { islands, ...texts } = bounds;
    if (islands) {
      await form.getByRole('checkbox', { name: /islands/ }).check();
    }
    for (const [key, value] of Object.entries(texts)) {
      await form
        .getByRole('textbox', { name: names[key as keyof typeof names] })
        .fill(String(value));
    }
    await form.getByRole('button', { name: 'Start' }).click();
  }

  /** Lets `agent` propose besides those that do. */
  async also(agent: string): Promise<void> {
    await this.button('Who proposes: search').click();
    const form = this.page.getByRole('dialog', { name: 'Who proposes' });
    await form.getByRole('textbox', { name: 'Another agent' }).fill(agent);
    await form.getByRole('button', { name: 'Add', exact: true }).click();
    await this.page.keyboard.press('Escape');
    await this.button(`Who proposes: search, ${agent}`).waitFor();
  }

  /** Lets `agent` alone propose, who is called otherwise than those that the server offers. */
  async ask(agent: string): Promise<void> {
    await this.button('Who proposes: search').click();
    await this.page
      .getByRole('menuitemcheckbox', { name: 'search', exact: true })
      .click();
    const form = this.page.getByRole('dialog', { name: 'Who proposes' });
    await form.getByRole('textbox', { name: 'Another agent' }).fill(agent);
    await form.getByRole('button', { name: 'Add', exact: true }).click();
    await this.page.keyboard.press('Escape');
    await this.button(`Who proposes: ${agent}`).waitFor();
  }

  /** Shows only iterations that ended like this, or all of them where none is named. */
  async filter(verdicts: string[]): Promise<void> {
    const bar = this.region.getByRole('search');
    await bar.getByRole('button').first().click();
    const all = this.page.getByRole('button', { name: 'Show all' });
    if (await all.isEnabled()) {
      await all.click();
    }
    for (const verdict of verdicts) {
      await this.page
        .getByRole('menuitemcheckbox', { name: new RegExp(`^${verdict}`) })
        .click();
    }
    await this.page.keyboard.press('Escape');
    await all.waitFor({ state: 'detached' });
  }

  /** One of the numbers above the chart, by what it is called. */
  figure(name: string): Locator {
    const term = this.page.getByRole('term').filter({ hasText: name });
    return this.region.locator('dl > div').filter({ has: term });
  }

  /** The card of the iteration that is selected. */
  selection(number: number): Locator {
    return this.region.getByRole('region', { name: `Iteration ${number}` });
  }

  /** What the chart shows, as pixels. */
  async drawing(): Promise<string> {
    return this.chart
      .locator('canvas')
      .first()
      .evaluate((canvas: HTMLCanvasElement) => canvas.toDataURL());
  }

  /** Waits until the server has kept what is chosen now; a page that is closed earlier loses the last choice. */
  async saved(): Promise<void> {
    await this.page.waitForResponse(
      answer =>
        answer.url().includes('/api/workspaces/') &&
        answer.request().method() === 'PUT' &&
        (answer.request().postData() ?? '').includes('"keep"')
    );
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

  /** The rows in sight as a person reads them, from the top. */
  async text(): Promise<string[]> {
    return this.rows.allInnerTexts();
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
    return (await this.column('no')).map(Number);
  }

  /** The scores of the rows in sight, from the top; what has none is left out. */
  async scores(): Promise<number[]> {
    const texts = await this.column('score');
    return texts
      .map(text => Number(text.replace('−', '-')))
      .filter(score => !Number.isNaN(score));
  }

  private async column(name: string): Promise<string[]> {
    const cells = this.rows.locator(`.jp-Autoloop-col-${name}`);
    const found = await cells.evaluateAll(all =>
      all.map(cell => ({
        text: cell.textContent ?? '',
        top: cell.getBoundingClientRect().top
      }))
    );
    return found
      .sort((one, other) => one.top - other.top)
      .map(({ text }) => text);
  }
}

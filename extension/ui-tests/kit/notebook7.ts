import type { BrowserContext, Locator, Page, TestInfo } from '@playwright/test';

import type { Complaints } from './complaints';
import type { Lab } from './lab';
import { Panel } from './panel';
import { picture, THEMES } from './pictures';

/** Where Notebook 7 shows the folder, and where a notebook. */
export const tree = (path = '') => `/tree/${path}`;
export const notebook = (path: string) => `/notebooks/${path}`;

/** One page of Notebook 7, which the same server offers beside JupyterLab: a tab of the browser for each document. */
export class Notebook7 {
  private constructor(readonly page: Page) {
    this.panel = new Panel(page);
    this.main = page.getByRole('main');
    this.labels = page.locator('.lm-Menu .lm-Menu-itemLabel');
  }

  /** Opens the page at `address`, below the server's own. */
  static async open(
    context: BrowserContext,
    lab: Lab,
    address: string
  ): Promise<Notebook7> {
    const page = await context.newPage();
    await page.goto(`${lab.url}${address}`);
    return Notebook7.on(page);
  }

  /** The page that `action` opens in another tab. */
  static async opened(
    context: BrowserContext,
    action: () => Promise<void>
  ): Promise<Notebook7> {
    const [page] = await Promise.all([context.waitForEvent('page'), action()]);
    return Notebook7.on(page);
  }

  /** What Notebook 7 itself complains of: it does so without Autoloop, too. */
  static forgive(complaints: Complaints): void {
    complaints.allow(
      /reading 'schema'[^]*static\/notebook\/notebook_core/,
      'Notebook 7.6 tells of changed settings before it has loaded all of them'
    );
    complaints.allow(
      /reading 'updateRenderOption'.*static\/notebook\/notebook_core/,
      'Notebook 7.6 makes the toolbar of a notebook that another page opened twice'
    );
  }

  readonly panel: Panel;
  readonly main: Locator;

  /** Loads the page anew. */
  async reload(): Promise<void> {
    await this.page.reload();
    await this.ready();
  }

  /** Chooses an entry of a menu, by its whole name. */
  async choose(menu: string, entry: string): Promise<void> {
    await this.menu(menu);
    await this.labels.and(this.page.getByText(entry, { exact: true })).click();
  }

  /** Opens a menu and gives what its entries say, in their order. */
  async menu(name: string): Promise<string[]> {
    const bar = this.page.getByRole('menubar');
    await bar.getByRole('menuitem', { name, exact: true }).click();
    await this.labels.first().waitFor();
    const said = await this.labels.allTextContents();
    return said.filter(label => label !== '');
  }

  /** All commands of Autoloop that this page knows. */
  async commands(): Promise<string[]> {
    return commandsOf(this.page);
  }

  /** Brings the panel up by the menu. */
  async show(): Promise<Panel> {
    await this.choose('Autoloop', 'Show the Autoloop panel');
    await this.panel.region.waitFor();
    return this.panel;
  }

  /** Takes pictures of the page in both themes, the light one last. */
  async look(info: TestInfo, state: string): Promise<void> {
    for (const name of ['dark', 'light'] as const) {
      await this.page.evaluate(async theme => {
        const { commands } = window.jupyterapp;
        await commands.execute('apputils:change-theme', { theme });
      }, THEMES[name]);
      await this.page.waitForFunction(
        theme => document.body.dataset.jpThemeName === theme,
        THEMES[name]
      );
      await picture(this.page, info, `${state}-${name}`);
    }
  }

  /** What the entries of the open menu say: their accessible names hold their keys, too. */
  private readonly labels: Locator;

  private static async on(page: Page): Promise<Notebook7> {
    const opened = new Notebook7(page);
    await opened.ready();
    return opened;
  }

  /** Waits until the page shows its document. */
  private async ready(): Promise<void> {
    await this.page.waitForFunction(() => window.jupyterapp !== undefined);
    await this.page.evaluate(async () => {
      await window.jupyterapp.started;
      await window.jupyterapp.restored;
    });
  }
}

/** All commands of Autoloop that a page knows, of JupyterLab or of Notebook 7. */
export async function commandsOf(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    window.jupyterapp.commands
      .listCommands()
      .filter(id => id.startsWith('autoloop:'))
      .sort()
  );
}

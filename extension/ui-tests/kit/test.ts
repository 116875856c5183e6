import { expect, test as base } from '@jupyterlab/galata';
import type { Page } from '@playwright/test';

import { Complaints } from './complaints';
import { Lab } from './lab';
import { Panel } from './panel';

interface IOptions {
  /** The path that the server is below, as behind a hub; it begins and ends with a slash. */
  basePath: string;
}

interface IFixtures {
  /** The test's own JupyterLab. */
  lab: Lab;
  /** What the pages complain of: the test fails at its end where it is not on a list with reasons. */
  complaints: Complaints;
  /** The panel of the test's page; `show` brings it up. */
  panel: Panel;
}

/**
 * Galata's test with a JupyterLab of its own, into which the browser has logged in by its token.
 *
 * Nothing of the server is played: settings, workspaces and sessions are the test's own anyway.
 */
export const test = base.extend<IOptions & IFixtures>({
  basePath: ['/', { option: true }],
  lab: async ({ basePath }, use, info) => {
    const lab = await Lab.open(basePath);
    try {
      await use(lab);
    } finally {
      if (info.status !== info.expectedStatus) {
        await info.attach('lab.log', { body: await lab.log() });
      }
      await lab.close();
    }
  },
  baseURL: async ({ lab }, use) => use(lab.url),
  autoGoto: false,
  mockConfig: false,
  mockSettings: false,
  mockState: false,
  mockUser: false,
  kernels: null,
  sessions: null,
  terminals: null,
  tmpPath: '',
  waitForApplication: async ({ baseURL }, use) => use(ready),
  context: async ({ context, lab }, use) => {
    // The answer brings the cookie that the browser is known by from now on, as a person's first visit does.
    const answer = await context.request.get(
      `${lab.url}/lab?token=${lab.token}`
    );
    expect(answer.status()).toBe(200);
    await use(context);
  },
  complaints: [
    async ({ context }, use) => {
      const complaints = new Complaints(context);
      await use(complaints);
      expect(complaints.all).toEqual([]);
    },
    { auto: true }
  ],
  panel: async ({ page }, use) => use(new Panel(page))
});

/**
 * Waits until JupyterLab has restored what was open and shows it: where nothing was, the launcher, which takes the
 * focus as it comes.
 */
export async function ready(page: Page): Promise<void> {
  // Asked in one function, which is asked again where the page moves to a workspace of its own, as a second tab does.
  await page.waitForFunction(async () => {
    await window.jupyterapp?.restored;
    return window.jupyterapp !== undefined;
  });
  await page.locator('#jupyterlab-splash').waitFor({ state: 'detached' });
  await page.getByRole('main').getByRole('tab').first().waitFor();
}

/** Opens JupyterLab in another tab of the same browser. */
export async function another(page: Page, lab: Lab): Promise<Page> {
  const tab = await page.context().newPage();
  await tab.goto(`${lab.url}/lab`);
  await ready(tab);
  return tab;
}

export { expect, Lab };

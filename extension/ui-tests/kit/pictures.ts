import { mkdir } from 'node:fs/promises';
import path from 'node:path';

import type { IJupyterLabPageFixture } from '@jupyterlab/galata';
import type { Page, TestInfo } from '@playwright/test';

/** The themes that every state is looked at in. */
export const THEMES = {
  light: 'JupyterLab Light',
  dark: 'JupyterLab Dark'
};

export type Theme = keyof typeof THEMES;

/** The theme that the page wears. */
export async function theme(page: IJupyterLabPageFixture): Promise<string> {
  return (await page.theme.getTheme()) ?? '';
}

/**
 * Takes pictures of a page in both themes: `STATE-light.png` and `STATE-dark.png` in AUTOLOOP_SCREENSHOTS, or with the
 * test's results. `check` looks at each as well.
 */
export async function shoot(
  page: IJupyterLabPageFixture,
  info: TestInfo,
  state: string,
  check: () => Promise<void> = async () => undefined
): Promise<void> {
  const worn = await theme(page);
  // The one that is worn comes first: a change of theme takes longer than a picture.
  const order = (Object.keys(THEMES) as Theme[]).sort(
    (one, other) =>
      Number(THEMES[other] === worn) - Number(THEMES[one] === worn)
  );
  for (const name of order) {
    if ((await theme(page)) !== THEMES[name]) {
      await page.theme.setTheme(THEMES[name]);
    }
    await picture(page, info, `${state}-${name}`);
    await check();
  }
}

/** Takes one picture of the page as it is. */
export async function picture(
  page: Pick<Page, 'screenshot'>,
  info: TestInfo,
  name: string
): Promise<void> {
  const folder = process.env.AUTOLOOP_SCREENSHOTS ?? info.outputPath('shots');
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: path.join(folder, `${name}.png`) });
}

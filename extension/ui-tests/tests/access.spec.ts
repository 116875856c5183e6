import path from 'node:path';

import type { IJupyterLabPageFixture } from '@jupyterlab/galata';

import { expectAccessible, expectFocusShown } from '../kit/axe';
import { expectLegible } from '../kit/legible';
import { picture, shoot } from '../kit/pictures';
import { expect, test } from '../kit/test';

const HISTORY = path.join(__dirname, '../kit/history.py');
const VIEW = '.jp-Autoloop-View';

/** Opens an iteration or a proposal in the main area, as a link to it does. */
async function open(
  page: IJupyterLabPageFixture,
  what: { number?: number; proposal?: string }
): Promise<void> {
  await page.evaluate(
    args => window.jupyterapp.commands.execute('autoloop:open-iteration', args),
    what
  );
  await page.locator(`${VIEW} .jp-Autoloop-Mime-title`).first().waitFor();
}

test('a chart is a table for those who want one, and stays it', async ({
  lab,
  page,
  panel
}, info) => {
  const arena = await lab.arena('long');
  await lab.python(HISTORY, arena);
  await page.goto('');
  await panel.show();
  await panel.widen(400);
  await panel.has(60);
  await expect(panel.plot).toHaveAccessibleName(
    /60 iterations;.*best .* improved \d+ times from 2\.604 at 1/
  );
  await panel.plot.focus();
  await page.keyboard.press('Tab');
  const toggle = panel.chart.getByRole('button', { name: 'Table' });
  await expect(toggle).toBeFocused();
  const kept = page.waitForResponse(
    answer =>
      answer.url().includes('/api/workspaces/') &&
      (answer.request().postData() ?? '').includes('"tabular":true')
  );
  await page.keyboard.press('Enter');
  await kept;
  const table = panel.chart.getByRole('table');
  await expect(table).toHaveAccessibleName(/improved on the best so far/);
  await expect(table.getByRole('columnheader')).toHaveText([
    'No.',
    'Verdict',
    'Score',
    'Difference',
    'Best so far'
  ]);
  await expect(toggle).toBeFocused();
  await panel.chart.getByRole('button', { name: 'All 60 iterations' }).click();
  await expect(table.getByRole('rowheader').first()).toHaveText('60');
  await panel.chart.getByRole('button', { name: 'Next page' }).click();
  await table.getByRole('button', { name: '47', exact: true }).click();
  await expect(panel.selection(47)).toBeVisible();
  await shoot(page, info, 'access-01-table', async () => {
    await expectLegible(page);
    await expectAccessible(page);
  });
  await panel.widen(250);
  await shoot(page, info, 'access-02-table-250', () => expectLegible(page));
  const over = await panel.chart
    .locator('.jp-Autoloop-table')
    .evaluate(node => node.scrollWidth - node.clientWidth);
  expect(over).toBeLessThanOrEqual(0);
  await page.reload();
  await expect(table).toBeVisible();
  await open(page, { number: 47 });
});

test('every part of an iteration is within reach, in every theme', async ({
  lab,
  page,
  panel
}, info) => {
  const arena = await lab.arena('long');
  await lab.python(HISTORY, arena);
  await page.goto('');
  await panel.show();
  await panel.has(60);
  await panel.row(54).click();
  await expectFocusShown(page, '#autoloop-panel');
  await panel.choose('More ways to step', 'Step, review first');
  await panel.waiting.getByRole('button', { name: 'Review…' }).click();
  const view = page.locator(VIEW);
  await view.locator('.cm-content').first().waitFor();
  await expectFocusShown(page, VIEW);
  const check = async () => {
    await expectAccessible(page);
    await expectLegible(page);
  };
  await shoot(page, info, 'access-10-review', check);
  await view.getByRole('button', { name: 'Split' }).click();
  await shoot(page, info, 'access-11-split', check);
  await page.theme.setDarkHighContrastTheme();
  await picture(page, info, 'access-12-high-contrast');
  await check();
  await view.getByRole('button', { name: 'Accept and run' }).click();
  await view.getByRole('button', { name: 'Compare with…' }).click();
  await page.getByRole('textbox', { name: 'Iteration' }).fill('60');
  await check();
  await page.keyboard.press('Enter');
  await view.getByRole('region', { name: 'Comparison' }).waitFor();
  await check();
  await expectFocusShown(page, VIEW);
  await shoot(page, info, 'access-13-ended', check);
});

test('twice as large, all of it can be read and used', async ({
  lab,
  page,
  panel
}, info) => {
  const arena = await lab.arena('long');
  await lab.python(HISTORY, arena);
  // What 200 % leaves of a window that is 1280 pixels wide.
  await page.setViewportSize({ width: 640, height: 512 });
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await page.goto('');
  await panel.show();
  await panel.has(60);
  await shoot(page, info, 'access-20-zoomed', () => expectLegible(page));
  // The last part of the panel can be scrolled to.
  await panel.row(60).click();
  const exporting = panel.button('Export…');
  await exporting.scrollIntoViewIfNeeded();
  await expect(exporting).toBeInViewport({ ratio: 1 });
  await shoot(page, info, 'access-21-zoomed-selected', () =>
    expectLegible(page)
  );
  await open(page, { number: 54 });
  await page.locator('.jp-SideBar [data-id="autoloop-panel"]').click();
  await panel.region.waitFor({ state: 'hidden' });
  await shoot(page, info, 'access-22-zoomed-view');
  const wide = await page
    .locator(VIEW)
    .evaluate(node => node.scrollWidth - node.clientWidth);
  expect(wide).toBeLessThanOrEqual(1);
  const moving = await page
    .locator(VIEW)
    .evaluate(node => node.getAnimations({ subtree: true }).length);
  expect(moving).toBe(0);
});

import path from 'node:path';

import type { IJupyterLabPageFixture } from '@jupyterlab/galata';
import type { TestInfo } from '@playwright/test';

import { expectAccessible } from '../kit/axe';
import { expectLegible } from '../kit/legible';
import { picture, shoot, THEMES } from '../kit/pictures';
import { expect, Lab, test } from '../kit/test';

const HISTORY = path.join(__dirname, '../kit/history.py');

/** Looks at a state in both themes, and as those do who see little or nothing of it. */
async function look(
  page: IJupyterLabPageFixture,
  info: TestInfo,
  state: string
): Promise<void> {
  await shoot(page, info, state, async () => {
    await expectLegible(page);
    await expectAccessible(page);
  });
}

/** An arena whose iterations take long enough to be watched, with a curve of 20 points. */
async function slow(lab: Lab): Promise<string> {
  const arena = await lab.arena('slow');
  await lab.edit(arena, '0.3 / STEPS', '1.6 / STEPS');
  await lab.edit(arena, 'STEPS = 6', 'STEPS = 20');
  return arena;
}

test('before, during and after a run', async ({
  complaints,
  lab,
  page,
  panel
}, info) => {
  complaints.allow(
    /409 \(Conflict\).*accept/,
    'the arena is made unsound here'
  );
  await page.goto('');
  await panel.show();
  await panel.region.getByText('No arena here yet').waitFor();
  await look(page, info, 'looks-01-empty');

  const arena = await slow(lab);
  await page.reload();
  await panel.show();
  await expect(panel.pill).toHaveText('idle');
  await look(page, info, 'looks-02-new');

  await panel.button('Auto').click();
  await page.getByRole('dialog', { name: 'Run by itself' }).waitFor();
  await look(page, info, 'looks-03-auto-popover');
  await page.keyboard.press('Escape');
  await panel.button('function_min.ipynb').click();
  await page.getByRole('option', { name: /function_min/ }).waitFor();
  await look(page, info, 'looks-04-arenas');
  await page.getByRole('button', { name: 'New arena…' }).click();
  await look(page, info, 'looks-05-templates');
  await page.keyboard.press('Escape');
  await panel.button('Who proposes: search').click();
  await page.getByRole('menuitemcheckbox', { name: 'search' }).waitFor();
  await look(page, info, 'looks-06-agents');
  await page.keyboard.press('Escape');

  await panel.auto({ iterations: 30 });
  await panel.has(3);
  for (const theme of Object.keys(THEMES) as (keyof typeof THEMES)[]) {
    await page.theme.setTheme(THEMES[theme]);
    await expect(panel.running).toContainText('training');
    await panel.running.locator('canvas, svg').last().waitFor();
    await picture(page, info, `looks-07-running-${theme}`);
    await expectLegible(page);
    await expectAccessible(page);
  }
  await panel.button('Pause').click();
  await expect(panel.pill).toContainText('paused');
  await look(page, info, 'looks-08-paused');
  await panel.choose('Stop', 'Stop now');
  await expect(panel.pill).toHaveText('idle');
  await look(page, info, 'looks-09-stopped');

  await panel.choose('More ways to step', 'Step, review first');
  await panel.waiting.getByRole('button', { name: 'Accept and run' }).waitFor();
  await look(page, info, 'looks-10-waiting');
  await panel.waiting.getByRole('button', { name: 'Skip…' }).click();
  await page.getByRole('dialog', { name: 'Skip this proposal' }).waitFor();
  await look(page, info, 'looks-11-skip');
  await page.keyboard.press('Escape');

  await lab.edit(arena, '     "score"', '     "scores"');
  await panel.waiting.getByRole('button', { name: 'Accept and run' }).click();
  await expect(panel.region).toContainText('unknown tag');
  await look(page, info, 'looks-12-unsound');
});

test('a long history, narrow and wide', async ({ lab, page, panel }, info) => {
  const arena = await lab.arena('long');
  await lab.python(HISTORY, arena);
  await page.goto('');
  await panel.show();
  await panel.has(60);
  await panel.widen(250);
  await look(page, info, 'looks-20-history-250');

  await panel.widen(600);
  await look(page, info, 'looks-21-history-600');
  await panel.widen(400);
  await panel.row(54).click();
  await panel.region.getByRole('region', { name: 'Iteration 54' }).waitFor();
  await look(page, info, 'looks-22-selected');
  await panel.button('Export…').click();
  await page.getByRole('dialog', { name: 'Export iteration 54' }).waitFor();
  await look(page, info, 'looks-23-export');
  await page.keyboard.press('Escape');
  await panel.button('Clear the selection').click();

  await panel.button('All verdicts').click();
  await page.getByRole('menuitemcheckbox', { name: /crash/ }).click();
  await look(page, info, 'looks-24-filter');
  await page.keyboard.press('Escape');
  await expect(panel.rows.first()).toContainText('crash');
  await panel.rows.first().click();
  await look(page, info, 'looks-25-crash');
  await panel.button('crash').click();
  await page.getByRole('button', { name: 'Show all' }).click();
  await page.keyboard.press('Escape');

  // A point that is selected wears a ring: there the pointer finds it.
  await panel.row(54).click();
  const ring = panel.chart.locator('.jp-Autoloop-chart-ring.jp-mod-selected');
  const { x, y, width, height } = (await ring.boundingBox())!;
  await page.mouse.move(x + width / 2, y + height / 2, { steps: 4 });
  await page.locator('.jp-Autoloop-chart-card').waitFor();
  await look(page, info, 'looks-26-hover');
});

test('high contrast and reduced motion', async ({ lab, page, panel }, info) => {
  const arena = await lab.arena('long');
  await lab.python(HISTORY, arena);
  await page.emulateMedia({ reducedMotion: 'reduce', contrast: 'more' });
  await page.goto('');
  await page.theme.setDarkHighContrastTheme();
  await panel.show();
  await panel.widen(400);
  await panel.has(60);
  await panel.row(54).click();
  await picture(page, info, 'looks-30-high-contrast');
  await expectLegible(page);
  await expectAccessible(page);
  await panel.button('Step').click();
  await panel.running.waitFor();
  const moving = await panel.region.evaluate(
    node =>
      node
        .getAnimations({ subtree: true })
        .filter(one => one.playState === 'running').length
  );
  expect(moving).toBe(0);
  await panel.verdict(61);
});

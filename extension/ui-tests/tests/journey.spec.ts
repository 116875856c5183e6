import { readdir } from 'node:fs/promises';
import path from 'node:path';

import { expect, test } from '../kit/test';

/** More iterations than this test waits for: it is a person who ends them. */
const MANY = 200;

const ARENA = 'function_min/function_min.ipynb';

test('from an empty folder to a search that is paused, reloaded, resumed, stopped and looked through', async ({
  lab,
  page,
  panel
}) => {
  await page.goto('');
  await panel.show();
  await expect(panel.region).toContainText('No arena here yet');

  await test.step('a new arena, and its first step', async () => {
    await panel.region.getByRole('button', { name: /hidden valley/ }).click();
    await expect(panel.button('function_min.ipynb')).toBeVisible();
    const made = await readdir(path.join(lab.root, 'function_min'));
    expect(made).toContain('function_min.ipynb');
    await expect(panel.pill).toHaveText('idle');
    await panel.button('Step').click();
    await panel.verdict(1);
    await expect(panel.row(1)).toContainText('baseline');
    await expect(panel.pill).toHaveText('idle');
    await expect(panel.count).toHaveText('1 iteration');
  });

  await test.step('by itself: rows, chart and figures move', async () => {
    const drawn = await panel.drawing();
    await panel.auto({ iterations: MANY });
    await expect(panel.pill).toContainText('auto');
    await expect(panel.running).toContainText('training');
    await panel.has(3);
    await panel.verdict(2);
    await expect(panel.figure('since baseline')).toContainText('%');
    await expect(panel.plot).toHaveAccessibleName(/: [2-9] iterations;/);
    expect(await panel.drawing()).not.toBe(drawn);
  });

  await test.step('a reload in the middle brings everything back', async () => {
    await panel.row(1).click();
    await panel.search.fill('e');
    await panel.filter(['keep', 'discard']);
    await panel.saved();
    await page.reload();
    await expect(panel.region).toBeVisible();
    await expect(panel.button('function_min.ipynb')).toBeVisible();
    await expect(panel.pill).toContainText('auto');
    await panel.verdict(1);
    await expect(panel.row(1)).toHaveAttribute('aria-selected', 'true');
    await expect(panel.selection(1)).toContainText('baseline');
    await expect(panel.search).toHaveValue('e');
    await expect(panel.button('keep, discard')).toBeVisible();
    await panel.search.fill('');
    await panel.filter([]);
  });

  await test.step('pause, resume, stop', async () => {
    await panel.has(4);
    await panel.button('Pause').click();
    await expect(panel.pill).toContainText('paused');
    await panel.button('Resume').click();
    await expect(panel.pill).toContainText('auto');
    const now = await panel.length();
    await panel.has(now + 1);
    await panel.choose('Stop', 'Stop after this one');
    await expect(panel.pill).toHaveText('idle');
    expect(await lab.driver(ARENA)).toBeNull();
    await expect.poll(() => panel.length()).toBe(await lab.ended(ARENA));
  });

  await test.step('sort, filter and search', async () => {
    const all = await panel.length();
    const down = await panel.numbers();
    expect(down).toEqual([...down].sort((one, other) => other - one));
    await panel.list.getByRole('button', { name: 'loss' }).click();
    const scores = await panel.scores();
    expect(scores.length).toBeGreaterThan(2);
    expect(scores).toEqual([...scores].sort((one, other) => one - other));
    await panel.list.getByRole('button', { name: 'Number' }).click();

    await panel.filter(['keep']);
    const kept = await panel.length();
    expect(kept).toBeGreaterThan(0);
    await expect(panel.count).toHaveText(`${kept} of ${all}`);
    for (const text of await panel.rows.allTextContents()) {
      expect(text).toContain('keep');
    }
    await panel.filter([]);
    await panel.search.fill('baseline');
    await expect.poll(() => panel.length()).toBe(1);
    await panel.search.fill('');
    await expect.poll(() => panel.length()).toBe(all);
  });

  await test.step('an executed notebook opens, and shows its outputs', async () => {
    await panel.row(2).click();
    await panel.list.focus();
    await page.keyboard.press('Enter');
    const main = page.getByRole('main');
    await expect(
      main.getByRole('tab', { name: /iteration\.ipynb/ })
    ).toBeVisible();
    await expect(main.locator('.jp-Notebook')).toContainText('hidden valley');
    await expect(main.locator('.jp-OutputArea-output').first()).toBeAttached();
  });
});

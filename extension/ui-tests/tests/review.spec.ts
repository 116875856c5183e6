import { readFile } from 'node:fs/promises';
import path from 'node:path';

import type { Page } from '@playwright/test';

import { reach } from '../kit/keys';
import { expectLegible } from '../kit/legible';
import { Panel } from '../kit/panel';
import { picture, shoot } from '../kit/pictures';
import { another, expect, Lab, test } from '../kit/test';
import { View } from '../kit/view';

/** Opens JupyterLab on an arena whose agent proposes four hunks at once, after its baseline has run. */
async function start(lab: Lab, page: Page, panel: Panel): Promise<string> {
  const arena = await lab.arena('walk');
  await lab.autoloop('step', arena);
  await page.goto('');
  await panel.show();
  await panel.verdict(1);
  await panel.ask(await lab.agent('careful'));
  return arena;
}

/** Asks for a proposal that waits for a person, and opens its review. */
async function propose(page: Page, panel: Panel): Promise<View> {
  await expect(panel.pill).toHaveText('idle');
  await panel.choose('More ways to step', 'Step, review first');
  const title = await panel.waiting.getByRole('heading').textContent();
  await panel.waiting.getByRole('button', { name: 'Review…' }).click();
  const view = new View(page, new RegExp(title!));
  await expect(view.progress).toContainText('4 hunks to decide');
  return view;
}

/** Waits until the server has kept `text` in a workspace: a page that goes earlier loses it. */
async function kept(lab: Lab, page: Page, text: string): Promise<void> {
  const { request } = page.context();
  const read = async () =>
    (await request.get(`${lab.url}/lab/api/workspaces`)).text();
  await expect.poll(read).toContain(text);
}

/** The source of the arena's editable cell as an iteration ran it, by its executed notebook. */
async function ran(lab: Lab, arena: string, number: number): Promise<string> {
  const runs = arena.replace('.ipynb', '_runs');
  const folder = path.join(lab.root, runs, String(number).padStart(4, '0'));
  const text = await readFile(path.join(folder, 'iteration.ipynb'), 'utf-8');
  const cells: { id: string; source: string | string[] }[] =
    JSON.parse(text).cells;
  const { source } = cells.find(cell => cell.id === 'walk')!;
  return typeof source === 'string' ? source : source.join('');
}

test('a proposal is reviewed by its buttons: one hunk accepted, one rejected, one rewritten; another is skipped', async ({
  lab,
  page,
  panel
}, info) => {
  const look = (state: string) =>
    shoot(page, info, state, () => expectLegible(page));
  const arena = await start(lab, page, panel);
  const view = await propose(page, panel);

  await test.step('hunk by hunk', async () => {
    await expect(view.region).toContainText('halving never arrives');
    await look('review-waiting');
    await view.decide('Accept', 0);
    await expect(view.progress).toContainText('3 hunks to decide');
    await expect(view.button('Accept and run')).toBeVisible();
    await view.decide('Reject', 2);
    await expect(view.progress).toContainText('yours differs in walk');
    await view.button('Take over…').click();
    await view.type('sleep(0.2', 'sleep(0.1');
    await view.button('Stop typing').click();
  });

  await test.step('side by side and back, all that was decided stays', async () => {
    await view.button('Split').click();
    await expect(view.diff.locator('.cm-merge-a')).toBeVisible();
    await look('review-split');
    await expect(view.source).toContainText('sleep(0.1');
    await view.button('Unified').click();
    await expect(view.diff.locator('.cm-merge-a')).toBeHidden();
    await view.focus();
    await page.keyboard.press('Control+z');
    await expect(view.source).toContainText('sleep(0.2');
    await page.keyboard.press('Control+z');
    await expect(view.source).toContainText('facts(aim=0.9');
    await view.decide('Reject', 2);
    await view.button('Take over…').click();
    await view.type('sleep(0.2', 'sleep(0.1');
    await view.button('Stop typing').click();
  });

  await test.step('a reload brings the version back', async () => {
    await kept(lab, page, 'sleep(0.1');
    await page.reload();
    await expect(view.progress).toContainText('yours differs in walk');
    await expect(view.source).toContainText('sleep(0.1');
    await expect(view.source).not.toContainText('aim=0.9');
  });

  await test.step('what has not run is not thrown away', async () => {
    await view.tab.locator('.lm-TabBar-tabCloseIcon').click();
    const asked = page.getByRole('dialog');
    await expect(asked).toContainText('Close without running your version?');
    await asked.getByRole('button', { name: 'Cancel' }).click();
    await expect(view.source).toContainText('sleep(0.1');
  });

  await test.step('the version runs, and is what was seen', async () => {
    await view.button('Run my version').click();
    await panel.verdict(2);
    await view.ended();
    await expect(view.heading).toContainText('2 · walk to x = 0.9');
    await expect(view.region).toContainText('human, after careful');
    const source = await ran(lab, arena, 2);
    expect(source).toContain('X = 0.9 ');
    expect(source).toContain('METHOD = "straight"');
    expect(source).toContain('sleep(0.1 / STEPS)');
    expect(source).not.toContain('aim=0.9');
  });

  await test.step('skipped with a reason', async () => {
    const next = await propose(page, panel);
    await next.skip('we know that it is too far');
    await expect(next.region).toContainText('we know that it is too far');
    await look('review-skipped');
    await expect(panel.waiting).toBeHidden();
    const log = await lab.autoloop('log', arena, '--all');
    expect(log).toContain('we know that it is too far');
  });
});

test('a proposal is reviewed by the keyboard alone; another is decided in a second tab meanwhile', async ({
  lab,
  page,
  panel
}, info) => {
  const arena = await start(lab, page, panel);
  const { keyboard } = page;

  await test.step('by the keyboard', async () => {
    await panel.choose('More ways to step', 'Step, review first');
    await panel.waiting.getByRole('button', { name: 'Review…' }).waitFor();
    await reach(page, /^Review…$/);
    await keyboard.press('Enter');
    const view = new View(page, /walk/);
    await expect(view.progress).toContainText('4 hunks to decide');
    await expect(view.region).toBeFocused();
    await keyboard.press('j');
    await expect(view.progress).toContainText('hunk 1 of 4 in walk');
    await keyboard.press('k');
    await expect(view.progress).toContainText('hunk 4 of 4 in walk');
    await keyboard.press('x');
    await expect(view.progress).toContainText('hunk 3 of 3 in walk');
    await keyboard.press('j');
    await keyboard.press('a');
    await expect(view.progress).toContainText('hunk 1 of 2 in walk');

    await reach(page, /^Take over…$/);
    await keyboard.press('Enter');
    await expect(view.source).toBeFocused();
    await keyboard.press('Control+End');
    await keyboard.press('Enter');
    await keyboard.insertText('# by hand, jaxk');
    await expect(view.source).toContainText('# by hand, jaxk');
    await expect(async () => {
      await keyboard.press('Escape');
      await keyboard.press('Shift+Tab');
      await expect(view.source).not.toBeFocused({ timeout: 100 });
    }).toPass();
    await reach(page, /^Run my version$/, 'Shift+Tab');
    await keyboard.press('Enter');
    await panel.verdict(2);
    await view.ended();
    const source = await ran(lab, arena, 2);
    expect(source).toContain('X = 0.9 ');
    expect(source).toContain('sleep(0.2 / STEPS)');
    expect(source).not.toContain('aim=0.9');
    expect(source).toContain('# by hand, jaxk');
  });

  await test.step('decided in another tab', async () => {
    const view = await propose(page, panel);
    await view.decide('Reject', 0);
    const tab = await another(page, lab);
    const other = new Panel(tab);
    await other.show();
    await other.waiting.getByRole('button', { name: 'Accept and run' }).click();
    await other.verdict(3);
    await tab.close();
    await expect(view.region).toContainText('It was decided elsewhere (ran)');
    await expect(view.source).toContainText('X = 0.9 ');
    await view.source.scrollIntoViewIfNeeded();
    await picture(page, info, 'review-overtaken');
    await view.button('Discard my version').click();
    await view.ended();
    await expect(view.region).not.toContainText('decided elsewhere');
    await expect(view.tab).not.toHaveClass(/jp-mod-dirty/);
    expect(await ran(lab, arena, 3)).not.toContain('X = 0.9 ');
  });
});

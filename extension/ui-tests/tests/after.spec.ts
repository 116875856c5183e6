import type { Page } from '@playwright/test';

import { Book } from '../kit/book';
import { expectLegible } from '../kit/legible';
import { shoot } from '../kit/pictures';
import { expect, test } from '../kit/test';
import { View } from '../kit/view';

/** Opens the view of an iteration from its row in the panel. */
async function details(page: Page, number: number): Promise<View> {
  const row = page.getByRole('region', { name: `Iteration ${number}` });
  await row.getByRole('button', { name: 'Details' }).click();
  const view = new View(page, new RegExp(`^${number} · `));
  await expect(view.heading).toContainText(`${number} · `);
  return view;
}

test('compare two, fork a discarded one, make champion, replicate, export and run the winner', async ({
  complaints,
  lab,
  page,
  panel
}, info) => {
  complaints.allow(
    /ERR_UNKNOWN_URL_SCHEME \(attachment:/,
    'JupyterLab parses the markdown of a cell before it looks up its pictures'
  );
  const arena = await lab.arena('walk');
  const agent = await lab.agent('moves');
  await lab.autoloop('auto', arena, '--agent', agent, '--iterations', '4');
  await page.goto('');
  await panel.show();
  await panel.has(4);
  await expect(panel.pill).toHaveText('idle');
  await panel.ask(agent);
  const look = (state: string) =>
    shoot(page, info, state, () => expectLegible(page));

  await test.step('a crashed one: why, where, and its notebook', async () => {
    await panel.row(4).click();
    const view = await details(page, 4);
    await expect(view.region).toContainText('ZeroDivisionError');
    await view.region.getByText('the end of its log').click();
    await expect(view.region.locator('pre')).toContainText('Traceback');
    await look('view-crash');
    await view.button('Open notebook').click();
    const book = page.getByRole('main').locator('.jp-Notebook');
    await expect(book).toContainText('ZeroDivisionError');
  });

  const view =
    await test.step('a discarded one beside a kept one', async () => {
      await panel.row(3).click();
      const view = await details(page, 3);
      await expect(view.region).toContainText('discard');
      await expect(panel.button('Fork')).toHaveAttribute(
        'title',
        'Go on from it although it was not kept'
      );
      await view.button('Compare with…').click();
      const form = page.getByRole('dialog', {
        name: 'Compare with another iteration'
      });
      await form.getByRole('textbox', { name: 'Iteration' }).fill('1');
      await page.keyboard.press('Enter');
      const both = view.region.getByRole('region', { name: 'Comparison' });
      await expect(both).toContainText('1 and 3, side by side');
      await both.scrollIntoViewIfNeeded();
      await look('view-compared');
      return view;
    });

  await test.step('fork: the next proposal is of it', async () => {
    await view.button('Fork').click();
    await expect(view.said).toContainText('edit iteration 3');
    await panel.button('Step').click();
    await panel.verdict(5);
    await panel.row(5).click();
    const next = await details(page, 5);
    await expect(next.region).toContainText('on 3');
  });

  await test.step('champion again', async () => {
    await panel.row(2).click();
    const kept = await details(page, 2);
    await kept.button('Make champion').click();
    await expect(kept.said).toContainText('iteration 2 is the champion now');
    await expect(kept.button('Make champion')).toHaveAttribute(
      'aria-disabled',
      'true'
    );
    await kept.button('Replicate').click();
    await expect(kept.region).toContainText(
      /mean .* ± .*\(95 % interval, 2 scores\)/
    );
    await look('view-replicated');
  });

  await test.step('confirmed: it holds up in fresh runs', async () => {
    const kept = new View(page, /^2 · /);
    await kept.button('Confirm').click();
    await expect(kept.said).toContainText('held against fresh runs');
    await expect(
      panel.row(2).locator('.jp-Autoloop-sign.jp-mod-confirmed')
    ).toBeVisible();
    await expect(kept.button('Confirm')).toBeHidden();
    await look('view-confirmed');
  });

  await test.step('export, open the winner and run it', async () => {
    const kept = new View(page, /^2 · /);
    await kept.button('Export…').click();
    const form = page.getByRole('dialog', { name: 'Export iteration 2' });
    await form.getByRole('button', { name: 'Export' }).click();
    await expect(kept.said).toContainText('walk/winner-2.ipynb is');
    const winner = await Book.at(page, 'walk/winner-2.ipynb');
    const drawn = winner.panel.locator('.jp-MarkdownCell img').first();
    await expect
      .poll(() => drawn.evaluate((one: HTMLImageElement) => one.naturalWidth))
      .toBeGreaterThan(0);
    await winner.run();
    await expect(winner.outputs(-1)).toContainText(/score 4\.90/);
  });

  await test.step('where it was executed', async () => {
    await panel.row(2).click();
    const kept = await details(page, 2);
    await kept.button('Open notebook').first().click();
    const shown = () =>
      page.evaluate(() => {
        const { currentWidget } = window.jupyterapp.shell;
        return (currentWidget as { context?: { path: string } }).context?.path;
      });
    await expect
      .poll(shown)
      .toBe('walk/function_min_runs/0002/iteration.ipynb');
  });
});

test('one that runs is watched, live', async ({ lab, page, panel }, info) => {
  const arena = await lab.arena('slow');
  await lab.agent('moves');
  await lab.edit(arena, '"budget_s": 2', '"budget_s": 60');
  await lab.autoloop('step', arena);
  await page.goto('');
  await panel.show();
  await panel.verdict(1);
  await panel.ask('moves:Slow');
  await panel.button('Step').click();
  await expect(panel.running).toContainText('training');
  await panel.row(2).click();
  const view = await details(page, 2);
  await expect(view.region).toContainText('take small steps');
  await expect(view.region.locator('.cm-content')).toContainText('STEPS = 40');
  const curve = view.region.locator('.jp-Autoloop-live canvas').first();
  await curve.waitFor();
  const drawn = await curve.evaluate((one: HTMLCanvasElement) =>
    one.toDataURL()
  );
  await expect
    .poll(() => curve.evaluate((one: HTMLCanvasElement) => one.toDataURL()))
    .not.toBe(drawn);
  await shoot(page, info, 'view-running', () => expectLegible(page));
  await panel.choose('Stop', 'Stop now');
  await expect(panel.pill).toHaveText('idle');
  await expect(view.region).toContainText('interrupted');
  await shoot(page, info, 'view-interrupted', () => expectLegible(page));
});

import { expectAccessible } from '../kit/axe';
import { expectLegible } from '../kit/legible';
import { shoot } from '../kit/pictures';
import { expect, test } from '../kit/test';

test('two workers run at once, and the panel shows what each runs', async ({
  lab,
  page,
  panel
}, info) => {
  const arena = await lab.arena('two');
  await lab.edit(arena, '0.3 / STEPS', '3 / STEPS');
  await lab.edit(arena, 'STEPS = 6', 'STEPS = 20');
  await lab.edit(arena, '"budget_s": ', '"clock": "cpu",\n   "budget_s": ');
  await page.goto('');
  await panel.show();
  await expect(panel.pill).toHaveText('idle');

  await test.step('what names no workers is refused at its field', async () => {
    await panel.auto({ iterations: 40, workers: 'two' });
    const form = page.getByRole('dialog', { name: 'Run by itself' });
    await expect(form.getByRole('alert')).toContainText('A number, ray');
    await page.keyboard.press('Escape');
  });

  await panel.auto({ iterations: 40, workers: '2' });
  const lines = panel.workers.getByRole('listitem');
  const runs = panel.workers.getByRole('button', { name: /^Show iteration / });
  await expect(lines).toHaveCount(2);
  await expect(runs).toHaveCount(2);
  await expect(lines.nth(0)).toContainText('w1');
  await expect(lines.nth(1)).toContainText('w2');

  await test.step('both are under way in the list, and each has its own curve', async () => {
    const under = panel.rows.filter({ hasText: 'run' });
    await expect.poll(() => under.count()).toBe(2);
    await expect(panel.running).toContainText('training');
    await shoot(page, info, 'workers-two', async () => {
      await expectLegible(page);
      await expectAccessible(page);
    });
  });

  await test.step('the panel does not scroll around its list', async () => {
    await page.setViewportSize({ width: 1360, height: 960 });
    // Of one that has ended there is more to show.
    await panel.rows.filter({ hasNotText: 'run' }).first().click();
    await expect(panel.running).toContainText('training');
    await expect(panel.running.locator('.jp-Autoloop-live')).toBeVisible();
    const beyond = await panel.region.evaluate(region => {
      const body = region.firstElementChild!;
      return body.scrollHeight - body.clientHeight;
    });
    expect(beyond).toBe(0);
    await page.setViewportSize({ width: 1360, height: 1000 });
  });

  await test.step('a press shows an iteration here and in the main area', async () => {
    await expect(runs).toHaveCount(2);
    const name = await runs.last().innerText();
    const number = name.split(' ')[0];
    await runs.last().press('Enter');
    const tab = page.getByRole('main').getByRole('tab');
    await expect(tab.filter({ hasText: `${number} ·` })).toBeVisible();
    await expect(panel.row(Number(number))).toHaveAttribute(
      'aria-selected',
      'true'
    );
  });

  await test.step('both have run something when it ends, and the workers go', async () => {
    await expect
      .poll(async () =>
        JSON.parse(await lab.autoloop('status', arena, '--json')).workers.every(
          (one: { runs: number }) => one.runs > 0
        )
      )
      .toBe(true);
    for (const meter of await panel.workers.getByRole('meter').all()) {
      expect(Number(await meter.getAttribute('aria-valuenow'))).toBeGreaterThan(
        0
      );
    }
    await panel.choose('Stop', 'Stop now');
    await expect(panel.pill).toHaveText('idle');
    await expect(panel.workers).toBeHidden();
  });
});

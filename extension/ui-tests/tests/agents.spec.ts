import type { Page } from '@playwright/test';

import type { Panel } from '../kit/panel';
import { shoot } from '../kit/pictures';
import { expect, test } from '../kit/test';

/** Lets `agent`, whom the server offers, propose in place of `before`. */
async function prefer(page: Page, panel: Panel, agent: string, before: string) {
  await panel.button(`Who proposes: ${before}`).click();
  for (const name of [agent, before]) {
    await page.getByRole('menuitemcheckbox', { name, exact: true }).click();
  }
  await page.keyboard.press('Escape');
  await panel.button(`Who proposes: ${agent}`).waitFor();
}

test('a person’s own edit is proposed from the panel, and Claude without a key says so', async ({
  complaints,
  lab,
  page,
  panel
}, info) => {
  complaints.allow(
    /status of 400 .*autoloop\/api\/step/,
    'Claude without a key is refused'
  );
  const arena = await lab.arena('one');
  await lab.autoloop('step', arena);
  await lab.edit(arena, 'X = 0.5', 'X = 1.25');
  await page.goto('');
  await panel.show();
  await prefer(page, panel, 'human', 'search');
  await panel.button('Step').click();
  await panel.verdict(2);
  await expect(panel.row(2)).toContainText('human');
  await expect(panel.pill).toHaveText('idle');
  await shoot(page, info, 'agents-human');

  await panel.button('Step').click();
  await expect(
    panel.region.getByRole('alert').filter({ hasText: 'no proposal passed' })
  ).toBeVisible();
  await shoot(page, info, 'agents-nothing-new');

  await prefer(page, panel, 'claude', 'human');
  await panel.button('Step').click();
  await expect(
    panel.region.getByRole('alert').filter({ hasText: 'ANTHROPIC_API_KEY' })
  ).toBeVisible();
  await shoot(page, info, 'agents-claude');
  await expect(panel.count).toHaveText('2 iterations');
});

import { readdir } from 'node:fs/promises';
import path from 'node:path';

import { expect, test } from '../kit/test';
import { shoot } from '../kit/pictures';

/** What the template's own loop takes a third of a second for; with it an iteration takes long enough to be watched. */
const FAST = '0.3 / STEPS';
const SLOW = '1.5 / STEPS';

const ARENA = 'function_min/function_min.ipynb';

test('from an empty folder to a search that was paused, reloaded, resumed and stopped', async ({
  lab,
  page,
  panel
}, info) => {
  await page.goto('');
  await panel.show();
  await expect(panel.region).toContainText('No arena here yet');
  await shoot(page, info, '01-empty');

  await panel.region.getByRole('button', { name: /hidden valley/ }).click();
  await expect(panel.button('function_min.ipynb')).toBeVisible();
  expect(await readdir(path.join(lab.root, 'function_min'))).toContain(
    'function_min.ipynb'
  );
  await expect(panel.pill).toHaveText('idle');
  await shoot(page, info, '02-new');

  await panel.button('Step').click();
  await panel.verdict(1);
  await expect(panel.row(1)).toContainText('baseline');
  await expect(panel.pill).toHaveText('idle');
  await expect(panel.count).toHaveText('1 iteration');

  await lab.edit(ARENA, FAST, SLOW);
  await panel.auto({ iterations: 8 });
  await expect(panel.pill).toContainText('auto');
  await panel.running.waitFor();
  await shoot(page, info, '03-auto');
  await panel.has(3);
  await panel.verdict(2);
  await shoot(page, info, '04-auto');
  await panel.button('Pause').click();
  await expect(panel.pill).toContainText('paused');
  await shoot(page, info, '05-paused');
  await panel.button('Resume').click();
  await panel.verdict(4);
  await panel.choose('Stop', 'Stop after this one');
  await expect(panel.pill).toHaveText('idle');
  await panel.rows.first().click();
  await shoot(page, info, '06-selected');
});

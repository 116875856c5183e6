import { Book } from '../kit/book';
import { kill } from '../kit/lab';
import { Panel } from '../kit/panel';
import { another, expect, test } from '../kit/test';

/** More iterations than any of these tests waits for: it is a person who ends them. */
const MANY = 500;

test('a driver goes on while the server is away, and the panel comes back by itself', async ({
  complaints,
  lab,
  page,
  panel
}) => {
  complaints.allow(
    /ERR_CONNECTION_REFUSED|WebSocket connection|Failed to fetch|NetworkError/,
    'the server is away for a while'
  );
  // JupyterLab says so too, in a dialog that covers the page.
  const dialog = page
    .getByRole('dialog')
    .filter({ hasText: 'Server Connection' });
  await page.addLocatorHandler(dialog, async () => {
    await dialog.getByRole('button', { name: 'Close' }).click();
  });
  const arena = await lab.arena('one');
  await page.goto('');
  await panel.show();
  await page.evaluate(() => document.body.setAttribute('data-same', 'yes'));
  await panel.auto({ iterations: MANY });
  await panel.has(2);
  const driver = await lab.driver(arena);

  await lab.stop('SIGTERM');
  await expect(panel.pill).toHaveText('reconnecting…');
  const before = await lab.ended(arena);
  await expect.poll(() => lab.ended(arena)).toBeGreaterThan(before + 1);

  await lab.start();
  await expect(panel.pill).toContainText('auto');
  await panel.has(before + 2);
  expect(await lab.driver(arena)).toBe(driver);
  await expect(page.locator('body')).toHaveAttribute('data-same', 'yes');

  await panel.choose('Stop', 'Stop after this one');
  await expect(panel.pill).toHaveText('idle');
  await expect.poll(() => panel.length()).toBe(await lab.ended(arena));
  for (let number = 1; number <= (await lab.ended(arena)); number += 1) {
    await panel.verdict(number);
  }
});

test('two tabs on one arena show the same', async ({ lab, page, panel }) => {
  await lab.arena('one');
  await page.goto('');
  await panel.show();
  const other = new Panel(await another(page, lab));
  await other.show();

  await panel.auto({ iterations: MANY });
  await expect(other.pill).toContainText('auto');
  await other.has(3);
  await other.verdict(2);
  await other.button('Pause').click();
  await expect(panel.pill).toContainText('paused');
  await expect(other.pill).toContainText('paused');
  await panel.choose('Stop', 'Stop now');
  await expect(other.pill).toHaveText('idle');
  await expect(panel.pill).toHaveText('idle');
  await expect
    .poll(async () => [await panel.length(), await panel.text()])
    .toEqual([await other.length(), await other.text()]);
});

test('what a command line and a kernel do is seen in the panel', async ({
  lab,
  page,
  panel
}) => {
  const arena = await lab.arena('one');
  await page.goto('');
  await panel.show();
  await expect(panel.pill).toHaveText('idle');

  await lab.autoloop('step', arena);
  await panel.verdict(1);

  const book = await Book.open(page, lab, 'mine.ipynb', [
    'from autoloop_kernel import Workbench',
    `wb = Workbench(${JSON.stringify(arena)})`,
    'wb.step()'
  ]);
  await book.run();
  await panel.verdict(2);

  await panel.auto({ iterations: MANY });
  await panel.has(3);
  await lab.autoloop('pause', arena);
  await expect(panel.pill).toContainText('paused');
  await lab.autoloop('resume', arena);
  await expect(panel.pill).toContainText('auto');
  await lab.autoloop('stop', arena);
  await expect(panel.pill).toHaveText('idle');
});

test('a driver that is killed is seen as idle, and its iteration is run again', async ({
  lab,
  page,
  panel
}) => {
  const arena = await lab.arena('one');
  await page.goto('');
  await panel.show();
  await panel.auto({ iterations: MANY });
  await panel.verdict(1);
  await expect(panel.running).toContainText('training');
  kill((await lab.driver(arena))!, 'SIGKILL');
  await expect(panel.pill).toHaveText('idle');
  await expect(panel.running).toBeHidden();

  const cut = (await lab.ended(arena)) + 1;
  await expect(panel.row(cut)).toContainText('interrupted');
  await panel.button('Step').click();
  await panel.verdict(cut);
  await expect(panel.pill).toHaveText('idle');
});

test('why a run came to no good end is said in the panel', async ({
  lab,
  page,
  panel
}) => {
  const arena = await lab.arena('one');
  await lab.autoloop('step', arena);
  await page.goto('');
  await panel.show();
  await panel.button('Who proposes: search').click();
  const dialog = page.getByRole('dialog', { name: 'Who proposes' });
  await dialog.getByLabel('Another agent').fill('command:false');
  await dialog.getByRole('button', { name: 'Add' }).click();
  await dialog.getByRole('menuitemcheckbox', { name: 'search' }).click();
  await page.keyboard.press('Escape');

  await panel.button('Step').click();
  await expect(
    panel.region.getByRole('alert').filter({ hasText: 'no proposal passed' })
  ).toBeVisible();
  await expect(panel.pill).toHaveText('idle');
  await expect(panel.count).toHaveText('1 iteration');
});

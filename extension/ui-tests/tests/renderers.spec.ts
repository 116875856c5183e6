import { Book } from '../kit/book';
import { shoot } from '../kit/pictures';
import { expect, test } from '../kit/test';

const KINDS = ['iteration', 'history', 'comparison', 'arena'];

test('what a notebook shows of an arena is the rich view', async ({
  lab,
  page
}, info) => {
  const arena = await lab.arena('one');
  await lab.autoloop('auto', arena, '--iterations', '3');
  await page.goto('');
  const book = await Book.open(page, lab, 'mine.ipynb', [
    `from autoloop_kernel import Workbench\nwb = Workbench(${JSON.stringify(arena)})\nwb[2]`,
    'wb.history',
    'wb.compare(1, 2)',
    'wb'
  ]);
  await book.run();
  for (const [cell, kind] of KINDS.entries()) {
    const shown = book
      .outputs(cell)
      .and(page.locator(`.jp-Autoloop-Mime-${kind}`));
    await expect(shown).toBeVisible();
    await shown.scrollIntoViewIfNeeded();
    await shoot(page, info, `renderers-${kind}`);
  }
});

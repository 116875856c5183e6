import { copyFile, readFile } from 'node:fs/promises';
import path from 'node:path';

import { Book } from '../kit/book';
import { commandsOf, notebook, Notebook7, tree } from '../kit/notebook7';
import { picture } from '../kit/pictures';
import { expect, Lab, test } from '../kit/test';

const KINDS = ['iteration', 'history', 'comparison', 'arena'];

test.beforeEach(({ complaints }) => Notebook7.forgive(complaints));

/** Two arenas: which one is shown has to be chosen. Gives back the paths of both. */
async function two(lab: Lab): Promise<[string, string]> {
  const first = await lab.arena('one');
  const second = 'one/other.ipynb';
  await copyFile(path.join(lab.root, first), path.join(lab.root, second));
  return [first, second];
}

test('an arena’s page: its panel, two steps, and an iteration on a page of its own', async ({
  context,
  lab
}, info) => {
  const [, arena] = await two(lab);
  const book = await Notebook7.open(context, lab, notebook(arena));
  const panel = await book.show();
  await expect(panel.button('other.ipynb')).toBeVisible();
  await expect(panel.pill).toHaveText('idle');
  for (const number of [1, 2]) {
    await panel.button('Step').click();
    await panel.verdict(number);
    await expect(panel.pill).toHaveText('idle');
  }
  await panel.row(2).click();
  await expect(panel.selection(2)).toBeVisible();
  await book.look(info, 'notebook7-panel');

  const details = () => panel.selection(2).getByText('Details').click();
  const shown = await Notebook7.opened(context, details);
  const view = shown.main.getByRole('region', { name: /^2 · / });
  const isShown = async () => {
    await expect(view.getByRole('heading', { name: /^2 · / })).toBeVisible();
    await expect(
      view.locator('.cm-insertedLine, .cm-changedLine').first()
    ).toBeVisible();
    await expect(view).toContainText(/keep|discard/);
    await expect(shown.page).toHaveTitle(/^2 · /);
  };
  await isShown();
  await shown.look(info, 'notebook7-iteration');
  await shown.reload();
  await isShown();

  const pages = context.pages().length;
  await details();
  await isShown();
  expect(context.pages()).toHaveLength(pages);

  await shown.show();
  await expect(shown.panel.button('other.ipynb')).toBeVisible();
  await expect(shown.panel.row(2)).toBeVisible();
  await shown.look(info, 'notebook7-iteration-panel');
  const open = () =>
    view.getByRole('button', { name: 'Open notebook' }).click();
  const executed = await Notebook7.opened(context, open);
  await expect(executed.main.locator('.jp-Notebook')).toContainText(
    'hidden valley'
  );
});

test('a proposal is taken over on its own page, which then shows the iteration', async ({
  context,
  lab
}, info) => {
  const arena = await lab.arena('one');
  await lab.autoloop('step', arena);
  const book = await Notebook7.open(context, lab, notebook(arena));
  const panel = await book.show();
  await panel.choose('More ways to step', 'Step, review first');
  const review = panel.waiting.getByRole('button', { name: 'Review…' });
  const shown = await Notebook7.opened(context, () => review.click());
  await expect(shown.page).toHaveURL(/proposal=/);
  const button = (name: string) => shown.main.getByRole('button', { name });
  await button('Accept and run').waitFor();
  await shown.look(info, 'notebook7-review');

  await button('Take over…').click();
  await shown.main.locator('.cm-line', { hasText: 'STEPS = 6' }).click();
  await shown.page.keyboard.press('End');
  await shown.page.keyboard.type(' # enough');
  const asked = shown.page.waitForEvent('dialog');
  await shown.page.close({ runBeforeUnload: true });
  await (await asked).dismiss(); // what was typed stays, and the page with it
  await button('Run my version').click();
  await expect(shown.page).toHaveURL(/\/edit\?arena=[^&]*&iteration=2$/);
  await expect(shown.main).toContainText(/keep|discard/);
  await panel.verdict(2);
  await shown.reload();
  await expect(
    shown.main.getByRole('heading', { name: /^2 · / })
  ).toBeVisible();
});

test('every page has the commands, and the tree page makes an arena', async ({
  context,
  lab,
  page
}, info) => {
  await page.goto('');
  const expected = await commandsOf(page);
  expect(expected).toContain('autoloop:step');
  const entries = [];
  const home = await Notebook7.open(context, lab, tree());
  expect(await home.commands()).toEqual(expected);
  entries.push(await home.menu('Autoloop'));
  await home.look(info, 'notebook7-menu');
  await home.page.keyboard.press('Escape');
  await home.page.keyboard.press('ControlOrMeta+Shift+C');
  const palette = home.page.locator('.lm-CommandPalette');
  await palette
    .getByRole('searchbox')
    .or(palette.locator('input'))
    .first()
    .fill('Autoloop');
  await expect(palette).toContainText('New arena…');
  await picture(home.page, info, 'notebook7-palette'); // another theme would close it
  await home.page.keyboard.press('Escape');

  await home.choose('Autoloop', 'New arena…');
  const make = home.page
    .getByRole('dialog')
    .getByRole('button', { name: 'Make' });
  await make.waitFor();
  await home.look(info, 'notebook7-new-arena');
  const book = await Notebook7.opened(context, () => make.click());
  await expect(book.page).toHaveURL(/\/notebooks\/.*\.ipynb$/);
  await expect(home.panel.pill).toHaveText('idle');
  await home.look(info, 'notebook7-tree');
  expect(await book.commands()).toEqual(expected);
  entries.push(await book.menu('Autoloop'));
  expect(entries[0]).toEqual(entries[1]);
});

test('the address chooses an arena, and opens the panel on it', async ({
  context,
  lab
}) => {
  const [, arena] = await two(lab);
  const home = await Notebook7.open(
    context,
    lab,
    `${tree()}?autoloop=${arena}`
  );
  await expect(home.panel.button('other.ipynb')).toBeVisible();
});

test('an arena’s notebook wears its roles, and has the loop in its toolbar', async ({
  context,
  lab
}, info) => {
  const arena = await lab.arena('one');
  const book = await Notebook7.open(context, lab, notebook(arena));
  const text = await readFile(path.join(lab.root, arena), 'utf-8');
  const { cells } = JSON.parse(text) as { cells: unknown[] };
  const badges = book.main
    .locator('.jp-Notebook .jp-Cell')
    .getByRole('button', { name: /^Role of/ });
  await expect(badges).toHaveCount(cells.length);
  // Notebook 7 has a strip of its own where a cell's bar stands.
  const bars = await book.main
    .locator('.jp-Notebook .jp-Cell')
    .evaluateAll(all =>
      all.map(cell => getComputedStyle(cell, '::before').width)
    );
  expect(bars).toEqual(cells.map(() => '3px'));
  const tools = book.main.getByRole('group', { name: 'Autoloop' });
  await expect(tools.getByRole('status')).toHaveText('idle');
  await book.look(info, 'notebook7-roles');
  await tools.getByRole('button', { name: 'Step', exact: true }).click();
  const panel = await book.show();
  await panel.verdict(1);
});

test('what a notebook shows of an arena is the rich view there, too', async ({
  context,
  lab
}, info) => {
  const arena = await lab.arena('one');
  await lab.autoloop('auto', arena, '--iterations', '3');
  await Book.write(lab, 'mine.ipynb', [
    `from autoloop_kernel import Workbench\nwb = Workbench(${JSON.stringify(arena)})\nwb[2]`,
    'wb.history',
    'wb.compare(1, 2)',
    'wb'
  ]);
  const shown = await Notebook7.open(context, lab, notebook('mine.ipynb'));
  const book = await Book.on(shown.page, 'mine.ipynb');
  await book.run();
  for (const [cell, kind] of KINDS.entries()) {
    const output = book
      .outputs(cell)
      .and(shown.page.locator(`.jp-Autoloop-Mime-${kind}`));
    await expect(output).toBeVisible();
    await output.scrollIntoViewIfNeeded();
    await shown.look(info, `notebook7-renderers-${kind}`);
  }
});

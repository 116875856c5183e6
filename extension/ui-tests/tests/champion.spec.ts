import { readFile } from 'node:fs/promises';
import path from 'node:path';

import type { IJupyterLabPageFixture } from '@jupyterlab/galata';
import type { Locator, Page, TestInfo } from '@playwright/test';

import { expectLegible } from '../kit/legible';
import { shoot } from '../kit/pictures';
import { another, expect, Lab, test } from '../kit/test';

const VERSIONS = path.join(__dirname, '../kit/versions.py');

/** An arena that is open as a notebook: its toolbar, its bar, and the cell that agents edit. */
class Arena {
  constructor(
    readonly page: Page,
    readonly lab: Lab,
    readonly file: string
  ) {
    this.panel = page.locator('.jp-NotebookPanel:not(.lm-mod-hidden)');
    this.tools = this.panel.getByRole('group', { name: 'Autoloop' });
    this.pill = this.tools.getByRole('status');
    this.offer = this.panel.locator('.jp-Autoloop-offer');
    this.text = this.offer.locator('.jp-Autoloop-offerText');
    this.cell = this.panel
      .locator('.jp-CodeCell')
      .filter({ hasText: 'METHOD = "halving"' });
    this.editor = this.cell.locator('.cm-content');
  }

  readonly panel: Locator;
  readonly tools: Locator;
  readonly pill: Locator;
  readonly offer: Locator;
  readonly text: Locator;
  readonly cell: Locator;
  readonly editor: Locator;

  async open(): Promise<void> {
    await this.page.evaluate(async path => {
      const { commands } = window.jupyterapp;
      await commands.execute('docmanager:open', { path, factory: 'Notebook' });
    }, this.file);
    await this.editor.waitFor();
    await expect(this.pill).toHaveText('idle');
  }

  button(name: string): Locator {
    return this.offer.getByRole('button', { name, exact: true });
  }

  /** Another iteration becomes the champion, by nobody who sits at this page. */
  async champion(number: number): Promise<void> {
    await this.lab.python(VERSIONS, this.file, String(number));
  }

  /** The source of the cell that agents edit, as the file has it. */
  async saved(): Promise<string> {
    const text = await readFile(path.join(this.lab.root, this.file), 'utf-8');
    const { cells } = JSON.parse(text) as {
      cells: { id: string; source: string | string[] }[];
    };
    return [cells.find(cell => cell.id === 'walk')!.source].flat().join('');
  }

  /** Whether the notebook has unsaved changes, as its tab shows it. */
  get dirty(): Locator {
    return this.page.locator('.lm-TabBar-tab.lm-mod-current.jp-mod-dirty');
  }

  /** Puts the cursor at the end of the first line and types. */
  async type(text: string): Promise<void> {
    await this.editor.locator('.cm-line').first().click();
    await this.page.keyboard.press('End');
    await this.page.keyboard.type(text);
  }
}

/** An arena whose iterations aim at other points, open in the page. */
async function opened(page: Page, lab: Lab): Promise<Arena> {
  const file = await lab.arena('valley');
  await lab.python(VERSIONS, file);
  await page.goto('');
  const arena = new Arena(page, lab, file);
  await arena.open();
  return arena;
}

async function look(
  page: IJupyterLabPageFixture,
  info: TestInfo,
  state: string
): Promise<void> {
  await shoot(page, info, state, () => expectLegible(page));
}

test('a new champion is offered to an arena that is open and clean', async ({
  lab,
  page
}, info) => {
  const arena = await opened(page, lab);
  await expect(arena.editor).toContainText('X = 0.5');
  await expect(arena.offer).toHaveCount(0);

  await test.step('the offer changes nothing', async () => {
    await arena.champion(2);
    await expect(arena.text).toHaveText(
      'Iteration 2 is the champion now (loss 2.580). 1 cell here differs.'
    );
    await expect(arena.editor).toContainText('X = 0.5');
    expect(await arena.saved()).toContain('X = 0.5');
    await look(page, info, 'champion-01-offer');
  });

  await test.step('a further champion takes its place', async () => {
    await arena.champion(3);
    await expect(arena.offer).toContainText('Iteration 3 is the champion now');
  });

  await test.step('one click, and the file holds it', async () => {
    await arena.button('Update').click();
    await expect(arena.editor).toContainText('X = 0.8');
    await expect(arena.text).toHaveText('Iteration 3 is in this notebook now.');
    await expect(arena.dirty).toHaveCount(0);
    expect(await arena.saved()).toContain('X = 0.8');
    await look(page, info, 'champion-02-done');
  });

  await test.step('undo and redo', async () => {
    await arena.editor.locator('.cm-line').first().click();
    await page.keyboard.press('Control+z');
    await expect(arena.editor).toContainText('X = 0.5');
    await expect(arena.offer).toHaveCount(0);
    await page.keyboard.press('Control+Shift+z');
    await expect(arena.editor).toContainText('X = 0.8');
    await page.keyboard.press('Control+z');
    await expect(arena.editor).toContainText('X = 0.5');
    expect(await arena.saved()).toContain('X = 0.8');
  });

  await test.step('what was answered is offered no more, the next one is', async () => {
    await arena.champion(4);
    await expect(arena.offer).toContainText('Iteration 4 is the champion now');
    await arena.button('Show').click();
    await page.getByRole('main').getByRole('tab', { name: /^4 ·/ }).waitFor();
    await arena.open();
    await arena.button('Dismiss').click();
    await expect(arena.offer).toHaveCount(0);
    await expect(arena.editor).toContainText('X = 0.5');
  });
});

test('with unsaved edits nothing is lost, nothing is saved, and undo works', async ({
  lab,
  page
}, info) => {
  const arena = await opened(page, lab);
  await arena.type('  # mine');
  await expect(arena.editor).toContainText('# mine');
  await arena.champion(2);
  await expect(arena.text).toHaveText(
    'Iteration 2 is the champion now (loss 2.580). 1 cell here differs. ' +
      'Your own version of walk stays. There are unsaved changes here: saving is left to you.'
  );
  await expect(arena.button('Update')).toHaveCount(0);
  await look(page, info, 'champion-03-edited');

  await test.step('a person’s own undo makes way for the update', async () => {
    await arena.editor.locator('.cm-line').first().click();
    await page.keyboard.press('Control+z');
    await expect(arena.editor).not.toContainText('# mine');
    await arena.button('Update').click();
    await expect(arena.editor).toContainText('X = 0.7');
  });

  await test.step('the command takes an edit only until undo', async () => {
    await arena.type('  # mine');
    await page.evaluate(async arena => {
      const { commands } = window.jupyterapp;
      await commands.execute('autoloop:apply', { arena, number: 3 });
    }, arena.file);
    await expect(arena.editor).toContainText('X = 0.8');
    await expect(arena.editor).not.toContainText('# mine');
    expect(await arena.saved()).toContain('X = 0.7'); // it is not saved
    await page.keyboard.press('Escape');
    await page.keyboard.press('z');
    await expect(arena.editor).toContainText('X = 0.7');
    await expect(arena.editor).toContainText('# mine');
    await expect(page.locator('.jp-Dialog')).toHaveCount(0);
  });
});

test('the notebook’s own buttons run its loop, and it shows that it is driven', async ({
  lab,
  page
}, info) => {
  const file = await lab.arena('slow');
  await lab.edit(file, '0.3 / STEPS', '1.6 / STEPS');
  await page.goto('');
  const arena = new Arena(page, lab, file);
  await arena.open();
  const driven = page.locator('.jp-NotebookPanel.jp-mod-autoloopDriven');
  await expect(driven).toHaveCount(0);
  await arena.type('  # mine');
  await arena.tools.getByRole('button', { name: 'Step', exact: true }).click();
  await expect(driven).toHaveCount(1);
  await expect(arena.pill).toContainText('step');
  await look(page, info, 'champion-04-driven');
  await expect(driven).toHaveCount(0);
  await expect(arena.pill).toHaveText('idle');
  expect(await lab.ended(file)).toBe(1);
  expect(await arena.saved()).toContain('# mine'); // it was saved before

  const tab = await another(page, lab);
  await tab.evaluate(async path => {
    const { commands } = window.jupyterapp;
    await commands.execute('docmanager:open', {
      path: path.replace('.ipynb', '_runs/0001/iteration.ipynb'),
      factory: 'Notebook'
    });
  }, file);
  const executed = new Arena(tab, lab, file);
  await executed.editor.waitFor();
  await expect(executed.tools).toHaveCount(0); // an executed copy is no arena
});

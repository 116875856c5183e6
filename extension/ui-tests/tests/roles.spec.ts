/** A plain notebook becomes an arena: its cells get roles from their menus, it gets settings, and it runs. */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

import type { Locator, Page } from '@playwright/test';

import { picture, shoot } from '../kit/pictures';
import { expect, Lab, test } from '../kit/test';

const NAME = 'valley.ipynb';

/** The cells of a small arena, with nothing that says so. */
const CELLS: readonly [type: 'markdown' | 'code', source: string][] = [
  ['markdown', '# A valley\n\nFind the x at which it is deepest.'],
  ['code', 'SEED = 0\nBUDGET_S = 10'],
  ['code', 'from autoloop_kernel.cells import submit,'], // a comma too many
  ['code', 'X = 0.5\nsubmit(lambda at: at * X)'],
  [
    'code',
    [
      'import numpy as np',
      'from autoloop_kernel.cells import ask, score',
      'score((float(ask(at=np.ones(1))[0]) - 0.8) ** 2)'
    ].join('\n')
  ]
];

/** What is read here of a cell in a file. */
interface ICell {
  metadata: { tags?: string[] };
}

/** What is read here of a notebook's widget; parts of it come later than the widget. */
interface INotebookPanel {
  context?: { path: string };
  sessionContext?: { session: { kernel: { status: string } | null } | null };
}

/** A notebook in JupyterLab whose cells wear roles. */
class Roles {
  constructor(readonly page: Page) {
    this.cells = page.locator(
      '.jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook .jp-Cell'
    );
    this.strip = page.getByRole('region', { name: 'Check of this arena' });
  }

  readonly cells: Locator;
  readonly strip: Locator;

  async open(path: string): Promise<void> {
    await this.page.evaluate(async path => {
      const { commands } = window.jupyterapp;
      await commands.execute('docmanager:open', { path, factory: 'Notebook' });
    }, path);
    await this.cells.first().waitFor();
    await this.page.waitForFunction(path => {
      const { currentWidget } = window.jupyterapp.shell;
      const { context, sessionContext } = currentWidget as INotebookPanel;
      const kernel = sessionContext?.session?.kernel;
      return context?.path === path && kernel?.status === 'idle';
    }, path);
  }

  badge(index: number): Locator {
    return this.cells.nth(index).getByRole('button', { name: /^Role of/ });
  }

  /** Chooses a role in the cell's context menu, with the mouse. */
  async choose(index: number, role: string): Promise<void> {
    const prompt = this.cells.nth(index).locator('.jp-InputPrompt');
    await prompt.click({ button: 'right' });
    // Lumino gives an entry that opens another menu no role.
    await this.page
      .locator('.lm-Menu-item', { hasText: 'Autoloop role' })
      .hover();
    await this.entry(role).click();
  }

  /** An entry of the menu of roles that is open. */
  entry(role: string): Locator {
    return this.page.locator('.lm-Menu-item', {
      hasText: new RegExp(`^${role} ·`)
    });
  }

  /** Goes to a cell by the arrow keys, from the one that has the focus. */
  async walk(index: number): Promise<void> {
    const active = () =>
      this.cells.evaluateAll(all =>
        all.findIndex(cell => cell.classList.contains('jp-mod-active'))
      );
    await this.cells.nth(await active()).focus();
    for (let now = await active(); now !== index; now = await active()) {
      await this.page.keyboard.press(now < index ? 'ArrowDown' : 'ArrowUp');
    }
  }

  /** Chooses a role by the arrow keys in the menu that is open. */
  async pick(role: string): Promise<void> {
    const active = this.page.locator('.lm-Menu .lm-mod-active');
    await this.page.locator('.lm-Menu').waitFor();
    do {
      await this.page.keyboard.press('ArrowDown');
    } while (!(await active.innerText()).trim().startsWith(`${role} ·`));
    await this.page.keyboard.press('Enter');
  }
}

/** Writes a notebook that is no arena. */
async function plain(lab: Lab): Promise<void> {
  const kernelspec = { name: 'python3', display_name: 'Python 3' };
  const notebook = {
    cells: CELLS.map(([cell_type, source], index) => ({
      cell_type,
      id: `0000000${index}`,
      metadata: {},
      source,
      ...(cell_type === 'code' && { execution_count: null, outputs: [] })
    })),
    metadata: { kernelspec: { ...kernelspec, language: 'python' } },
    nbformat: 4,
    nbformat_minor: 5
  };
  await writeFile(path.join(lab.root, NAME), JSON.stringify(notebook));
}

test('a plain notebook becomes an arena by its cells’ menus, and runs', async ({
  lab,
  page,
  panel
}, info) => {
  await plain(lab);
  await page.goto('');
  const roles = new Roles(page);
  await roles.open(NAME);

  await test.step('the first role, with the mouse', async () => {
    await expect(page.locator('.jp-Autoloop-role')).toHaveCount(0);
    await roles.choose(0, 'strategy');
    await expect(roles.badge(0)).toHaveText('strategy');
    await expect(roles.badge(3)).toHaveText('locked');
    await expect(roles.strip).toContainText('is becoming an arena');
    await picture(page, info, 'roles-01-offer-light');
  });

  await test.step('the others, with the keyboard', async () => {
    for (const [index, role] of [
      [1, 'parameters'],
      [3, 'editable'],
      [4, 'score']
    ] as const) {
      await roles.walk(index);
      await page.keyboard.press('Tab');
      await expect(roles.badge(index)).toBeFocused();
      await page.keyboard.press('Enter');
      await roles.pick(role);
      await expect(roles.badge(index)).toContainText(role);
      await expect(roles.badge(index)).toBeFocused();
      await page.keyboard.press('Escape');
    }
    await expect(roles.badge(4)).toHaveText('score · sealed');
  });

  await test.step('a name, which has to be one', async () => {
    await roles.badge(3).click();
    await expect(roles.entry('editable')).toHaveAttribute(
      'aria-checked',
      'true'
    );
    await expect(roles.entry('score')).not.toHaveAttribute(
      'aria-checked',
      'true'
    );
    await expect(roles.entry('strategy')).toHaveAttribute(
      'aria-disabled',
      'true'
    );
    await page.getByRole('menuitem', { name: 'Name this cell…' }).click();
    const form = page.getByRole('dialog');
    await expect(form.getByRole('textbox')).toBeFocused();
    await page.keyboard.type('no name');
    await expect(form.getByRole('alert')).toContainText('letters, digits');
    await form.getByRole('textbox').fill('guess');
    await page.keyboard.press('Enter');
    await expect(roles.badge(3)).toHaveText('editable · guess');
  });

  await test.step('the check names what is wrong, and leads there', async () => {
    await roles.strip
      .getByRole('button', { name: 'Check', exact: true })
      .click();
    await expect(roles.strip.getByRole('status')).toContainText(
      'keep this arena from running'
    );
    await expect(roles.strip).toContainText('settings is missing');
    await picture(page, info, 'roles-02-problems-light');
    await roles.strip.getByRole('button', { name: /^cell 3 / }).click();
    await expect(roles.cells.nth(2)).toBeFocused();
    await page.keyboard.press('Enter');
    await page.keyboard.press('Control+End');
    await page.keyboard.press('Backspace');
    await page.keyboard.press('Control+s');
    await expect(
      roles.strip.getByRole('button', { name: /^cell 3 / })
    ).toHaveCount(0);
    await expect(roles.strip).toContainText('settings is missing');
  });

  await test.step('its settings, until the check is content', async () => {
    await roles.strip
      .getByRole('button', { name: 'settings', exact: true })
      .click();
    const form = page.getByRole('dialog');
    const field = (name: string) => form.getByRole('textbox', { name });
    await expect(field('Score')).toBeFocused();
    await field('Score').fill('height');
    await field('Seconds a run').fill('none');
    await page.keyboard.press('Enter');
    await expect(form.getByRole('alert')).toContainText('above 0');
    await expect(field('Seconds a run')).toBeFocused();
    await picture(page, info, 'roles-03-settings-light');
    await field('Seconds a run').fill('5');
    await page.keyboard.press('Enter');
    await expect(form).toBeHidden();
    await expect(roles.strip.getByRole('status')).toContainText('✓');
    await picture(page, info, 'roles-04-content-light');
  });

  await test.step('it is written, and the panel runs it', async () => {
    const { cells, metadata } = JSON.parse(
      await readFile(path.join(lab.root, NAME), 'utf-8')
    );
    expect(cells.map((cell: ICell) => cell.metadata.tags?.join())).toEqual([
      'strategy',
      'parameters',
      undefined,
      'editable',
      'score'
    ]);
    expect(cells[3].metadata.autoloop).toEqual({ name: 'guess' });
    expect(metadata.autoloop).toMatchObject({
      metric: { name: 'height', direction: 'min', target: null },
      budget_s: 5
    });
    await panel.show();
    await expect(panel.button(NAME)).toBeVisible();
    await expect(panel.pill).toHaveText('idle');
    await panel.button('Step').click();
    await panel.verdict(1);
    await expect(panel.row(1)).toContainText('keep');
    await expect(panel.pill).toHaveText('idle');
  });

  await test.step('a role is taken back as an operation on cells', async () => {
    await roles.choose(1, 'workbench');
    await expect(roles.badge(1)).toHaveText('workbench');
    await roles.cells.nth(1).locator('.jp-InputPrompt').click();
    await page.keyboard.press('z');
    await expect(roles.badge(1)).toHaveText('parameters');
  });
});

test('badges stay with their cells, whatever happens to them', async ({
  lab,
  page
}, info) => {
  const arena = await lab.arena('lm', 'tiny_lm');
  await page.goto('');
  const roles = new Roles(page);
  await roles.open(arena);
  await expect(roles.badge(0)).toHaveText('strategy');
  await shoot(page, info, 'roles-05-tiny');
  await roles.badge(4).click();
  await shoot(page, info, 'roles-06-menu');
  await page.keyboard.press('Escape');
  await expect(roles.badge(4)).toBeFocused();
  await page.keyboard.press('Escape');

  // Nothing shifts, and no code is covered.
  const code = roles.cells.nth(4).locator('.jp-InputArea-editor');
  const badge = roles.badge(4);
  const before = (await code.boundingBox())!;
  await badge.hover();
  expect(await code.boundingBox()).toEqual(before);
  const worn = (await badge.boundingBox())!;
  expect(worn.y + worn.height).toBeLessThanOrEqual(before.y);

  const texts = () =>
    page.locator('.jp-Autoloop-role-button').allTextContents();
  await page.keyboard.press('c'); // copied, and pasted below
  await page.keyboard.press('v');
  await expect(roles.badge(5)).toHaveText('editable · constants');
  await expect(roles.badge(6)).toHaveText('editable · model');
  await page.keyboard.press('z');
  await expect(roles.badge(5)).toHaveText('editable · model');
  await page.keyboard.press('Control+Shift+ArrowDown'); // moved down
  await expect(roles.badge(5)).toHaveText('editable · constants');
  await page.keyboard.press('z');
  await expect(roles.badge(4)).toHaveText('editable · constants');
  await roles.cells.nth(4).locator('.jp-InputPrompt').click();
  await page.keyboard.press('m'); // a markdown cell cannot be editable
  await expect(roles.badge(4)).toHaveCount(0);
  await page.keyboard.press('y');
  await expect(roles.badge(4)).toHaveText('editable · constants');
  expect(new Set(await texts()).size).toBeGreaterThan(5);
  await page.menu.clickMenuItem('View>Collapse Selected Code');
  await expect(roles.badge(4)).toBeVisible();
  await roles.badge(4).scrollIntoViewIfNeeded();
  await shoot(page, info, 'roles-07-collapsed');
});

/** A plain notebook becomes an arena: its cells get roles from their menus, it gets settings, and it runs. */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

import type { IJupyterLabPageFixture } from '@jupyterlab/galata';
import type { Locator, Page } from '@playwright/test';

import { picture, shoot } from '../kit/pictures';
import { expect, Lab, test } from '../kit/test';

const NAME = 'valley.ipynb';

/** The cells of a small arena, with nothing that says so. */
const CELLS: readonly [type: 'markdown' | 'code', source: string][] = [
  ['markdown', '# A valley\n\nFind the x at which it is deepest.'],
  ['code', 'SEED = 0\nBUDGET_S = 10'],
  ['code', 'from autoloop_kernel.cells import submit'],
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

/** What is read here of a notebook's widget; parts of it come later than the widget. */
interface INotebookPanel {
  context?: { path: string };
  sessionContext?: { session: { kernel: { status: string } | null } | null };
}

/** A notebook in JupyterLab whose cells wear roles. */
class Roles {
  constructor(readonly page: Page) {
    this.cells = page.getByRole('main').locator('.jp-Notebook .jp-Cell');
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
    await this.page.getByRole('menuitem', { name: 'Autoloop role' }).hover();
    await this.page
      .getByRole('menuitemcheckbox', { name: new RegExp(`^${role} ·`) })
      .click();
  }
}

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

test('look', async ({ lab, page }, info) => {
  await plain(lab);
  const arena = await lab.arena('lm', 'tiny_lm');
  await page.goto('');
  const roles = new Roles(page);
  await roles.open(arena);
  await roles.badge(0).waitFor();
  await shoot(page, info, 'roles-tiny');
  await roles.badge(4).click();
  await shoot(page, info, 'roles-menu');
  await page.keyboard.press('Escape');
  await roles.open(NAME);
  await roles.choose(3, 'editable');
  await shoot(page, info, 'roles-offer');
});

import path from 'node:path';

import type { IJupyterLabPageFixture } from '@jupyterlab/galata';
import type { Locator, Page } from '@playwright/test';

import { OURS } from '../kit/axe';
import { picture } from '../kit/pictures';
import { pseudo, speakPseudo, Told, untranslated } from '../kit/pseudo';
import { expect, test } from '../kit/test';

const HISTORY = path.join(__dirname, '../kit/history.py');
const PANEL = '#autoloop-panel';
const VIEW = '.jp-Autoloop-View';

/** What JupyterLab shows of ours in places of its own; a dialog's other button is JupyterLab's. */
const SHOWN = [
  ...OURS,
  '.jp-Dialog-header',
  '.jp-Dialog-body',
  '.jp-Dialog-button.jp-mod-accept',
  '.lm-Menu-item[data-command^="autoloop:"] .lm-Menu-itemLabel',
  '.lm-CommandPalette-item[data-command^="autoloop:"] .lm-CommandPalette-itemContent',
  '.jp-LauncherCard:has([data-icon="autoloop:loop"])'
];

/** A message with its places filled in. */
function said(message: string, ...values: (string | number)[]): string {
  return values.reduce<string>(
    (text, value, i) => text.replace(`%${i + 1}`, `${value}`),
    pseudo(message)
  );
}

/** A page in the language that nobody speaks: what it says in plain letters is gathered. */
class Reader {
  constructor(readonly page: IJupyterLabPageFixture) {
    this.told = new Told(page);
  }

  readonly told: Told;
  readonly found = new Set<string>();

  /** Reads all of ours that can be seen now. */
  async read(): Promise<void> {
    const lines = await untranslated(this.page, SHOWN, this.told.known);
    lines.forEach(line => this.found.add(line));
  }

  button(message: string, ...values: (string | number)[]): Locator {
    const name = said(message, ...values);
    return this.page.getByRole('button', { name, exact: true });
  }

  /** Opens what this button opens, reads it once `shows` can be seen, and closes it. */
  async popover(button: Locator, shows: string): Promise<void> {
    await button.click();
    const popover = this.page.locator('.jp-Autoloop-popover');
    await popover.getByText(shows).first().waitFor();
    await this.read();
    await this.page.keyboard.press('Escape');
    await popover.waitFor({ state: 'detached' });
  }

  /** Reads the dialog that a command asks by, and leaves it. */
  async dialog(command: string, args = {}): Promise<void> {
    await run(this.page, command, args);
    const dialog = this.page.locator('.jp-Dialog');
    await dialog.locator('input, select').first().waitFor();
    await dialog.locator(':focus').waitFor(); // or the key would go elsewhere
    await this.read();
    await this.page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
  }
}

/** Starts a command; one that asks for something ends only with the answer. */
async function run(page: Page, command: string, args = {}): Promise<void> {
  await page.evaluate(
    given => void window.jupyterapp.commands.execute(given.command, given.args),
    { command, args }
  );
}

test('every string is one that the translator was asked for', async ({
  lab,
  page
}, info) => {
  await speakPseudo(lab);
  await lab.stop();
  await lab.start();
  const arena = await lab.arena('slow');
  await lab.edit(arena, '0.3 / STEPS', '1.6 / STEPS');
  await lab.edit(arena, 'STEPS = 6', 'STEPS = 20');
  await lab.python(HISTORY, arena);
  const reader = new Reader(page);
  // An example of what is typed there: the word before the colon is a part of it.
  reader.told.known.add('command:python my_agent.py');
  const panel = page.locator(PANEL);
  const row = (number: number) =>
    panel.getByRole('row').filter({
      has: page.getByRole('gridcell', { name: `${number}`, exact: true })
    });
  const view = page.locator(VIEW);

  await test.step('the panel and what it opens', async () => {
    await page.goto('');
    await page.locator('.jp-SideBar [data-id="autoloop-panel"]').click();
    await row(60).waitFor();
    await reader.read();
    await picture(page, info, 'language-01-panel');
    await reader.popover(reader.button('Auto'), pseudo('Start'));
    await reader.popover(
      panel.getByRole('button', { name: 'function_min.ipynb' }),
      pseudo('New arena…')
    );
    await reader.popover(reader.button('Who proposes: %1', 'search'), 'search');
    await reader.popover(reader.button('All verdicts'), pseudo('Show all'));
    await row(48).click();
    await reader.button('Export…').waitFor();
    await reader.read();
    await reader.popover(reader.button('Export…'), pseudo('Export'));
    await panel.getByRole('searchbox').fill('nothing like this');
    await panel.getByText(pseudo('No iteration is like that.')).waitFor();
    await reader.read();
    await panel.getByRole('searchbox').fill('');
    await reader.button('Table').click();
    await panel.getByRole('table').waitFor();
    await reader.read();
    await reader.button('Table').click();
    await panel.getByRole('application').focus();
    await page.keyboard.press('End');
    await page.locator('.jp-Autoloop-chart-card').waitFor();
    await reader.read();
  });

  await test.step('a proposal, its review and its run', async () => {
    await reader.button('More ways to step').click();
    await page
      .getByRole('menuitem', {
        name: new RegExp(`^${pseudo('Step, review first')}`)
      })
      .click();
    await reader.button('Review…').waitFor();
    await reader.read();
    await reader.popover(
      panel.getByRole('button', { name: pseudo('Skip…') }),
      pseudo('Skip')
    );
    await reader.button('Review…').click();
    await view.locator('.cm-content').first().waitFor();
    await reader.read();
    await picture(page, info, 'language-02-review');
    await view.getByRole('button', { name: pseudo('Take over…') }).click();
    await reader.read();
    await view.getByRole('button', { name: pseudo('Stop typing') }).click();
    await reader.popover(
      view.getByRole('button', { name: pseudo('Skip with reason…') }),
      pseudo('Skip')
    );
    await view.getByRole('button', { name: pseudo('Accept and run') }).click();
    await panel.getByText(pseudo('training')).waitFor();
    await panel.locator('.jp-Autoloop-live').waitFor();
    await reader.read();
    await picture(page, info, 'language-03-running');
    await view.getByRole('button', { name: pseudo('Replicate') }).waitFor();
    await reader.read();
  });

  await test.step('iterations that have ended', async () => {
    await view.getByRole('button', { name: pseudo('Compare with…') }).click();
    const number = page.locator('.jp-Autoloop-popover input');
    await number.fill('x');
    await reader.read();
    await number.fill('60');
    await page.keyboard.press('Enter');
    await view.getByRole('region', { name: pseudo('Comparison') }).waitFor();
    await reader.read();
    await picture(page, info, 'language-04-compared');
    await run(page, 'autoloop:open-iteration', { number: 48 });
    await page
      .getByRole('main')
      .getByRole('tab', { name: /^48 · / })
      .waitFor();
    await page
      .locator(VIEW)
      .locator('visible=true')
      .getByText('ValueError')
      .first()
      .waitFor();
    await reader.read();
  });

  await test.step('the menu, the palette, dialogs, commands, the launcher', async () => {
    await page.getByRole('menuitem', { name: 'Autoloop' }).click();
    await page.locator('.lm-Menu').getByText(pseudo('Auto…')).waitFor();
    await reader.read();
    await picture(page, info, 'language-05-menu');
    await page.keyboard.press('Escape');
    await run(page, 'apputils:activate-command-palette');
    await page
      .locator('.lm-CommandPalette-item[data-command="autoloop:step"]')
      .first()
      .waitFor();
    await reader.read();
    await page.keyboard.press('Escape');
    await reader.dialog('autoloop:auto');
    await reader.dialog('autoloop:new-arena');
    await reader.dialog('autoloop:choose-arena');
    await reader.dialog('autoloop:export', { number: 60 });
    await run(page, 'launcher:create');
    await page
      .locator('.jp-LauncherCard:has([data-icon="autoloop:loop"])')
      .last() // the one in the new launcher
      .waitFor();
    await reader.read();
    await picture(page, info, 'language-06-launcher');
  });

  await test.step('what commands say of their arguments, and the settings', async () => {
    const plain = await page.evaluate(async () => {
      const { commands } = window.jupyterapp;
      const own = commands
        .listCommands()
        .filter(id => id.startsWith('autoloop:'));
      const found: string[] = [];
      for (const id of own) {
        const { args } = await commands.describedBy(id);
        const told = JSON.stringify(args?.properties ?? {}).matchAll(
          /"description":"([^"]*)"/g
        );
        found.push(
          ...[
            commands.label(id),
            commands.caption(id),
            ...[...told].map(one => one[1])
          ]
            .filter(text => /[A-Za-z]/.test(text))
            .map(text => `${id}: ${text}`)
        );
      }
      return found;
    });
    expect(plain.filter(text => !/\.ipynb|function_min/.test(text))).toEqual(
      []
    );
    const answer = await page.request.get(
      `${lab.url}/lab/api/settings/@autoloop/lab:panel`
    );
    const { schema } = await answer.json();
    expect(schema.properties.notifyBest.title).toBe(
      pseudo('Tell of a new best')
    );
    expect(schema.properties.notifyBest.description).toBe(
      pseudo('Whether a notification tells of every new best score.')
    );
  });

  expect([...reader.found]).toEqual([]);
});

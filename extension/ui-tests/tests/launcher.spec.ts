import type { IJupyterLabPageFixture } from '@jupyterlab/galata';
import type { Locator, Page } from '@playwright/test';

import { picture, shoot } from '../kit/pictures';
import { expect, test } from '../kit/test';

/** The entries of the Autoloop menu and whether each can be used; the menu is closed again. */
async function menu(
  page: IJupyterLabPageFixture
): Promise<Record<string, boolean>> {
  await page.getByRole('menuitem', { name: 'Autoloop', exact: true }).click();
  const items = page.locator('.lm-Menu .lm-Menu-item[data-type="command"]');
  await items.first().waitFor();
  const found = await items.evaluateAll(all =>
    all.map(item => [
      item.querySelector('.lm-Menu-itemLabel')!.textContent!,
      !item.classList.contains('lm-mod-disabled')
    ])
  );
  await page.keyboard.press('Escape');
  return Object.fromEntries(found);
}

/** What the status bar says of the arena. */
function status(page: Page): Locator {
  return page.getByTitle('Show the Autoloop panel');
}

/** What is told in a corner of the page. */
function told(page: Page, text: string | RegExp): Locator {
  return page.locator('.Toastify__toast').filter({ hasText: text });
}

test('from the launcher card to a run that is told of, by commands, keys and the status bar', async ({
  lab,
  page,
  panel
}, info) => {
  await page.goto('');
  await test.step('the card makes an arena and opens it', async () => {
    await expect(status(page)).toBeHidden();
    await page
      .locator('.jp-LauncherCard', { hasText: 'Autoloop arena' })
      .click();
    const form = page.getByRole('dialog');
    await form.getByText('hidden valley').click();
    await shoot(page, info, 'launcher-form');
    await form.getByRole('button', { name: 'Make' }).click();
    const main = page.getByRole('main');
    await expect(
      main.getByRole('tab', { name: 'function_min.ipynb' })
    ).toBeVisible();
    await expect(main.locator('.jp-Notebook')).toContainText('hidden valley');
    // A notebook takes the focus once more when its kernel is there.
    await page.getByText('Python 3 (ipykernel) | Idle').waitFor();
    await expect(panel.button('function_min.ipynb')).toBeVisible();
    await expect(status(page)).toContainText('idle');
  });

  await test.step('every command says what it takes, and is in palette and menu', async () => {
    const bare = await page.evaluate(async () => {
      const { commands } = window.jupyterapp;
      const own = commands.listCommands().filter(id => /^autoloop:/.test(id));
      const found: string[] = [];
      for (const id of own) {
        const { args } = await commands.describedBy(id);
        const named = Object.values(args?.properties ?? {}) as {
          type?: string;
          description?: string;
        }[];
        const good = named.every(one => one.type && one.description);
        if (args?.type !== 'object' || !good || !commands.caption(id)) {
          found.push(id);
        }
      }
      return own.length > 15 ? found : ['too few commands'];
    });
    expect(bare).toEqual([]);

    expect(await menu(page)).toMatchObject({
      'Show the Autoloop panel': true,
      'New arena…': true,
      'Choose arena…': true,
      Step: true,
      'Step, review first': true,
      'Auto…': true,
      Pause: false,
      'Stop after this one': false,
      'Stop now': false,
      'Accept and run the proposal': false,
      'Skip the proposal…': false,
      'Fork from the selected iteration': false
    });
    await page.keyboard.press('Control+Shift+C');
    await page.locator('.lm-CommandPalette-input:visible').fill('Autoloop');
    const palette = page.locator('.lm-CommandPalette-item:visible');
    await expect(
      palette.filter({ hasText: 'Step, review first' })
    ).toBeVisible();
    await expect(palette.filter({ hasText: 'New arena…' })).toBeVisible();
    await page.keyboard.press('Escape');
  });

  await test.step('by keys, and seen in the status bar', async () => {
    await page.keyboard.press('Control+Alt+Enter');
    await panel.verdict(1);
    await expect(status(page)).toContainText(/^idle · best 8\.8/);
    await page.keyboard.press('Control+Alt+Shift+Enter');
    const form = page.getByRole('dialog');
    await form.getByRole('textbox', { name: 'Iterations' }).fill('200');
    await form.getByRole('button', { name: 'Start' }).click();
    await expect(status(page)).toContainText(
      /^auto [1-9]\d* of 200 · best [\d.]+ · \d\d:\d\d:\d\d left$/
    );
    await picture(page, info, 'status-running');
    expect(await menu(page)).toMatchObject({
      Step: false,
      'Auto…': false,
      Pause: true,
      'Stop after this one': true,
      'Stop now': true
    });
    await page.keyboard.press('Control+Alt+End');
    await expect(panel.pill).toHaveText('idle');
    await expect(status(page)).toContainText(/^idle · best/);
  });

  await test.step('the status bar, and a key, bring the panel', async () => {
    const tab = page.locator('.jp-SideBar [data-id="autoloop-panel"]');
    await tab.click();
    await expect(panel.region).toBeHidden();
    await status(page).click();
    await expect(panel.region).toBeVisible();
    await tab.click();
    await expect(panel.region).toBeHidden();
    await page.keyboard.press('Control+Alt+Home');
    await expect(panel.region).toBeVisible();
  });

  await test.step('what can be set', async () => {
    await page.evaluate(() =>
      window.jupyterapp.commands.execute('settingeditor:open', {
        query: 'Autoloop'
      })
    );
    const editor = page.getByRole('main').locator('.jp-SettingsPanel');
    await expect(editor).toContainText('Tell of a new best');
    await expect(editor).toContainText(
      'Minutes without a new best that count as a stall'
    );
    await picture(page, info, 'settings');
  });
});

test('a new best, a stall and a stop are told', async ({
  lab,
  page,
  panel
}, info) => {
  await lab.set('@jupyterlab/apputils-extension/notification', {
    fetchNews: 'false',
    checkForUpdates: false,
    doNotDisturbMode: false
  });
  const arena = await lab.arena('told');
  await lab.edit(arena, '"budget_s": 2', '"budget_s": 60');
  await lab.autoloop('step', arena);
  await page.clock.install();
  await page.goto('');
  await panel.show();
  await panel.verdict(1);
  await panel.ask(await lab.agent('moves'));
  await panel.auto({ iterations: 1 });
  await panel.verdict(2);
  await expect(told(page, 'new best')).toContainText('in iteration 2');
  await expect(panel.pill).toHaveText('idle');
  await expect(told(page, 'the run has ended')).toBeHidden();

  await panel.button('Who proposes: moves:Agent').click();
  await page.getByRole('menuitemcheckbox', { name: 'moves:Agent' }).click();
  const form = page.getByRole('dialog', { name: 'Who proposes' });
  await form.getByRole('textbox').fill('moves:Slow');
  await form.getByRole('button', { name: 'Add', exact: true }).click();
  await page.keyboard.press('Escape');
  await panel.auto({ iterations: 9 });
  await expect(panel.running).toContainText('training');
  await page.clock.fastForward('31:00');
  await expect(told(page, 'no new best for')).toBeVisible();
  await picture(page, info, 'told');
  await panel.choose('Stop', 'Stop now');
  await expect(told(page, 'the run has ended')).toBeVisible();
  await told(page, 'the run has ended')
    .getByRole('button', { name: 'Show' })
    .click();
});

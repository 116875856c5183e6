import { rename } from 'node:fs/promises';
import path from 'node:path';

import { expectAccessible } from '../kit/axe';
import { expectLegible } from '../kit/legible';
import { picture, shoot } from '../kit/pictures';
import { expect, test } from '../kit/test';

test('two folders share over a bare repository, and each agent has a line', async ({
  complaints,
  lab,
  page,
  panel
}, info) => {
  complaints.allow(
    /status of 409 .*autoloop\/api\/auto/,
    'what is no repository is refused'
  );
  const theirs = await lab.arena('../theirs'); // not below what this server shows
  const mine = await lab.arena('mine');
  await lab.edit(mine, '"greedy"', '"greedy", "confirm": 0.9');
  await lab.python(
    '-c',
    'import pygit2; pygit2.init_repository("hub.git", bare=True)'
  );
  const bounds = ['--iterations', '3', '--share', 'hub.git'];
  await lab.autoloop('auto', theirs, ...bounds);
  await page.goto('');
  await panel.show();
  await expect(panel.pill).toHaveText('idle');
  await panel.also('search@refine');

  await test.step('what is no repository is refused in one line', async () => {
    await panel.auto({ iterations: 99, share: 'none.git' });
    await expect(panel.region.getByRole('alert')).toContainText(
      'share none.git: git ls-remote failed'
    );
  });

  await panel.auto({ iterations: 99, share: 'hub.git', islands: true });

  await test.step('what others learnt is here before the first proposal', async () => {
    await expect(panel.sharing).toContainText('Shared over hub.git');
    await expect(panel.sharing).toContainText('3 taken in from 1 other');
    await expect(panel.sharing.getByRole('listitem')).toContainText(
      '3 findings'
    );
  });

  await test.step('each agent has a line, and what is confirmed there is offered to the main one', async () => {
    for (const name of ['main line', 'search', 'search@refine']) {
      const line = panel.islands.getByTitle(name, { exact: true });
      await expect(line).toBeVisible();
    }
    await expect(panel.islands).toContainText(
      /iteration \d+ of search.*, confirmed, is tried on the main line/
    );
    await shoot(page, info, 'sharing', async () => {
      await expectLegible(page);
      await expectAccessible(page);
    });
  });

  await test.step('an iteration says of which line it is, here and in the main area', async () => {
    const own = page.getByTitle(/island search/);
    await panel.rows.filter({ has: own }).last().click();
    const about = /^by search.* · island search/;
    await expect(panel.region.getByText(about)).toBeVisible();
    await panel.button('Details').click();
    await expect(page.getByRole('main').getByText(about)).toBeVisible();
  });

  await test.step('as narrow as a side bar gets, all of it can be read', async () => {
    await panel.widen(250);
    await shoot(page, info, 'sharing-narrow', () => expectLegible(page));
  });

  await test.step('an outage is one line; the run ends as it should', async () => {
    const hub = path.join(lab.root, 'hub.git');
    await rename(hub, `${hub}.away`);
    await panel.choose('Stop', 'Stop after this one');
    await expect(panel.pill).toHaveText('idle');
    await expect(panel.sharing).toContainText(
      "git ls-remote failed ('hub.git' does not appear to be a git repository)"
    );
    await picture(page, info, 'sharing-outage');
  });

  await test.step('the next run begins with the repository used last', async () => {
    await panel.button('Auto').click();
    const form = page.getByRole('dialog', { name: 'Run by itself' });
    await expect(form.getByRole('textbox', { name: 'Share with' })).toHaveValue(
      path.join(lab.root, 'hub.git')
    );
    await picture(page, info, 'sharing-form');
  });
});

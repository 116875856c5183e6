import { expect, test } from '../kit/test';

test.use({ basePath: '/user/ada/' });

test('the panel works below a path, as behind a hub', async ({
  lab,
  page,
  panel
}) => {
  await lab.arena('here');
  await page.goto('');
  await panel.show();
  await expect(panel.pill).toHaveText('idle');
});

import { expect, test } from '../kit/test';

const BASE = '/user/ada/';

test.use({ basePath: BASE });

test('the panel works below a path, as behind a hub', async ({
  lab,
  page,
  panel
}) => {
  const asked: string[] = [];
  page.on('request', request => asked.push(new URL(request.url()).pathname));
  page.on('websocket', socket => asked.push(new URL(socket.url()).pathname));
  await lab.arena('here');
  await page.goto('');
  await panel.show();
  await panel.button('Step').click();
  await panel.verdict(1);
  await panel.rows.first().click();
  await panel.button('Open notebook').click();
  await expect(
    page.getByRole('main').getByRole('tab', { name: /iteration\.ipynb/ })
  ).toBeVisible();
  expect(asked).toContain(`${BASE}autoloop/api/step`);
  expect(asked).toContain(`${BASE}autoloop/api/events`);
  expect(asked.filter(path => !path.startsWith(BASE))).toEqual([]);
});

import { reach } from '../kit/keys';
import { expect, test } from '../kit/test';

test('everything can be done by the keyboard alone', async ({
  lab,
  page,
  panel
}) => {
  await lab.arena('one');
  await page.goto('');
  await reach(page, /^File Browser/);
  await reach(page, /^Autoloop$/, 'ArrowDown');
  await page.keyboard.press('Enter');
  await panel.region.waitFor();

  await reach(page, /^Step$/);
  await page.keyboard.press('Enter');
  await panel.verdict(1);
  await expect(panel.pill).toHaveText('idle');

  await reach(page, /^Auto$/);
  await page.keyboard.press('Enter');
  await expect(page.getByRole('textbox', { name: 'Iterations' })).toBeFocused();
  await page.keyboard.type('nonsense');
  await page.keyboard.press('Enter');
  const form = page.getByRole('dialog', { name: 'Run by itself' });
  await expect(form.getByRole('alert')).toContainText('whole number');
  await page.keyboard.press('Escape');
  await expect(panel.button('Auto')).toBeFocused();
  await page.keyboard.press('Enter');
  await page.keyboard.type('3');
  await page.keyboard.press('Enter');
  await panel.has(4);
  await panel.verdict(4);
  await expect(panel.pill).toHaveText('idle');

  await reach(page, /^Search the iterations$/);
  await page.keyboard.type('baseline');
  await expect(panel.count).toHaveText('1 of 4');
  await page.keyboard.press('Escape');
  await expect(panel.count).toHaveText('4 iterations');

  await reach(page, /^Iterations$/);
  const chosen = (number: number) =>
    expect(panel.row(number)).toHaveAttribute('aria-selected', 'true');
  await page.keyboard.press('ArrowDown');
  await chosen(4);
  await page.keyboard.press('ArrowDown');
  await chosen(3);
  await page.keyboard.press('ArrowUp');
  await chosen(4);
  await page.keyboard.press('End');
  await chosen(1);
  await page.keyboard.press('Home');
  await chosen(4);
  await page.keyboard.press('Escape');
  await expect(
    panel.region.getByRole('region', { name: /^Iteration \d/ })
  ).toBeHidden();
  await page.keyboard.press('End');
  await page.keyboard.press('Enter');
  await expect(
    page.getByRole('main').getByRole('tab', { name: /iteration\.ipynb/ })
  ).toBeVisible();
});

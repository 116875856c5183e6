import { shoot } from '../kit/pictures';
import { expect, test } from '../kit/test';

const SCRIPT = `"""Fit a curve to noisy data."""
import json
import numpy as np

LR = 0.05  # 0.001..0.5 log
STEPS = 30  # 5..200

rng = np.random.default_rng(1)
x_train = rng.uniform(-1, 1, 60)
y_train = 1 + 2 * x_train

# The model: a line
w = np.zeros(2)
for step in range(STEPS):
    error = w[0] + w[1] * x_train - y_train
    w = w - LR * np.array([error.mean(), (error * x_train).mean()])


def predict(x):
    return w[0] + w[1] * x


held = json.load(open("held.json"))
x_val, y_val = np.array(held["x"]), np.array(held["y"])
val_mse = float(np.mean((predict(x_val) - y_val) ** 2))
print(f"val_mse: {val_mse:.4f}")
`;

test('a script becomes an arena by the menu, sealed, and is opened', async ({
  lab,
  page,
  panel
}, info) => {
  await page.goto('');
  await page.contents.uploadContent(SCRIPT, 'text', 'fit.py');
  await page.contents.uploadContent(
    JSON.stringify({ x: [-0.5, 0, 0.5], y: [0, 1, 2] }),
    'text',
    'held.json'
  );
  const run = page.evaluate(() =>
    window.jupyterapp.commands.execute('autoloop:import', { path: 'fit.py' })
  );
  const form = page.getByRole('dialog');
  await expect(
    form.getByText('Sealed: the referee asks predict')
  ).toBeVisible();
  await shoot(page, info, 'import-sealed');
  await form.getByLabel('The referee asks').selectOption('none');
  await expect(form.getByText('Self-reported:')).toBeVisible();
  await shoot(page, info, 'import-self-reported');
  await form.getByLabel('The referee asks').selectOption('predict');
  await expect(form.getByLabel('held.json')).toBeChecked();
  await form.getByRole('button', { name: 'Import' }).click();
  expect(await run).toBe(true);
  const main = page.getByRole('main');
  await expect(
    main.getByRole('tab', { name: 'fit_arena.ipynb' })
  ).toBeVisible();
  await expect(main.locator('.jp-Notebook')).toContainText('the referee');
  await expect(panel.button('fit_arena.ipynb')).toBeVisible();
  await shoot(page, info, 'import-done');
});

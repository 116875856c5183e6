import type { Page } from '@playwright/test';

/** Presses Tab (or another key) until what has the focus is called `name`; fails after so many times. */
export async function reach(
  page: Page,
  name: RegExp,
  key = 'Tab'
): Promise<void> {
  for (let pressed = 0; pressed < 60; pressed += 1) {
    const focused = await page.evaluate(() => {
      const node = document.activeElement as HTMLElement | null;
      const label = node?.getAttribute('aria-label') ?? node?.title ?? '';
      return `${label}|${node?.textContent ?? ''}`;
    });
    if (focused.split('|').some(one => name.test(one.trim()))) {
      return;
    }
    await page.keyboard.press(key);
  }
  throw new Error(`${key} never reached ${name}`);
}

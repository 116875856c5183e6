import AxeBuilder from '@axe-core/playwright';
import { expect, Page } from '@playwright/test';

/** All that is ours in a page. JupyterLab's own faults around it are JupyterLab's. */
export const OURS = [
  '#autoloop-panel',
  '.jp-Autoloop-popover',
  '.jp-Autoloop-View',
  '.jp-Autoloop-dialog',
  '.jp-Autoloop-status',
  '.jp-Autoloop-Mime'
];

/** What keeps people out, or nearly so; what is only less convenient is told by axe as well, but is no failure here. */
const GRAVE = ['serious', 'critical'];

/**
 * Expects that axe-core finds no grave fault in what is ours of the page (or in `scopes`). Every rule is on.
 */
export async function expectAccessible(
  page: Page,
  scopes: readonly string[] = OURS
): Promise<void> {
  const axe = new AxeBuilder({ page }).setLegacyMode();
  let any = false;
  for (const scope of scopes) {
    // axe refuses what is not in the page.
    if (await page.locator(scope).first().isVisible()) {
      axe.include(scope);
      any = true;
    }
  }
  expect(any, `none of ${scopes.join(', ')} is in the page`).toBe(true);
  // JupyterLab's <body> is 0 pixels high and hides what flows over: axe takes all within it to be out of sight, and
  // looks at no text. So high, the page looks the same.
  await page.evaluate(() => (document.body.style.minHeight = '100vh'));
  const { violations, passes, incomplete } = await axe.analyze();
  await page.evaluate(() => (document.body.style.minHeight = ''));
  const looked = [...violations, ...passes, ...incomplete].map(({ id }) => id);
  expect(looked).toContain('color-contrast');
  const theme = await page.locator('body').getAttribute('data-jp-theme-name');
  const faults = violations
    .filter(({ impact }) => GRAVE.includes(impact ?? ''))
    .flatMap(({ id, nodes }) =>
      nodes.map(
        node =>
          `${theme}: ${id}: ${node.target.join(' ')}: ${node.failureSummary?.replace(/\s+/g, ' ')}`
      )
    );
  // Soft: a fault in one state need not hide those in the next.
  expect.soft(faults).toEqual([]);
}

/** What the Tab key should come to, within a scope. */
const STOPS =
  'a[href], button:not(:disabled), input:not(:disabled), textarea, select, summary, [contenteditable="true"], [tabindex]';

/**
 * Goes through `scope` with the Tab key alone and expects that everything that can be used is come to, and that one
 * can see each time where one is.
 */
export async function expectFocusShown(
  page: Page,
  scope: string
): Promise<void> {
  await page.evaluate(markStops, { scope, stops: STOPS });
  await page.locator(`${scope} [data-stop]`).first().focus();
  // By the keyboard, as only then is a ring drawn.
  await page.keyboard.press('Shift+Tab');
  const faults: string[] = [];
  let away = 0;
  for (let pressed = 0; pressed < 400 && away < 3; pressed += 1) {
    await page.keyboard.press('Tab');
    const seen = await page.evaluate(lookAtFocus, scope);
    away = seen === null && pressed > 2 ? away + 1 : 0;
    if (seen) {
      faults.push(seen);
    }
    // An editor keeps the Tab key for itself until Escape was pressed.
    if (
      await page.evaluate(
        () => !!document.activeElement?.closest('.cm-content')
      )
    ) {
      await page.keyboard.press('Escape');
    }
  }
  const missed = await page.evaluate(
    at =>
      [...document.querySelectorAll(`${at} [data-stop="no"]`)].map(
        node =>
          `never reached: ${node.outerHTML.slice(0, 160).replace(/\s+/g, ' ')}`
      ),
    scope
  );
  expect.soft([...faults, ...missed]).toEqual([]);
}

/** Runs in the page: marks what is to be reached. Of radio-like groups (tabindex -1) one member is enough. */
function markStops(given: { scope: string; stops: string }): void {
  document
    .querySelectorAll('[data-stop]')
    .forEach(node => node.removeAttribute('data-stop'));
  for (const root of document.querySelectorAll(given.scope)) {
    for (const node of root.querySelectorAll<HTMLElement>(given.stops)) {
      const hidden = !node.checkVisibility({ visibilityProperty: true });
      if (!hidden && node.tabIndex >= 0 && !node.closest('[inert]')) {
        node.dataset.stop = 'no';
      }
    }
  }
}

/** Runs in the page: null where the focus is elsewhere, '' where it is and can be seen, else what is wrong. */
function lookAtFocus(scope: string): string | null {
  const node = document.activeElement as HTMLElement | null;
  if (!node?.closest(scope)) {
    return null;
  }
  node.dataset.stop = 'yes';
  const framed = (one: Element | null) => {
    const { outlineStyle, outlineWidth, outlineColor } = getComputedStyle(one!);
    return (
      outlineStyle !== 'none' &&
      parseFloat(outlineWidth) >= 1 &&
      !/rgba\(.*, 0\)|transparent/.test(outlineColor)
    );
  };
  const editor = node.closest('.cm-editor');
  const box = node.getBoundingClientRect();
  const inSight =
    box.bottom > 0 &&
    box.top < innerHeight &&
    box.right > 0 &&
    box.left < innerWidth;
  const name = node.outerHTML.slice(0, 160).replace(/\s+/g, ' ');
  if (!framed(node) && !(editor && framed(editor))) {
    return `no ring: ${name}`;
  }
  return inSight ? '' : `out of sight: ${name}`;
}

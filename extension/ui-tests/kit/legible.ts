import { expect, Page } from '@playwright/test';

/** How far text must stand out from what it is written on (WCAG AA; what is large needs less). */
const CONTRAST = 4.5;
const LARGE_CONTRAST = 3;

/** What is looked at: the panel, what it opens above the page, and views in the main area. */
const PARTS = '#autoloop-panel, .jp-Autoloop-popover, .jp-Autoloop-View';

/**
 * Expects that all that the panel says can be read: text stands out from its background, and no control is cut off.
 *
 * What cannot be used just now may be pale, a title may end in an ellipsis, and the colours of code are the theme's.
 */
export async function expectLegible(page: Page): Promise<void> {
  const found = await page.evaluate(faultsIn, {
    parts: PARTS,
    contrast: CONTRAST,
    large: LARGE_CONTRAST
  });
  // Soft: what is pale in one state need not hide what is pale in the next.
  expect.soft(found).toEqual([]);
}

/** Runs in the page: one line for each text that is too pale, and for each control that sticks out. */
function faultsIn(limits: {
  parts: string;
  contrast: number;
  large: number;
}): string[] {
  // A colour on its way to another one is neither of them.
  for (const animation of document.getAnimations()) {
    if (animation.effect?.getComputedTiming().endTime !== Infinity) {
      animation.finish();
    }
  }
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 1;
  const brush = canvas.getContext('2d', { willReadFrequently: true })!;

  /** The colour that layers of paint make, from the lowest to the highest. */
  const mixed = (layers: { colour: string; opacity: number }[]) => {
    for (const { colour, opacity } of layers) {
      brush.globalAlpha = opacity;
      brush.fillStyle = colour;
      brush.fillRect(0, 0, 1, 1);
    }
    return [...brush.getImageData(0, 0, 1, 1).data.slice(0, 3)];
  };
  const luminance = (rgb: number[]) => {
    const [r, g, b] = rgb
      .map(value => value / 255)
      .map(v => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (one: number[], other: number[]) => {
    const [low, high] = [luminance(one), luminance(other)].sort(
      (a, b) => a - b
    );
    return (high + 0.05) / (low + 0.05);
  };
  const said = (node: Element) =>
    [...node.childNodes]
      .filter(child => child.nodeType === Node.TEXT_NODE)
      .map(child => child.textContent!.trim())
      .join(' ')
      .trim();

  const faults: string[] = [];
  for (const part of document.querySelectorAll(limits.parts)) {
    const frame = part.getBoundingClientRect();
    for (const node of part.querySelectorAll('*')) {
      const box = node.getBoundingClientRect();
      const shown = (node as HTMLElement).checkVisibility({
        visibilityProperty: true
      });
      if (!shown || box.width < 2 || box.height < 2) {
        continue;
      }
      const text = said(node);
      const off = node.closest(
        '[aria-disabled="true"], [aria-hidden="true"], .cm-line *, .cm-deletedChunk *'
      );
      if (text && !off) {
        const lines: Element[] = [];
        for (let at: Element | null = node; at; at = at.parentElement) {
          lines.unshift(at);
        }
        const ground = lines.map(at => ({
          colour: getComputedStyle(at).backgroundColor,
          opacity: 1
        }));
        const style = getComputedStyle(node);
        const opacity = lines.reduce(
          (sum, at) => sum * Number(getComputedStyle(at).opacity),
          1
        );
        const size = parseFloat(style.fontSize);
        const large =
          size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
        const behind = mixed(ground);
        const ink = mixed([...ground, { colour: style.color, opacity }]);
        const found = ratio(ink, behind);
        if (found < (large ? limits.large : limits.contrast)) {
          faults.push(
            `“${text}” (${node.className}) stands out by ${found.toFixed(2)} only`
          );
        }
      }
      const control = node.matches('button, input');
      if (
        control &&
        (box.left < frame.left - 1 || box.right > frame.right + 1)
      ) {
        faults.push(`“${node.textContent || node.tagName}” is cut off`);
      }
    }
  }
  const { jpThemeName } = document.body.dataset;
  return [...new Set(faults)].map(line => `${jpThemeName}: ${line}`);
}

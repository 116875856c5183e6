/**
 * The theme's colours for a canvas, which does not inherit CSS variables. The variables nest (`var()`, `color-mix()`),
 * so that a probe element has to resolve them.
 */

const MEANINGS = {
  keep: 'var(--jp-autoloop-keep)',
  crash: 'var(--jp-autoloop-crash)',
  warn: 'var(--jp-autoloop-warn)',
  champion: 'var(--jp-autoloop-champion)',
  dot: 'var(--jp-autoloop-dot)',
  soft: 'var(--jp-ui-font-color2)',
  // Borders are as bright as text where contrast is high: lines that stay behind the points are mixed from the text's.
  line: 'color-mix(in srgb, var(--jp-ui-font-color2) 25%, transparent)',
  ground: 'var(--jp-layout-color1)'
} as const;

/** A canvas colour for each meaning. */
export type IColours = Record<keyof typeof MEANINGS, string>;

/** Reads the colours anew as they hold at `node`, which must be in the page. */
export function chartColours(node: HTMLElement): IColours {
  const probe = document.createElement('span');
  probe.style.display = 'none';
  node.append(probe);
  const style = getComputedStyle(probe);
  const read = ([name, colour]: [string, string]) => {
    probe.style.color = colour;
    return [name, style.color || 'gray'];
  };
  const colours = Object.fromEntries(Object.entries(MEANINGS).map(read));
  probe.remove();
  return colours as IColours;
}

/**
 * Calls back, once a frame at most, when the page's theme or contrast changed; gives the function that ends it.
 *
 * JupyterLab names its theme on the body once its style sheet is in force, and puts a person's overrides (font sizes)
 * on the root element.
 */
export function watchTheme(callback: () => void): () => void {
  let frame = 0;
  const soon = () => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(callback);
  };
  const observer = new MutationObserver(soon);
  const attributeFilter = ['data-jp-theme-name', 'data-jp-theme-light'];
  observer.observe(document.body, { attributes: true, attributeFilter });
  observer.observe(document.documentElement, {
    attributes: true,
    attributeFilter: ['style']
  });
  const contrasts = [
    '(forced-colors: active)',
    '(prefers-contrast: more)',
    '(prefers-color-scheme: dark)'
  ].map(query => window.matchMedia(query));
  contrasts.forEach(query => query.addEventListener('change', soon));
  return () => {
    cancelAnimationFrame(frame);
    observer.disconnect();
    contrasts.forEach(query => query.removeEventListener('change', soon));
  };
}

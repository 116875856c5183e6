/**
 * Where an iteration is shown: JupyterLab's main area takes as many documents as there are, a page of Notebook 7 one.
 * There an iteration has a page of its own, in another tab of the browser, as every notebook has.
 */
import { PageConfig, URLExt } from '@jupyterlab/coreutils';

/** An iteration (`number`), or a proposal (its id) until it has run, of an arena (its path below the server's root). */
export interface IShown {
  arena: string;
  number: number | null;
  proposal: string | null;
}

/** Notebook 7's page for a file: without one its main area is empty, and free for an iteration. */
const PAGE = 'edit';

/** Whether this is a page of Notebook 7, whose main area takes one document only. */
export function isSingle(): boolean {
  return PageConfig.getOption('notebookPage') !== '';
}

/** What this page was opened to show; null where that is no iteration. */
export function askedFor(): IShown | null {
  if (PageConfig.getOption('notebookPage') !== PAGE) {
    return null;
  }
  const asked = new URLSearchParams(window.location.search);
  const arena = asked.get('arena');
  const iteration = asked.get('iteration') ?? '';
  const number = /^\d{1,9}$/.test(iteration) ? Number(iteration) : null;
  const proposal = asked.get('proposal');
  return arena && (number !== null || proposal)
    ? { arena, number, proposal }
    : null;
}

/** The address of the page that shows it, on the server at `base`. */
export function address(base: string, shown: IShown): string {
  const { arena, number, proposal } = shown;
  const what = number === null ? { proposal } : { iteration: String(number) };
  const query = URLExt.objectToQueryString({ arena, ...what });
  return URLExt.join(base, PAGE) + query;
}

/** Opens the page that shows it, or brings it to the front, as it is, where it is open already. */
export function openPage(base: string, shown: IShown): void {
  const to = address(base, shown);
  const tab = window.open('', to);
  if (tab && !tab.location.href.startsWith(to.split('?')[0])) {
    tab.location.replace(to); // it is new, or shows something else by now
  }
  tab?.focus();
}

/** From now on this page's address and title are those of what it shows, so that a reload brings it back. */
export function become(base: string, shown: IShown, title: string): void {
  document.title = title;
  const to = address(base, shown);
  if (new URL(to, window.location.href).href !== window.location.href) {
    window.history.replaceState(window.history.state, '', to);
  }
}

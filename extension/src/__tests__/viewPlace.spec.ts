/** Where an iteration is shown: on a page of its own in Notebook 7, in the main area of JupyterLab. */
import { PageConfig } from '@jupyterlab/coreutils';

import { address, askedFor, become, isSingle, openPage } from '../view/place';

const BASE = 'http://localhost/user/ada/';
const ARENA = 'a b/tiny & co.ipynb';
const THIRD = { arena: ARENA, number: 3, proposal: null };
const WAITS = { arena: ARENA, number: null, proposal: 'p1' };

/** The page as it was served: which of Notebook 7's it is (none: JupyterLab's), and its address. */
function served(page: string, to: string): void {
  PageConfig.setOption('notebookPage', page);
  window.history.replaceState(null, '', to);
}

afterEach(() => served('', '/'));

it('tells a page of Notebook 7 from JupyterLab', () => {
  expect(isSingle()).toBe(false);
  served('notebooks', '/notebooks/x.ipynb');
  expect(isSingle()).toBe(true);
});

it.each([THIRD, WAITS, { ...THIRD, number: 0 }])(
  'reads from an address what it was made of: %j',
  shown => {
    const to = address(BASE, shown);
    expect(to).toMatch(/^http:\/\/localhost\/user\/ada\/edit\?/);
    served('edit', to);
    expect(askedFor()).toEqual(shown);
  }
);

it.each([
  ['edit', '/edit'],
  ['edit', '/edit?arena=a.ipynb'],
  ['edit', '/edit?arena=a.ipynb&iteration=three'],
  ['edit', '/edit?arena=a.ipynb&iteration=-1'],
  ['edit', '/edit?iteration=3'],
  ['notebooks', '/notebooks/a.ipynb?arena=a.ipynb&iteration=3'],
  ['', '/lab?arena=a.ipynb&iteration=3']
])('shows no iteration on the page %j at %s', (page, to) => {
  served(page, to);
  expect(askedFor()).toBeNull();
});

it('opens a tab for an iteration, and leaves it as it is when it is asked for again', () => {
  const location = { href: 'about:blank', replace: jest.fn() };
  location.replace.mockImplementation(to => (location.href = to));
  const focus = jest.fn();
  const open = jest
    .spyOn(window, 'open')
    .mockReturnValue({ focus, location } as unknown as Window);
  openPage(BASE, THIRD);
  openPage(BASE, THIRD);
  expect(location.replace.mock.calls).toEqual([[address(BASE, THIRD)]]);
  location.href = 'http://localhost/user/ada/tree';
  openPage(BASE, THIRD);
  expect(location.replace).toHaveBeenCalledTimes(2);
  openPage(BASE, WAITS);
  const names = open.mock.calls.map(([, name]) => name);
  expect(new Set(names.slice(0, 3)).size).toBe(1);
  expect(names[3]).not.toBe(names[0]);
  expect(focus).toHaveBeenCalledTimes(4);
  open.mockReturnValue(null); // the browser refused
  openPage(BASE, THIRD);
  open.mockRestore();
});

it('takes the address of the iteration that a proposal has become, once', () => {
  served('edit', address(BASE, WAITS));
  const replaced = jest.spyOn(window.history, 'replaceState');
  become(BASE, WAITS, 'gate');
  expect(replaced).not.toHaveBeenCalled();
  become(BASE, THIRD, '3 · gate');
  become(BASE, THIRD, '3 · gate');
  expect(replaced).toHaveBeenCalledTimes(1);
  expect(document.title).toBe('3 · gate');
  expect(askedFor()).toEqual(THIRD);
  replaced.mockRestore();
});

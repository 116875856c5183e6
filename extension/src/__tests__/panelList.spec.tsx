import { act, fireEvent, screen } from '@testing-library/react';

import { resorted } from '../panel/columns';
import { goalOf, widths, withFlights } from '../panel/list';
import { EVERYTHING } from '../store';
import { giveSizes, LIST_HEIGHT, show } from './panelKit';
import { rowOf, rowsOf, running } from './server';

jest.mock('../chart/progress', () => ({
  ProgressChart: (props: { onSelect: (n: number) => void }) => {
    const React = jest.requireActual('react');
    return React.createElement(
      'button',
      { onClick: () => props.onSelect(3) },
      'point 3'
    );
  }
}));
jest.mock('../chart/live', () => ({ LiveCurve: () => null }));

const grid = () => screen.getByRole('grid');
const key = (name: string) => fireEvent.keyDown(grid(), { key: name });
/** The numbers of the rows that are in the page, from the top. */
const numbers = () =>
  [...document.querySelectorAll('.jp-Autoloop-rows > [role=row]')].map(row =>
    Number(row.firstChild?.textContent)
  );

beforeEach(giveSizes);
afterEach(() => jest.restoreAllMocks());

describe('the list', () => {
  it('has only the rows in sight in the page', async () => {
    await show({ rows: rowsOf(5000) });
    expect(numbers().slice(0, 3)).toEqual([5000, 4999, 4998]);
    expect(numbers().length).toBeLessThan(LIST_HEIGHT / 25 + 30);
    expect(grid().getAttribute('aria-rowcount')).toBe('5001');
  });

  it('writes the first hour of a day as the clock does', async () => {
    const time = new Date().setHours(0, 5, 0, 0) / 1000;
    await show({ rows: [rowOf(1, { time })] });
    expect(
      document.querySelector('.jp-Autoloop-col-time[title]')?.textContent
    ).toBe('00:05');
  });

  it('is gone through by the keyboard', async () => {
    const { workbench, opened } = await show({ rows: rowsOf(100) });
    const lead: Array<[string, number | null]> = [
      ['ArrowDown', 100],
      ['ArrowDown', 99],
      ['ArrowUp', 100],
      ['PageDown', 92],
      ['End', 1],
      ['ArrowDown', 1],
      ['PageUp', 9],
      ['Home', 100],
      ['x', 100]
    ];
    for (const [name, number] of lead) {
      key(name);
      expect([name, workbench.selected]).toEqual([name, number]);
    }
    key('Enter');
    expect(opened).toEqual(['tiny_runs/100/iteration.ipynb']);
    key('Escape');
    expect(workbench.selected).toBeNull();
    key('Enter');
    expect(opened.length).toBe(1);
  });

  it('names the row that the keyboard is at, and brings it into sight', async () => {
    const { workbench } = await show({ rows: rowsOf(500) });
    expect(grid().getAttribute('aria-activedescendant')).toBeNull();
    fireEvent.click(screen.getByText('point 3'));
    await act(async () => undefined);
    expect(workbench.selected).toBe(3);
    const row = screen.getByRole('row', { selected: true });
    expect(row.firstChild?.textContent).toBe('3');
    expect(grid().getAttribute('aria-activedescendant')).toBe(row.id);
    expect(grid().scrollTop).toBeGreaterThan(10_000);
  });

  it('a click selects, a double click opens', async () => {
    const { workbench, opened } = await show({ rows: rowsOf(9) });
    fireEvent.click(screen.getByText('idea 7'));
    expect([workbench.selected, opened]).toEqual([7, []]);
    fireEvent.doubleClick(screen.getByText('idea 7', { selector: 'span' }));
    expect(opened).toEqual(['tiny_runs/7/iteration.ipynb']);
  });

  it('shows what agents write as text', async () => {
    const title = '<img src=x onerror="window.hurt = 1"> & co';
    const { workbench } = await show({
      rows: [rowOf(1, { title, reason: '<script>1</script>', agent: '<b>' })]
    });
    act(() => {
      workbench.selected = 1;
    });
    expect(screen.getAllByText(title, { exact: false }).length).toBe(2);
    expect(document.querySelector('img, script, b')).toBeNull();
  });

  it('gives numbers the room that they take, and titles the rest', () => {
    const rows = [2.5, 13.616].map((score, index) =>
      rowOf(index + 1, { score, difference: index ? 12.275 : null })
    );
    expect(widths(rows, 3)).toEqual({
      '--jp-autoloop-score': '6.6ch',
      '--jp-autoloop-difference': '7.6ch'
    });
    expect(Object.values(widths([], 3))).toEqual(['5.6ch', '5.6ch']);
  });

  it('sorts by its heads, and back', async () => {
    const rows = [2.5, 2.7, null, 2.6].map((score, index) =>
      rowOf(index + 1, { score })
    );
    await show({ rows });
    expect(numbers()).toEqual([4, 3, 2, 1]);
    const head = screen.getByRole('columnheader', { name: /val_bpb/ });
    fireEvent.click(screen.getByRole('button', { name: 'val_bpb' }));
    expect(numbers()).toEqual([1, 4, 2, 3]);
    expect(head.getAttribute('aria-sort')).toBe('ascending');
    fireEvent.click(screen.getByRole('button', { name: 'val_bpb' }));
    expect(numbers()).toEqual([2, 4, 1, 3]);
  });

  it('a key for a head is none for the list', async () => {
    const { workbench } = await show({ rows: rowsOf(3) });
    const head = screen.getByRole('button', { name: 'Title' });
    fireEvent.keyDown(head, { key: 'ArrowDown' });
    expect(workbench.selected).toBeNull();
  });

  it('is searched and filtered, and says how many are left', async () => {
    const rows = rowsOf(30).map(row =>
      row.number % 10 ? row : { ...row, verdict: 'crash' as const, score: null }
    );
    await show({ rows, state: { counts: { discard: 27, crash: 3 } } });
    expect(screen.getByText('30 iterations')).toBeTruthy();
    const search = screen.getByLabelText('Search the iterations');
    fireEvent.change(search, { target: { value: 'idea 2' } });
    expect(screen.getByText('12 of 30')).toBeTruthy();
    fireEvent.click(screen.getByRole('button', { name: /All verdicts/ }));
    fireEvent.click(screen.getByRole('menuitemcheckbox', { name: /crash/ }));
    expect(screen.getByText('1 of 30')).toBeTruthy();
    expect(numbers()).toEqual([20]);
    expect(screen.getByRole('menu')).toBeTruthy();
    fireEvent.click(screen.getByRole('button', { name: 'Show all' }));
    fireEvent.change(search, { target: { value: 'nothing like it' } });
    expect(screen.getByText('No iteration is like that.')).toBeTruthy();
  });

  it('marks the champion, and a gain only where it was kept', async () => {
    const rows = [
      rowOf(1, { verdict: 'keep', state: 'confirmed', difference: null }),
      rowOf(2, { verdict: 'keep', state: 'provisional', difference: -0.02 }),
      rowOf(3, { difference: -0.001 })
    ];
    await show({ rows, state: { champion: { number: 2, score: 2.48 } } });
    expect(
      screen.getByRole('gridcell', { name: '2, the champion' })
    ).toBeTruthy();
    const gained = document.querySelectorAll('.jp-mod-gained');
    expect([...gained].map(one => one.textContent)).toEqual(['−0.020']);
  });

  it('has the one under way on top, whatever the order', async () => {
    const flying = {
      number: 4,
      attempt: 1,
      title: 'now',
      agent: 'search',
      hypothesis: '',
      base: 1
    };
    const { workbench } = await show({
      rows: rowsOf(3),
      state: running({ flying, total: 3 })
    });
    act(() => {
      workbench.query = { ...EVERYTHING, descending: false };
    });
    expect(numbers()).toEqual([4, 1, 2, 3]);
  });
});

describe('the rows with the one under way', () => {
  const flying = {
    number: 2,
    attempt: 1,
    title: 'now',
    agent: 'search',
    hypothesis: '',
    base: 1
  };

  it('are as they were where nothing flies, or all are on top already', () => {
    const rows = [rowOf(2), rowOf(1)];
    expect(withFlights(rows, [], () => undefined)).toBe(rows);
    expect(withFlights(rows, [flying], () => rows[0])).toBe(rows);
  });

  it('have each once, as the ledger told it, newest first', () => {
    const known = rowOf(2, { verdict: null });
    const rows = [rowOf(3), rowOf(1), known];
    const others = [flying, { ...flying, number: 4, title: 'next' }];
    const found = withFlights(rows, others, number =>
      number === 2 ? known : undefined
    );
    expect(found.map(row => row.number)).toEqual([4, 2, 3, 1]);
    expect(found[1]).toBe(known);
    expect(found[0]).toMatchObject({ title: 'next', verdict: null });
  });
});

describe('keys and heads', () => {
  it('lead nowhere in an empty list', () => {
    for (const name of ['ArrowDown', 'Home', 'End', 'PageUp']) {
      expect(goalOf(name, -1, 0, 5)).toBeNull();
    }
  });

  it('sort by the best first, whichever direction is better', () => {
    expect(resorted(EVERYTHING, 'score', 'min').descending).toBe(false);
    expect(resorted(EVERYTHING, 'score', 'max').descending).toBe(true);
    expect(resorted(EVERYTHING, 'number', 'max').descending).toBe(false);
  });
});

import { nullTranslator } from '@jupyterlab/translation';
import {
  act,
  cleanup,
  fireEvent,
  render,
  screen,
  within
} from '@testing-library/react';
import * as React from 'react';

import { LiveCurve } from '../chart/live';
import { POINTS } from '../chart/points';
import { ProgressChart } from '../chart/progress';
import { ITabular, PAGE, Tabular } from '../chart/table';
import type { IPoint, IRow } from '../wire';
import { keep, points, row, state, stubCanvas } from './chartKit';

stubCanvas();
const trans = nullTranslator.load('autoloop');
const ROWS: IRow[] = [
  keep(1, 2.6, { state: 'confirmed' }),
  row(2, { score: 2.65, difference: 0.05 }),
  row(3, { verdict: 'crash', score: 0, difference: -2.6 }),
  keep(4, 2.5, { difference: -0.1 }),
  keep(5, 2.4, { state: 'refuted' }),
  row(6, { epoch: 2, score: 1 })
];

const settled = () => act(async () => undefined);

/** The cells of a table, row by row, the heads first. */
function cells(): string[][] {
  return within(screen.getByRole('table'))
    .getAllByRole('row')
    .map(one => [...one.children].map(cell => cell.textContent ?? ''));
}

function chart(rows: IRow[] = ROWS, selected: number | null = null) {
  const onSelect = jest.fn();
  const element = (at: number | null, all = rows) => (
    <ProgressChart
      rows={all}
      version={all.length}
      state={state({ epoch: 1 })}
      selected={at}
      onSelect={onSelect}
      trans={trans}
    />
  );
  const view = render(element(selected));
  const again = (at: number | null, all = rows) =>
    view.rerender(element(at, all));
  return { ...view, again, onSelect };
}

const toggle = () => screen.getByRole('button', { name: 'Table' });
const press = (name: string | RegExp) =>
  fireEvent.click(screen.getByRole('button', { name }));

afterEach(cleanup);

describe('the progress chart as a table', () => {
  it('shows what improved, then every iteration of its epoch, newest first', async () => {
    chart();
    await settled();
    expect(toggle().getAttribute('aria-pressed')).toBe('false');
    fireEvent.click(toggle());
    expect(toggle().getAttribute('aria-pressed')).toBe('true');
    expect(screen.queryByRole('application')).toBeNull();
    const table = screen.getByRole('table', {
      name: 'val_bpb (lower is better): 2 iterations improved on the best so far, newest first'
    });
    expect(cells()).toEqual([
      ['No.', 'Verdict', 'Score', 'Difference', 'Best so far'],
      ['4', 'provisional', '2.500', '−0.100', '2.500'],
      ['1', 'confirmed', '2.600', '', '2.600']
    ]);
    for (const head of table.querySelectorAll('th')) {
      const inHead = head.closest('thead') !== null;
      expect(head.getAttribute('scope')).toBe(inHead ? 'col' : 'row');
    }
    press('All 5 iterations');
    expect(cells().slice(1)).toEqual([
      ['5', 'refuted', '2.400', '', '2.500'],
      ['4', 'provisional', '2.500', '−0.100', '2.500'],
      ['3', 'crash', '', '', '2.600'],
      ['2', 'discard', '2.650', '+0.050', '2.600'],
      ['1', 'confirmed', '2.600', '', '2.600']
    ]);
    fireEvent.click(toggle());
    await settled();
    expect(screen.queryByRole('table')).toBeNull();
    expect(screen.getByRole('application')).toBeTruthy();
  });

  it('shows every iteration where nothing was kept', () => {
    chart([row(1), row(2)]);
    fireEvent.click(toggle());
    expect(cells()).toHaveLength(3);
    expect(screen.queryByRole('button', { name: /^All/ })).toBeNull();
  });

  it('has a page of ten thousand in the page, and turns pages', () => {
    const many = Array.from({ length: 10_000 }, (_, i) => row(i + 1));
    chart(many);
    fireEvent.click(toggle());
    expect(cells()).toHaveLength(PAGE + 1);
    expect(cells()[1][0]).toBe('10000');
    press('Previous page'); // there is none
    expect(cells()[1][0]).toBe('10000');
    press('Next page');
    expect(cells()[1][0]).toBe(`${10_000 - PAGE}`);
    press('Last page');
    expect(cells()[PAGE][0]).toBe('1');
    expect(screen.getByText('9991 to 10000 of 10000')).toBeTruthy();
    const next = screen.getByRole('button', { name: 'Next page' });
    expect(next.getAttribute('aria-disabled')).toBe('true');
    press('First page');
    expect(cells()[1][0]).toBe('10000');
  });

  it('selects, and follows what is selected elsewhere, but not what comes in', () => {
    const many = Array.from({ length: 35 }, (_, i) => row(i + 1));
    const { again, onSelect } = chart(many);
    fireEvent.click(toggle());
    press('33');
    expect(onSelect).toHaveBeenCalledWith(33);
    again(5);
    const chosen = screen.getByRole('button', { name: '5' });
    expect(chosen.getAttribute('aria-pressed')).toBe('true');
    expect(chosen.closest('tr')!.className).toBe('jp-mod-selected');
    press('First page');
    again(5, [...many, row(36)]);
    expect(cells()[1][0]).toBe('36');
  });

  it('is shown wherever tables were asked for', () => {
    function Face() {
      const [on, set] = React.useState(true);
      const choice: ITabular = { on, set };
      return (
        <Tabular.Provider value={choice}>
          <LiveCurve
            points={points([3, 2])}
            champion={[]}
            budget={15}
            clock="wall"
            trans={trans}
          />
          <LiveCurve
            points={points([5, 4])}
            champion={[]}
            budget={15}
            clock="wall"
            trans={trans}
          />
        </Tabular.Provider>
      );
    }
    render(<Face />);
    expect(screen.getAllByRole('table')).toHaveLength(2);
    fireEvent.click(screen.getAllByRole('button', { name: 'Table' })[0]);
    expect(screen.queryByRole('table')).toBeNull();
  });
});

describe('a learning curve as a table', () => {
  const live = (own: IPoint[], champion: IPoint[]) => (
    <LiveCurve
      points={own}
      champion={champion}
      budget={15}
      clock="wall"
      trans={trans}
    />
  );

  it('tells its points, latest first, and the champion’s at those moments', async () => {
    render(live(points([3, 2.4, 2.1]), points([2.9, 2.5])));
    await settled();
    fireEvent.click(toggle());
    expect(screen.queryByRole('img')).toBeNull();
    expect(
      screen.getByRole('table', {
        name: 'Learning curve, latest first: 3 points'
      })
    ).toBeTruthy();
    expect(cells()).toEqual([
      ['Seconds', 'loss', 'champion'],
      ['3.0', '2.100', '2.500'],
      ['2.0', '2.400', '2.500'],
      ['1.0', '3.000', '2.900']
    ]);
  });

  it('has no column for a champion without a curve, and no table without points', () => {
    const { rerender } = render(live([], []));
    expect(screen.queryByRole('button')).toBeNull();
    rerender(live(points([3]), []));
    fireEvent.click(toggle());
    expect(cells()[0]).toEqual(['Seconds', 'loss']);
  });

  it('tells of many points a few, with the first and the last', () => {
    const values = Array.from({ length: 2000 }, (_, i) => 3 - i / 1000);
    render(live(points(values), []));
    fireEvent.click(toggle());
    expect(
      screen.getByText(`Learning curve, latest first: ${POINTS} of 2000 points`)
    ).toBeTruthy();
    expect(cells()[1][0]).toBe('2000.0');
    press('Last page');
    expect(cells()[PAGE][0]).toBe('1.0');
  });
});

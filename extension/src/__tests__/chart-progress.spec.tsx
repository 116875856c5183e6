import { nullTranslator } from '@jupyterlab/translation';
import {
  act,
  cleanup,
  fireEvent,
  render,
  screen
} from '@testing-library/react';
import * as React from 'react';

import { IProgressChartProps, ProgressChart } from '../chart/progress';
import type { IRow } from '../wire';
import { keep, row, state, stubCanvas } from './chartKit';

const drawn = stubCanvas();
const trans = nullTranslator.load('autoloop');
const HOSTILE = '<img src=x onerror=alert(1)>';
const ROWS: IRow[] = [
  keep(1, 2.6, { state: 'confirmed' }),
  row(2, { score: 2.65, difference: 0.05, title: HOSTILE }),
  row(3, { verdict: 'crash', score: null, reason: `shapes ${HOSTILE}` }),
  keep(4, 2.5, { difference: -0.1, agent: 'claude' }),
  row(5, { score: 99 })
];

function show(over: Partial<IProgressChartProps> = {}) {
  const onSelect = jest.fn();
  const props: IProgressChartProps = {
    rows: ROWS,
    version: 1,
    state: state(),
    selected: null,
    onSelect,
    trans,
    ...over
  };
  const view = render(<ProgressChart {...props} />);
  const again = async (next: Partial<IProgressChartProps>) => {
    view.rerender(<ProgressChart {...props} {...next} />);
    await settled();
  };
  return { ...view, again, onSelect };
}

/** uPlot draws in a microtask. */
const settled = () => act(async () => undefined);
const chart = () => screen.getByRole('application');
const card = () =>
  document.querySelector<HTMLElement>('.jp-Autoloop-chart-card')!;
const over = () => document.querySelector<HTMLElement>('.u-over')!;
const legend = () =>
  document.querySelector('.jp-Autoloop-chart-legend')!.textContent;
const ring = (name: string) =>
  document.querySelector<HTMLElement>(
    `.jp-Autoloop-chart-ring.jp-mod-${name}`
  )!;

/** Where the ring stands, in pixels. */
function spot(name: string): [number, number] {
  const [x, y] = ring(name)
    .style.transform.match(/-?[\d.]+(?=px)/g)!
    .map(Number);
  return [x, y];
}

/** Presses the keys in turn. */
function press(...keys: string[]) {
  keys.forEach(key => fireEvent.keyDown(chart(), { key }));
}

/** Drags over the plot from one x to another. */
async function drag(from: number, to: number) {
  fireEvent.mouseMove(over(), { clientX: from, clientY: 60 });
  fireEvent.mouseDown(over(), { clientX: from, clientY: 60 });
  fireEvent.mouseMove(over(), { clientX: to, clientY: 60 });
  fireEvent.mouseUp(document, { clientX: to, clientY: 60 });
  fireEvent.click(over(), { clientX: to, clientY: 60 });
  await settled();
}

afterEach(cleanup);

it('says in words what it shows', async () => {
  show();
  await settled();
  expect(chart().getAttribute('aria-label')).toBe(
    'val_bpb (lower is better) by iteration: 5 iterations; 1 confirmed; 1 provisional; 2 discard; 1 crash; ' +
      'best 2.500 at 4; improved 1 time from 2.600 at 1 (−3.8 %); no better in 1 iteration since; ' +
      'arrow keys move along the points, Enter selects'
  );
});

it('names only the signs that occur', async () => {
  const { again } = show({ state: state({ noise: 0.004 }) });
  expect(legend()).toBe(
    'confirmedprovisionaldiscardcrashoff the scalebest, noise ±0.004'
  );
  await again({ rows: [keep(1, 2)], version: 2, state: state() });
  expect(legend()).toBe('provisionalbest');
});

it('walks along the points by keyboard and selects by Enter', async () => {
  const { onSelect } = show();
  await settled();
  press('Home');
  expect(card().hidden).toBe(false);
  expect(card().textContent).toContain('confirmed');
  press('ArrowRight', 'ArrowRight', 'ArrowRight');
  expect(onSelect).not.toHaveBeenCalled();
  expect(card().textContent).toBe('4provisionalclaude2.500−0.100 on 1idea 4');
  expect(screen.getByRole('status').textContent).toBe(
    '4, provisional, 2.500, −0.100 on 1, idea 4, claude'
  );
  press('Enter');
  expect(onSelect.mock.calls).toEqual([[4]]);
  press('End', 'ArrowRight', 'Enter');
  expect(onSelect).toHaveBeenLastCalledWith(5);
  press('Escape');
  expect(card().hidden).toBe(true);
});

it('leaves other keys to the page', async () => {
  show();
  await settled();
  expect(fireEvent.keyDown(chart(), { key: 'Tab' })).toBe(true);
  expect(fireEvent.keyDown(chart(), { key: 'ArrowLeft', altKey: true })).toBe(
    true
  );
  expect(fireEvent.keyDown(chart(), { key: 'ArrowLeft' })).toBe(false);
  expect(fireEvent.wheel(over())).toBe(true);
});

it('shows what agents wrote as text', async () => {
  show();
  await settled();
  press('Home', 'ArrowRight');
  expect(card().textContent).toContain(HOSTILE);
  press('ArrowRight');
  expect(card().textContent).toContain(`shapes ${HOSTILE}`);
  expect(document.querySelector('img')).toBeNull();
});

it('selects the point that is clicked near, and none where there is none', async () => {
  const { onSelect } = show();
  await settled();
  press('Home', 'ArrowRight');
  const [x, y] = spot('reached');
  for (const [dx, dy] of [
    [30, 60],
    [7, 7]
  ]) {
    const at = { clientX: x + dx, clientY: y + dy };
    fireEvent.mouseDown(over(), at);
    fireEvent.click(over(), at);
  }
  expect(onSelect.mock.calls).toEqual([[2]]);
});

it('shows the card of the point under the pointer, and hides it', async () => {
  show();
  await settled();
  press('Home');
  const [x, y] = spot('reached');
  press('Escape');
  fireEvent.mouseMove(over(), { clientX: x + 3, clientY: y });
  await settled();
  expect(card().hidden).toBe(false);
  expect(card().textContent).toContain('1confirmed');
  fireEvent.mouseLeave(over());
  expect(card().hidden).toBe(true);
});

it('puts a ring on the selected iteration', async () => {
  const { again } = show({ selected: 4 });
  await settled();
  expect(ring('selected').hidden).toBe(false);
  const [x] = spot('selected');
  await again({ selected: 1 });
  expect(spot('selected')[0]).toBeLessThan(x);
  await again({ selected: 77 });
  expect(ring('selected').hidden).toBe(true);
});

it('zooms by dragging, stays so with new data, and goes back', async () => {
  const many = Array.from({ length: 60 }, (_, i) =>
    row(i + 1, { score: 2 + i / 60 })
  );
  const { again, onSelect } = show({ rows: many, selected: 30 });
  await settled();
  const wide = spot('selected')[0];
  await drag(wide - 60, wide + 100);
  const near = spot('selected')[0];
  expect(near).not.toBeCloseTo(wide, 0);
  expect(onSelect).not.toHaveBeenCalled();
  await again({ rows: [...many, row(61)], version: 2, selected: 30 });
  expect(spot('selected')[0]).toBeCloseTo(near, 3);
  fireEvent.click(screen.getByText('Reset zoom'));
  await settled();
  expect(screen.queryByText('Reset zoom')).toBeNull();
  expect(spot('selected')[0]).not.toBeCloseTo(near, 0);
  await drag(100, 200);
  fireEvent.dblClick(over());
  await settled();
  expect(screen.queryByText('Reset zoom')).toBeNull();
});

it('takes a zoomed window along with the keyboard', async () => {
  const many = Array.from({ length: 60 }, (_, i) =>
    row(i + 1, { score: 2 + i / 60 })
  );
  show({ rows: many });
  await settled();
  await drag(40, 100);
  press('End');
  await settled();
  expect(card().hidden).toBe(false);
  expect(card().textContent).toContain('60');
  expect(screen.queryByText('Reset zoom')).not.toBeNull();
});

it('shows one epoch: the current one, another on request, that of the selected iteration', async () => {
  const rows = [
    ...ROWS,
    keep(6, 1.5, { epoch: 2 }),
    row(7, { epoch: 2, score: 1.6 })
  ];
  const two = state({ epoch: 2, noise: 0.01 });
  const { again } = show({ rows, state: two });
  const label = () => chart().getAttribute('aria-label');
  expect(label()).toContain('2 iterations');
  expect(legend()).toContain('noise');
  fireEvent.click(screen.getByLabelText('Earlier epoch'));
  await settled();
  expect(label()).toContain('5 iterations');
  expect(legend()).not.toContain('noise');
  fireEvent.click(screen.getByLabelText('Later epoch'));
  expect(label()).toContain('2 iterations');
  await again({ rows, state: two, selected: 3 });
  expect(label()).toContain('5 iterations');
  await again({ rows, state: state({ epoch: 3 }), selected: 3, version: 2 });
  expect(screen.getByText('epoch 3 of 3')).not.toBeNull();
  expect(screen.queryByRole('application')).toBeNull();
});

it('says so where there is nothing to draw', async () => {
  const { container, again } = show({ rows: [] });
  expect(container.textContent).toContain('No iteration has ended yet');
  await again({ rows: [], state: state({ total: 7 }) });
  expect(container.textContent).toContain('Loading');
  const flying = {
    number: 1,
    attempt: 1,
    title: '',
    agent: '',
    hypothesis: '',
    base: null
  };
  await again({ rows: [], state: state({ flying }) });
  expect(container.textContent).toContain('Iteration 1 is under way');
});

it('draws anew in the colours of another theme', async () => {
  const root = document.body;
  root.style.setProperty('--jp-autoloop-champion', 'rgb(1, 2, 3)');
  const style = jest.spyOn(window, 'getComputedStyle').mockImplementation(
    () =>
      ({
        color: root.style.getPropertyValue('--jp-autoloop-champion'),
        fontFamily: 'x'
      }) as CSSStyleDeclaration
  );
  show();
  await settled();
  const stroked = (colour: string) => drawn.some(one => one.colour === colour);
  expect(stroked('rgb(1, 2, 3)')).toBe(true);
  root.style.setProperty('--jp-autoloop-champion', 'rgb(4, 5, 6)');
  expect(stroked('rgb(4, 5, 6)')).toBe(false);
  root.dataset.jpThemeName = 'Another';
  await act(() => new Promise(resolve => setTimeout(resolve, 60)));
  expect(stroked('rgb(4, 5, 6)')).toBe(true);
  style.mockRestore();
});

it('draws ten thousand iterations with a few fills and strokes', async () => {
  const many = Array.from({ length: 10000 }, (_, i) =>
    i % 50
      ? row(i + 1, {
          score: 3 + Math.sin(i),
          verdict: i % 7 ? 'discard' : 'pruned'
        })
      : keep(i + 1, 3 - i / 10000)
  );
  drawn.length = 0;
  show({ rows: many, state: state({ noise: 0.01 }) });
  await settled();
  expect(drawn.length).toBeGreaterThan(4);
  expect(drawn.length).toBeLessThan(60);
});

it('takes everything away with it', async () => {
  const { unmount } = show();
  await settled();
  drawn.length = 0;
  unmount();
  document.body.dataset.jpThemeName = 'After';
  await act(() => new Promise(resolve => setTimeout(resolve, 60)));
  expect(drawn).toEqual([]);
  expect(document.querySelector('canvas')).toBeNull();
});

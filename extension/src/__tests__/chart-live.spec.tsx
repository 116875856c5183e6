import { nullTranslator } from '@jupyterlab/translation';
import { act, cleanup, render, screen } from '@testing-library/react';
import * as React from 'react';

import { curves } from '../chart/curve';
import { LiveCurve } from '../chart/live';
import { BudgetRing } from '../chart/ring';
import type { IPoint } from '../wire';
import { points, stubCanvas } from './chartKit';

const drawn = stubCanvas();
const trans = nullTranslator.load('autoloop');
const CHAMPION = points([3, 2.5, 2.25, 2.125]);

function live(
  own: IPoint[],
  champion: IPoint[] = CHAMPION,
  clock: 'wall' | 'cpu' = 'wall'
) {
  return (
    <LiveCurve
      points={own}
      champion={champion}
      budget={15}
      clock={clock}
      trans={trans}
    />
  );
}

const settled = () => act(async () => undefined);
const label = () => screen.getByRole('img').getAttribute('aria-label');

afterEach(cleanup);

describe('the live curve', () => {
  it('says its latest value and the champion’s at that moment', async () => {
    const { rerender } = render(live(points([3.1, 2.4])));
    expect(label()).toBe(
      'Learning curve: loss is 2.400 at 2 s; champion at that time: 2.500'
    );
    rerender(live(points([3.1, 2.4, 2.2]), []));
    expect(label()).toBe('Learning curve: loss is 2.200 at 3 s');
    rerender(live([]));
    expect(label()).toBe('Learning curve: no point yet');
  });

  it('names the budget on the arena’s clock, the number, and a champion without it', () => {
    const { container, rerender } = render(
      live(points([3.1]), CHAMPION, 'cpu')
    );
    const axis = () =>
      container.querySelector('.jp-Autoloop-live-axis')!.textContent;
    expect(axis()).toBe('0 sloss 3.100champion15 s CPU');
    rerender(
      live(points([3.1]), [{ step: 0, seconds: 1, numbers: { other: 1 } }])
    );
    expect(axis()).toBe('0 sloss 3.100champion: no loss15 s');
    rerender(live([], []));
    expect(axis()).toBe('0 sno curve yet15 s');
  });

  it('is redrawn in place, also when points were added to the same array', async () => {
    const own = points([3.1]);
    const { container, rerender } = render(live(own));
    await settled();
    const canvas = container.querySelector('canvas');
    drawn.length = 0;
    own.push(...points([3.1, 2.4]).slice(1));
    rerender(live(own));
    await settled();
    expect(container.querySelector('canvas')).toBe(canvas);
    expect(drawn.filter(({ what }) => what === 'stroke')).toHaveLength(2);
    expect(label()).toContain('2.400 at 2 s');
  });

  it('goes from 0 to the budget, or to what ran past it, and leaves a spike outside', () => {
    const own = points([3, 2.9, 2.8, 2.7, 2.6, 2.5, 2.4, 2.3]);
    expect(curves(own, [], 15).x).toEqual([0, 15]);
    expect(curves(own, [], 5).x).toEqual([0, 8]);
    expect(curves([], [], 0).x).toEqual([0, 1]);
    own[0].numbers.loss = 1000;
    expect(curves(own, [], 15).y[1]).toBeLessThan(4);
  });
});

describe('the ring', () => {
  it('is a meter with what is left in its middle', () => {
    const { container } = render(
      <BudgetRing spent={9.2} budget={15} label={trans.__('budget')} />
    );
    const meter = screen.getByRole('meter', { name: 'budget' });
    expect(meter.getAttribute('aria-valuenow')).toBe('9');
    expect(meter.getAttribute('aria-valuemax')).toBe('15');
    expect(meter.textContent).toBe('6');
    const circle = container.querySelector('.jp-Autoloop-ring-used')!;
    const round = Number(circle.getAttribute('stroke-dasharray'));
    const offset = Number(circle.getAttribute('stroke-dashoffset'));
    expect(offset / round).toBeCloseTo(1 - 9.2 / 15);
  });

  it('shows that the budget is overrun', () => {
    const { container } = render(
      <BudgetRing spent={17} budget={15} label={trans.__('budget')} />
    );
    expect(container.querySelector('svg')!.classList).toContain('jp-mod-over');
    expect(screen.getByRole('meter').textContent).toBe('0');
    expect(screen.getByRole('meter').getAttribute('aria-valuenow')).toBe('15');
  });
});

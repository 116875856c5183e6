/** What the charts work out before they draw; figures beside the Python faces' are those faces' own. */
import { lowerBound, nearest, step } from '../chart/hit';
import { limits, panned, robust, span, width, zoomed } from '../chart/limits';
import { KINDS, kindOf, MARKS, shrink, SVGSink, trace } from '../chart/marks';
import {
  edge,
  isOutside,
  IView,
  place,
  stairs,
  toX,
  toY
} from '../chart/place';
import { remaining, used } from '../chart/ring';
import { counts, epochs, series } from '../chart/series';
import { places, wholeTicks } from '../chart/ticks';
import {
  MOST,
  reported,
  thinned,
  traced,
  valueAt,
  within
} from '../chart/traces';
import { keep, points, row } from './chartKit';

const close = (found: readonly number[], wanted: readonly number[]) => {
  expect(found).toHaveLength(wanted.length);
  found.forEach((value, i) => expect(value).toBeCloseTo(wanted[i], 9));
};

describe('the range of scores', () => {
  it('is that of the Python faces', () => {
    close(span([2.6, 2.5], [2.55, 2.62, 9], 'min'), [2.45776, 2.79568]);
    close(span([0.6, 0.7], [0.65, 0.1], 'max'), [0.4536, 0.7352]);
    close(span([3], [], 'min'), [2.9904, 3.0072]);
    close(span([], [1, 2, 50, 1.5, 1.2], 'min'), [-6.84, 55.88]);
    close(span([0], [], 'min'), [-0.16, 0.12]);
    expect(span([], [], 'max')).toEqual([0, 1]);
  });

  it('holds the band of noise unless that is larger than all differences', () => {
    const own = series([keep(1, 2.6), keep(2, 2.5)], 1, 'min');
    const bare = limits(own, [0, 3], null);
    const noisy = limits(own, [0, 3], 0.05);
    expect(noisy[0]).toBeCloseTo(2.5 - 0.075);
    expect(noisy[1]).toBe(bare[1]);
    expect(limits(own, [0, 3], 5)).toEqual(bare);
  });

  it('of a zoomed window is that of what is in it, and of the line above it', () => {
    const own = series(
      [
        keep(1, 9),
        keep(2, 2),
        row(10, { score: 2.2 }),
        row(11, { score: 2.3 })
      ],
      1,
      'min'
    );
    const [low, high] = limits(own, [9.5, 11.5], null);
    expect(low).toBeLessThan(2);
    expect(high).toBeGreaterThan(2.3);
    expect(high).toBeLessThan(3);
  });
});

describe('the range of iterations', () => {
  it('has a little room at both ends', () => {
    close(width(1, 1), [0.4, 1.6]);
    close(width(1, 101), [-1.5, 103.5]);
  });

  it('is zoomed within what there is, not too narrow, and back to all of it', () => {
    expect(zoomed([20, 30], [0, 100])).toEqual([20, 30]);
    expect(zoomed([-20, 30], [0, 100])).toEqual([0, 30]);
    expect(zoomed([50, 50.1], [0, 100], 4)).toEqual([48.05, 52.05]);
    expect(zoomed([-5, 105], [0, 100])).toBeNull();
  });

  it('follows a point that lies outside, and stays within what there is', () => {
    const window: [number, number] = [20, 30];
    expect(panned(window, 25, [0, 100])).toBe(window);
    close(panned(window, 50, [0, 100]), [40.8, 50.8]);
    close(panned(window, 5, [0, 100]), [4.2, 14.2]);
    expect(panned(window, 100, [0, 100])).toEqual([90, 100]);
  });
});

describe('hits', () => {
  const xs = [10, 20, 20.5, 40];
  const ys = [50, 50, 52, 0];

  it('are found by halving', () => {
    expect([5, 10, 11, 40, 41].map(x => lowerBound(xs, x))).toEqual([
      0, 0, 1, 3, 4
    ]);
    expect(lowerBound([], 1)).toBe(0);
  });

  it('are the nearest point within reach, or none', () => {
    expect(nearest(xs, ys, 12, 50, 12)).toBe(0);
    expect(nearest(xs, ys, 21, 53, 12)).toBe(2);
    expect(nearest(xs, ys, 30, 20, 12)).toBe(-1);
    expect(nearest(xs, ys, 40, 11, 12)).toBe(3);
    expect(nearest(xs, ys, 40, 13, 12)).toBe(-1);
  });

  it('favour a keep among dots, but never beyond reach', () => {
    const lift = (i: number) => (i === 1 ? 4 : 0);
    expect(nearest(xs, ys, 20.5, 52, 12, lift)).toBe(1);
    expect(nearest(xs, ys, 20.3, 63.9, 12, lift)).toBe(2);
  });

  it('agree with looking at every point', () => {
    const many = Array.from({ length: 500 }, (_, i) => i * 0.7);
    const high = many.map(x => 90 + 90 * Math.sin(x * 12.9898));
    for (let x = 0; x < 350; x += 3.1) {
      const y = (x * 7) % 180;
      const far = many.map((_, i) => Math.hypot(many[i] - x, high[i] - y));
      const least = Math.min(...far);
      expect(nearest(many, high, x, y, 12)).toBe(
        least <= 12 ? far.indexOf(least) : -1
      );
    }
  });

  it('are walked by step, from a number that need not be there', () => {
    expect(step([3, 5, 9], null, -1)).toBe(2);
    expect(step([3, 5, 9], 5, 1)).toBe(2);
    expect(step([3, 5, 9], 5, -1)).toBe(0);
    expect(step([3, 5, 9], 3, -1)).toBe(0);
    expect(step([3, 5, 9], 9, 1)).toBe(2);
    expect(step([3, 5, 9], 6, 1)).toBe(2);
    expect(step([3, 5, 9], 6, -1)).toBe(1);
    expect(step([], 6, 1)).toBe(-1);
  });
});

describe('a series', () => {
  const rows = [
    row(5, { verdict: 'crash', score: 0 }),
    keep(4, 2.4, { state: 'refuted' }),
    row(6, { verdict: null }),
    keep(3, 2.5, { state: 'confirmed' }),
    row(2, { score: null }),
    keep(1, 2.6),
    keep(7, 1.9, { epoch: 2 })
  ];

  it('holds what has ended in one epoch, in order', () => {
    const own = series(rows, 1, 'min');
    expect([...own.numbers]).toEqual([1, 2, 3, 4, 5]);
    expect([...own.scores]).toEqual([2.6, NaN, 2.5, 2.4, NaN]);
    expect([...own.kinds].map(kind => KINDS[kind])).toEqual([
      'provisional',
      'discard',
      'confirmed',
      'refuted',
      'crash'
    ]);
    expect(epochs(rows)).toEqual([1, 2]);
    expect(series(rows, null, 'min').rows).toEqual([]);
  });

  it('has stairs of standing keeps alone, to the better side', () => {
    const steps = (direction: 'min' | 'max') =>
      series([...rows, keep(8, 2.55)], 1, direction).stairs.map(
        stair => stair.number
      );
    expect(steps('min')).toEqual([1, 3]);
    expect(steps('max')).toEqual([1]);
  });

  it('counts what occurs', () => {
    expect([...counts(series(rows, 1, 'min'))]).toEqual([
      ['confirmed', 1],
      ['provisional', 1],
      ['refuted', 1],
      ['discard', 1],
      ['crash', 1]
    ]);
  });
});

describe('places', () => {
  const view: IView = { width: 100, height: 200, x: [0, 10], y: [2, 3] };

  it('are pixels from the upper left corner', () => {
    expect(toX(5, view)).toBe(50);
    expect(toY(3, view)).toBe(0);
    expect(toY(2, view)).toBe(200);
  });

  it.each(['min', 'max'] as const)(
    'of failures are at the worse edge (%s)',
    direction => {
      const far = direction === 'min' ? 9 : 0;
      const rows = [
        row(1, { score: 2.5 }),
        row(2, { verdict: 'crash', score: null }),
        row(3, { score: far }),
        row(20, { score: 2.5 })
      ];
      const found = place(series(rows, 1, direction), view);
      const rim = edge(direction, 200);
      expect([...found.xs]).toEqual([10, 20, 30]);
      expect([...found.ys]).toEqual([100, rim, rim]);
      expect(KINDS[found.kinds[2]]).toBe('outside');
      expect(direction === 'min' ? rim < 20 : rim > 180).toBe(true);
    }
  );

  it('leave the rim at the worse side free of what is on the scale', () => {
    expect(isOutside(2.99, 'min', [2, 3])).toBe(true);
    expect(isOutside(2.01, 'min', [2, 3])).toBe(false);
    expect(isOutside(2.01, 'max', [2, 3])).toBe(true);
    expect(isOutside(NaN, 'min', [2, 3])).toBe(false);
  });

  it('of the best so far go level, then to the next, up to the end', () => {
    const own = series([keep(2, 2.5), keep(4, 2.25)], 1, 'min');
    close(stairs(own, view, 8), [20, 100, 40, 100, 40, 150, 80, 150]);
    expect(stairs(series([], 1, 'min'), view, 8)).toEqual([]);
  });
});

describe('marks', () => {
  it('tell every verdict apart', () => {
    const kinds = [
      kindOf({ verdict: 'keep', state: null }),
      kindOf({ verdict: 'keep', state: 'confirmed' }),
      kindOf({ verdict: 'keep', state: 'refuted' }),
      kindOf({ verdict: 'contended', state: null }),
      kindOf({ verdict: 'scored', state: null }),
      kindOf({ verdict: 'timeout', state: null })
    ];
    expect(kinds.join()).toBe(
      'provisional,confirmed,refuted,broken,discard,timeout'
    );
    const shapes = KINDS.map(kind => {
      const sink = new SVGSink();
      trace(sink, MARKS[kind], 0, 0);
      return `${sink.d} ${MARKS[kind].fill}`;
    });
    expect(new Set(shapes).size).toBe(KINDS.length);
  });

  it('are drawn about their place, smaller where asked, and on their head', () => {
    const sink = new SVGSink();
    trace(sink, MARKS.outside, 10, 20, 0.5, true);
    expect(sink.d).toBe('M8.5 18.9L11.5 18.9L10 21.4Z');
    expect([shrink(50, 300), shrink(250, 300), shrink(9999, 300)]).toEqual([
      1, 0.85, 0.7
    ]);
  });
});

describe('ticks', () => {
  it('are round whole numbers, and the first', () => {
    expect(wholeTicks(-0.2, 51.2, 6, 1)).toEqual([1, 10, 20, 30, 40, 50]);
    expect(wholeTicks(0.4, 4.6, 7, 1)).toEqual([1, 2, 3, 4]);
    expect(wholeTicks(-249, 10250, 7, 1)).toEqual([
      1, 2000, 4000, 6000, 8000, 10000
    ]);
    expect(wholeTicks(12.3, 31.8, 6, 1)).toEqual([15, 20, 25, 30]);
  });

  it('name every one of a few', () => {
    expect(wholeTicks(40, 46, 6, 41, [41, 44, 45])).toEqual([41, 44, 45]);
    expect(wholeTicks(0.4, 1.6, 6, 1, [1])).toEqual([1]);
  });

  it('have the decimals that tell neighbours apart', () => {
    expect([0.05, 0.025, 0.1, 1, 2.5, 50, 2e-6, 1e-12].map(places)).toEqual([
      2, 3, 1, 0, 1, 0, 6, 9
    ]);
  });
});

describe('learning curves', () => {
  it('have the range of the Python faces', () => {
    close(
      robust([
        [50, 3, 2.5, 2.4, 2.3, 2.2, 2.1, 2.05],
        [3, 2, 1.9]
      ]),
      [1.823, 3.077]
    );
    close(robust([[1, 1.1, 1.2, 1.1, 1e6]]), [0.986, 1.214]);
    close(robust([[2, 2, 2]]), [1.86, 2.14]);
    expect(robust([[], []])).toEqual([0, 1]);
  });

  it('show the first number that both report', () => {
    const named = (...names: string[]) =>
      names.map((name, i) => ({ step: i, seconds: i, numbers: { [name]: 1 } }));
    expect(reported([named('lr', 'loss'), named('loss')])).toBe('loss');
    expect(reported([[], named('loss')])).toBe('loss');
    expect(reported([named('a'), named('b')])).toBe('a');
    expect(reported([[], []])).toBe('');
  });

  it('leave out what is no number, and are in the order of time', () => {
    const own = points([3, null, 2, NaN]);
    expect(traced([own[2], ...own], 'loss')).toEqual({
      x: [1, 3, 3],
      y: [3, 2, 2]
    });
    expect(traced(own, 'toString')).toEqual({ x: [], y: [] });
  });

  it('are thinned by their stretches without losing a spike', () => {
    const few = { x: [1, 2], y: [3, 4] };
    expect(thinned(few)).toEqual({ ...few, low: [], high: [] });
    const x = Array.from({ length: MOST + 1 }, (_, i) => i);
    const y = x.map(i => (i === 700 ? 99 : 1));
    const line = thinned({ x, y });
    expect(line.x.length).toBeLessThanOrEqual(300);
    expect(line.x[0]).toBe(0);
    expect(line.x[line.x.length - 1]).toBe(MOST);
    expect(Math.max(...line.y)).toBe(1);
    expect(Math.max(...line.high)).toBe(99);
    expect(new Set([line.y.length, line.low.length, line.high.length])).toEqual(
      new Set([line.x.length])
    );
  });

  it('keep pixels small, and know a value at a moment', () => {
    expect([5, 1e9, -1e9].map(value => within(value, [0, 10]))).toEqual([
      5, 210, -200
    ]);
    const own = { x: [1, 2, 4], y: [9, 8, 7] };
    expect([0.5, 2, 3.9, 10].map(at => valueAt(own, at))).toEqual([
      null,
      8,
      8,
      7
    ]);
  });
});

describe('the budget', () => {
  it('is a share and what is left, in few signs', () => {
    expect([used(9, 15), used(20, 15), used(-1, 15)]).toEqual([0.6, 1, 0]);
    expect(used(0, 0)).toBe(0);
    const left = [9, 8.2, 15, 99].map(spent => remaining(spent, 15));
    expect(left).toEqual(['6', '7', '0', '0']);
    expect([599, 600, 5400, 7200].map(budget => remaining(0, budget))).toEqual([
      '599',
      '10m',
      '90m',
      '2h'
    ]);
  });
});

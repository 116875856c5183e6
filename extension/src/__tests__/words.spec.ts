import { nullTranslator } from '@jupyterlab/translation';

import {
  ago,
  bill,
  decimals,
  duration,
  goal,
  look,
  lookOf,
  money,
  number,
  share,
  signed,
  staircase,
  standing,
  stopAfter
} from '../words';
import type { IRow, Standing, Verdict } from '../wire';
import { FREE, flightOf, rowOf, stateOf } from './server';

const trans = nullTranslator.load('autoloop');

// Every expectation in the tables was written by the Python twin, autoloop_kernel/views/words.py.

describe('number', () => {
  it.each([
    [null, '–'],
    [NaN, '–'],
    [Infinity, '–'],
    [0.0, '0.000'],
    [1.0, '1.000'],
    [2.51, '2.510'],
    [2.5104, '2.510'],
    [0.0001, '0.0001000'],
    [5e-5, '5.000e−05'],
    [9.99e-5, '9.990e−05'],
    [123456.789, '123457'],
    [-3.25, '−3.250'],
    [1000000000.0, '1.000e+09'],
    [1000500000.0, '1.000e+09'],
    [12345678.9, '12345679'],
    [-2e-5, '−2.000e−05'],
    [0.1, '0.1000'],
    [0.000123456, '0.0001235'],
    [0.5, '0.5000'],
    [1000.0, '1000'],
    [999.95, '1000.0'],
    [9.9999, '10.000']
  ])('writes %p by its size', (value, text) => {
    expect(number(value)).toBe(text);
  });

  it.each([
    [2.5104, 3, '2.510'],
    [2.5105, 3, '2.510'],
    [0.125, 2, '0.12'],
    [0.375, 2, '0.38'],
    [-0.125, 2, '−0.12'],
    [2.5, 0, '2'],
    [3.5, 0, '4'],
    [0.5, 0, '0'],
    [0.0004, 3, '4.000e−04'],
    [0.0005, 3, '0.001'],
    [-0.0004, 3, '−4.000e−04'],
    [1.005, 2, '1.00'],
    [0.15, 1, '0.1'],
    [0.25, 1, '0.2'],
    [1000000000.0, 2, '1.000e+09'],
    [1234.5678, 2, '1234.57'],
    [0, 3, '0.000'],
    [1.0015, 3, '1.002']
  ])('writes %p with %p places', (value, places, text) => {
    expect(number(value, places)).toBe(text);
  });
});

it.each([
  [0.021, 3, '+0.021'],
  [-0.032, 3, '−0.032'],
  [0.0004, 3, '+0.0004'],
  [-0.0004, 3, '−0.0004'],
  [0, 3, '+0.000'],
  [null, 3, '–'],
  [1e-10, 3, '+1.000e−10'],
  [1.5, null, '+1.500'],
  [-4e-5, null, '−4.000e−05'],
  [0.00049, 3, '+0.0005'],
  [12.345, 1, '+12.3'],
  [2.5, 0, '+2']
])('signed writes %p with %p places', (value, places, text) => {
  expect(signed(value, places)).toBe(text);
});

it.each([
  [2.51, 2.604, '−3.6 %'],
  [2.604, 2.51, '+3.7 %'],
  [1, 0, ''],
  [null, 1, ''],
  [1, null, ''],
  [-1, -2, '+50.0 %'],
  [100, 1, ''],
  [2.0, 2.0, '+0.0 %'],
  [2.0001, 2.0, '+0.005 %']
])('share of %p from %p', (score, start, text) => {
  expect(share(score, start)).toBe(text);
});

it.each([
  [0, '0.0 s'],
  [14.84, '14.8 s'],
  [0.25, '0.2 s'],
  [0.35, '0.3 s'],
  [99.94, '99.9 s'],
  [99.95, '1 min 40 s'],
  [100.5, '1 min 40 s'],
  [101.5, '1 min 42 s'],
  [185, '3 min 05 s'],
  [3599, '59 min 59 s'],
  [3599.5, '1 h 00 min'],
  [7800, '2 h 10 min'],
  [172800, '48 h 00 min'],
  [null, '–'],
  [-1.25, '-1.2 s']
])('duration writes %p', (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});

it.each([
  [[], 4, 3],
  [[2.5], 4, 3],
  [[0.0025], 4, 6],
  [[123456], 4, 0],
  [[0, null], 4, 3],
  [[1000, 1, 100, 10], 4, 1],
  [[1e-12], 4, 9],
  [[0.1, 0.2], 2, 2],
  [[1000], 4, 0],
  [[0.001], 4, 6],
  [[9.9999], 1, 0]
])(
  'decimals of %p for %p digits',
  (values: (number | null)[], digits, places) => {
    expect(decimals(values, digits)).toBe(places);
  }
);

describe('look', () => {
  it.each([
    [null, null, '◐', 'running', 'running'],
    ['keep', null, '○', 'keep', 'provisional'],
    ['keep', 'confirmed', '●', 'keep', 'confirmed'],
    ['keep', 'provisional', '○', 'keep', 'provisional'],
    ['keep', 'refuted', '·', 'refuted', 'refuted'],
    ['discard', null, '·', 'discard', 'discard'],
    ['pruned', null, '▽', 'pruned', 'pruned'],
    ['crash', null, '×', 'crash', 'crash'],
    ['timeout', null, '⧖', 'timeout', 'timeout'],
    ['scored', null, '·', 'scored', 'scored'],
    ['interrupted', null, '◌', 'interrupted', 'interrupted'],
    ['contended', null, '◌', 'contended', 'contended'],
    ['invalid', null, '–', 'invalid', 'invalid'],
    ['skipped', null, '–', 'skipped', 'skipped'],
    ['pending', null, '…', 'pending', 'pending'],
    ['waiting', null, '…', 'waiting', 'waiting'],
    ['accepted', null, '…', 'accepted', 'accepted']
  ])('of %p, %p', (verdict, state, sign, word, kind) => {
    expect(look(verdict, state)).toEqual({ sign, word, kind });
  });

  it('takes a word that nobody knows for a discard', () => {
    expect(look('toString').kind).toBe('discard');
    expect(look('keep', 'constructor').kind).toBe('provisional');
  });

  it('shows as running only what is under way', () => {
    const row = rowOf(7, { verdict: null, score: null });
    expect(lookOf(row, 7).kind).toBe('running');
    expect(lookOf(row, 8).kind).toBe('interrupted');
    expect(lookOf(row, null).kind).toBe('interrupted');
    expect(lookOf(rowOf(6), null).kind).toBe('discard');
  });
});

it('says the goal in words', () => {
  const metric = { name: 'val_bpb', target: null, grade: 'sealed' as const };
  expect(goal({ ...metric, direction: 'min', unit: 'bits per byte' })).toBe(
    'val_bpb (bits per byte, lower is better)'
  );
  expect(goal({ ...metric, direction: 'max', unit: '' })).toBe(
    'val_bpb (higher is better)'
  );
  const own = { ...metric, grade: 'self-reported' as const };
  expect(goal({ ...own, direction: 'min', unit: '' })).toBe(
    'val_bpb (lower is better, self-reported)'
  );
});

it.each([
  [1000, 'just now'],
  [1003, 'just now'],
  [960, '40 s ago'],
  [940, '1 min ago'],
  [1000 - 3599, '59 min ago'],
  [1000 - 7200, '2 h ago'],
  [1000 - 86400, '1 day ago'],
  [1000 - 3 * 86400, '3 days ago']
])('ago: %p seen from 1000', (time, text) => {
  expect(ago(time, 1000)).toBe(text);
});

describe('the staircase', () => {
  const spec: [
    number,
    number,
    Verdict | null,
    Standing | null,
    number | null
  ][] = [
    [1, 1, 'keep', 'confirmed', 2.6],
    [2, 1, 'discard', null, 2.7],
    [3, 1, 'keep', 'refuted', 2.0],
    [4, 1, 'crash', null, null],
    [5, 1, 'keep', 'provisional', 2.5],
    [6, 1, 'keep', 'confirmed', 2.55],
    [7, 2, 'discard', null, 3.0],
    [8, 2, 'keep', null, 3.1],
    [9, 2, null, null, null]
  ];
  const rows: IRow[] = spec
    .map(([number, epoch, verdict, state, score]) =>
      rowOf(number, { epoch, verdict, state, score })
    )
    .reverse();

  it.each([
    [
      'min',
      1,
      [
        [1, 2.6],
        [2, 2.6],
        [3, 2.6],
        [4, 2.6],
        [5, 2.5],
        [6, 2.5]
      ]
    ],
    [
      'max',
      1,
      [
        [1, 2.6],
        [2, 2.6],
        [3, 2.6],
        [4, 2.6],
        [5, 2.6],
        [6, 2.6]
      ]
    ],
    [
      'min',
      2,
      [
        [8, 3.1],
        [9, 3.1]
      ]
    ],
    ['min', 3, []]
  ] as const)('%s, epoch %p', (direction, epoch, steps) => {
    const found = staircase(rows, direction, epoch);
    expect(found.map(step => [step.number, step.score])).toEqual(steps);
  });

  it('stands on keeps that were not refuted', () => {
    const found = [...rows].reverse().map(standing);
    expect(found).toEqual([
      true,
      false,
      false,
      false,
      true,
      true,
      false,
      true,
      false
    ]);
  });
});

it.each([
  [{}, null, ''],
  [{}, 5, '$0.00 of $5.00'],
  [{ requests: 1, dollars: 0.0123 }, null, '$0.0123'],
  [{ requests: 9, dollars: 1.239 }, 5, '$1.24 of $5.00'],
  [{ requests: 9, dollars: 1234.5 }, 2000.5, '$1,234.50 of $2,000.50'],
  [{ requests: 1, dollars: 0.02 }, 0.5, '$0.02 of $0.50'],
  [{ requests: 1, unpriced: 1 }, null, 'price unknown']
])('writes what %p cost, of %p', (cost, most, text) => {
  expect(bill({ ...FREE, ...cost }, most, trans)).toBe(text);
});

it.each([
  [{}, ''],
  [
    { requests: 1, input: 200, output: 50, dollars: 0.01234 },
    '$0.0123; 1 request: 200 tokens read, 50 written'
  ],
  [
    {
      requests: 2,
      input: 100,
      output: 5000,
      cache_read: 800,
      cache_write: 100,
      dollars: 1234.5
    },
    '$1,234.50; 2 requests: 1,000 tokens read (80 % of them from the cache), 5,000 written'
  ],
  [
    { requests: 3, input: 1, output: 1, unpriced: 3 },
    'price unknown; 3 requests: 1 tokens read, 1 written'
  ],
  [
    { requests: 3, input: 1, output: 1, dollars: 2, unpriced: 1 },
    '$2.00; 3 requests, 1 without a price: 1 tokens read, 1 written'
  ]
])('writes what the requests %p took', (cost, text) => {
  expect(money({ ...FREE, ...cost }, trans)).toBe(text);
});

it.each([
  [[], 'Stop after this one'],
  [[7], 'Stop after this one'],
  [[7, 8], 'Stop after these']
])('calls a stop by what ends first: %p', (numbers, name) => {
  const flights = numbers.map(number => flightOf(number, 'w1'));
  expect(stopAfter(stateOf({ flights }), trans)).toBe(name);
  expect(stopAfter(null, trans)).toBe('Stop after this one');
});

import { EVERYTHING, IQuery, IterationStore, SortKey } from '../store';
import { rowOf, rowsOf } from './server';

const VERDICTS = ['keep', 'discard', 'crash', 'timeout', 'pruned'] as const;

function asked(more: Partial<IQuery>): IQuery {
  return { ...EVERYTHING, ...more };
}

function numbers(store: IterationStore, more: Partial<IQuery>): number[] {
  return store.select(asked(more)).map(row => row.number);
}

describe('merging', () => {
  it('holds rows newest first, whatever order they come in', () => {
    const store = new IterationStore();
    store.merge([rowOf(2), rowOf(9)]);
    store.merge([rowOf(5)]);
    expect(store.rows.map(row => row.number)).toEqual([9, 5, 2]);
    expect(store.size).toBe(3);
    expect(store.get(5)?.title).toBe('idea 5');
    expect(store.get(4)).toBeUndefined();
  });

  it('lets the row that is seen later win, and counts it once', () => {
    const store = new IterationStore();
    store.merge([rowOf(1, { verdict: null })]);
    store.merge([rowOf(1, { verdict: 'keep' })]);
    expect(store.size).toBe(1);
    expect(store.get(1)?.verdict).toBe('keep');
  });

  it('changes its version with its rows, and only with them', () => {
    const store = new IterationStore();
    store.merge([]);
    store.clear();
    expect(store.version).toBe(0);
    store.merge([rowOf(1)]);
    const [version, rows] = [store.version, store.rows];
    expect(store.rows).toBe(rows);
    store.replace([rowOf(2)]);
    expect(store.version).toBeGreaterThan(version);
    expect(store.rows.map(row => row.number)).toEqual([2]);
    store.clear();
    expect(store.rows).toEqual([]);
  });
});

describe('selecting', () => {
  const store = new IterationStore();
  store.merge([
    rowOf(1, {
      verdict: 'keep',
      state: 'confirmed',
      score: 2.6,
      difference: null,
      title: 'baseline',
      agent: 'human'
    }),
    rowOf(2, {
      verdict: 'crash',
      score: null,
      difference: null,
      title: 'DEPTH 12',
      reason: 'ZeroDivisionError'
    }),
    rowOf(3, {
      verdict: 'keep',
      state: 'refuted',
      score: 2.4,
      difference: -0.2,
      title: 'rotary base'
    }),
    rowOf(12, {
      verdict: 'discard',
      score: 2.6,
      difference: 0,
      title: 'Rotary theta',
      agent: 'claude'
    }),
    rowOf(112, {
      verdict: null,
      score: null,
      difference: null,
      title: 'softcap',
      seconds: 0
    })
  ]);

  it('shows everything, newest first, without copying it', () => {
    expect(store.select(EVERYTHING)).toBe(store.rows);
    expect(numbers(store, { descending: false })).toEqual([1, 2, 3, 12, 112]);
  });

  it.each<[SortKey, number[], number[]]>([
    ['score', [12, 1, 3, 112, 2], [3, 12, 1, 112, 2]],
    ['difference', [12, 3, 112, 2, 1], [3, 12, 112, 2, 1]],
    ['title', [112, 12, 3, 2, 1], [1, 2, 3, 12, 112]],
    ['agent', [112, 3, 2, 1, 12], [12, 1, 112, 3, 2]],
    ['verdict', [2, 12, 3, 1, 112], [112, 1, 3, 12, 2]],
    ['time', [112, 12, 3, 2, 1], [1, 2, 3, 12, 112]]
  ])(
    'sorts by %s; ties newest first and nothing last, either way',
    (sort, down, up) => {
      expect(numbers(store, { sort, descending: true })).toEqual(down);
      expect(numbers(store, { sort, descending: false })).toEqual(up);
    }
  );

  it('does not rank the time of what still runs', () => {
    expect(numbers(store, { sort: 'seconds', descending: false }).pop()).toBe(
      112
    );
  });

  it.each<[string, number[]]>([
    ['rotary', [12, 3]],
    ['ROTARY claude', [12]],
    ['12', [12, 2]],
    ['#12', [12]],
    ['refuted', [3]],
    ['keep', [3, 1]],
    ['confirmed', [1]],
    ['running', [112]],
    ['  zerodivision ', [2]],
    ['rotary zerodivision', []]
  ])('finds %p', (search, found) => {
    expect(numbers(store, { search })).toEqual(found);
  });

  it.each<[string[], number[]]>([
    [['keep'], [3, 1]],
    [['confirmed'], [1]],
    [
      ['crash', 'running'],
      [112, 2]
    ],
    [['timeout'], []]
  ])('filters %p', (verdicts, found) => {
    expect(numbers(store, { verdicts: new Set(verdicts) })).toEqual(found);
  });

  it('filters, searches and sorts at once', () => {
    const query = {
      search: 'rotary',
      verdicts: new Set(['keep', 'discard']),
      sort: 'score' as const
    };
    expect(numbers(store, query)).toEqual([12, 3]);
  });
});

it('gives the same array for the same rows and query, and a new one for others', () => {
  const store = new IterationStore();
  store.merge(rowsOf(3));
  const query = {
    search: 'idea',
    verdicts: new Set(['discard', 'keep']),
    sort: 'score' as const
  };
  const first = store.select(asked(query));
  expect(
    store.select(asked({ ...query, verdicts: new Set(['keep', 'discard']) }))
  ).toBe(first);
  expect(store.select(asked({ ...query, search: 'idea 2' }))).not.toBe(first);
  store.merge([rowOf(4)]);
  expect(store.select(asked(query)).length).toBe(4);
});

it('keeps 10,000 rows in order, filtered and searched', () => {
  const store = new IterationStore();
  store.merge(
    Array.from({ length: 10000 }, (_, index) =>
      rowOf(index + 1, {
        verdict: VERDICTS[index % 5],
        score: index % 5 === 2 ? null : ((index * 7919) % 10000) / 1000,
        title: `LR ${index % 97}`
      })
    )
  );
  const scores = store
    .select(asked({ sort: 'score', descending: false }))
    .map(row => row.score);
  expect(scores.length).toBe(10000);
  const known = scores.slice(0, 8000).map(Number);
  expect(known.every((score, i) => i === 0 || known[i - 1] <= score)).toBe(
    true
  );
  expect(scores.slice(8000).every(score => score === null)).toBe(true);
  const found = store.select(
    asked({ search: 'lr 95', verdicts: new Set(['keep']) })
  );
  expect(found.length).toBe(
    store.rows.filter(row => row.verdict === 'keep' && row.title === 'LR 95')
      .length
  );
  expect(found.length).toBeGreaterThan(10);
});

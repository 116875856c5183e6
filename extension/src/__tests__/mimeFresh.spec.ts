import { nullTranslator } from '@jupyterlab/translation';

import { freshLines, gained } from '../mime/fresh';
import { readIteration } from '../mime/records';

const trans = nullTranslator.load('autoloop');
const FRESH = {
  state: 'confirmed',
  screened: 0.25,
  pairs: 4,
  gain: { mean: 0.2, low: 0.1, high: 0.3 },
  total: { mean: 0.5, low: 0.4, high: 0.6 },
  held_out: { mean: 0.45, low: 0.35, high: 0.55 }
};
const read = (fresh: unknown) =>
  readIteration({ number: 7, title: 'smaller', fresh }).fresh;

describe('what fresh runs say of a keep', () => {
  it('is told with the interval, and what the screening promised', () => {
    expect(freshLines(read(FRESH), 2, trans)).toEqual([
      'Confirmed: it gains +0.20 (+0.10 … +0.30) over its base in 4 fresh pairs of runs; what it was kept for showed +0.25.',
      'Over the baseline, by fresh runs of both, it gains +0.50 (+0.40 … +0.60).',
      'On the holdout, which no selection saw: +0.45 (+0.35 … +0.55) over the baseline.'
    ]);
  });

  it('has its words for each state', () => {
    const first = (changes: object) =>
      freshLines(read({ ...FRESH, ...changes }), 2, trans)[0];
    expect(first({ state: 'refuted', pairs: 1 })).toMatch(
      /^Refuted: it gains \+0.20 .* in a fresh pair of runs; .* \+0.25\.$/
    );
    expect(first({ state: 'provisional' })).toMatch(/^Not decided yet: /);
    const bare = { gain: null, total: null, held_out: null };
    expect(first({ ...bare, state: 'provisional' })).toBe(
      'Provisional: no fresh run has confirmed it yet.'
    );
    expect(first({ ...bare, state: null })).toBeUndefined();
    expect(first({ ...bare, screened: null })).toBeUndefined();
  });

  it('says nothing for records of older versions, and bears broken ones', () => {
    expect(freshLines(read(undefined), 2, trans)).toEqual([]);
    expect(
      read({ gain: { mean: 'x' }, total: 3, held_out: { mean: 1 } })
    ).toEqual({
      state: null,
      screened: null,
      pairs: 0,
      gain: null,
      total: null,
      held_out: { mean: 1, low: 1, high: 1 }
    });
  });

  it('leaves the interval out where runs do not differ', () => {
    expect(gained({ mean: -1, low: -1, high: -1 }, 2)).toBe('−1.00');
  });
});

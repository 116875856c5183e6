/** What a review makes of sources: exactly the base's where everything is rejected, exactly the proposed where not. */
import { nullTranslator } from '@jupyterlab/translation';

import { createDiff } from '../diff/diff';
import type { IDiff, IReviewed } from '../diff/diff';
import { mean, quantile } from '../mime/mean';
import type { IAttempt, IChange } from '../wire';

const trans = nullTranslator.load('autoloop');
const made: IDiff[] = [];
Range.prototype.getClientRects = () => [] as unknown as DOMRectList;
Range.prototype.getBoundingClientRect = () => new DOMRect();

afterEach(() => {
  made.splice(0).forEach(diff => diff.dispose());
  document.body.replaceChildren();
});

async function reviewed(
  changes: IChange[],
  mode: 'unified' | 'split' = 'unified'
): Promise<{ host: HTMLElement; diff: IDiff; told: IReviewed[] }> {
  const host = document.createElement('div');
  document.body.append(host);
  const told: IReviewed[] = [];
  const onReview = (one: IReviewed) => void told.push(one);
  const diff = createDiff(host, changes, { trans, mode, onReview });
  made.push(diff);
  await diff.ready;
  return { host, diff, told };
}

const change = (before: string | null, after: string | null): IChange => ({
  unit: 'model',
  before,
  after
});
const all = (diff: IDiff, what: 'accept' | 'reject') => {
  for (let turn = 0; diff.review!.reviewed.left && turn < 200; turn++) {
    diff.review!.decide(what);
  }
};

describe.each(['unified', 'split'] as const)('hunks, %s', mode => {
  it('leave the base’s source exactly where all are rejected, and the proposed where all are accepted', async () => {
    let seed = 11;
    const next = (below: number): number => {
      seed = (seed * 48271) % 2147483647;
      return seed % below;
    };
    const text = () =>
      Array.from({ length: 1 + next(9) }, () => `v${next(5)} = 1`).join('\n') +
      ['', '\n', '\n\n'][next(3)];
    for (let turn = 0; turn < 60; turn++) {
      const [before, after] = [text(), text()];
      const rejected = await reviewed([change(before, after)], mode);
      expect(rejected.diff.review!.reviewed.units).toEqual({});
      all(rejected.diff, 'reject');
      const { units } = rejected.diff.review!.reviewed;
      const whole = (source: string) => source.replace(/\n?$/, '\n');
      expect([units.model ?? after, before, after]).toEqual([
        whole(before) === whole(after) ? after : before,
        before,
        after
      ]);
      const accepted = await reviewed([change(before, after)], mode);
      all(accepted.diff, 'accept');
      expect(accepted.diff.review!.reviewed.left).toBe(0);
      expect(accepted.diff.review!.reviewed.units).toEqual({});
      made.splice(0).forEach(diff => diff.dispose());
    }
  });

  it('can be taken back after another layout was chosen', async () => {
    const { diff } = await reviewed([change('a\nb\nc', 'A\nb\nC')], mode);
    const { review } = diff;
    review!.step(1);
    review!.decide('reject');
    expect(review!.reviewed.units).toEqual({ model: 'a\nb\nC' });
    diff.show({ mode: mode === 'split' ? 'unified' : 'split', fold: true });
    expect(review!.reviewed.units).toEqual({ model: 'a\nb\nC' });
    review!.takeBack();
    expect(review!.reviewed.units).toEqual({});
    diff.show({ mode, fold: false });
    review!.takeBack(); // there is nothing more
    expect(review!.reviewed.units).toEqual({});
  });

  it('are gone through in all cards, round at the ends', async () => {
    const { diff } = await reviewed(
      [
        { unit: 'a', before: 'x\n1\n2\n3\ny', after: 'X\n1\n2\n3\nY' },
        { unit: 'b', before: 'z', after: 'Z' }
      ],
      mode
    );
    const review = diff.review!;
    const at = (by: 1 | -1) => {
      review.step(by);
      return review.reviewed.at;
    };
    expect([at(1), at(1), at(1), at(1), at(-1), at(-1)]).toEqual([
      'hunk 1 of 2 in a',
      'hunk 2 of 2 in a',
      'hunk 1 of 1 in b',
      'hunk 1 of 2 in a',
      'hunk 1 of 1 in b',
      'hunk 2 of 2 in a'
    ]);
    review.decide('reject');
    expect(review.reviewed).toMatchObject({
      left: 2,
      at: 'hunk 1 of 1 in b',
      nothing: false,
      units: { a: 'X\n1\n2\n3\ny' }
    });
    review.decide('accept');
    expect(review.reviewed.left).toBe(1);
    review.takeBack(); // the rejection: what was accepted stands
    expect(review.reviewed).toMatchObject({ left: 2, units: {} });
  });
});

describe('a review', () => {
  it('keeps what was decided and typed in another layout, and takes a rejection back', async () => {
    const { host, diff } = await reviewed([
      change('a = 1\nx\ny\nz\nb = 1', 'a = 2\nx\ny\nz\nb = 2')
    ]);
    const review = diff.review!;
    review.step(1);
    review.decide('reject');
    diff.show({ mode: 'split', fold: false });
    expect(review.reviewed.units).toEqual({ model: 'a = 1\nx\ny\nz\nb = 2' });
    diff.show({ mode: 'unified', fold: true });
    expect(review.reviewed.left).toBe(1);
    review.decide('reject');
    expect(review.reviewed.nothing).toBe(true);
    review.takeBack();
    expect(review.reviewed.units).toEqual({ model: 'a = 1\nx\ny\nz\nb = 2' });
    expect(host.querySelector('[contenteditable="true"]')).toBeNull();
  });

  it('has named buttons beside each hunk, and can be typed into only when it is to be', async () => {
    const { host, diff, told } = await reviewed([change('a = 1', 'a = 2')]);
    const buttons = [...host.querySelectorAll('.jp-Autoloop-Diff-decide')];
    expect(buttons.map(each => each.textContent)).toEqual(['Accept', 'Reject']);
    const editable = () =>
      host.querySelector('.cm-content')!.getAttribute('contenteditable');
    expect(editable()).toBe('false');
    diff.review!.open(true);
    expect(editable()).toBe('true');
    diff.review!.open(false);
    expect(editable()).toBe('false');
    (buttons[1] as HTMLElement).click();
    expect(told[told.length - 1]).toMatchObject({ left: 0, nothing: true });
    expect(host.querySelector('.jp-Autoloop-Diff-counts')!.textContent).toBe(
      ''
    );
  });

  it('leaves alone what cannot be shown as it is', async () => {
    const { host, diff } = await reviewed([
      change('a = 1\r\n', 'a = "\u202e"\r\n'),
      { unit: 'b', before: null, after: 'new' }
    ]);
    diff.review!.decide('reject');
    diff.review!.open(true);
    expect(diff.review!.reviewed.units).toEqual({});
    expect(host.textContent).toContain('only be taken as proposed');
  });
});

describe('the mean of attempts', () => {
  const attempt = (score: number | null, kind = 'confirm'): IAttempt => ({
    attempt: 1,
    seed: 1,
    kind,
    verdict: score === null ? 'crash' : 'scored',
    score,
    reason: ''
  });

  it('has the interval of Student’s t', () => {
    expect(quantile(1)).toBeCloseTo(12.7062, 3);
    expect(quantile(2)).toBeCloseTo(4.30265, 4);
    expect(quantile(10)).toBeCloseTo(2.22814, 4);
    const found = mean([1, 2, 3].map(each => attempt(each)))!;
    expect(found).toMatchObject({ count: 3, value: 2 });
    expect(found.half).toBeCloseTo(4.30265 / Math.sqrt(3), 4);
  });

  it('leaves out hold-outs and failures, and needs two scores', () => {
    expect(mean([attempt(1), attempt(9, 'holdout'), attempt(null)])).toBeNull();
  });
});

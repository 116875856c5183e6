/** How sure the mean of an iteration's scores is: as the server's plot of attempts has it. */
import type { IAttempt } from '../wire';

/** How many scores there are, their mean, and half the width of its 95 % interval (both in units of the score). */
export interface IMean {
  count: number;
  value: number;
  half: number;
}

/**
 * The mean of the scores with its 95 % interval, Student's t with n−1 degrees of freedom; null below two scores. A
 * hold-out's score does not count: it is measured on other data.
 */
export function mean(attempts: readonly IAttempt[]): IMean | null {
  const scores = attempts
    .filter(each => each.verdict === 'scored' && each.kind !== 'holdout')
    .map(each => each.score)
    .filter((score): score is number => Number.isFinite(score));
  const count = scores.length;
  if (count < 2) {
    return null;
  }
  const value = scores.reduce((sum, score) => sum + score, 0) / count;
  const squares = scores.reduce((sum, score) => sum + (score - value) ** 2, 0);
  const deviation = Math.sqrt(squares / (count - 1));
  const half = (quantile(count - 1) * deviation) / Math.sqrt(count);
  return { count, value, half };
}

/**
 * The t that a Student-t variable with `freedom` (1, 2, …) degrees exceeds in size with probability 1 in 20.
 *
 * For whole degrees of freedom its distribution is a finite sum of cosines of θ = atan(t/√ν) (Abramowitz and Stegun,
 * Handbook of Mathematical Functions, 26.7.3 and 26.7.4), which rises with θ: halving finds θ.
 */
export function quantile(freedom: number): number {
  let [low, high] = [0, Math.PI / 2];
  for (let turn = 0; turn < 60; turn++) {
    const middle = (low + high) / 2;
    [low, high] =
      within(middle, freedom) < 0.95 ? [middle, high] : [low, middle];
  }
  return Math.sqrt(freedom) * Math.tan((low + high) / 2);
}

/** The probability that a Student-t variable lies within ±√ν tan θ, for ν = `freedom`. */
function within(theta: number, freedom: number): number {
  const [sine, cosine] = [Math.sin(theta), Math.cos(theta)];
  const odd = freedom % 2 === 1;
  let term = odd ? cosine : 1;
  let total = freedom > 1 ? term : 0;
  for (let k = odd ? 3 : 2; k < freedom - 1; k += 2) {
    term *= (cosine * cosine * (k - 1)) / k;
    total += term;
  }
  return odd ? (2 / Math.PI) * (theta + sine * total) : sine * total;
}

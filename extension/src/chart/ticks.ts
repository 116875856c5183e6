/** Where the axis of iterations has its numbers. */

const STEPS = [1, 2, 5];

/**
 * At most about `most` round whole numbers from `low` to `high`, and `first`, where the axis begins with it and a round
 * one is not too near. Few iterations (`few`, ascending) are all named.
 */
export function wholeTicks(
  low: number,
  high: number,
  most: number,
  first: number,
  few: readonly number[] = []
): number[] {
  if (few.length && few.length <= Math.min(3, most)) {
    return few.filter(number => number >= low && number <= high);
  }
  const step = stepFor(high - low, most);
  const ticks: number[] = [];
  for (let at = Math.ceil(low / step) * step; at <= high; at += step) {
    ticks.push(at);
  }
  if (first < low || first > high || ticks.includes(first)) {
    return ticks;
  }
  const rest = ticks.filter(at => Math.abs(at - first) >= 0.6 * step);
  return [first, ...rest.filter(at => at > first)];
}

/** How many decimals the numbers of an axis need whose neighbours are `step` apart (2 for 0.05, 3 for 0.025), 0 to 9. */
export function places(step: number): number {
  const [digits, power] = step.toExponential(3).split('e');
  const own = digits.replace(/\.?0+$/, '').length;
  return Math.min(9, Math.max(0, (own > 1 ? own - 2 : 0) - Number(power)));
}

function stepFor(size: number, most: number): number {
  for (let ten = 1; ; ten *= 10) {
    for (const step of STEPS) {
      if (size / (step * ten) <= Math.max(1, most)) {
        return step * ten;
      }
    }
  }
}

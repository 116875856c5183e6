/** Which point is meant: by binary search, since the points of a chart lie in ascending order of x. */

/** The first place in ascending `values` whose value is not below `value`; their number where all are. */
export function lowerBound(values: ArrayLike<number>, value: number): number {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] < value) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/**
 * The place of the point nearest to `x`, `y` that is at most `radius` pixels away; -1 for none.
 *
 * `xs` ascends. `lift(place)`: by how many pixels a point counts as nearer than it is, at most `radius`: a keep should
 * win over the dots that crowd about it.
 */
export function nearest(
  xs: ArrayLike<number>,
  ys: ArrayLike<number>,
  x: number,
  y: number,
  radius: number,
  lift: (place: number) => number = () => 0
): number {
  let found = -1;
  let least = Infinity;
  for (
    let i = lowerBound(xs, x - radius);
    i < xs.length && xs[i] <= x + radius;
    i++
  ) {
    const distance = Math.hypot(xs[i] - x, ys[i] - y);
    if (distance <= radius && distance - lift(i) < least) {
      least = distance - lift(i);
      found = i;
    }
  }
  return found;
}

/**
 * The place of the point `way` steps (-1 or 1) from the one numbered `from`, which need not be there itself; the ends
 * hold. Without `from` (null) the walk begins at the last point. -1 where there are no points.
 */
export function step(
  numbers: ArrayLike<number>,
  from: number | null,
  way: -1 | 1
): number {
  const last = numbers.length - 1;
  if (from === null || last < 0) {
    return last;
  }
  const place = lowerBound(numbers, from);
  const there = numbers[place] === from;
  const next = way < 0 ? place - 1 : there ? place + 1 : place;
  return Math.min(last, Math.max(0, next));
}

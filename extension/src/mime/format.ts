/** How facts and moments are written, as in the server's views. */
import { oneLine } from '../diff/visible';
import { DASH, decimals, grouped, number, signed } from '../words';

/** How many facts are shown at most: they come from the candidate. */
export const FACTS = 60;

/** A fact as text on one line: whole numbers in groups of three, others by their size. */
export function fact(value: unknown): string {
  if (typeof value === 'number') {
    return Number.isInteger(value) ? grouped(value) : number(value);
  }
  if (value === null || value === undefined) {
    return DASH;
  }
  return oneLine(
    typeof value === 'string' ? value : (JSON.stringify(value) ?? ''),
    200
  );
}

/** By how much a fact changed, signed; empty where one of them is no number, or they are the same. */
export function moved(before: unknown, now: unknown): string {
  if (typeof before !== 'number' || typeof now !== 'number' || before === now) {
    return '';
  }
  const change = now - before;
  if (Number.isInteger(before) && Number.isInteger(now)) {
    return change > 0 ? `+${grouped(change)}` : grouped(change);
  }
  return Number.isFinite(change) ? signed(change, decimals([now])) : '';
}

/** Facts as names and values, each with its change against `base`'s where that has it too. */
export function pairsOf(
  facts: Readonly<Record<string, unknown>>,
  base: Readonly<Record<string, unknown>> = {}
): [string, string][] {
  return Object.entries(facts).map(([name, value]) => {
    const change = Object.prototype.hasOwnProperty.call(base, name)
      ? moved(base[name], value)
      : '';
    return [name, change ? `${fact(value)} (${change})` : fact(value)];
  });
}

/** A moment (seconds since 1970) as local date and time; empty where there is none. */
export function moment(seconds: number): string {
  const date = new Date(1000 * seconds);
  return seconds > 0 && !Number.isNaN(date.getTime())
    ? date.toLocaleString(undefined, {
        dateStyle: 'medium',
        timeStyle: 'short'
      })
    : '';
}

/**
 * Reading JSON of which nothing is known: what is there and of the right kind is taken, all else has a fallback. A
 * record is malformed only where that without which nothing can be said is missing.
 */

/** What is wrong with a record; its message names the field. */
export class MalformedError extends Error {}

/** A JSON object. */
export type Json = Readonly<Record<string, unknown>>;

/** `value` as an object; an empty one for all else. */
export function object(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Json)
    : {};
}

/** `value` as an object, null for all else. */
export function maybe(value: unknown): Json | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Json)
    : null;
}

/** `value` as a text, empty for all else. */
export function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** `value` as an ordinary number, null for all else. */
export function real(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

/** `value` as a list of what `read` makes of each item; an empty one for all else. */
export function list<T>(value: unknown, read: (item: unknown) => T): T[] {
  return Array.isArray(value) ? value.map(read) : [];
}

/** The number that `from` must have as `name`; throws `MalformedError` where it has none. */
export function needed(from: Json, name: string): number {
  const found = real(from[name]);
  if (found === null) {
    throw new MalformedError(name);
  }
  return found;
}

/** The text that `from` must have as `name`, which may be empty; throws `MalformedError` where it has none. */
export function worded(from: Json, name: string): string {
  const found = from[name];
  if (typeof found !== 'string') {
    throw new MalformedError(name);
  }
  return found;
}

/** One of `choices`, null for all else. */
export function choice<T extends string>(
  value: unknown,
  choices: readonly T[]
): T | null {
  return choices.find(each => each === value) ?? null;
}

/** The members of an object that are ordinary numbers. */
export function numbers(value: unknown): Record<string, number> {
  const found: Record<string, number> = Object.create(null);
  for (const [key, each] of Object.entries(object(value))) {
    const held = real(each);
    if (held !== null) {
      found[key] = held;
    }
  }
  return found;
}

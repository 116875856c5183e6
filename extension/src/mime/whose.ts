import type { TranslationBundle } from '@jupyterlab/translation';

/** How many characters of an origin tell it from others. */
const SHORT = 8;

/** Somebody who shares, by as much of the name as is told everywhere. */
export function short(origin: string): string {
  return origin.slice(0, SHORT);
}

/**
 * The letter by which an agent's line is known where there is little room: A is the first agent that was named, and
 * lines of agents who are there no more come last.
 */
export function letterOf(
  name: string,
  state: { agents: readonly string[]; islands: readonly { name: string }[] }
): string {
  const names = state.islands.map(island => island.name);
  const all = [...new Set([...state.agents, ...names])];
  const known = all.filter(one => names.includes(one));
  const place = known.indexOf(name);
  return place < 0 ? '' : String.fromCharCode(65 + (place % 26));
}

/** Whose iteration one tries (`6 of 7ecff155`), and of which agent's line it is; empty of the arena's own main line. */
export function lineOf(
  it: { island?: string; origin?: string },
  trans: TranslationBundle
): string[] {
  const [origin, number] = (it.origin ?? '').split('/');
  return [
    number ? trans.__('%1 of %2', number, short(origin)) : '',
    it.island ? trans.__('island %1', it.island) : ''
  ].filter(Boolean);
}

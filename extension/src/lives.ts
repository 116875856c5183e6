/**
 * All that is under way, told by events alone. Where one iteration runs at a time, that is one at most; with several
 * workers each iteration has its own, oldest first, and who is asked for a proposal meanwhile comes last.
 */
import { asking, followed, ICalled, ILive, opened } from './live';
import type { IEvent, IState } from './wire';

/** `lives` after an event; `several`: whether several iterations may run at once. */
export function allFollowed(
  lives: readonly ILive[],
  event: IEvent,
  called: (number: number) => ICalled | undefined,
  several: boolean
): readonly ILive[] {
  const own = lives.find(live => live.number === event.iteration) ?? null;
  const thinking = lives.find(live => live.number === null) ?? null;
  const first = lives[0] ?? null;
  switch (event.kind) {
    case 'driver.stop':
      return [];
    case 'propose.start':
      return placed(
        several ? going(lives) : [],
        followed(first, event, called)
      );
    case 'ahead':
      return lives.map(live => followed(live, event, called) ?? live);
    case 'agent': {
      const heard = thinking ?? first;
      const told = followed(heard, event, called);
      return placed(without(lives, heard), told);
    }
    case 'iteration.start':
      return placed(
        several ? going(lives) : [],
        followed(thinking ?? first, event, called)
      );
    case 'attempt.start': {
      const others = several ? beside(lives, event, own) : [];
      return placed(others, followed(own, event, called));
    }
  }
  if (own === null || own.number === null) {
    return lives;
  }
  const next = followed(own, event, called);
  const others = without(lives, own);
  // With others under way, nobody waits to see one that has its verdict.
  return several && event.kind === 'iteration.end' && others.length
    ? others
    : next === own
      ? lives
      : placed(others, next);
}

/**
 * `lives` as a state has it, which is no older than what events told: what is not known yet is made of the state, what
 * is over goes. The same object where nothing changes.
 */
export function agreed(
  lives: readonly ILive[],
  state: IState
): readonly ILive[] {
  const { flights, phase, phase_since, workers } = state;
  if (state.driver === null) {
    return lives.length ? [] : lives;
  }
  if (!flights.length) {
    return lives.length || !phase ? lives : [asking(phase_since)];
  }
  const several = workers.length > 0;
  const thinking = lives.filter(live => live.number === null);
  const known = flights.map(flight =>
    lives.find(live => live.number === flight.number)
  );
  const kept = several ? thinking : [];
  if (
    known.every(live => live !== undefined) &&
    (!several || lives.length === known.length + kept.length)
  ) {
    return lives;
  }
  const thoughts = several ? [] : (thinking[0]?.thoughts ?? []);
  const shown = several ? flights : flights.slice(0, 1);
  const all = shown.map((flight, i) => known[i] ?? opened(flight, thoughts));
  return sorted([...all, ...kept]);
}

/** Those that are under way and have a number. */
function going(lives: readonly ILive[]): readonly ILive[] {
  return lives.filter(
    live => live.number !== null && live.phase !== 'recorded'
  );
}

/** What goes on beside an attempt that begins: its worker runs nothing else. */
function beside(
  lives: readonly ILive[],
  event: IEvent,
  own: ILive | null
): readonly ILive[] {
  return lives.filter(
    live =>
      live !== own &&
      live.phase !== 'recorded' &&
      (live.worker === '' || live.worker !== event.data.worker)
  );
}

function without(lives: readonly ILive[], one: ILive | null): readonly ILive[] {
  return lives.filter(live => live !== one);
}

function placed(others: readonly ILive[], one: ILive | null): readonly ILive[] {
  return one === null ? others : sorted([...others, one]);
}

function sorted(lives: ILive[]): ILive[] {
  return lives.sort((a, b) => (a.number ?? Infinity) - (b.number ?? Infinity));
}

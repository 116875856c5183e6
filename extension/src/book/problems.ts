/** What the server says about an arena, taken apart: `PLACE: WHAT — MEND`, one line a problem. */
import type { ICheck } from '../wire';

/** One problem; `cell` counts from 0, null where it is about no single cell. `mend` may be empty. */
export interface IProblem {
  level: 'error' | 'note';
  place: string;
  cell: number | null;
  /** Whether the arena's settings mend it. */
  settings: boolean;
  what: string;
  mend: string;
}

const LINE = /^(cell (\d+) \([^)]*\)|[^\s:]+): (.*)$/s;

/** The problems of an arena, those that stop it first. */
export function problemsOf(check: ICheck): IProblem[] {
  return [
    ...check.errors.map(line => problemIn(line, 'error')),
    ...check.notes.map(line => problemIn(line, 'note'))
  ];
}

function problemIn(line: string, level: IProblem['level']): IProblem {
  const found = LINE.exec(line);
  const place = found?.[1] ?? '';
  const [what, ...mend] = (found?.[3] ?? line).split(' — ');
  return {
    level,
    place,
    cell: found?.[2] ? Number(found[2]) - 1 : null,
    settings: place.startsWith('metadata.autoloop'),
    what,
    mend: mend.join(' — ')
  };
}

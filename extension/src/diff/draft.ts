/** From what an editor shows to the source that runs: the shown text is made ready to be read, a source is exact. */
import type { IChange } from '../wire';
import { plain } from './sides';
import type { ISides } from './sides';

/**
 * Whether both sources are shown exactly as they are, so that what is left of them after a review is what a person
 * saw. One with invisible characters, other line ends or endless lines is shown otherwise: it stays as proposed.
 */
export function exact(change: IChange): boolean {
  return change.after !== null && plain(change.after) && plain(change.before);
}

/** The source that `text` stands for, which an editor shows that began with `sides`; ended as the proposed one is. */
export function restored(text: string, sides: ISides, change: IChange): string {
  const whole = sides.ended || text === '' ? text : `${text}\n`;
  const after = change.after ?? '';
  for (const known of [after, change.before]) {
    if (known !== null && ended(known) === whole) {
      return known;
    }
  }
  return after.endsWith('\n') ? whole : whole.replace(/\n$/, '');
}

/** How an editor that begins with `sides` shows a source: what `restored` makes it of. */
export function drafted(source: string, sides: ISides): string {
  const whole = ended(source);
  return sides.ended ? whole : whole.replace(/\n$/, '');
}

function ended(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`;
}

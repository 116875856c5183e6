import type { TranslationBundle } from '@jupyterlab/translation';

import type { Card } from './card';
import type { Reviewed } from './reviewed';
import { oneLine } from './visible';

/**
 * How far a review is: how many hunks are left to decide; `units`: the sources that are no longer those proposed;
 * `nothing`: whether all that was proposed is gone; `at`: which hunk is the current one, in words.
 */
export interface IReviewed {
  readonly left: number;
  readonly units: Readonly<Record<string, string>>;
  readonly nothing: boolean;
  readonly at: string;
}

/** Goes from hunk to hunk through all cards of a diff. */
export class Review {
  /** `tell` is called when another hunk is the current one; decisions are told by the cards. */
  constructor(
    cards: readonly Card[],
    private readonly trans: TranslationBundle,
    private readonly tell: () => void
  ) {
    this.parts = cards
      .map(card => card.review)
      .filter((part): part is Reviewed => part !== null);
  }

  /** How far it is. */
  get reviewed(): IReviewed {
    const units: Record<string, string> = Object.create(null);
    let nothing = this.parts.length > 0;
    for (const part of this.parts) {
      const { source, change } = part;
      if (source !== null && source !== change.after) {
        units[change.unit] = source;
      }
      nothing = nothing && source === change.before;
    }
    return {
      left: this.left,
      units,
      nothing,
      at: this.at
    };
  }

  /** Make the next hunk the current one, or the one before (-1); round at the ends. */
  step(by: 1 | -1): void {
    const total = this.left;
    if (total > 0) {
      const from = this.place ?? (by === 1 ? -1 : total);
      this.go((from + by + total) % total);
    }
  }

  /** Accept or reject the current hunk and go to the next; without a current one, the first becomes it. */
  decide(what: 'accept' | 'reject'): void {
    const found = this.place === null ? null : this.find(this.place);
    if (found === null || !found.part.decide(found.place, what)) {
      this.place = null;
      this.step(1);
      return;
    }
    const { left } = this;
    this.go(left ? Math.min(this.place ?? 0, left - 1) : null);
  }

  /** Let the sources be typed into, or no longer. */
  open(writable: boolean): void {
    this.parts.forEach(part => part.open(writable));
    if (writable) {
      this.parts.find(part => part.exact)?.focus();
    }
  }

  /** Take back the last rejection or typing. */
  takeBack(): void {
    [...this.parts]
      .sort((a, b) => b.touched - a.touched)
      .some(part => part.takeBack());
  }

  private get left(): number {
    return this.parts.reduce((sum, part) => sum + part.left, 0);
  }

  private go(place: number | null): void {
    this.place = place;
    const found = place === null ? null : this.find(place);
    for (const part of this.parts) {
      part.point(part === found?.part ? found.place : null);
    }
    this.tell();
  }

  /** The hunk at a place among all. */
  private find(place: number): { part: Reviewed; place: number } | null {
    let rest = place;
    for (const part of this.parts) {
      if (rest < part.left) {
        return { part, place: rest };
      }
      rest -= part.left;
    }
    return null;
  }

  private get at(): string {
    const found = this.place === null ? null : this.find(this.place);
    return found === null
      ? ''
      : this.trans.__(
          'hunk %1 of %2 in %3',
          found.place + 1,
          found.part.left,
          oneLine(found.part.change.unit, 60)
        );
  }

  private readonly parts: readonly Reviewed[];
  private place: number | null = null;
}

import type { IStateDB } from '@jupyterlab/statedb';
import type { ReadonlyPartialJSONValue } from '@lumino/coreutils';

import type { IProposal } from '../wire';

type Units = Readonly<Record<string, string>>;

/** A person's versions of proposals, kept with the workspace until they run or are discarded, so that no reload loses one. */
export class Drafts {
  /** `db`: where they are kept; null: nowhere. `arena`: its path below the server's root. */
  constructor(
    private readonly db: IStateDB | null,
    private readonly arena: string
  ) {}

  /** Look up what an earlier page kept of a proposal, for `take`; once, however often it is asked for. Never rejects. */
  async load({ id, changes }: IProposal): Promise<void> {
    const known = this.loading.get(id) ?? this.fetch(id);
    this.loading.set(id, known);
    const units = unitsOf(await known);
    this.found = {
      id,
      units: changes.flatMap(({ unit, after }) => {
        const draft = units.get(unit) ?? after;
        return draft === null || draft === after ? [] : [[unit, draft]];
      })
    };
  }

  /** What was found of this proposal, the first time that it is asked for; else null. */
  take({ id }: IProposal): Units | null {
    const { found, taken } = this;
    if (found?.id !== id || taken.has(id)) {
      return null;
    }
    taken.add(id);
    if (!found.units.length) {
      return null;
    }
    this.kept = id;
    return Object.fromEntries(found.units);
  }

  /** Keep a version of a proposal; of one without any units nothing is kept. */
  keep(id: string | null, units: Units): void {
    if (Object.keys(units).length) {
      // What was begun on a proposal stays its own, also when another has taken its place.
      this.kept ??= id;
      this.save(this.kept, { ...units });
    } else if (this.kept !== null) {
      this.save(this.kept, null);
      this.kept = null;
    }
  }

  private async fetch(id: string): Promise<unknown> {
    try {
      return await this.db?.fetch(this.key(id));
    } catch {
      return undefined; // what cannot be read is lost already
    }
  }

  private save(id: string | null, units: Record<string, string> | null): void {
    if (this.db !== null && id !== null) {
      const key = this.key(id);
      const done = units ? this.db.save(key, units) : this.db.remove(key);
      done.catch(() => undefined); // the page has it still
    }
  }

  private key(id: string): string {
    return `autoloop-draft:${this.arena}#${id}`;
  }

  private readonly loading = new Map<string, Promise<unknown>>();
  private readonly taken = new Set<string>();
  private found: { id: string; units: [string, string][] } | null = null;
  /** The proposal that the version in hand is kept under; null where none is. */
  private kept: string | null = null;
}

/** The sources in a stored value, by unit; what is no text is passed over. */
function unitsOf(value: unknown): Map<string, string> {
  const all = Object.entries(
    (value ?? {}) as ReadonlyPartialJSONValue & object
  );
  return new Map(
    all.filter((each): each is [string, string] => typeof each[1] === 'string')
  );
}

/**
 * What the harness knows of an arena's units: versions that are kept in its lineage, whatever becomes of the notebook.
 */
import type { ArenaModel } from '../model';
import type { IMark } from '../wire';

/** Sources by unit. */
export type Units = Readonly<Record<string, string>>;

/** How many ancestors of a champion are asked for, at most, before a source counts as a person's own. */
const ANCESTORS = 12;

/** Looks up, and remembers, what iterations were made of. */
export class Versions {
  /** The sources of an iteration. Rejects with the server's line where they cannot be had. */
  async of(model: ArenaModel, number: number): Promise<Units> {
    if (model !== this._model || model.restarts !== this._restarts) {
      this._units.clear(); // what has this number now may be another iteration
      this._model = model;
      this._restarts = model.restarts;
    }
    const known = this._units.get(number);
    if (known) {
      return known;
    }
    const { units } = await model.api.sources(model.arena, number);
    this._units.set(number, units);
    return units;
  }

  /** Whether some version that was looked up has this source for this unit: then it is nobody's own, and kept. */
  has(unit: string, source: string): boolean {
    return [...this._units.values()].some(units => units[unit] === source);
  }

  /** Looks up earlier versions, nearest first, until `has` holds for all of `sources` or there are none left. */
  async explain(
    model: ArenaModel,
    number: number,
    sources: Units
  ): Promise<void> {
    await model.ready;
    const explained = () =>
      Object.entries(sources).every(([unit, text]) => this.has(unit, text));
    for (const one of earlier(model, number)) {
      if (explained()) {
        return;
      }
      await this.of(model, one);
    }
  }

  private _model: ArenaModel | null = null;
  private _restarts = 0;
  private readonly _units = new Map<number, Units>();
}

/** The baseline, from which most notebooks come, and then what the iteration goes back to, step by step. */
function earlier(model: ArenaModel, number: number): number[] {
  const first: IMark | null | undefined = model.state?.baseline;
  const found = new Set<number>(first ? [first.number] : []);
  let base = model.rows.get(number)?.base ?? null;
  for (let i = 0; i < ANCESTORS && base !== null; i++) {
    found.add(base);
    base = model.rows.get(base)?.base ?? null;
  }
  return [...found];
}

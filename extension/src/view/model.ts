/**
 * What the iteration view shows: an iteration, or a proposal until it has run, read anew whenever its arena says that
 * it changed.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IStateDB } from '@jupyterlab/statedb';
import type { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { AutoloopAPI, lineOf } from '../api';
import type { Review } from '../diff/diff';
import type { ArenaModel } from '../model';
import type { IDetail, IProposal, ISaid } from '../wire';
import type { WorkbenchModel } from '../workbench';
import { Drafts } from './drafts';
import { Follower } from './follow';

/** Which one is shown: an iteration by its `number`, or a proposal by its id. */
export interface ISubject {
  workbench: WorkbenchModel;
  trans: TranslationBundle;
  /** The arena's path below the server's root. */
  arena: string;
  number?: number | null;
  proposal?: string | null;
  /** Where a version that has not run outlives the page; null: nowhere. */
  state?: IStateDB | null;
}

/** How old the log of an iteration that runs may be on the page, in milliseconds. */
const LOG_MS = 3000;

export class IterationModel implements IDisposable {
  constructor(subject: ISubject) {
    this.arena = subject.arena;
    this.api = subject.workbench.api;
    this._number = subject.number ?? null;
    this._id = subject.proposal ?? null;
    this._drafts = new Drafts(subject.state ?? null, subject.arena);
    this._follower = new Follower(subject.workbench, subject.arena, model =>
      this._listen(model)
    );
    this.ready = this.read();
  }

  readonly arena: string;
  readonly api: AutoloopAPI;
  /** Resolves after the first answer, whatever it is; never rejects. */
  readonly ready: Promise<void>;

  /** Something below changed; what is live (points) is told by `arenaModel.liveChanged` alone. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** The arena's own model, as of now. */
  get arenaModel(): ArenaModel {
    return this._follower.model;
  }

  /** The iteration; null until it is known, or while there is none. */
  get detail(): IDetail | null {
    return this._detail;
  }

  /** The proposal that is reviewed, or that runs; null where none is known. */
  get proposal(): IProposal | null {
    return this._proposal;
  }

  /** The iteration's number, or null while it is a proposal. */
  get number(): number | null {
    return this._number;
  }

  /** The id of the proposal that was asked for, or that took its place; null for an iteration. */
  get proposalId(): string | null {
    return this._id;
  }

  /** Why it cannot be read, in one line; empty where it can. */
  get problem(): string {
    return this._problem;
  }

  /** What the last action said, and why it failed: one of them, until the next action or `dismiss`. */
  get notice(): string {
    return this._notice;
  }
  get error(): string {
    return this._error;
  }

  /** Whether an action is under way. */
  get acting(): boolean {
    return this._acting > 0;
  }

  /** A person's sources that differ from those proposed; they stay until they run or are discarded. */
  get edited(): Readonly<Record<string, string>> {
    return this._edited;
  }
  set edited(units: Readonly<Record<string, string>>) {
    this._edited = units;
    this._drafts.keep(this._id, units);
    this._emit();
  }

  /** The review that is on the page, which takes the keys; null where nothing is reviewed. */
  review: Review | null = null;

  /** Whether there is a person's version that has not run. */
  get dirty(): boolean {
    return Object.keys(this._edited).length > 0;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Do something to it; gives whether that went well. A proposal that takes its place is shown from then on. */
  async act(
    action: (api: AutoloopAPI, arena: string) => Promise<ISaid>
  ): Promise<boolean> {
    this._acting += 1;
    this.dismiss();
    let said: ISaid | null = null;
    try {
      said = await action(this.api, this.arena);
      this._notice = said.said;
    } catch (error) {
      this._error = lineOf(error);
    }
    if (said?.id && this._number === null) {
      this._id = said.id;
    }
    if (!this._isDisposed) {
      if (!this.arenaModel.connected) {
        void this.arenaModel.refresh(); // nothing else would bring what the action changed
      }
      await this.read(); // or what was decided could be decided again
    }
    this._acting -= 1;
    this._emit();
    return said !== null;
  }

  /** Clear `notice` and `error`. */
  dismiss(): void {
    this._notice = this._error = '';
    this._emit();
  }

  /** Read it anew; what is shown stays until the answer is here. Never rejects. */
  async read(): Promise<void> {
    const turn = ++this._turn;
    this._readAt = Date.now();
    try {
      const proposal = await this._readProposal();
      const number = proposal?.iteration ?? this._number;
      const detail =
        number === null ? null : await this.api.iteration(this.arena, number);
      const origin = detail && !proposal ? await this._origin(detail) : null;
      if (proposal) {
        await this._drafts.load(proposal);
      }
      if (turn === this._turn) {
        this._edited =
          (proposal && this._drafts.take(proposal)) ?? this._edited;
        this._number = number;
        this._detail = detail;
        this._proposal = proposal ?? origin;
        this._problem = '';
      }
    } catch (error) {
      if (turn === this._turn) {
        this._problem = lineOf(error);
      }
    }
    this._emit();
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      this._turn += 1;
      this._listen(null);
      this._follower.dispose();
      Signal.clearData(this);
    }
  }

  private async _readProposal(): Promise<IProposal | null> {
    return this._id !== null && this._number === null
      ? await this.api.proposal(this.arena, this._id)
      : this._id === this._proposal?.id
        ? this._proposal
        : null;
  }

  /** What a running iteration changes is recorded when it ends; until then its proposal tells. */
  private async _origin(detail: IDetail): Promise<IProposal | null> {
    if (detail.verdict !== null || !detail.proposal) {
      return null;
    }
    try {
      return await this.api.proposal(this.arena, detail.proposal);
    } catch {
      return null; // it can be shown without
    }
  }

  private _listen(model: ArenaModel | null): void {
    const was = this._heard;
    was?.rowsChanged.disconnect(this._look, this);
    was?.stateChanged.disconnect(this._look, this);
    was?.connectionChanged.disconnect(this._again, this);
    was?.liveChanged.disconnect(this._watch, this);
    this._heard = model;
    model?.rowsChanged.connect(this._look, this);
    model?.stateChanged.connect(this._look, this);
    model?.connectionChanged.connect(this._again, this);
    model?.liveChanged.connect(this._watch, this);
  }

  /** Read it anew where what the arena tells of it is something else than it was. */
  private _look(): void {
    const { state, rows, waiting } = this.arenaModel;
    const row = this._number === null ? null : rows.get(this._number);
    if (state === null || row === undefined) {
      return;
    }
    const waits = waiting.some(each => each.id === this._id);
    const flies = row !== null && this.arenaModel.flies(row.number);
    // One that was cut short is told by what no longer flies: its row is what it was.
    const key = JSON.stringify(
      row
        ? [row, flies]
        : [waits, state.flying?.number, state.total, state.driver?.pid]
    );
    if (key !== this._key) {
      const first = this._key === '';
      this._key = key;
      if (!first || !this._fits(row?.verdict, row?.state, waits)) {
        void this.read();
      }
    }
    this._emit(); // the champion may be another one
  }

  /** Whether what was read is what the arena tells for the first time. */
  private _fits(
    verdict: IDetail['verdict'] | undefined,
    state: IDetail['state'] | undefined,
    waits: boolean
  ): boolean {
    return this._number === null
      ? (this._proposal?.status === 'waiting') === waits
      : this._detail?.verdict === verdict && this._detail?.state === state;
  }

  /** Read the log of one that runs anew while it reports, but not with every point. */
  private _watch(): void {
    const mine = this.arenaModel.liveOf(this._number);
    if (
      mine !== null &&
      this._detail?.verdict === null &&
      Date.now() - this._readAt > LOG_MS
    ) {
      void this.read();
    }
  }

  private _again(): void {
    if (this.arenaModel.connected && this._problem) {
      void this.read();
    }
  }

  private _emit(): void {
    if (!this._isDisposed) {
      this._changed.emit();
    }
  }

  private readonly _changed = new Signal<this, void>(this);
  private readonly _drafts: Drafts;
  private readonly _follower: Follower;
  private _heard: ArenaModel | null = null;
  private _number: number | null;
  private _id: string | null;
  private _detail: IDetail | null = null;
  private _proposal: IProposal | null = null;
  private _edited: Readonly<Record<string, string>> = {};
  private _problem = '';
  private _notice = '';
  private _error = '';
  private _acting = 0;
  /** Counts reads, so that an answer that comes too late is known. */
  private _turn = 0;
  /** When it was read last, by this machine's clock. */
  private _readAt = 0;
  private _key = '';
  private _isDisposed = false;
}

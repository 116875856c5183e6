import type { IDisposable } from '@lumino/disposable';

import { ArenaModel } from '../model';
import type { WorkbenchModel } from '../workbench';

interface IShared {
  model: ArenaModel;
  users: number;
}

/** The arenas that views follow and the panel does not, by workbench: each once, however many views there are. */
const others = new WeakMap<WorkbenchModel, Map<string, IShared>>();

/** Follows one arena, through the panel's own model while the panel shows that arena. */
export class Follower implements IDisposable {
  /** `onSwitch` is called with the model to listen to: the first, and every other that takes its place. */
  constructor(
    private readonly workbench: WorkbenchModel,
    private readonly arena: string,
    private readonly onSwitch: (model: ArenaModel) => void
  ) {
    this.model = this.find();
    workbench.changed.connect(this.look, this);
    onSwitch(this.model);
  }

  /** The model as of now. */
  model: ArenaModel;

  get isDisposed(): boolean {
    return this.disposed;
  }

  dispose(): void {
    if (!this.disposed) {
      this.disposed = true;
      this.workbench.changed.disconnect(this.look, this);
      this.release();
    }
  }

  private look(): void {
    const { current } = this.workbench;
    const panels = current?.arena === this.arena ? current : null;
    if (panels !== this.model && (panels !== null || !this.held)) {
      this.release();
      this.model = this.find();
      this.onSwitch(this.model);
    }
  }

  private find(): ArenaModel {
    const { workbench, arena } = this;
    if (workbench.current?.arena === arena) {
      return workbench.current;
    }
    const pool = others.get(workbench) ?? new Map<string, IShared>();
    others.set(workbench, pool);
    const shared = pool.get(arena) ?? opened(workbench, arena);
    pool.set(arena, shared);
    shared.users += 1;
    this.held = true;
    return shared.model;
  }

  private release(): void {
    if (!this.held) {
      return;
    }
    this.held = false;
    const pool = others.get(this.workbench);
    const shared = pool?.get(this.arena);
    if (shared && --shared.users === 0) {
      pool?.delete(this.arena);
      shared.model.dispose();
    }
  }

  private held = false;
  private disposed = false;
}

function opened(workbench: WorkbenchModel, arena: string): IShared {
  return { model: new ArenaModel(workbench.api, arena), users: 0 };
}

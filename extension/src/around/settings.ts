import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ISignal, Signal } from '@lumino/signaling';

import { PluginIDs } from '../tokens';

/** What a person may set. `stallMinutes`: after how long without a new best a run counts as stalled. */
export interface IWishes {
  readonly notifyBest: boolean;
  readonly notifyStall: boolean;
  readonly notifyStop: boolean;
  readonly stallMinutes: number;
  readonly agents: readonly string[];
  readonly offerUpdates: boolean;
}

/** What holds where nothing is set; the schema says the same. */
export const USUAL: IWishes = {
  notifyBest: true,
  notifyStall: true,
  notifyStop: true,
  stallMinutes: 30,
  agents: ['search'],
  offerUpdates: true
};

/** The settings as they are now: the usual ones until they are read, and where there is no registry. */
export class Wishes {
  constructor(registry: ISettingRegistry | null) {
    this.ready = registry ? this._load(registry) : Promise.resolve();
  }

  /** Resolves once they are read, or could not be; it never rejects. */
  readonly ready: Promise<void>;

  get now(): IWishes {
    return this._now;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  private async _load(registry: ISettingRegistry): Promise<void> {
    let settings: ISettingRegistry.ISettings;
    try {
      settings = await registry.load(PluginIDs.panel);
    } catch {
      return; // without its schema the usual holds
    }
    const read = () => {
      // The registry has held them against the schema.
      this._now = { ...USUAL, ...(settings.composite as Partial<IWishes>) };
      this._changed.emit();
    };
    settings.changed.connect(read);
    read();
  }

  private readonly _changed = new Signal<this, void>(this);
  private _now = USUAL;
}

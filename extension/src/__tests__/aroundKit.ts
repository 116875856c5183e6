/** The commands on a served arena: a real registry, the real models, the real wire format. */
import { Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';

import { AutoloopAPI } from '../api';
import { addCommands } from '../around/commands';
import type { IDesk } from '../around/desk';
import type { IArenas, IRow, IState } from '../wire';
import { WorkbenchModel } from '../workbench';
import { arenasOf, calm } from './panelKit';
import { FakeServer, stateOf } from './server';

export const ARENA = 'a/tiny.ipynb';

/** Marks every text that came through it, and fills it in as the real one does. */
export const pseudo = {
  __: filled,
  _n: (one: string, more: string, count: number, ...values: unknown[]) =>
    filled(count === 1 ? one : more, ...values)
} as unknown as TranslationBundle;

function filled(text: string, ...values: unknown[]): string {
  return `⟦${text.replace(/%(\d)/g, (_, at) => String(values[Number(at) - 1]))}⟧`;
}

/** What was notified since the page was loaded, oldest first. */
export function notified(): string[] {
  return Notification.manager.notifications.map(one => one.message).reverse();
}

/** A workbench whose stream is under the test's control. */
export class Served {
  readonly server = new FakeServer();
  workbench!: WorkbenchModel;

  async open(
    state: Partial<IState> = {},
    rows: IRow[] = [],
    arenas: IArenas = arenasOf(ARENA)
  ): Promise<void> {
    const { server } = this;
    server.rows = rows;
    server.state = stateOf({ arena: ARENA, total: rows.length, ...state });
    server.answers.set('GET arenas', { status: 200, body: arenas });
    await this.begin();
    if (this.workbench.current) {
      server.line.open();
      await this.say(server.state);
    }
  }

  /** The workbench as the server's answers have it so far. */
  async begin(): Promise<void> {
    const api = new AutoloopAPI(this.server.settings());
    this.workbench = new WorkbenchModel(api, null);
    await calm();
  }

  /** A state comes down the stream. */
  async say(state: IState): Promise<void> {
    const head = { seq: (this._seq += 10), now: Date.now() / 1000 };
    this.server.line.say({ ...head, type: 'state', state });
    await calm();
  }

  private _seq = 0;
}

/** The commands on such a workbench, and what they asked of the application. */
export class Desk extends Served {
  readonly commands = new CommandRegistry();
  readonly opened: string[] = [];
  panel = true;
  front = '';

  add(trans: TranslationBundle = pseudo): IDesk {
    const desk: IDesk = {
      commands: this.commands,
      workbench: this.workbench,
      trans,
      openNotebook: async path => void this.opened.push(path),
      openPanel: async () => void this.opened.push('panel'),
      panelShown: () => this.panel,
      frontPath: () => this.front,
      localPath: path => path.replace(/^RTC:/, '')
    };
    addCommands(desk);
    return desk;
  }
}

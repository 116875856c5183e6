/** An arena's notebook on a served arena: JupyterLab's own document and shared models, and a disk in memory. */
import { Context } from '@jupyterlab/docregistry';
import {
  INotebookModel,
  NotebookModelFactory,
  NotebookPanel
} from '@jupyterlab/notebook';
import { NBTestUtils } from '@jupyterlab/notebook/lib/testutils';
import type { ServiceManager } from '@jupyterlab/services';
import { ServiceManagerMock } from '@jupyterlab/services/lib/testutils';
import { act } from '@testing-library/react';
import { Widget } from '@lumino/widgets';

import { AutoloopAPI } from '../api';
import { Wishes } from '../around/settings';
import { ArenaBook } from '../book/book';
import { OpenDocument } from '../book/document';
import { LoopFace } from '../book/loop';
import type { IRow, IState } from '../wire';
import { WorkbenchModel } from '../workbench';
import { arenasOf, calm, trans } from './panelKit';
import { FakeServer, rowOf, stateOf } from './server';

export const ARENA = 'a/tiny.ipynb';

/** A cell of a notebook as it is on disk. */
export interface ICellOf {
  id: string;
  source: string;
  tags?: string[];
  metadata?: object;
  outputs?: object[];
  execution_count?: number | null;
}

/** An output, as a cell has it that was run. */
export const OUTPUT = { output_type: 'stream', name: 'stdout', text: 'ran' };

/** What an arena is made of here: two editable cells, of which one has a name of its own, and one that is locked. */
export const CELLS: ICellOf[] = [
  { id: 'load', source: 'import numpy' },
  {
    id: 'train',
    source: 'LR = 1\nSTEPS = 5',
    tags: ['editable'],
    outputs: [OUTPUT],
    execution_count: 3
  },
  {
    id: 'c2',
    source: 'def model(): ...',
    tags: ['editable'],
    metadata: { autoloop: { name: 'model' } }
  },
  { id: 'score', source: 'score(1)', tags: ['score'] }
];

export const METRIC = { metric: { name: 'val_bpb', direction: 'min' } };

/** The sources of a notebook's units, as an iteration has them. */
export const UNITS = { train: CELLS[1].source, model: CELLS[2].source };

const made: { dispose(): void }[] = [];

/** A page whose toolbars are wide enough, and shared models that do not warn of how JupyterLab itself fills them. */
export function prepare(): void {
  jest
    .spyOn(Element.prototype, 'clientWidth', 'get')
    .mockImplementation(function (this: Element) {
      return this.classList.contains('jp-Toolbar') ? 5000 : 10;
    });
  const { warn } = console;
  jest.spyOn(console, 'warn').mockImplementation((...args: unknown[]) => {
    if (!/Add Yjs type to a document|yjs#509/.test(args.join(' '))) {
      warn(...args);
    }
  });
}

/** Lets go of all that tests opened. */
export function close(): void {
  act(() =>
    made
      .splice(0)
      .reverse()
      .forEach(one => one.dispose())
  );
  document.body.replaceChildren();
  jest.restoreAllMocks();
}

/** The application around notebooks: a served arena, a disk, and documents that are opened as JupyterLab does. */
export class Books {
  readonly server = new FakeServer();
  readonly manager: ServiceManager.IManager = new ServiceManagerMock();
  readonly shown: [string, number][] = [];
  workbench!: WorkbenchModel;
  wishes = new Wishes(null);

  /** `champion`: that of the arena; `rows`: its iterations. */
  async serve(champion: number | null, rows: IRow[] = []): Promise<void> {
    const { server } = this;
    server.rows = rows;
    server.state = this.standing(champion);
    server.answers.set('GET arenas', {
      status: 200,
      body: arenasOf(ARENA, 'b/other.ipynb')
    });
    const api = new AutoloopAPI(server.settings());
    this.workbench = new WorkbenchModel(api, null);
    made.push(this.workbench);
    await calm();
  }

  standing(champion: number | null, more: Partial<IState> = {}): IState {
    const mark = champion === null ? null : { number: champion, score: 2.51 };
    return stateOf({ arena: ARENA, champion: mark, ...more });
  }

  /** What iteration `number` was made of. */
  made(number: number, units: Record<string, string>): void {
    this.server.answers.set(`GET iterations/${number}/sources`, {
      status: 200,
      body: { number, units }
    });
  }

  /** Writes a notebook to the disk, from outside of JupyterLab. */
  async write(
    cells: readonly ICellOf[] = CELLS,
    autoloop: object | null = METRIC,
    path = ARENA
  ): Promise<void> {
    await this.manager.contents.save(path, {
      type: 'notebook',
      format: 'json',
      content: {
        nbformat: 4,
        nbformat_minor: 5,
        metadata: autoloop ? { autoloop } : {},
        cells: cells.map(({ id, source, tags, ...more }) => ({
          id,
          cell_type: 'code',
          source,
          outputs: more.outputs ?? [],
          execution_count: more.execution_count ?? null,
          metadata: { ...(tags && { tags }), ...more.metadata }
        }))
      }
    });
  }

  /** The sources of a notebook on the disk, by the cells' ids. */
  async saved(path = ARENA): Promise<Record<string, string>> {
    const { content } = await this.manager.contents.get(path);
    const cells = content.cells as { id: string; source: string }[];
    return Object.fromEntries(cells.map(({ id, source }) => [id, source]));
  }

  /** Another program writes what is on the disk: from now on it is another file to JupyterLab. */
  touch(): void {
    const get = jest.mocked(this.manager.contents.get);
    const real = get.getMockImplementation()!;
    get.mockImplementation(async (path, options) => ({
      ...(await real(path, options)),
      hash: 'another',
      last_modified: '2020-01-01T00:00:00Z'
    }));
  }

  /** Opens the document at a path. */
  async open(path = ARENA): Promise<Context<INotebookModel>> {
    const context = new Context<INotebookModel>({
      manager: this.manager,
      factory: new NotebookModelFactory({}),
      path,
      kernelPreference: { shouldStart: false, canStart: false }
    });
    await context.initialize(false);
    made.push(context);
    return context;
  }

  /** What acts on the arena of a document. */
  async book(context: Context<INotebookModel>): Promise<ArenaBook> {
    const book = new ArenaBook({
      document: this.document(context),
      workbench: this.workbench,
      wishes: this.wishes,
      trans
    });
    made.push(book);
    await calm();
    return book;
  }

  document(context: Context<INotebookModel>): OpenDocument {
    return new OpenDocument(context, this.manager.contents, trans);
  }

  /** Shows a document as a notebook, with the loop in it. */
  async panel(context: Context<INotebookModel>): Promise<NotebookPanel> {
    const panel = NBTestUtils.createNotebookPanel(context);
    new LoopFace(panel, {
      workbench: this.workbench,
      wishes: this.wishes,
      trans,
      open: () => this.document(context),
      show: (arena, number) => void this.shown.push([arena, number])
    });
    made.push(panel);
    act(() => Widget.attach(panel, document.body));
    await calm();
    return panel;
  }

  /** The arena's state comes down its stream. */
  async say(state: IState): Promise<void> {
    const head = { seq: (this._seq += 10), now: Date.now() / 1000 };
    act(() => this.server.line.say({ ...head, type: 'state', state }));
    await calm();
  }

  private _seq = 0;
}

/** Iterations of which each edits the one before. */
export function chain(count: number): IRow[] {
  return Array.from({ length: count }, (_, at) =>
    rowOf(at + 1, { base: at || null })
  );
}

/** The loop in the notebooks that are open: where a notebook is an arena its panel has a toolbar, a bar and locks. */
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { IDisposable } from '@lumino/disposable';

import type { AutoloopAPI } from '../api';
import { isDrivable } from './arena';
import { LoopBar } from './bar';
import type { IBarOptions } from './bar';
import { ArenaBook, IBookOptions } from './book';
import { OpenDocument } from './document';
import { markDriven } from './driven';
import { LoopToolbar } from './toolbar';

/** What it takes; `open` reads and writes a document, `show` opens an iteration of an arena. */
export interface ILoopOptions extends Omit<IBookOptions, 'document'> {
  open: (panel: NotebookPanel) => OpenDocument;
  show: (arena: string, number: number) => void;
}

/** The item's name in the notebook's toolbar. */
const ITEM = 'autoloop';

/** A notebook's panel that becomes an arena's, and ceases to be one. Ends with the panel. */
export class LoopFace implements IDisposable {
  constructor(
    private readonly panel: NotebookPanel,
    private readonly options: ILoopOptions
  ) {
    panel.disposed.connect(this.dispose, this);
    void panel.context.ready.then(() => this.begin());
  }

  get isDisposed(): boolean {
    return this.disposed;
  }

  dispose(): void {
    if (!this.disposed) {
      this.disposed = true;
      this.leave();
    }
  }

  private begin(): void {
    const { context } = this.panel;
    if (this.disposed) {
      return;
    }
    context.model.metadataChanged.connect(this.look, this);
    context.pathChanged.connect(this.look, this);
    context.saveState.connect(this.saved, this);
    this.panel.disposed.connect(() => {
      context.model?.metadataChanged.disconnect(this.look, this);
      context.pathChanged.disconnect(this.look, this);
      context.saveState.disconnect(this.saved, this);
    });
    this.look();
  }

  private look(): void {
    const { context } = this.panel;
    const path = context.localPath;
    const arena = isDrivable(context.model, path);
    if (this.book && (!arena || this.book.arena !== path)) {
      this.leave();
    }
    if (arena && !this.book && !this.asking) {
      void this.ask(path);
    }
  }

  /** A notebook that is on its way to an arena has no loop yet: it is asked about again when it is saved. */
  private async ask(path: string): Promise<void> {
    this.asking = true;
    const sound = await isSound(this.options.workbench.api, path);
    this.asking = false;
    const { context } = this.panel;
    if (this.disposed || this.book || !sound) {
      return;
    }
    if (context.localPath !== path) {
      this.look();
    } else if (isDrivable(context.model, path)) {
      this.enter();
    }
  }

  private saved(context: unknown, state: string): void {
    if (state === 'completed') {
      this.look();
    }
  }

  private enter(): void {
    const { panel, options } = this;
    const book = shared(panel, options);
    const bar: IBarOptions = {
      book,
      trans: options.trans,
      show: number => options.show(book.arena, number)
    };
    this.book = book;
    this.parts = [new LoopToolbar(book, options.trans), new LoopBar(bar)];
    const [item, line] = this.parts;
    if (!panel.toolbar.insertBefore('spacer', ITEM, item as LoopToolbar)) {
      panel.toolbar.addItem(ITEM, item as LoopToolbar);
    }
    panel.contentHeader.addWidget(line as LoopBar);
    book.changed.connect(this.mark, this);
    this.mark();
  }

  private leave(): void {
    const { book, panel } = this;
    if (!book) {
      return;
    }
    this.book = null;
    book.changed.disconnect(this.mark, this);
    this.parts.splice(0).forEach(part => part.dispose());
    release(panel, book);
    if (!panel.isDisposed) {
      this.mark();
    }
  }

  private mark(): void {
    markDriven(this.panel, this.book);
  }

  private asking = false;
  private book: ArenaBook | null = null;
  private parts: IDisposable[] = [];
  private disposed = false;
}

/** Whether what is on disk is an arena that can run; where nobody can say, its own state will tell. */
async function isSound(api: AutoloopAPI, path: string): Promise<boolean> {
  try {
    return (await api.check(path)).errors.length === 0;
  } catch {
    return true;
  }
}

interface IShared {
  book: ArenaBook;
  users: number;
}

/** Two views of one notebook share its document, and with it what acts on its arena. */
const books = new WeakMap<object, IShared>();

function shared(panel: NotebookPanel, options: ILoopOptions): ArenaBook {
  const { context } = panel;
  const found = books.get(context);
  if (found && found.book.arena === context.localPath) {
    found.users += 1;
    return found.book;
  }
  const book = new ArenaBook({ ...options, document: options.open(panel) });
  books.set(context, { book, users: 1 });
  return book;
}

function release(panel: NotebookPanel, book: ArenaBook): void {
  const found = books.get(panel.context);
  if (found?.book !== book) {
    book.dispose();
  } else if (--found.users === 0) {
    books.delete(panel.context);
    book.dispose();
  }
}

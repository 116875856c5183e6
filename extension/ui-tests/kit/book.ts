import { writeFile } from 'node:fs/promises';
import path from 'node:path';

import type { Locator, Page } from '@playwright/test';

import type { Lab } from './lab';

/** What is read here of a notebook's widget; parts of it come later than the widget. */
interface INotebookPanel {
  context?: { path: string };
  sessionContext?: {
    isReady: boolean;
    session: { kernel: { status: string } | null } | null;
  };
}

/** A notebook that is open in JupyterLab, or on a page of Notebook 7. */
export class Book {
  private constructor(
    readonly page: Page,
    readonly name: string
  ) {}

  /** Writes a notebook of these code cells below the server's root and opens it; the panel stays as it is. */
  static async open(
    page: Page,
    lab: Lab,
    name: string,
    cells: string[]
  ): Promise<Book> {
    await Book.write(lab, name, cells);
    return Book.at(page, name);
  }

  /** Opens a notebook by its path below the server's root; the panel stays as it is. */
  static async at(page: Page, name: string): Promise<Book> {
    await page.evaluate(async path => {
      const { commands } = window.jupyterapp;
      await commands.execute('docmanager:open', { path, factory: 'Notebook' });
    }, name);
    return Book.on(page, name);
  }

  /** The notebook that a page shows already, once it has its kernel. */
  static async on(page: Page, name: string): Promise<Book> {
    const book = new Book(page, name);
    await book.ready();
    return book;
  }

  /** Writes a notebook of these code cells below the server's root. */
  static async write(lab: Lab, name: string, cells: string[]): Promise<void> {
    const kernelspec = { name: 'python3', display_name: 'Python 3' };
    const notebook = {
      cells: cells.map((source, index) => ({
        cell_type: 'code',
        id: `cell-${index}`,
        execution_count: null,
        metadata: {},
        outputs: [],
        source
      })),
      metadata: { kernelspec: { ...kernelspec, language: 'python' } },
      nbformat: 4,
      nbformat_minor: 5
    };
    await writeFile(path.join(lab.root, name), JSON.stringify(notebook));
  }

  /** Runs all cells, one after the other, and waits until they have ended. */
  async run(): Promise<void> {
    await this.page.evaluate(async () => {
      const { commands } = window.jupyterapp;
      await commands.execute('notebook:run-all-cells');
    });
  }

  /** Waits until the kernel is there: whoever runs a cell earlier is asked which one is meant. */
  private async ready(): Promise<void> {
    await this.page.waitForFunction(name => {
      const { currentWidget } = window.jupyterapp.shell;
      const { context, sessionContext } = currentWidget as INotebookPanel;
      const kernel = sessionContext?.session?.kernel;
      return (
        context?.path === name &&
        sessionContext?.isReady &&
        kernel?.status === 'idle'
      );
    }, this.name);
  }

  /** The notebook in sight. */
  get panel(): Locator {
    return this.page
      .getByRole('main')
      .locator('.jp-NotebookPanel:not(.lm-mod-hidden)');
  }

  /** Everything that a code cell of it showed, counted from 0, or from the end by -1. */
  outputs(cell: number): Locator {
    return this.panel
      .locator('.jp-CodeCell')
      .nth(cell)
      .locator('.jp-OutputArea-output');
  }
}

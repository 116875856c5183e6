/** An arena's notebook that is open, and the files beside it: read, written and saved without losing anybody's edit. */
import { PathExt } from '@jupyterlab/coreutils';
import type { DocumentRegistry } from '@jupyterlab/docregistry';
import type { INotebookModel } from '@jupyterlab/notebook';
import type { Contents } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';

import { lineOf } from '../api';
import { recordOf, SharedNotebook } from './roles';

export type NotebookContext = DocumentRegistry.IContext<INotebookModel>;

export class OpenDocument {
  constructor(
    readonly context: NotebookContext,
    private readonly contents: Contents.IManager,
    private readonly trans: TranslationBundle
  ) {}

  /** What the file held when it was looked at; null where nobody has. */
  private seen: string | null = null;

  /** Its path below the server's root. */
  get path(): string {
    return this.context.localPath;
  }

  get notebook(): SharedNotebook {
    return this.context.model.sharedModel;
  }

  /**
   * Whether something of a person's was not saved, as far as `look` knows the file: a notebook that has met its kernel
   * for the first time counts as changed in JupyterLab, although nobody has touched it.
   */
  get edited(): boolean {
    const { model } = this.context;
    return model.dirty && this.seen !== printOf(this.notebook);
  }

  /** Looks at the file, for `edited`. Never rejects. */
  async look(): Promise<void> {
    this.seen = null;
    if (!this.context.model.dirty) {
      return;
    }
    try {
      const { path } = this.context;
      const { content } = await this.contents.get(path, { content: true });
      this.seen = printOf(contentOf(content as INotebookContent));
    } catch {
      return; // then all that is unsaved may be a person's
    }
  }

  /** Saves what was not saved. Rejects with one line where the file does not hold it afterwards. */
  async save(): Promise<void> {
    const { context, trans } = this;
    if (!context.model.dirty) {
      return;
    }
    if (!context.canSave && !context.model.collaborative) {
      throw new Error(
        trans.__('the notebook is read-only, and has unsaved changes')
      );
    }
    try {
      await context.save();
    } catch (error) {
      throw new Error(
        trans.__('the notebook could not be saved: %1', lineOf(error))
      );
    }
  }

  /** Rejects with one line where the file is another one than what was opened or saved here last. */
  async expectCurrent(): Promise<void> {
    const { context, contents, trans } = this;
    const known = context.contentsModel;
    if (context.model.collaborative || !known) {
      return; // the server keeps file and document together
    }
    const path = context.path;
    const now = await contents.get(path, { content: false, hash: true });
    const same =
      known.hash && now.hash
        ? known.hash === now.hash
        : known.last_modified === now.last_modified;
    if (!same) {
      throw new Error(
        trans.__(
          'the file has changed since it was opened here: reload the notebook from disk first'
        )
      );
    }
  }

  /** The text of a file beside the notebook; null where there is none that can be read. */
  async file(name: string): Promise<string | null> {
    const folder = PathExt.dirname(this.context.path);
    try {
      const found = await this.contents.get(PathExt.join(folder, name), {
        type: 'file',
        format: 'text',
        content: true
      });
      return typeof found.content === 'string' ? found.content : null;
    } catch {
      return null;
    }
  }
}

/** What of a notebook a person may have changed, as a text to compare: outputs change with the execution counts. */
function printOf({ cells, metadata }: IPrinted): string {
  const parts = cells.map(cell => [
    cell.cell_type,
    cell.source,
    without(cell.metadata, 'trusted', 'execution'),
    cell.execution_count ?? null
  ]);
  const rest = without(metadata, 'kernelspec', 'language_info');
  return JSON.stringify(sorted([rest, parts]));
}

function without(
  metadata: { readonly [key: string]: unknown },
  ...names: string[]
): object {
  const kept = Object.entries(metadata).filter(([key]) => !names.includes(key));
  return Object.fromEntries(kept);
}

type INotebookContent = ReturnType<SharedNotebook['toJSON']>;

interface IPrinted {
  readonly metadata: { [key: string]: unknown };
  readonly cells: ReadonlyArray<{
    readonly cell_type: unknown;
    readonly source: string;
    readonly metadata: { [key: string]: unknown };
    readonly execution_count?: unknown;
  }>;
}

function contentOf({ cells, metadata }: INotebookContent): IPrinted {
  return {
    metadata,
    cells: cells.map(cell => ({
      ...cell,
      source: [cell.source].flat().join('')
    }))
  };
}

/** The same value with the keys of objects in one order, whoever wrote them. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(sorted);
  }
  const record = recordOf(value);
  if (record === null) {
    return value;
  }
  const keys = Object.keys(record).sort();
  return Object.fromEntries(keys.map(key => [key, sorted(record[key])]));
}

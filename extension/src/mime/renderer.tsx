/**
 * The mime renderers: what a notebook holds as `application/vnd.autoloop.*+json` becomes the rich view, in JupyterLab
 * and in Notebook 7 alike. They need nothing of the application but what the options give.
 */
import type { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import type { TranslationBundle } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';
import * as React from 'react';
import { flushSync } from 'react-dom';
import { createRoot } from 'react-dom/client';
import type { Root } from 'react-dom/client';

import { oneLine, visible } from '../diff/visible';
import { ComparisonView } from './comparison';
import { HistoryView } from './history';
import { IterationLine, IterationView } from './iteration';
import { MalformedError } from './json';
import type { IContext } from './parts';
import { ProposalView } from './proposal';
import {
  readArena,
  readComparison,
  readDriver,
  readHistory,
  readIteration,
  readProposal
} from './records';
import { ArenaView, DriverView } from './standing';

/** What the renderers take from the application, besides the translator. */
export interface IMimeOptions {
  /** The application's languages, for the diff; without them JupyterLab's own. */
  languages?: IEditorLanguageRegistry;
  /** Opens a document by its path below the server's root; without it views have no button that opens one. */
  open?: (path: string) => void | Promise<void>;
  /**
   * From an executed notebook's path, relative to its arena's folder, to one below the server's root. Without it the
   * arena is taken to lie in the folder of the notebook that holds the output, as it does when a person works in it.
   */
  resolve?: (
    notebook: string,
    resolver: IRenderMime.IResolver | null
  ) => Promise<string>;
}

/** HTML has rank 50, and the lowest rank wins: where this extension is, its view is chosen over the HTML beside it. */
const RANK = 40;

type Kind =
  'arena' | 'driver' | 'iteration' | 'proposal' | 'history' | 'comparison';

/** By kind: from the JSON and the context to what is shown; each throws `MalformedError` for a record of no use. */
const VIEWS: Readonly<
  Record<
    Kind,
    (json: unknown, context: IContext, brief: boolean) => JSX.Element
  >
> = {
  arena: (json, context) => (
    <ArenaView record={readArena(json)} context={context} />
  ),
  driver: (json, context) => (
    <DriverView record={readDriver(json)} context={context} />
  ),
  iteration: (json, context, brief) => {
    const View = brief ? IterationLine : IterationView;
    return <View record={readIteration(json)} context={context} />;
  },
  proposal: (json, context) => (
    <ProposalView record={readProposal(json)} context={context} />
  ),
  history: (json, context) => (
    <HistoryView record={readHistory(json)} context={context} />
  ),
  comparison: (json, context) => (
    <ComparisonView record={readComparison(json)} context={context} />
  )
};

/** The factories for all six types, to be added to a rendermime registry. */
export function rendererFactories(
  trans: TranslationBundle,
  options: IMimeOptions = {}
): IRenderMime.IRendererFactory[] {
  return (Object.keys(VIEWS) as Kind[]).map(kind => {
    const mimeType = `application/vnd.autoloop.${kind}+json`;
    return {
      // Agents wrote much of what is shown, and nothing of it is ever taken as HTML.
      safe: true,
      mimeTypes: [mimeType],
      defaultRank: RANK,
      createRenderer: given =>
        new AutoloopRenderer(kind, mimeType, trans, options, given.resolver)
    };
  });
}

/** One output: shows the record of the last model that it was given. */
export class AutoloopRenderer extends Widget implements IRenderMime.IRenderer {
  /** `resolver` is that of the document which holds the output; null where it is in none. */
  constructor(
    private readonly kind: Kind,
    private readonly mimeType: string,
    private readonly trans: TranslationBundle,
    private readonly options: IMimeOptions,
    private readonly resolver: IRenderMime.IResolver | null
  ) {
    super();
    this.addClass('jp-Autoloop-Mime');
    this.addClass(`jp-Autoloop-Mime-${kind}`);
    this.context = {
      trans,
      languages: options.languages,
      open: options.open ? path => this.open(path) : null
    };
  }

  /** Show a model; resolves when it is on the page, and never rejects: of a malformed record one line tells. */
  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    if (this.isDisposed) {
      return;
    }
    this.root ??= createRoot(this.node);
    const root = this.root;
    const shown = this.view(model);
    // At once, so that the output has its height before the notebook looks at it.
    flushSync(() => root.render(shown));
  }

  dispose(): void {
    if (!this.isDisposed) {
      this.root?.unmount();
      this.root = null;
      super.dispose();
    }
  }

  private view(model: IRenderMime.IMimeModel): JSX.Element {
    const { data } = model;
    // The kernel leaves HTML out where the full record stands above in the same cell.
    const brief = data['text/html'] === undefined;
    try {
      return (
        <Boundary fallback={this.line('')} record={data[this.mimeType]}>
          {VIEWS[this.kind](data[this.mimeType], this.context, brief)}
        </Boundary>
      );
    } catch (error) {
      return this.line(error instanceof MalformedError ? error.message : '');
    }
  }

  /** One line for a record that cannot be shown; `field` is what it lacks. */
  private line(field: string): JSX.Element {
    const { trans, kind } = this;
    const lacks =
      field === ''
        ? trans.__('This Autoloop record (%1) cannot be shown', kind)
        : trans.__(
            'This Autoloop record (%1) cannot be shown, it has no “%2”',
            kind,
            oneLine(field, 40)
          );
    return (
      <p className="jp-Autoloop-Mime-note">
        {trans.__(
          '%1: it is damaged or of another version, run the cell again.',
          lacks
        )}
      </p>
    );
  }

  private async open(notebook: string): Promise<void> {
    const { open, resolve = beside } = this.options;
    if (!confined(notebook)) {
      throw new Error(
        this.trans.__('its path does not lie below the arena’s folder.')
      );
    }
    await open?.(await resolve(notebook, this.resolver));
  }

  private readonly context: IContext;
  private root: Root | null = null;
}

/** Whether a path is one of a notebook below the folder that it is relative to: records are only text. */
export function confined(path: string): boolean {
  const parts = path.split('/');
  return (
    path.endsWith('.ipynb') &&
    visible(path) === path &&
    !/\\|^[a-z][a-z0-9+.-]*:/i.test(path) &&
    parts.every(part => part !== '' && part !== '.' && part !== '..')
  );
}

/** A path in the folder of the notebook that holds the output, as one below the server's root. */
async function beside(
  notebook: string,
  resolver: IRenderMime.IResolver | null
): Promise<string> {
  const url = notebook.split('/').map(encodeURIComponent).join('/');
  const found = resolver === null ? url : await resolver.resolveUrl(url);
  return found.split('/').map(decodeURIComponent).join('/');
}

/** Shows `fallback` where a view throws after all; another record gets another chance. */
class Boundary extends React.Component<
  {
    fallback: React.ReactNode;
    record: unknown;
    children: React.ReactNode;
  },
  { failed: boolean }
> {
  state = { failed: false };

  static getDerivedStateFromError(): { failed: boolean } {
    return { failed: true };
  }

  componentDidUpdate(before: { record: unknown }): void {
    if (before.record !== this.props.record && this.state.failed) {
      this.setState({ failed: false });
    }
  }

  render(): React.ReactNode {
    return this.state.failed ? this.props.fallback : this.props.children;
  }
}

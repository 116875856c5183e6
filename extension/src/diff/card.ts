import type { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';

import type { IChange } from '../wire';
import type { Controls, ICount, IDiffEditor } from './editor';
import { Reviewed } from './reviewed';
import { remark, sides } from './sides';
import type { ISides } from './sides';
import { oneLine } from './visible';

/** How the cards of a diff show it; all cards of one diff alike. */
export interface ILayout {
  mode: 'unified' | 'split';
  fold: boolean;
}

/** What a card needs besides its change; `onLayout` is told when a person asks for another layout. */
export interface ICardOptions {
  layout: ILayout;
  context: number;
  trans: TranslationBundle;
  languages?: IEditorLanguageRegistry;
  onLayout: (layout: ILayout) => void;
  /** The source that a review before this came to. */
  draft?: string;
  /** Told of every decision and of everything typed; without it the card is read-only. */
  onReview?: () => void;
}

/** How many lines are shown until the editor is there. */
const PREVIEW = 60;

/** One changed unit: a head with its name, counts and switches, and the diff of its sources below. */
export class Card implements IDisposable {
  /** Puts the card into `host`, with plain text at first; `ready` resolves when its editor is there. */
  constructor(
    host: HTMLElement,
    readonly change: IChange,
    private readonly options: ICardOptions
  ) {
    this.layout = options.layout;
    this.sides = sides(change, options.trans);
    this.review = options.onReview
      ? new Reviewed(change, this.sides, () => this.changed(), options.draft)
      : null;
    this.node.className = 'jp-Autoloop-Diff-card';
    this.node.setAttribute('aria-label', this.label);
    this.body.className = 'jp-Autoloop-Diff-body';
    this.counts.className = 'jp-Autoloop-Diff-counts';
    this.node.append(this.head(), this.body);
    const said = remark(change, options.trans);
    if (said !== '') {
      this.note(said);
    }
    if (this.review?.exact === false) {
      this.note(
        options.trans.__(
          'It holds what cannot be shown as it is: it can only be taken as proposed.'
        )
      );
    }
    host.append(this.node);
    this.ready = this.differs ? this.load() : Promise.resolve();
  }

  /** Resolves when the editor is on the page, or when it is sure that there will be none. */
  readonly ready: Promise<void>;

  /** What a person decides about it; null where the card only shows. */
  readonly review: Reviewed | null;

  get isDisposed(): boolean {
    return this.disposed;
  }

  dispose(): void {
    if (!this.disposed) {
      this.disposed = true;
      this.editor?.dispose();
      this.node.remove();
    }
  }

  /** Show the change in another layout. */
  show(layout: ILayout): void {
    this.layout = layout;
    this.press();
    this.draw?.();
  }

  private get differs(): boolean {
    const { before, after } = this.sides;
    return before !== after && (before || after || '') !== '';
  }

  private get label(): string {
    const { trans } = this.options;
    const name = oneLine(this.change.unit, 120);
    return this.isFile
      ? trans.__('Changes of file %1', name)
      : trans.__('Changes of cell %1', name);
  }

  /** A cell's name has neither dot nor slash. */
  private get isFile(): boolean {
    return this.change.unit.includes('.') || this.change.unit.includes('/');
  }

  private head(): HTMLElement {
    const { trans } = this.options;
    const head = element('header', 'jp-Autoloop-Diff-head');
    const name = element('span', 'jp-Autoloop-Diff-name');
    const unit = element('strong', 'jp-Autoloop-Diff-unit');
    unit.textContent = oneLine(this.change.unit, 120);
    name.append(this.isFile ? trans.__('file') : trans.__('cell'), ' ', unit);
    head.append(name);
    const { before, after } = this.sides;
    if (before === null || after === null) {
      const state = element('span', 'jp-Autoloop-Diff-state');
      state.textContent = before === null ? trans.__('new') : trans.__('gone');
      head.append(state);
    }
    head.append(this.counts);
    if (before !== null && after !== null && this.differs) {
      head.append(this.switches());
    }
    return head;
  }

  private switches(): HTMLElement {
    const { trans, context } = this.options;
    const group = element('span', 'jp-Autoloop-Diff-switches');
    group.setAttribute('role', 'group');
    group.setAttribute('aria-label', trans.__('How the change is shown'));
    const turns: [string, string, () => Partial<ILayout>][] = [
      ['unified', trans.__('Unified'), () => ({ mode: 'unified' })],
      ['split', trans.__('Split'), () => ({ mode: 'split' })],
      [
        'fold',
        trans.__('Fold %1', context),
        () => ({ fold: !this.layout.fold })
      ]
    ];
    for (const [key, text, turn] of turns) {
      const button = document.createElement('button');
      button.type = 'button';
      button.className = 'jp-Autoloop-Diff-switch';
      button.dataset.key = key;
      button.textContent = text;
      button.addEventListener('click', () =>
        this.options.onLayout({ ...this.layout, ...turn() })
      );
      this.buttons.push(button);
      group.append(button);
    }
    this.press();
    return group;
  }

  private press(): void {
    for (const button of this.buttons) {
      const key = button.dataset.key;
      const on = key === 'fold' ? this.layout.fold : this.layout.mode === key;
      button.setAttribute('aria-pressed', String(on));
    }
  }

  /** The editor replaces the plain text when its module and the language's grammar are there. */
  private async load(): Promise<void> {
    const { trans, languages } = this.options;
    this.preview();
    try {
      const editors = await import('./editor');
      const hunks = this.review && (await import('./hunks'));
      const language = await editors.languageOf(this.change.unit, languages);
      if (this.disposed) {
        return;
      }
      this.draw = () => {
        const shown = this.review?.kept() ?? this.sides;
        this.editor?.dispose();
        this.body.replaceChildren();
        this.editor = editors.createEditor(this.body, shown, {
          ...(hunks && this.review?.options(hunks, this.control)),
          ...this.layout,
          context: this.options.context,
          language,
          trans,
          label: this.label
        });
        this.review?.attach(this.editor);
        this.count(this.editor.count);
      };
      this.draw();
    } catch {
      this.preview();
      this.note(
        trans.__(
          'The diff could not be drawn, so that this is one side only: reload the page to try again.'
        )
      );
    }
  }

  /** A button beside a hunk. */
  private readonly control: Controls = (what, act) => {
    const { trans } = this.options;
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'jp-Autoloop-Diff-decide';
    button.dataset.what = what;
    button.textContent =
      what === 'accept' ? trans.__('Accept') : trans.__('Reject');
    button.title =
      what === 'accept'
        ? trans.__('Keep these lines as proposed')
        : trans.__('Put the lines of its base back');
    button.addEventListener('click', act);
    return button;
  };

  private changed(): void {
    if (this.editor) {
      this.count(this.editor.count);
    }
    this.options.onReview?.();
  }

  private preview(): void {
    const source = this.sides.after ?? this.sides.before ?? '';
    const pre = element('pre', 'jp-Autoloop-Diff-plain');
    pre.textContent = source.split('\n', PREVIEW).join('\n');
    this.body.replaceChildren(pre);
  }

  private count({ added, removed }: ICount): void {
    const { trans } = this.options;
    const came = trans._n('%1 line added', '%1 lines added', added);
    const went = trans._n('%1 line removed', '%1 lines removed', removed);
    const parts: [string, number, string, string][] = [
      ['new', added, `+${added}`, came],
      ['old', removed, `−${removed}`, went]
    ];
    this.counts.replaceChildren();
    for (const [kind, count, text, title] of parts) {
      if (count > 0) {
        const part = element('span', `jp-Autoloop-Diff-count-${kind}`);
        part.textContent = text;
        part.title = title;
        this.counts.append(part);
      }
    }
  }

  private note(said: string): void {
    const note = element('p', 'jp-Autoloop-Diff-note');
    note.textContent = said;
    this.node.append(note);
  }

  private readonly node = element('section', '');
  private readonly body = element('div', '');
  private readonly counts = element('span', '');
  private readonly buttons: HTMLButtonElement[] = [];
  private readonly sides: ISides;
  private layout: ILayout;
  private editor: IDiffEditor | null = null;
  private draw: (() => void) | null = null;
  private disposed = false;
}

function element(tag: string, name: string): HTMLElement {
  const made = document.createElement(tag);
  made.className = name;
  return made;
}

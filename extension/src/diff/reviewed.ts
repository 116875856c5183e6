import type { IChange } from '../wire';
import { drafted, exact, restored } from './draft';
import type { IDiffEditor, IEditorOptions } from './editor';
import type { ISides } from './sides';

type Hunks = typeof import('./hunks');

/** Counts what was decided and typed, so that the last of it is known. */
let deeds = 0;

/** One change while a person reviews it: what was decided, what was typed, and the source that comes of both. */
export class Reviewed {
  /** `tell` is called after everything that changes it; `draft`: the source that a review before this came to. */
  constructor(
    readonly change: IChange,
    private readonly first: ISides,
    private readonly tell: () => void,
    draft?: string
  ) {
    this.exact = exact(change);
    this.sides =
      draft !== undefined && this.exact
        ? { ...first, after: drafted(draft, first) }
        : first;
  }

  /** Whether it can be reviewed in parts; if not, it stays as proposed. */
  readonly exact: boolean;

  /** When its source was changed last, counted over all; 0: not yet. */
  touched = 0;

  /** The source as it is now; null where the unit is to go. */
  get source(): string | null {
    this.keep();
    const { after } = this.sides;
    return !this.exact || after === null
      ? this.change.after
      : restored(after, this.first, this.change);
  }

  /** How many hunks are left to decide. */
  get left(): number {
    return this.hunks.length;
  }

  /** Both sources as they are now, for an editor that takes the place of another. */
  kept(): ISides {
    this.keep();
    return this.sides;
  }

  /** What an editor needs to be reviewed in; `control` makes the buttons beside its hunks. */
  options(
    module: Hunks,
    control: IEditorOptions['controls']
  ): Pick<IEditorOptions, 'newer' | 'controls'> {
    this.module = module;
    return this.exact
      ? {
          newer: module.reviewing(
            this.writable,
            changed => this.done(changed),
            this.editor?.view ?? null
          ),
          controls: control
        }
      : {};
  }

  /** The editor that shows it from now on. */
  attach(editor: IDiffEditor): void {
    this.editor = editor;
  }

  /** Let it be typed into, or no longer. */
  open(writable: boolean): void {
    this.writable = writable && this.exact;
    if (this.editor !== null && this.exact) {
      this.module?.open(this.editor.view, this.writable);
    }
  }

  /** Make the hunk at this place the current one (bounded by the last); null: none. */
  point(place: number | null): void {
    if (this.editor !== null && this.exact) {
      const chunk = place === null ? null : (this.hunks[place] ?? null);
      this.module?.point(this.editor.view, chunk);
    }
  }

  /** Accept or reject the hunk at this place; gives whether there was one. */
  decide(place: number, what: 'accept' | 'reject'): boolean {
    const chunk = this.hunks[place];
    if (!chunk || this.editor === null || !this.exact) {
      return false;
    }
    this.module?.[what](this.editor, chunk);
    this.tell(); // side by side, an acceptance changes the other editor
    return true;
  }

  /** Take back the last rejection or typing; gives whether there was one. */
  takeBack(): boolean {
    return (
      this.editor !== null &&
      this.exact &&
      (this.module?.takeBack(this.editor.view, this.writable) ?? false)
    );
  }

  /** Bring the keyboard into the editor. */
  focus(): void {
    this.editor?.view.focus();
  }

  private get hunks(): ReturnType<Hunks['hunks']> {
    return this.exact && this.editor !== null && this.module !== null
      ? this.module.hunks(this.editor.view)
      : [];
  }

  private keep(): void {
    if (this.editor !== null && this.exact) {
      this.sides = {
        ...this.first,
        before: this.editor.original?.toString() ?? this.first.before,
        after: this.editor.view.state.doc.toString()
      };
    }
  }

  private done(changed: boolean): void {
    if (changed) {
      this.touched = ++deeds;
    }
    this.tell();
  }

  private sides: ISides;
  private editor: IDiffEditor | null = null;
  private module: Hunks | null = null;
  private writable = false;
}

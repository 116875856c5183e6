/**
 * The editable cells of a notebook that is open, named as the harness names them, and new sources put into them.
 */
import { nameOf } from './names';
import { roleOf, SharedCell, SharedNotebook } from './roles';

/** The editable cells by name. A name that two of them bear names none: nobody could say which is meant. */
export function editableCells(
  notebook: SharedNotebook
): Map<string, SharedCell> {
  const found = new Map<string, SharedCell>();
  const twice = new Set<string>();
  for (const cell of notebook.cells) {
    if (roleOf(cell) === 'editable') {
      const name = nameOf(cell);
      if (found.has(name)) {
        twice.add(name);
      }
      found.set(name, cell);
    }
  }
  twice.forEach(name => found.delete(name));
  return found;
}

/** Whether a unit's name is the path of a file: it contains a dot or a slash, which no cell's name may. */
export function isFile(unit: string): boolean {
  return /[./]/.test(unit);
}

/** An update of cells that can be taken back as a whole. */
export interface IUpdate {
  /** The cells that changed. */
  names: string[];
  /** Takes it back, where it is still the last thing that can be; whether it was. */
  undo: () => boolean;
  /** Whether `undo` would take it back, and nothing else with it. */
  readonly undoable: boolean;
}

/**
 * Puts sources into editable cells, in one transaction that the notebook's undo takes back, and each cell's own for
 * that cell. As `autoloop apply` does, it clears the outputs of what changes and leaves everything else alone.
 */
export function putIn(
  notebook: SharedNotebook,
  units: Readonly<Record<string, string>>
): IUpdate {
  const changed = [...editableCells(notebook)].filter(
    ([name, cell]) => name in units && units[name] !== cell.getSource()
  );
  const book = managerOf(notebook);
  const managers = new Set([book, ...changed.map(([, c]) => managerOf(c))]);
  managers.forEach(one => begin(one));
  notebook.transact(
    () => changed.forEach(([name, cell]) => put(cell, units[name])),
    false,
    UPDATE
  );
  managers.forEach(one => one?.stopCapturing());
  const step = changed.length ? last(book) : undefined;
  managers.delete(book);
  managers.forEach(one => takeTurns(book, one));
  const holds = () => changed.every(([name, c]) => holdsIt(c, units[name]));
  const undoable = () => step !== undefined && last(book) === step && holds();
  return {
    names: changed.map(([name]) => name),
    undo: () => undoable() && notebook.undo(),
    get undoable() {
      return undoable();
    }
  };
}

/** Of Yjs's undo manager, what is needed here; the interfaces of shared models do not tell of it. */
interface IUndoManager {
  readonly trackedOrigins: Set<unknown>;
  readonly undoStack: unknown[];
  stopCapturing(): void;
  on(name: 'stack-item-popped', heard: Heard): void;
  off(name: 'stack-item-popped', heard: Heard): void;
}

type Heard = (event: { stackItem: unknown }) => void;

/** By what undo managers know an update: the notebook's and a cell's own each watch other origins by themselves. */
const UPDATE = Object.freeze({ update: 'autoloop' });

function managerOf(shared: object): IUndoManager | null {
  return (shared as { undoManager?: IUndoManager | null }).undoManager ?? null;
}

/** What is typed shortly before is a step of its own, or undo would take that back as well. */
function begin(manager: IUndoManager | null): void {
  manager?.trackedOrigins.add(UPDATE);
  manager?.stopCapturing();
}

/**
 * Lets the last step of two managers, which is the same update, be taken back by one of them. What one has taken back
 * and brought again is not there any more for the other: its undo would take away the new and not find the old.
 */
function takeTurns(book: IUndoManager | null, own: IUndoManager | null): void {
  if (!book || !own) {
    return;
  }
  const steps = new Map([
    [book, last(book)],
    [own, last(own)]
  ]);
  const hear = (manager: IUndoManager, other: IUndoManager): Heard => {
    const heard: Heard = ({ stackItem }) => {
      if (stackItem === steps.get(manager)) {
        const place = other.undoStack.indexOf(steps.get(other));
        if (place >= 0) {
          other.undoStack.splice(place, 1);
        }
        manager.off('stack-item-popped', heard);
      }
    };
    return heard;
  };
  book.on('stack-item-popped', hear(book, own));
  own.on('stack-item-popped', hear(own, book));
}

function last(manager: IUndoManager | null): unknown {
  return manager?.undoStack[manager.undoStack.length - 1];
}

function put(cell: SharedCell, source: string): void {
  const { start, end, text } = between(cell.getSource(), source);
  cell.updateSource(start, end, text);
  if ('clearOutputs' in cell) {
    cell.clearOutputs(null);
    cell.execution_count = null;
  }
}

/** The lines in which two texts differ: what is between stays, with its cursors and folds. */
function between(
  before: string,
  after: string
): { start: number; end: number; text: string } {
  let start = 0;
  const least = Math.min(before.length, after.length);
  while (start < least && before[start] === after[start]) {
    start += 1;
  }
  start = before.slice(0, start).lastIndexOf('\n') + 1;
  let tail = 0;
  while (
    tail < least - start &&
    before[before.length - 1 - tail] === after[after.length - 1 - tail]
  ) {
    tail += 1;
  }
  const cut = before.indexOf('\n', before.length - tail);
  const kept = cut < 0 ? 0 : before.length - cut;
  return {
    start,
    end: before.length - kept,
    text: after.slice(start, after.length - kept)
  };
}

function holdsIt(cell: SharedCell, source: string): boolean {
  return !cell.isDisposed && cell.getSource() === source;
}

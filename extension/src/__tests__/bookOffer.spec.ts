/** What an open arena is offered, what an update does, and that nobody's edit is ever lost by it. */
import type { Context } from '@jupyterlab/docregistry';
import type { INotebookModel } from '@jupyterlab/notebook';

import { ArenaBook, putIteration } from '../book/book';
import { Books, chain, close, prepare, UNITS } from './bookLoopKit';
import { calm } from './panelKit';

beforeEach(() => prepare());
afterEach(() => close());

const SECOND = { train: 'LR = 2\nSTEPS = 5', model: 'def model(): return 2' };
const THIRD = { train: 'LR = 3\nSTEPS = 5', model: UNITS.model };

interface IOpened {
  books: Books;
  context: Context<INotebookModel>;
  book: ArenaBook;
}

/** An arena that is open, with iteration 1 as its champion, and others that are made. */
async function opened(champion = 1): Promise<IOpened> {
  const books = new Books();
  await books.serve(champion, chain(3));
  books.made(1, UNITS);
  books.made(2, SECOND);
  books.made(3, THIRD);
  await books.write();
  const context = await books.open();
  const book = await books.book(context);
  books.server.line.open();
  await books.say(books.server.state);
  return { books, context, book };
}

const shared = ({ context }: IOpened) => context.model.sharedModel;

const sources = (all: IOpened) =>
  Object.fromEntries(
    shared(all).cells.map(cell => [cell.getId(), cell.getSource()])
  );

/** Types at the end of a cell, as its editor does: in the cell's own transactions. */
function type(all: IOpened, id: string, text: string): void {
  const cell = cellOf(all, id);
  const end = cell.getSource().length;
  cell.updateSource(end, end, text);
}

function cellOf(all: IOpened, id: string) {
  return shared(all).cells.find(cell => cell.getId() === id)!;
}

async function crown(all: IOpened, number: number): Promise<void> {
  await all.books.say(all.books.standing(number));
}

async function update({ book }: IOpened): Promise<boolean> {
  const well = await book.act(async () => {
    await book.offer.update();
    return { said: '' };
  });
  await calm();
  return well;
}

/** The runs folder was put away, and iteration 2 was made of something else since. */
async function restart(all: IOpened, units: object): Promise<void> {
  all.books.made(2, { ...units });
  const reason = 'the ledger is another one now';
  all.books.server.line.say({ seq: 2, now: 1000, type: 'reset', reason });
  await calm();
}

test('what is offered is what the champion is made of in a history that was begun anew', async () => {
  const all = await opened();
  await crown(all, 2);
  all.books.server.state = all.books.standing(2);
  await restart(all, { ...SECOND, train: 'LR = 9' });
  expect(all.book.offer.offered).toMatchObject({ number: 2, news: true });
  expect(await update(all)).toBe(true);
  expect(sources(all)).toMatchObject({ train: 'LR = 9', c2: SECOND.model });
});

test('a notebook that holds the champion is offered nothing, whatever is typed into it', async () => {
  const all = await opened();
  expect(all.book.offer.offered).toBeNull();
  type(all, 'train', ' # mine');
  expect(all.book.offer.offered).toBeNull();
});

test('a new champion is offered; an update is one step, saved, and undone as one', async () => {
  const all = await opened();
  await crown(all, 2);
  expect(all.book.offer.offered).toEqual({
    number: 2,
    score: 2.51,
    news: true,
    dirty: false,
    free: ['train', 'model'],
    own: [],
    files: [],
    ownFiles: []
  });
  const before = sources(all);
  expect(await update(all)).toBe(true);
  expect(sources(all)).toEqual({
    ...before,
    train: SECOND.train,
    c2: SECOND.model
  });
  expect(await all.books.saved()).toEqual(sources(all));
  expect(all.context.model.dirty).toBe(false);
  expect(shared(all).toJSON().cells[1]).toMatchObject({
    outputs: [],
    execution_count: null
  });
  expect(all.book.offer.done).toEqual({
    number: 2,
    saved: true,
    undoable: true
  });

  expect(shared(all).undo()).toBe(true);
  expect(sources(all)).toEqual(before);
  expect(shared(all).toJSON().cells[1]).toMatchObject({
    outputs: [{ text: 'ran' }],
    execution_count: 3
  });
  expect(shared(all).undo()).toBe(false);
  expect(all.book.offer.offered).toBeNull(); // it was answered
  expect(all.book.offer.done).toBeNull();
  expect(await all.books.saved()).toMatchObject({ train: SECOND.train });
});

test('a cell’s own undo takes back that cell, and what was typed before stays a step of its own', async () => {
  const all = await opened();
  type(all, 'train', '\n# mine');
  cellOf(all, 'train').undo();
  cellOf(all, 'train').redo();
  cellOf(all, 'train').undo();
  await all.context.save();
  await crown(all, 2);
  await update(all);
  cellOf(all, 'c2').undo();
  expect(sources(all)).toMatchObject({
    train: SECOND.train,
    c2: UNITS.model
  });
  cellOf(all, 'train').undo();
  expect(sources(all)).toMatchObject({ train: UNITS.train, c2: UNITS.model });
  cellOf(all, 'c2').redo();
  expect(sources(all)).toMatchObject({ c2: SECOND.model });
});

test('an update is taken back once, by the cell’s undo or by the notebook’s', async () => {
  const all = await opened();
  await crown(all, 2);
  await update(all);
  cellOf(all, 'train').undo();
  cellOf(all, 'train').redo();
  shared(all).undo();
  expect(sources(all)).toMatchObject({ train: SECOND.train, c2: SECOND.model });
  cellOf(all, 'train').undo();
  cellOf(all, 'c2').undo();
  expect(sources(all)).toMatchObject({ train: UNITS.train, c2: UNITS.model });
});

test('after the notebook’s undo and redo the cells’ own undo has nothing to take back', async () => {
  const all = await opened();
  await crown(all, 2);
  await update(all);
  shared(all).undo();
  cellOf(all, 'train').undo();
  expect(sources(all)).toMatchObject({ train: UNITS.train, c2: UNITS.model });
  shared(all).redo();
  cellOf(all, 'train').undo();
  expect(sources(all)).toMatchObject({ train: SECOND.train, c2: SECOND.model });
  shared(all).undo();
  expect(sources(all)).toMatchObject({ train: UNITS.train, c2: UNITS.model });
});

test('undo of an update leaves what was typed in the same breath', async () => {
  const all = await opened();
  await crown(all, 2);
  type(all, 'c2', ' # mine'); // within the time in which undo managers gather
  await update(all);
  expect(sources(all).c2).toBe(`${UNITS.model} # mine`);
  cellOf(all, 'train').undo();
  expect(sources(all)).toMatchObject({
    train: UNITS.train,
    c2: `${UNITS.model} # mine`
  });
  cellOf(all, 'c2').undo();
  expect(sources(all).c2).toBe(UNITS.model);
});

test('with unsaved edits they stay, the rest is updated, and nothing is saved', async () => {
  const all = await opened();
  const disk = await all.books.saved();
  type(all, 'train', '\n# mine');
  await crown(all, 2);
  expect(all.book.offer.offered).toMatchObject({
    free: ['model'],
    own: ['train'],
    dirty: true
  });
  expect(await update(all)).toBe(true);
  expect(sources(all)).toMatchObject({
    train: `${UNITS.train}\n# mine`,
    c2: SECOND.model
  });
  expect(all.context.model.dirty).toBe(true);
  expect(await all.books.saved()).toEqual(disk);
  expect(all.book.offer.done).toMatchObject({ saved: false });
  all.book.offer.undo();
  expect(sources(all)).toMatchObject({
    train: `${UNITS.train}\n# mine`,
    c2: UNITS.model
  });
});

test('a saved version of a person’s own stays as well', async () => {
  const all = await opened();
  type(all, 'train', '\n# mine');
  await all.context.save();
  await crown(all, 2);
  expect(all.book.offer.offered).toMatchObject({
    own: ['train'],
    dirty: false
  });
  await update(all);
  expect(await all.books.saved()).toMatchObject({
    train: `${UNITS.train}\n# mine`,
    c2: SECOND.model
  });
});

test('what is typed between the click and the update stays, and is not saved', async () => {
  const all = await opened();
  const disk = await all.books.saved();
  await crown(all, 2);
  const done = update(all); // asks the disk first
  type(all, 'train', '\n# mine');
  await done;
  expect(sources(all)).toMatchObject({
    train: `${UNITS.train}\n# mine`,
    c2: SECOND.model
  });
  expect(all.context.model.dirty).toBe(true);
  expect(await all.books.saved()).toEqual(disk);
});

test('cells that were removed, renamed or retagged meanwhile are left alone', async () => {
  const all = await opened();
  await crown(all, 2);
  cellOf(all, 'c2').setMetadata('autoloop', { name: 'net' });
  expect(all.book.offer.offered).toMatchObject({ free: ['train'], own: [] });
  cellOf(all, 'train').setMetadata('tags', ['score', 'editable']);
  expect(all.book.offer.offered).toBeNull();
  cellOf(all, 'train').setMetadata('tags', ['editable']);
  const before = sources(all);
  const click = update(all);
  shared(all).deleteCell(1);
  await click;
  delete before.train;
  expect(sources(all)).toEqual(before);
});

test('two cells of one name are nobody’s to fill', async () => {
  const all = await opened();
  cellOf(all, 'c2').setMetadata('autoloop', { name: 'train' });
  await crown(all, 2);
  expect(all.book.offer.offered).toBeNull();
});

test('the newest champion is offered, also while an earlier one is being read', async () => {
  const all = await opened();
  let answer: (() => void) | undefined;
  all.books.server.answers.set(
    'GET iterations/2/sources',
    () =>
      new Promise(resolve => {
        answer = () =>
          resolve({ status: 200, body: { number: 2, units: SECOND } });
      })
  );
  await crown(all, 2);
  expect(all.book.offer.offered).toBeNull();
  await crown(all, 3);
  answer!();
  await calm();
  expect(all.book.offer.offered).toMatchObject({ number: 3, free: ['train'] });
  await update(all);
  expect(sources(all)).toMatchObject({ train: THIRD.train, c2: UNITS.model });
});

test('what was dismissed is offered no more, the next one is', async () => {
  const all = await opened();
  await crown(all, 2);
  all.book.offer.dismiss();
  await all.books.say(all.books.standing(2, { total: 9 }));
  expect(all.book.offer.offered).toBeNull();
  await crown(all, 3);
  expect(all.book.offer.offered).toMatchObject({ number: 3 });
});

test('a notebook that lags behind is offered the champion as it is opened', async () => {
  const { book } = await opened(3);
  expect(book.offer.offered).toMatchObject({ number: 3, news: false });
});

test('a notebook with a way of its own is offered nothing as it is opened', async () => {
  const books = new Books();
  await books.serve(3, chain(3));
  books.made(1, { ...UNITS, train: 'something else' });
  books.made(2, SECOND);
  books.made(3, THIRD);
  await books.write();
  const book = await books.book(await books.open());
  books.server.line.open();
  await books.say(books.server.state);
  expect(book.offer.offered).toBeNull();
});

test('offers can be turned off, and then no sources are asked for', async () => {
  const all = await opened();
  Object.assign(all.books.wishes, {
    _now: { ...all.books.wishes.now, offerUpdates: false }
  });
  await crown(all, 2);
  expect(all.book.offer.offered).toBeNull();
  expect(all.books.server.to('iterations/2/sources')).toHaveLength(0);
});

test('where the file has changed under the notebook, nothing is changed or saved', async () => {
  const all = await opened();
  await crown(all, 2);
  const before = sources(all);
  const disk = await all.books.saved();
  all.books.touch();
  expect(await update(all)).toBe(false);
  expect(all.book.error).toContain('reload the notebook from disk first');
  expect(sources(all)).toEqual(before);
  expect(await all.books.saved()).toEqual(disk);
});

test('a save that fails is told, and the update can be undone', async () => {
  const all = await opened();
  await crown(all, 2);
  jest.spyOn(all.context, 'save').mockRejectedValue(new Error('disk full'));
  expect(await update(all)).toBe(false);
  expect(all.book.error).toBe('the notebook could not be saved: disk full');
  expect(all.book.offer.done).toMatchObject({ saved: false });
  shared(all).undo();
  expect(sources(all)).toMatchObject({ train: UNITS.train });
});

test('a kernel that the notebook meets is no edit of a person’s', async () => {
  const all = await opened();
  shared(all).setMetadata('language_info', { name: 'python' });
  all.context.model.dirty = true;
  await crown(all, 2);
  expect(all.book.offer.offered).toMatchObject({ dirty: false });
  await update(all);
  expect(await all.books.saved()).toMatchObject({ train: SECOND.train });
});

describe('an iteration that is put into the notebook by a command', () => {
  const put = ({ books }: IOpened, number: number) =>
    putIteration(books.workbench, books.workbench.api, 'a/tiny.ipynb', number);

  const allowed = (all: IOpened) =>
    all.books.server.answers.set('POST iterations/2/apply', {
      status: 200,
      body: { said: 'nothing to change', number: 2 }
    });

  test('goes through the notebook where that is open, and is saved', async () => {
    const all = await opened();
    allowed(all);
    const { said } = await put(all, 2);
    expect(said).toBe('iteration 2 is in the notebook now: train, model');
    expect(all.books.server.to('iterations/2/apply')[0].body).toEqual({
      arena: 'a/tiny.ipynb',
      cells: false
    });
    expect(await all.books.saved()).toMatchObject({ train: SECOND.train });
    expect((await put(all, 2)).said).toContain('nothing to change');
  });

  test('of a history that was begun anew is what has the number now', async () => {
    const all = await opened();
    allowed(all);
    await put(all, 2);
    await restart(all, { ...SECOND, train: 'LR = 9' });
    expect((await put(all, 2)).said).toContain('in the notebook now: train');
    expect(sources(all)).toMatchObject({ train: 'LR = 9' });
  });

  test('takes a person’s unsaved version only until undo, and does not save', async () => {
    const all = await opened();
    allowed(all);
    const disk = await all.books.saved();
    type(all, 'train', '\n# mine');
    const { said } = await put(all, 2);
    expect(said).toContain('not saved');
    expect(sources(all)).toMatchObject({ train: SECOND.train });
    expect(await all.books.saved()).toEqual(disk);
    shared(all).undo();
    expect(sources(all)).toMatchObject({ train: `${UNITS.train}\n# mine` });
  });

  test('is refused with the server’s reason, and changes nothing', async () => {
    const all = await opened();
    const before = sources(all);
    all.books.server.answers.set('POST iterations/2/apply', {
      status: 409,
      body: { message: 'iteration 2 is still running' }
    });
    await expect(put(all, 2)).rejects.toThrow('still running');
    expect(sources(all)).toEqual(before);
  });

  test('is written by the server where the notebook is not open', async () => {
    const all = await opened();
    allowed(all);
    all.book.dispose();
    expect((await put(all, 2)).said).toBe('nothing to change');
    expect(all.books.server.to('iterations/2/apply')[0].body).toEqual({
      arena: 'a/tiny.ipynb',
      cells: true
    });
  });
});

describe('editable files beside the notebook', () => {
  async function withFile(text: string): Promise<IOpened> {
    const all = await opened();
    const { contents } = all.books.manager;
    await contents.save('a/lib.py', {
      type: 'file',
      format: 'text',
      content: text
    });
    all.books.made(2, { ...UNITS, 'lib.py': 'two' });
    all.books.made(3, { ...UNITS, 'lib.py': 'three' });
    all.books.server.answers.set('POST iterations/3/apply', async () => {
      await contents.save('a/lib.py', {
        type: 'file',
        format: 'text',
        content: 'three'
      });
      return { status: 200, body: { said: '', number: 3 } };
    });
    await crown(all, 2);
    await crown(all, 3);
    return all;
  }

  test('are put in their place by the server, and told of before', async () => {
    const all = await withFile('two');
    expect(all.book.offer.offered).toMatchObject({ files: ['lib.py'] });
    await update(all);
    expect(all.books.server.to('iterations/3/apply')[0].body).toEqual({
      arena: 'a/tiny.ipynb',
      cells: false
    });
    expect(all.book.offer.offered).toBeNull();
  });

  test('stay where one holds a person’s own version', async () => {
    const all = await withFile('mine');
    expect(all.book.offer.offered).toMatchObject({ ownFiles: ['lib.py'] });
    await update(all);
    expect(all.books.server.to('iterations/3/apply')).toHaveLength(0);
  });
});

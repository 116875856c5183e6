import { nullTranslator } from '@jupyterlab/translation';

import { compare } from '../diff/compare';
import { createDiff } from '../diff/diff';
import type { IDiff, IDiffOptions } from '../diff/diff';
import { createEditor, languageOf } from '../diff/editor';
import { remark, sides } from '../diff/sides';
import { oneLine, visible } from '../diff/visible';
import type { IChange } from '../wire';

const trans = nullTranslator.load('autoloop');
const made: IDiff[] = [];

// jsdom lays nothing out; the editor asks where its text is all the same.
const nowhere = () => [] as unknown as DOMRectList;
Range.prototype.getClientRects = nowhere;
Range.prototype.getBoundingClientRect = () => new DOMRect();

async function shown(
  changes: IChange[],
  options: Partial<IDiffOptions> = {}
): Promise<HTMLElement> {
  const host = document.createElement('div');
  document.body.append(host);
  const diff = createDiff(host, changes, { trans, ...options });
  made.push(diff);
  await diff.ready;
  return host;
}

afterEach(() => {
  made.splice(0).forEach(diff => diff.dispose());
  document.body.replaceChildren();
});

const change = (before: string | null, after: string | null): IChange => ({
  unit: 'model',
  before,
  after
});
const texts = (host: Element, selector: string): string[] =>
  [...host.querySelectorAll(selector)].map(each => each.textContent ?? '');
const counts = (host: Element) =>
  texts(host, '.jp-Autoloop-Diff-counts > *').join(' ');
const press = (host: Element, key: string) =>
  host.querySelector<HTMLElement>(`[data-key="${key}"]`)!.click();
const numbered = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, k) => `x${from + k} = 0`).join(
    '\n'
  );

describe('a diff', () => {
  it('shows both sides with numbers and signs, so that it reads without colour', async () => {
    const host = await shown([change('a = 1\nb = 2', 'a = 1\nb = 3\nc = 4')]);
    expect(host.querySelector('header')!.textContent).toContain('cell model');
    expect(counts(host)).toBe('+2 −1');
    const titles = [...host.querySelectorAll('[title]')].map(one =>
      one.getAttribute('title')
    );
    expect(titles).toEqual(['2 lines added', '1 line removed']);
    expect(texts(host, '.cm-deletedLine')).toEqual(['b = 2']);
    expect(texts(host, '.cm-changedLine')).toEqual(['b = 3', 'c = 4']);
    expect(texts(host, '.cm-gutterElement.jp-Autoloop-Diff-old')).toEqual([
      '2−'
    ]);
    const came = texts(host, '.cm-gutterElement.jp-Autoloop-Diff-new');
    expect(came.slice(-2)).toEqual(['2+', '3+']);
  });

  it('counts an appended line as one, although cells do not end with a newline', async () => {
    const host = await shown([change('a = 1', 'a = 1\nb = 2')]);
    expect(counts(host)).toBe('+1');
    expect(host.querySelector('.cm-deletedChunk del')).toBeNull();
  });

  it('counts a line taken from the end as one', async () => {
    const host = await shown([change('a = 1\nb = 2', 'a = 1')]);
    expect(counts(host)).toBe('−1');
    expect(texts(host, '.cm-deletedLine')).toEqual(['b = 2']);
  });

  it('counts one more of two like lines at the end as one', async () => {
    const host = await shown([change('a = 1\nb = 2', 'a = 1\nb = 2\nb = 2')]);
    expect(counts(host)).toBe('+1');
  });

  it('shows a blank last line as a line', async () => {
    const host = await shown([change('a = 1\n\n', 'b = 1\n\n')]);
    expect(counts(host)).toBe('+1 −1');
    expect(host.querySelectorAll('.cm-line')).toHaveLength(2);
    expect(host.querySelector('.jp-Autoloop-Diff-end')).toBeNull();
  });

  it('colours the syntax, also that of deleted lines', async () => {
    const host = await shown([change('def f(): pass', 'def g(): pass')]);
    const kinds = '.cm-changedLine span[class*="ͼ"]';
    expect(texts(host, kinds)).toContain('def');
    expect(texts(host, '.cm-deletedLine span[class*="ͼ"]')).toContain('def');
  });

  it('shows a new unit and one that is gone without comparing them', async () => {
    const host = await shown([
      { unit: 'train.py', before: null, after: 'import os\nimport re\n' },
      change('x = 1', null)
    ]);
    const [file, cell] = host.querySelectorAll('section');
    expect(file.querySelector('header')!.textContent).toBe(
      'file train.pynew+2'
    );
    expect(texts(file, '.cm-line.jp-Autoloop-Diff-new')).toEqual([
      'import os',
      'import re'
    ]);
    expect(cell.querySelector('header')!.textContent).toBe('cell modelgone−1');
    expect(texts(cell, '.cm-line.jp-Autoloop-Diff-old')).toEqual(['x = 1']);
    expect(host.querySelector('[data-key]')).toBeNull();
  });

  it('folds what did not change, and unfolds it when asked', async () => {
    const before = numbered(1, 40);
    const host = await shown([
      change(before, before.replace('x20 = 0', 'x20 = 1'))
    ]);
    expect(texts(host, '.cm-collapsedLines')).toEqual([
      '16 unchanged lines',
      '17 unchanged lines'
    ]);
    expect(texts(host, '.cm-line')[0]).toBe('x17 = 0');
    press(host, 'fold');
    expect(host.querySelector('.cm-collapsedLines')).toBeNull();
    expect(texts(host, '.cm-line')[0]).toBe('x1 = 0');
    const fold = host.querySelector('[data-key="fold"]')!;
    expect(fold.getAttribute('aria-pressed')).toBe('false');
  });

  it('opens folded lines by a click', async () => {
    const before = numbered(1, 40);
    const host = await shown([change(before, `${before}\ny = 1`)]);
    const folded = host.querySelector<HTMLElement>('.cm-collapsedLines')!;
    folded.dispatchEvent(new MouseEvent('click', { bubbles: true }));
    expect(host.querySelector('.cm-collapsedLines')).toBeNull();
  });

  it('turns all cards side by side at once, and says so', async () => {
    const told: unknown[] = [];
    const host = await shown(
      [change('a = 1', 'a = 2'), change('b = 1', 'b = 2')],
      { onModeChanged: layout => told.push(layout) }
    );
    press(host, 'split');
    expect(told).toEqual([{ mode: 'split', fold: true }]);
    expect(host.querySelectorAll('.cm-mergeView')).toHaveLength(2);
    expect(texts(host, '.cm-merge-a .cm-changedLine')).toEqual([
      'a = 1',
      'b = 1'
    ]);
    expect(texts(host, '.cm-merge-b .cm-changedLine')).toEqual([
      'a = 2',
      'b = 2'
    ]);
    expect(texts(host, '[aria-pressed="true"]')).toEqual([
      'Split',
      'Fold 3',
      'Split',
      'Fold 3'
    ]);
    expect(counts(host.querySelector('section')!)).toBe('+1 −1');
    press(host, 'unified');
    expect(host.querySelector('.cm-mergeView')).toBeNull();
  });

  it('is read-only, but can be reached by keyboard and has a name', async () => {
    const host = await shown([change('a = 1', 'a = 2')]);
    const content = host.querySelector('.cm-content')!;
    expect(content.getAttribute('contenteditable')).toBe('false');
    expect(content.getAttribute('tabindex')).toBe('0');
    expect(content.getAttribute('aria-label')).toBe('Changes of cell model');
  });

  it('never takes a source or a name for HTML', async () => {
    const evil = '<img src=x onerror=alert(1)>';
    const host = await shown([
      { unit: evil, before: `x = "${evil}"`, after: `y = "${evil}"` }
    ]);
    expect(host.querySelector('img')).toBeNull();
    expect(host.querySelector('header')!.textContent).toContain(evil);
    expect(texts(host, '.cm-deletedLine')).toEqual([`x = "${evil}"`]);
  });

  it('shows a change of a comment, and says where only ends of lines differ', async () => {
    const host = await shown([
      change('x = 1  # old', 'x = 1  # new'),
      change('x = 1\n', 'x = 1'),
      change('x\r\ny', 'x\ny'),
      change('', null),
      change('x', 'x')
    ]);
    const cards = [...host.querySelectorAll('section')];
    expect(counts(cards[0])).toBe('+1 −1');
    expect(
      cards
        .slice(1)
        .map(card => card.querySelector('.jp-Autoloop-Diff-note')?.textContent)
    ).toEqual([
      'Only the newline at its end differs.',
      'Line ends: CR LF → LF.',
      'It has no lines.',
      'Nothing differs.'
    ]);
    expect(cards[1].querySelector('.cm-editor')).toBeNull();
  });

  it('says when there is no change at all', async () => {
    const host = await shown([]);
    expect(host.textContent).toBe('Nothing differs.');
  });

  it('holds sources of ten thousand lines without putting them all on the page', async () => {
    const before = numbered(1, 10_000);
    const after = before.replace('x5000 = 0', 'x5000 = 1');
    const host = await shown([change(before, after), change(null, before)]);
    const [changed, whole] = host.querySelectorAll('section');
    expect(counts(changed)).toBe('+1 −1');
    expect(counts(whole)).toBe('+10000');
    expect(host.querySelectorAll('.cm-line').length).toBeLessThan(1000);
  });

  it('shows plain text until the editor is there, and nothing after it was disposed', async () => {
    const host = document.createElement('div');
    const diff = createDiff(host, [change('a = 1', 'b = 2')], { trans });
    expect(host.querySelector('pre')!.textContent).toBe('b = 2\n');
    diff.dispose();
    await diff.ready;
    expect(host.childNodes).toHaveLength(0);
    expect(diff.isDisposed).toBe(true);
  });
});

describe('the comparison', () => {
  /** `a` with the changes made; it is `b` where they are right. */
  const applied = (a: string, b: string): string => {
    let [made, at] = ['', 0];
    for (const each of compare(a, b)) {
      made += a.slice(at, each.fromA) + b.slice(each.fromB, each.toB);
      at = each.toA;
    }
    return made + a.slice(at);
  };

  it('leads from the one to the other, whatever they are', () => {
    let seed = 7;
    const next = (below: number): number => {
      seed = (seed * 48271) % 2147483647;
      return seed % below;
    };
    for (let turn = 0; turn < 300; turn++) {
      const text = () =>
        Array.from(
          { length: next(30) },
          () => ['a', 'b = 1', '\ud83d\ude00', ''][next(4)]
        ).join(next(5) ? '\n' : '\n\n');
      const [a, b] = [text(), text()];
      expect(applied(a, b)).toBe(b);
    }
  });

  it('finds few changes in many lines', async () => {
    const before = numbered(1, 10_000);
    const after = before
      .split('\n')
      .map((line, k) => (k % 400 === 7 ? `${line}  # changed` : line))
      .join('\n');
    const host = await shown([change(before, after)]);
    expect(counts(host)).toBe('+25 −25');
    expect(applied(before, after)).toBe(after);
  });

  it('knows more lines than there are characters', () => {
    const before = numbered(1, 70_000);
    const after = before.replace('x69000 = 0', 'x69000 = 12');
    expect(applied(before, after)).toBe(after);
    expect(compare(before, after).length).toBeLessThan(3);
  });
});

describe('an editor', () => {
  it('takes further extensions, and gives its view away', async () => {
    const host = document.createElement('div');
    const { EditorState } = await import('@codemirror/state');
    const editor = createEditor(
      host,
      { before: 'a\n', after: 'b\n', ended: true },
      {
        mode: 'unified',
        fold: true,
        context: 3,
        language: await languageOf('model'),
        trans,
        label: 'x',
        extensions: EditorState.tabSize.of(8)
      }
    );
    expect(editor.view.state.doc.toString()).toBe('b\n');
    editor.dispose();
    editor.dispose();
    expect(editor.isDisposed).toBe(true);
    expect(host.childNodes).toHaveLength(0);
  });

  it('knows the language of a file by its name, and none of an unknown one', async () => {
    expect(await languageOf('data/config.json')).not.toEqual([]);
    expect(await languageOf('words.nolanguage')).toEqual([]);
  });
});

describe('the sides of a change', () => {
  it('write out what cannot be seen, and cut endless lines', () => {
    const { after } = sides(
      change(null, `a\u202eb\x1b\n${'y'.repeat(5000)}`),
      trans
    );
    const [first, second] = after!.split('\n');
    expect(first).toBe('a\\u202eb\\x1b');
    expect(second).toBe(`${'y'.repeat(4000)} … 1000 more characters`);
  });

  it('keep a newline at the end only where the last lines differ', () => {
    const at = (before: string, after: string) =>
      sides(change(before, after), trans);
    expect(at('a\nb\nc', 'a\nx\nc')).toEqual({
      before: 'a\nb\nc',
      after: 'a\nx\nc',
      ended: false
    });
    expect(at('a\nb', 'a\nb\nb')).toEqual({
      before: 'a\nb\n',
      after: 'a\nb\nb\n',
      ended: true
    });
    expect(at('a\n\n', 'b\n\n').after).toBe('b\n');
  });

  it('have no remark where lines differ', () => {
    expect(remark(change('a', 'b'), trans)).toBe('');
  });
});

describe('text', () => {
  it('is made visible but for tabs and newlines', () => {
    expect(visible('a\tb\n\x00\u2066')).toBe('a\tb\n\\x00\\u2066');
  });

  it('is put on one line and cut', () => {
    expect(oneLine(' a\n\n b ')).toBe('a b');
    expect(oneLine('x'.repeat(500), 10)).toBe(`${'x'.repeat(9)}…`);
    expect(oneLine(' '.repeat(1000) + 'late', 10)).toBe('…');
  });
});

import { nullTranslator } from '@jupyterlab/translation';

import { isName, nameFault, nameOf, sayingName, setName } from '../book/names';
import {
  fits,
  isArena,
  Role,
  roleOf,
  ROLES,
  setRole,
  tagsOf
} from '../book/roles';
import { cellsOf, IMade, modelOf } from './bookKit';

const trans = nullTranslator.load('autoloop');

const roleFor = (cell: IMade) => roleOf(cellsOf(modelOf([cell]))[0]);

describe('the role of a cell', () => {
  it.each<[IMade, Role]>([
    [{}, 'locked'],
    [{ type: 'markdown' }, 'note'],
    [{ type: 'raw' }, 'note'],
    [{ tags: ['editable'] }, 'editable'],
    [{ tags: ['other', 'score'] }, 'score'],
    [{ tags: ['editable', 'score'] }, 'score'],
    [{ tags: ['parameters', 'shared'] }, 'shared'],
    [{ tags: ['injected-parameters', 'editable'] }, 'parameters'],
    [{ tags: ['editable', 'workbench'] }, 'workbench'],
    [{ type: 'markdown', tags: ['workbench'] }, 'workbench'],
    [{ type: 'markdown', tags: ['strategy'] }, 'strategy'],
    [{ type: 'markdown', tags: ['editable'] }, 'note'],
    [{ type: 'raw', tags: ['strategy'] }, 'note'],
    [{ tags: ['strategy'] }, 'locked'],
    [{ tags: 'editable' as unknown as string[] }, 'locked']
  ])('of %j is %s', (cell, role) => expect(roleFor(cell)).toBe(role));

  it('fits by the type of the cell', () => {
    const model = modelOf([{}, { type: 'markdown' }, { type: 'raw' }]);
    const [code, markdown, raw] = cellsOf(model).map(cell =>
      ROLES.filter(role => fits(cell, role))
    );
    expect(code).toEqual([
      'parameters',
      'locked',
      'editable',
      'score',
      'shared',
      'workbench'
    ]);
    expect(markdown).toEqual(['strategy', 'workbench', 'note']);
    expect(raw).toEqual(['workbench', 'note']);
  });
});

describe('setting a role', () => {
  it('takes all others off, keeps other tags, and leaves no empty list', () => {
    const model = modelOf([{ tags: ['a', 'score', 'locked', 'shared', 'b'] }]);
    const [cell] = cellsOf(model);
    setRole(model.sharedModel, [cell], 'editable');
    expect(tagsOf(cell)).toEqual(['a', 'b', 'editable']);
    setRole(model.sharedModel, [cell], 'locked');
    expect(tagsOf(cell)).toEqual(['a', 'b']);
    const plain = cellsOf(modelOf([{ tags: ['score'] }]))[0];
    setRole(plain.notebook!, [plain], 'locked');
    expect(plain.getMetadata()).toEqual({});
  });

  it('reaches every role from every other one', () => {
    for (const from of ROLES) {
      for (const to of ROLES) {
        const model = modelOf([{ tags: [from, 'injected-parameters'] }]);
        const [cell] = cellsOf(model);
        const given = setRole(model.sharedModel, [cell], to);
        expect([to, given.length]).toEqual([to, fits(cell, to) ? 1 : 0]);
        if (given.length) {
          expect(roleOf(cell)).toBe(to);
        }
      }
    }
  });

  it('passes over cells that cannot have it, and is one step back', () => {
    const model = modelOf([{}, { type: 'markdown' }, { tags: ['shared'] }]);
    const cells = cellsOf(model);
    const given = setRole(model.sharedModel, cells, 'editable');
    expect(given).toEqual([cells[0], cells[2]]);
    expect(cells.map(roleOf)).toEqual(['editable', 'note', 'editable']);
    expect(model.sharedModel.undo()).toBe(true);
    expect(cells.map(roleOf)).toEqual(['locked', 'note', 'shared']);
    expect(model.sharedModel.canUndo()).toBe(false);
    model.sharedModel.redo();
    expect(cells.map(roleOf)).toEqual(['editable', 'note', 'editable']);
  });

  it('makes an arena of a notebook, which papermill’s own tag does not', () => {
    const model = modelOf([{ tags: ['parameters'] }, {}]);
    expect(isArena(model.sharedModel)).toBe(false);
    setRole(model.sharedModel, [cellsOf(model)[1]], 'score');
    expect(isArena(model.sharedModel)).toBe(true);
    const other = modelOf([{}], { autoloop: {} });
    expect(isArena(other.sharedModel)).toBe(true);
    const odd = modelOf([{}], { autoloop: ['no'] });
    expect(isArena(odd.sharedModel)).toBe(false);
    const report = modelOf([{}], { autoloop: { report: {} } });
    expect(isArena(report.sharedModel)).toBe(false);
  });
});

describe('the name of a cell', () => {
  it('is safe as a file’s name', () => {
    const fine = ['a', '_', '0-x', 'A_b-C', 'x'.repeat(64)];
    const wrong = ['', '-a', 'a b', 'a/b', 'a.py', 'é', 'x'.repeat(65), 'a\n'];
    expect(fine.filter(isName)).toEqual(fine);
    expect(wrong.filter(isName)).toEqual([]);
  });

  it('is the given one, else the id, which says nothing where a machine made it', () => {
    const model = modelOf([
      { name: 'model', id: 'x' },
      { id: 'walk' },
      { id: 'ab12cd34' },
      { id: '5f0c2a3e-0d4b-4b5e-9c1a-0123456789ab' },
      { name: '', id: 'kept' }
    ]);
    const cells = cellsOf(model);
    expect(cells.map(nameOf).slice(0, 3)).toEqual([
      'model',
      'walk',
      'ab12cd34'
    ]);
    expect(cells.map(sayingName)).toEqual(['model', 'walk', '', '', 'kept']);
  });

  it('belongs to one cell alone, and to itself', () => {
    const model = modelOf([{ name: 'model' }, { id: 'Walk' }, {}]);
    const [first, , third] = cellsOf(model);
    const fault = (name: string) =>
      nameFault(model.sharedModel, third, name, trans);
    expect(fault('model')).toContain('Cell 1');
    expect(fault('walk')).toContain('Cell 2');
    expect(fault('a b')).toContain('letters, digits');
    expect([fault('other'), fault('')]).toEqual(['', '']);
    expect(nameFault(model.sharedModel, first, 'model', trans)).toBe('');
  });

  it('is written beside what else is known of the cell, and can be undone', () => {
    const model = modelOf([{}]);
    const [cell] = cellsOf(model);
    cell.setMetadata('autoloop', { other: 1 });
    setName(model.sharedModel, cell, 'model');
    expect(cell.getMetadata('autoloop')).toEqual({ other: 1, name: 'model' });
    model.sharedModel.undo();
    expect(cell.getMetadata('autoloop')).toEqual({ other: 1 });
    setName(model.sharedModel, cell, '');
    cell.setMetadata('autoloop', { name: 'x' });
    setName(model.sharedModel, cell, '');
    expect(cell.getMetadata('autoloop')).toBeUndefined();
  });
});

import { nullTranslator } from '@jupyterlab/translation';

import {
  ISettings,
  readSettings,
  settingsFaults,
  USUAL,
  writeSettings
} from '../book/arenaSettings';
import { problemsOf } from '../book/problems';
import { modelOf } from './bookKit';

const trans = nullTranslator.load('autoloop');

const settings: ISettings = {
  metric: ' depth ',
  direction: 'max',
  target: '−2.5',
  budget: '12',
  clock: 'cpu',
  policy: 'greedy'
};

describe('the settings of an arena', () => {
  it('are the usual ones where there are none, or none that can be read', () => {
    expect(readSettings(modelOf([{}]).sharedModel)).toEqual(USUAL);
    const odd = { metric: 'loss', budget_s: '3', clock: 7, keep: [] };
    const model = modelOf([{}], { autoloop: odd });
    expect(readSettings(model.sharedModel)).toEqual(USUAL);
  });

  it('are written beside what else is there', () => {
    const model = modelOf([{}], {
      kernelspec: { name: 'python3', display_name: 'Python 3' },
      autoloop: {
        metric: { name: 'old', unit: 'm' },
        files: ['*.py'],
        keep: { policy: 'bayes', floor: 2 }
      }
    });
    writeSettings(model.sharedModel, settings);
    expect(model.getMetadata('autoloop')).toEqual({
      metric: { name: 'depth', direction: 'max', unit: 'm', target: -2.5 },
      budget_s: 12,
      clock: 'cpu',
      files: ['*.py'],
      keep: { policy: 'greedy', floor: 2 }
    });
    expect(model.getMetadata('kernelspec')?.name).toBe('python3');
    expect(readSettings(model.sharedModel)).toEqual({
      ...settings,
      metric: 'depth',
      target: '-2.5'
    });
  });

  it('leave the usual keep rule unwritten', () => {
    const model = modelOf([{}]);
    writeSettings(model.sharedModel, { ...USUAL, budget: '2' });
    expect(model.getMetadata('autoloop')).toEqual({
      metric: { name: 'loss', direction: 'min', target: null },
      budget_s: 2,
      clock: 'wall'
    });
  });

  it('say what is wrong with them', () => {
    expect(settingsFaults(settings, trans)).toEqual({});
    const wrong = settingsFaults(
      { ...settings, metric: ' ', budget: '0', target: 'low' },
      trans
    );
    expect(Object.keys(wrong).sort()).toEqual(['budget', 'metric', 'target']);
    for (const budget of ['', 'x', '-1', 'Infinity']) {
      expect(
        settingsFaults({ ...settings, budget }, trans).budget
      ).toBeTruthy();
    }
  });
});

describe('a problem that the server tells', () => {
  it('is taken apart into place, what and how to mend it', () => {
    const [cell, whole, meta, odd, note] = problemsOf({
      errors: [
        'cell 3 (walk): line 1: never closed: ( — mend the code — or else',
        'notebook: has no score cell — tag one `score`',
        'metadata.autoloop.metric: is missing — write {"name": "loss"}',
        'my notebook.ipynb is odd'
      ],
      notes: ['cell 12 (a-b): never calls score(…) — end it with score(value)'],
      sound: ''
    });
    expect(cell).toEqual({
      level: 'error',
      place: 'cell 3 (walk)',
      cell: 2,
      settings: false,
      what: 'line 1: never closed: (',
      mend: 'mend the code — or else'
    });
    expect([whole.place, whole.cell]).toEqual(['notebook', null]);
    expect([meta.settings, meta.what]).toEqual([true, 'is missing']);
    expect([odd.place, odd.what, odd.mend]).toEqual([
      '',
      'my notebook.ipynb is odd',
      ''
    ]);
    expect([note.level, note.cell]).toEqual(['note', 11]);
  });
});

import { StateDB } from '@jupyterlab/statedb';

import { AutoloopAPI } from '../api';
import { EVERYTHING } from '../store';
import type { IArenas } from '../wire';
import {
  LIST_AGAIN_MS,
  NOTICE_MS,
  SAVE_MS,
  STATE_KEY,
  WorkbenchModel
} from '../workbench';
import { FakeServer, settle, stateOf } from './server';

let server: FakeServer;
let db: StateDB;
let workbench: WorkbenchModel;

function arenasOf(...paths: string[]): IArenas {
  const arenas = paths.map(path => ({
    path,
    name: path,
    state: 'idle' as const,
    iterations: 0,
    best: null,
    metric: null,
    problem: ''
  }));
  return {
    arenas,
    templates: [],
    agents: ['search', 'claude'],
    truncated: false
  };
}

function offer(list: IArenas): void {
  server.answers.set('GET arenas', { status: 200, body: list });
}

async function open(): Promise<void> {
  workbench = new WorkbenchModel(new AutoloopAPI(server.settings()), db);
  await settle();
}

async function saved(): Promise<unknown> {
  jest.advanceTimersByTime(SAVE_MS);
  await settle();
  return db.fetch(STATE_KEY);
}

beforeEach(() => {
  jest.useFakeTimers();
  server = new FakeServer();
  db = new StateDB();
  offer(arenasOf('a.ipynb', 'b.ipynb'));
});

afterEach(() => {
  workbench.dispose();
  jest.useRealTimers();
});

describe('the arenas', () => {
  it('suggested by the page are shown, whatever was shown on another page', async () => {
    await db.save(STATE_KEY, { arena: 'a.ipynb' });
    await open();
    expect(workbench.current?.arena).toBe('a.ipynb');
    await workbench.suggest('b.ipynb');
    expect(workbench.current?.arena).toBe('b.ipynb');
    await workbench.suggest('notes.ipynb'); // no arena
    expect(workbench.current?.arena).toBe('b.ipynb');
  });

  it('suggested by the page give way to the one that a person has chosen', async () => {
    workbench = new WorkbenchModel(new AutoloopAPI(server.settings()), db);
    const suggested = workbench.suggest('b.ipynb');
    workbench.choose('a.ipynb');
    await settle();
    await suggested;
    expect(workbench.current?.arena).toBe('a.ipynb');
  });

  it('are listed; where there are several, a person chooses', async () => {
    await open();
    await workbench.ready;
    expect(workbench.arenas?.arenas.map(one => one.path)).toEqual([
      'a.ipynb',
      'b.ipynb'
    ]);
    expect(workbench.current).toBeNull();
    workbench.choose('b.ipynb');
    expect(workbench.current?.arena).toBe('b.ipynb');
    const first = workbench.current;
    workbench.choose('b.ipynb');
    expect(workbench.current).toBe(first);
    workbench.choose(null);
    expect([workbench.current, first?.isDisposed]).toEqual([null, true]);
  });

  it('choose themselves where there is one', async () => {
    offer(arenasOf('only.ipynb'));
    await open();
    expect(workbench.current?.arena).toBe('only.ipynb');
  });

  it('are asked for again until the server answers', async () => {
    server.answers.set('GET arenas', new TypeError('Failed to fetch'));
    await open();
    await workbench.ready;
    expect(workbench.problem).toMatch(/does not answer/);
    offer(arenasOf('a.ipynb'));
    jest.advanceTimersByTime(LIST_AGAIN_MS);
    await settle();
    expect([workbench.problem, workbench.current?.arena]).toEqual([
      '',
      'a.ipynb'
    ]);
  });

  it('lose the one that is gone, unless not all were looked through', async () => {
    await open();
    workbench.choose('gone.ipynb');
    offer({ ...arenasOf('a.ipynb', 'b.ipynb'), truncated: true });
    await workbench.refreshArenas();
    expect(workbench.current?.arena).toBe('gone.ipynb');
    offer(arenasOf('a.ipynb', 'b.ipynb'));
    await workbench.refreshArenas();
    expect(workbench.current).toBeNull();
  });

  it('grow by a new one, which is then shown', async () => {
    await open();
    server.answers.set('POST arenas', () => {
      offer(arenasOf('a.ipynb', 'new/tiny.ipynb'));
      return {
        status: 201,
        body: { said: 'made new/tiny.ipynb', path: 'new/tiny.ipynb' }
      };
    });
    expect(await workbench.create('tiny_lm', 'new')).toBe(true);
    expect(workbench.current?.arena).toBe('new/tiny.ipynb');
    expect(workbench.notice).toBe('made new/tiny.ipynb');
    server.answers.set('POST arenas', {
      status: 400,
      body: { message: 'there is one already' }
    });
    expect(await workbench.create('tiny_lm', 'new')).toBe(false);
    expect([workbench.notice, workbench.error]).toEqual([
      '',
      'there is one already'
    ]);
    expect(workbench.current?.arena).toBe('new/tiny.ipynb');
  });
});

describe('acting', () => {
  it('tells what was said, and what went wrong, each until the next', async () => {
    await open();
    workbench.choose('a.ipynb');
    const acting: boolean[] = [];
    workbench.changed.connect(() => acting.push(workbench.acting));
    server.answers.set('POST pause', {
      status: 200,
      body: { said: 'pauses after 12' }
    });
    expect(await workbench.act((api, arena) => api.pause(arena))).toBe(true);
    expect(server.to('pause')[0].body).toEqual({ arena: 'a.ipynb' });
    expect([workbench.notice, workbench.error]).toEqual([
      'pauses after 12',
      ''
    ]);
    expect([acting[0], workbench.acting]).toEqual([true, false]);
    server.answers.set('POST pause', {
      status: 409,
      body: { message: 'nothing runs' }
    });
    expect(await workbench.act((api, arena) => api.pause(arena))).toBe(false);
    expect([workbench.notice, workbench.error]).toEqual(['', 'nothing runs']);
    workbench.dismiss();
    expect([workbench.notice, workbench.error]).toEqual(['', '']);
  });

  it('takes back what was said by itself, and never what went wrong', async () => {
    await open();
    workbench.choose('a.ipynb');
    server.answers.set('POST pause', { status: 200, body: { said: 'pauses' } });
    server.answers.set('POST stop', { status: 409, body: { message: 'no' } });
    jest.useFakeTimers();
    try {
      await workbench.act((api, arena) => api.pause(arena));
      jest.advanceTimersByTime(NOTICE_MS - 1);
      expect(workbench.notice).toBe('pauses');
      jest.advanceTimersByTime(1);
      expect(workbench.notice).toBe('');
      await workbench.act((api, arena) => api.stop(arena, false));
      jest.advanceTimersByTime(10 * NOTICE_MS);
      expect(workbench.error).toBe('no');
    } finally {
      jest.useRealTimers();
    }
  });

  it('needs an arena', async () => {
    await open();
    expect(await workbench.act(api => api.pause('x'))).toBe(false);
    expect(workbench.error).toMatch(/^no arena is chosen/);
    expect(server.to('pause')).toEqual([]);
  });

  it('looks for itself what it brought where no stream tells', async () => {
    await open();
    workbench.choose('a.ipynb');
    await settle();
    server.state = stateOf({ total: 5 });
    server.answers.set('POST step', { status: 202, body: { said: 'started' } });
    await workbench.act((api, arena) =>
      api.step(arena, { agents: workbench.agents })
    );
    await settle();
    expect(workbench.current?.state?.total).toBe(5);
    expect(server.to('step')[0].body).toMatchObject({ agents: ['search'] });
  });
});

describe('choices', () => {
  const query = {
    search: 'lr',
    verdicts: new Set(['keep', 'crash']),
    sort: 'score' as const,
    descending: false
  };
  const kept = {
    arena: 'b.ipynb',
    selected: 12,
    query: {
      search: 'lr',
      verdicts: ['keep', 'crash'],
      sort: 'score',
      descending: false
    },
    agents: ['claude'],
    tabular: true
  };

  it('are saved together, once they rest', async () => {
    await open();
    const save = jest.spyOn(db, 'save');
    workbench.choose('b.ipynb');
    workbench.selected = 12;
    workbench.query = query;
    workbench.agents = ['claude'];
    workbench.tabular = true;
    expect(save).not.toHaveBeenCalled();
    expect(await saved()).toEqual(kept);
    expect(save).toHaveBeenCalledTimes(1);
  });

  it('are saved when the end comes first', async () => {
    await open();
    workbench.choose('b.ipynb');
    workbench.dispose();
    await settle();
    expect(await db.fetch(STATE_KEY)).toMatchObject({ arena: 'b.ipynb' });
  });

  it('are back after a reload, without waiting for the list', async () => {
    await db.save(STATE_KEY, kept);
    let list: () => void = () => undefined;
    server.answers.set(
      'GET arenas',
      () =>
        new Promise(resolve => {
          list = () =>
            resolve({ status: 200, body: arenasOf('a.ipynb', 'b.ipynb') });
        })
    );
    await open();
    expect([workbench.current?.arena, workbench.selected]).toEqual([
      'b.ipynb',
      12
    ]);
    expect(workbench.query).toEqual(query);
    expect(workbench.agents).toEqual(['claude']);
    expect(workbench.tabular).toBe(true);
    expect(workbench.arenas).toBeNull();
    list();
    await workbench.ready;
    expect([workbench.current?.arena, workbench.selected]).toEqual([
      'b.ipynb',
      12
    ]);
  });

  it('give way to what there is', async () => {
    await db.save(STATE_KEY, {
      ...kept,
      arena: 'gone.ipynb',
      agents: ['mine']
    });
    await open();
    expect(workbench.current).toBeNull();
    expect(workbench.agents).toEqual(['search']);
  });

  it('keep an agent that a person wrote out', async () => {
    await db.save(STATE_KEY, {
      ...kept,
      agents: ['command:python mine.py', 'gone']
    });
    await open();
    expect(workbench.agents).toEqual(['command:python mine.py']);
  });

  it('give way to a person who is quicker', async () => {
    await db.save(STATE_KEY, kept);
    workbench = new WorkbenchModel(new AutoloopAPI(server.settings()), db);
    workbench.choose('a.ipynb');
    await settle();
    expect(workbench.current?.arena).toBe('a.ipynb');
    expect(workbench.selected).toBeNull();
  });

  it.each([
    [null],
    [7],
    [['b.ipynb']],
    [{ arena: 7, selected: 'x', query: [], agents: 'search' }],
    [
      {
        query: { search: 1, verdicts: {}, sort: 'constructor', descending: 1 },
        agents: [1, null],
        tabular: 'yes'
      }
    ]
  ])('are as at the first start where %p was saved', async found => {
    await db.save(STATE_KEY, found as never);
    await open();
    expect([workbench.current, workbench.selected]).toEqual([null, null]);
    expect(workbench.query).toEqual(EVERYTHING);
    expect(workbench.agents).toEqual(['search']);
    expect(workbench.tabular).toBe(false);
  });

  it('of an iteration end with its arena', async () => {
    await open();
    workbench.choose('a.ipynb');
    workbench.selected = 3;
    workbench.choose('b.ipynb');
    expect(workbench.selected).toBeNull();
  });

  it('are made all the same where they cannot be kept', async () => {
    jest.spyOn(db, 'fetch').mockRejectedValue(new Error('away'));
    jest.spyOn(db, 'save').mockRejectedValue(new Error('away'));
    await open();
    workbench.choose('a.ipynb');
    jest.advanceTimersByTime(SAVE_MS);
    await settle();
    expect(workbench.current?.arena).toBe('a.ipynb');
  });
});

import { APIError, AutoloopAPI } from '../api';
import { BASE, FakeServer, rowsOf } from './server';

const ARENA = 'my folder/ü & tiny?.ipynb';

function made(): { server: FakeServer; api: AutoloopAPI } {
  const server = new FakeServer();
  return { server, api: new AutoloopAPI(server.settings()) };
}

async function failure(promise: Promise<unknown>): Promise<APIError> {
  const error = await promise.then(
    () => null,
    (error: unknown) => error
  );
  expect(error).toBeInstanceOf(APIError);
  return error as APIError;
}

describe('questions', () => {
  it('go below the base URL, with the token and with everything encoded', async () => {
    const { server, api } = made();
    await api.state(ARENA);
    const [{ method, path, query, headers }] = server.asked;
    expect([method, path, query.arena]).toEqual(['GET', 'state', ARENA]);
    expect(headers.get('Authorization')).toBe('token secret');
  });

  it('leave out what is not asked for', async () => {
    const { server, api } = made();
    server.rows = rowsOf(9);
    const page = await api.iterations(ARENA, {
      before: 8,
      limit: 3,
      search: 'a+b&c=d'
    });
    expect(page.rows.map(row => row.number)).toEqual([7, 6, 5]);
    expect(page.next).toBe(5);
    expect(server.asked[0].query).toMatchObject({
      before: '8',
      limit: '3',
      search: 'a+b&c=d'
    });
    expect(server.asked[0].query).not.toHaveProperty('epoch');
    await api.iterations(ARENA);
    expect(Object.keys(server.asked[1].query)).not.toContain('before');
  });

  it.each<[string, (api: AutoloopAPI) => Promise<unknown>, unknown, unknown]>([
    ['GET arenas', api => api.arenas(), { arenas: [] }, { arenas: [] }],
    [
      'GET iterations/12',
      api => api.iteration(ARENA, 12),
      { number: 12 },
      { number: 12 }
    ],
    ['GET curve', api => api.curve(ARENA, 12), { points: [1] }, [1]],
    [
      'GET proposals',
      api => api.proposals(ARENA, 'waiting'),
      { proposals: [2] },
      [2]
    ],
    [
      'GET proposals/ab/c',
      api => api.proposal(ARENA, 'ab/c'),
      { id: 'ab/c' },
      { id: 'ab/c' }
    ],
    ['GET check', api => api.check(ARENA), { errors: [] }, { errors: [] }],
    ['GET strategy', api => api.strategy(ARENA), { text: 'T' }, 'T']
  ])('%s', async (route, ask, body, found) => {
    const { server, api } = made();
    server.answers.set(route, { status: 200, body });
    expect(await ask(api)).toEqual(found);
  });
});

it.each<[string, (api: AutoloopAPI) => Promise<unknown>, object]>([
  [
    'POST arenas',
    api => api.create('tiny_lm', 'new/one'),
    { template: 'tiny_lm', folder: 'new/one' }
  ],
  [
    'PUT strategy',
    api => api.rewriteStrategy(ARENA, 'T'),
    { arena: ARENA, text: 'T' }
  ],
  [
    'POST step',
    api => api.step(ARENA, { agents: ['search'] }),
    { arena: ARENA, agents: ['search'], review: false }
  ],
  [
    'POST auto',
    api => api.auto(ARENA, { agents: ['a', 'b'], iterations: 5 }),
    {
      arena: ARENA,
      agents: ['a', 'b'],
      iterations: 5,
      hours: null,
      until: null,
      max_cost: null
    }
  ],
  [
    'POST auto',
    api => api.auto(ARENA, { agents: ['claude'], max_cost: 5, ahead: 0 }),
    {
      arena: ARENA,
      agents: ['claude'],
      iterations: null,
      hours: null,
      until: null,
      max_cost: 5,
      ahead: 0
    }
  ],
  ['POST pause', api => api.pause(ARENA), { arena: ARENA }],
  ['POST resume', api => api.resume(ARENA), { arena: ARENA }],
  ['POST stop', api => api.stop(ARENA, true), { arena: ARENA, now: true }],
  [
    'POST proposals/p1/accept',
    api => api.accept(ARENA, 'p1'),
    { arena: ARENA, run: true }
  ],
  [
    'POST proposals/p1/skip',
    api => api.skip(ARENA, 'p1', 'no'),
    { arena: ARENA, reason: 'no' }
  ],
  [
    'POST proposals/p1/take-over',
    api => api.takeOver(ARENA, 'p1', { model: 'x = 1' }, false),
    { arena: ARENA, units: { model: 'x = 1' }, run: false }
  ],
  ['POST iterations/3/fork', api => api.fork(ARENA, 3), { arena: ARENA }],
  [
    'POST iterations/3/champion',
    api => api.champion(ARENA, 3),
    { arena: ARENA }
  ],
  [
    'POST iterations/3/apply',
    api => api.apply(ARENA, 3),
    { arena: ARENA, cells: true }
  ],
  [
    'POST iterations/3/replicate',
    api => api.replicate(ARENA, 3),
    { arena: ARENA, run: true }
  ],
  [
    'POST iterations/3/confirm',
    api => api.confirm(ARENA, 3),
    { arena: ARENA, run: true }
  ],
  [
    'POST iterations/3/export',
    api => api.export(ARENA, 3, { out: 'w.ipynb' }),
    { arena: ARENA, out: 'my folder/w.ipynb', verify: false, force: false }
  ],
  [
    'POST report',
    api => api.report(ARENA, { out: 'r.ipynb', hours: 8 }),
    {
      arena: ARENA,
      out: 'my folder/r.ipynb',
      hours: 8,
      html: false,
      force: false
    }
  ]
])('%s says what is meant', async (route, act, body) => {
  const { server, api } = made();
  server.answers.set(route, { status: 202, body: { said: 'done' } });
  expect(await act(api)).toEqual({ said: 'done' });
  expect(server.asked[0].body).toEqual(body);
  expect(server.asked[0].headers.get('Content-Type')).toBe('application/json');
});

describe('what goes wrong', () => {
  it('is told in the words of the server', async () => {
    const { server, api } = made();
    const message = 'a driver runs already: stop it first';
    server.answers.set('POST step', { status: 409, body: { message } });
    const error = await failure(api.step(ARENA, { agents: ['search'] }));
    expect([error.status, error.message]).toEqual([409, message]);
  });

  it('keeps a 404 of ours apart from a server without the extension', async () => {
    const { server, api } = made();
    server.answers.set('GET state', {
      status: 404,
      body: { message: 'no such arena' }
    });
    expect((await failure(api.state(ARENA))).message).toBe('no such arena');
    const error = await failure(api.arenas());
    expect(error.status).toBe(404);
    expect(error.message).toContain(
      'jupyter server extension enable autoloop_kernel'
    );
  });

  it('names a server that does not answer', async () => {
    const { server, api } = made();
    server.answers.set('GET state', new TypeError('Failed to fetch'));
    const error = await failure(api.state(ARENA));
    expect(error.status).toBe(0);
    expect(error.message).toMatch(
      /^the Jupyter server does not answer: Failed to fetch/
    );
  });

  it('does not take a login page or a bare value for an answer', async () => {
    const { server, api } = made();
    for (const body of ['<html>log in</html>', '7', 'null']) {
      server.answers.set('GET state', { status: 200, body });
      expect((await failure(api.state(ARENA))).message).toContain(
        'reload the page'
      );
    }
  });

  it('is one line even where there is nothing but a status', async () => {
    const { server, api } = made();
    server.answers.set('GET state', { status: 503, body: '' });
    const error = await failure(api.state(ARENA));
    expect(error.message).toMatch(
      /^the Jupyter server refused the request: 503/
    );
  });

  it('does not climb out of the interface', async () => {
    const { server, api } = made();
    for (const id of ['..', '.', '']) {
      expect((await failure(api.skip(ARENA, id, 'no'))).status).toBe(404);
    }
    expect(server.asked).toEqual([]);
    await failure(api.skip(ARENA, '../../contents', 'no'));
    expect(server.asked[0].path).toBe('proposals/../../contents/skip');
    expect(BASE.endsWith('/')).toBe(true);
  });
});

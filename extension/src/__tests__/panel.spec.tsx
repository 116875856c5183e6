import {
  act,
  fireEvent,
  screen,
  waitFor,
  within
} from '@testing-library/react';

import { arenasOf, asked, calm, giveSizes, show } from './panelKit';
import { eventOf, rowOf, rowsOf, running, sharingOf, stateOf } from './server';

// The charts draw into a canvas, which this page has not; they have tests of their own.
jest.mock('../chart/progress', () => ({
  ProgressChart: (props: { onSelect: (n: number) => void }) => {
    const React = jest.requireActual('react');
    return React.createElement(
      'button',
      { onClick: () => props.onSelect(3) },
      'point 3'
    );
  }
}));
jest.mock('../chart/live', () => ({ LiveCurve: () => null }));

const button = (name: string | RegExp) => screen.getByRole('button', { name });
const whyNot = (name: string | RegExp) =>
  button(name).getAttribute('aria-disabled') === 'true'
    ? button(name).title
    : null;
const said = { status: 200, body: { said: 'done' } };

beforeEach(giveSizes);
afterEach(() => jest.restoreAllMocks());

describe('without an arena', () => {
  it('one click on a template makes one, in a folder of its name', async () => {
    const { server, workbench } = await show({ arenas: arenasOf() });
    expect(screen.getByText('No arena here yet')).toBeTruthy();
    server.answers.set('POST arenas', {
      status: 201,
      body: { said: 'made', path: 'tiny_lm/tiny_lm.ipynb' }
    });
    server.answers.set('GET arenas', {
      status: 200,
      body: arenasOf('tiny_lm/tiny_lm.ipynb')
    });
    fireEvent.click(button(/A tiny language model/));
    await calm();
    expect(asked(server)).toEqual([
      ['arenas', { template: 'tiny_lm', folder: 'tiny_lm' }]
    ]);
    expect(workbench.current?.arena).toBe('tiny_lm/tiny_lm.ipynb');
  });

  it('the folder that is named is the one that is used', async () => {
    const { server } = await show({ arenas: arenasOf() });
    fireEvent.change(screen.getByLabelText('In the folder'), {
      target: { value: ' . ' }
    });
    fireEvent.click(button(/Two spirals/));
    await calm();
    expect(asked(server)).toEqual([
      ['arenas', { template: 'spiral', folder: '.' }]
    ]);
  });

  it('says so where the server extension is missing, and asks again', async () => {
    const { server, workbench } = await show({ arenas: 404 });
    expect(screen.getByText(workbench.problem)).toBeTruthy();
    const before = server.to('arenas').length;
    fireEvent.click(button('Try again'));
    await calm();
    expect(server.to('arenas').length).toBe(before + 1);
  });

  it('offers those that are there', async () => {
    const { workbench } = await show({
      arenas: arenasOf('a/tiny.ipynb', 'b/other.ipynb')
    });
    fireEvent.click(screen.getByRole('option', { name: /other\.ipynb/ }));
    expect(workbench.current?.arena).toBe('b/other.ipynb');
  });
});

describe('an arena that has not run', () => {
  it('says what Step does first, and steps', async () => {
    const { server } = await show();
    expect(screen.getByText(/Step runs the baseline first/)).toBeTruthy();
    server.answers.set('POST step', said);
    fireEvent.click(button('Step'));
    await calm();
    expect(asked(server)).toEqual([
      ['step', { agents: ['search'], review: false }]
    ]);
    expect(screen.getByText('done')).toBeTruthy();
    fireEvent.click(button('Dismiss'));
    expect(screen.queryByText('done')).toBeNull();
  });

  it('steps with a review by way of the menu', async () => {
    const { server } = await show();
    server.answers.set('POST step', said);
    fireEvent.click(button('More ways to step'));
    fireEvent.click(screen.getByRole('menuitem', { name: /review first/ }));
    await calm();
    expect(asked(server)).toEqual([
      ['step', { agents: ['search'], review: true }]
    ]);
  });

  it('does not start when it is unsound, and says why', async () => {
    const { server } = await show({ state: { problem: 'has no score cell' } });
    expect(screen.getByText('has no score cell')).toBeTruthy();
    expect(whyNot('Step')).toContain('has no score cell');
    expect(whyNot('Auto')).toContain('has no score cell');
    fireEvent.click(button('Step'));
    fireEvent.click(button('Auto'));
    await calm();
    expect(asked(server)).toEqual([]);
    expect(screen.queryByRole('dialog')).toBeNull();
  });

  it('shows what went wrong as an alert', async () => {
    const { server } = await show();
    server.answers.set('POST step', {
      status: 409,
      body: { message: 'another driver runs: wait' }
    });
    fireEvent.click(button('Step'));
    await calm();
    const alerts = screen.getAllByRole('alert').map(one => one.textContent);
    expect(alerts).toContain('another driver runs: wait');
  });
});

describe('Auto', () => {
  const open = async () => {
    const shown = await show();
    shown.server.answers.set('POST auto', said);
    button('Auto').focus();
    fireEvent.click(button('Auto'));
    return shown;
  };
  const fill = (label: string, value: string) =>
    fireEvent.change(screen.getByLabelText(label), { target: { value } });
  const enter = () =>
    fireEvent.submit(screen.getByLabelText('Iterations').closest('form')!);

  it('starts with what is filled in; empty fields are no bounds', async () => {
    const { server } = await open();
    expect(document.activeElement).toBe(screen.getByLabelText('Iterations'));
    fill('Iterations', '12');
    fill('Target', '−2.4');
    enter();
    await calm();
    expect(asked(server)).toEqual([
      [
        'auto',
        {
          agents: ['search'],
          iterations: 12,
          hours: null,
          until: -2.4,
          max_cost: null
        }
      ]
    ]);
    expect(screen.queryByRole('dialog')).toBeNull();
  });

  it('asks what may be spent where an agent may cost money', async () => {
    const { server, workbench } = await open();
    expect(screen.queryByLabelText('Dollars')).toBeNull();
    act(() => void (workbench.agents = ['search', 'claude']));
    fill('Dollars', '0');
    enter();
    await calm();
    expect(screen.getByText(/Dollars above 0/)).toBeTruthy();
    fill('Dollars', '2.5');
    enter();
    await calm();
    const [[path, body]] = asked(server);
    expect(path).toBe('auto');
    expect(body).toMatchObject({ agents: ['search', 'claude'], max_cost: 2.5 });
  });

  it.each(['4', 'ray', 'ray:4', 'ray://head:10001', ' 2 '])(
    'runs %s at once',
    async workers => {
      const { server } = await open();
      fill('Workers', workers);
      enter();
      await calm();
      expect(asked(server)[0][1]).toMatchObject({ workers: workers.trim() });
    }
  );

  it('shares with whom is named, first of all with whom it did last', async () => {
    const { server, stream } = await open();
    fireEvent.keyDown(document.activeElement!, { key: 'Escape' });
    await stream({ state: stateOf({ sharing: sharingOf() }) });
    fireEvent.click(button('Auto'));
    const field = screen.getByLabelText('Share with') as HTMLInputElement;
    expect(field.value).toBe('ssh://me@host/arenas.git');
    fill('Share with', ' /mnt/hub.git ');
    enter();
    await calm();
    fireEvent.click(button('Auto'));
    fill('Share with', '');
    enter();
    await calm();
    const [[, first], [, second]] = asked(server);
    expect(first).toMatchObject({ share: '/mnt/hub.git' });
    expect(second).not.toHaveProperty('share');
  });

  it('gives each of several agents a line; one alone has no switch for it', async () => {
    const { server, workbench } = await open();
    expect(screen.queryByLabelText(/islands/)).toBeNull();
    act(() => void (workbench.agents = ['search', 'search@refine']));
    expect(screen.queryByLabelText('Dollars')).toBeNull();
    fireEvent.click(screen.getByLabelText(/A line for each agent/));
    enter();
    await calm();
    expect(asked(server)[0][1]).toMatchObject({ islands: true });
  });

  it.each([
    ['Workers', '0', /A number, ray/],
    ['Workers', 'ray:', /A number, ray/],
    ['Workers', 'two', /A number, ray/],
    ['Iterations', '0', /whole number/],
    ['Iterations', '2.5', /whole number/],
    ['Hours', '-1', /above 0/],
    ['Hours', 'two', /above 0/],
    ['Target', 'low', /A number/]
  ])('%s %s is refused at its field', async (label, value, why) => {
    const { server } = await open();
    fill(label, value);
    expect(screen.queryByText(why)).toBeNull();
    enter();
    await calm();
    expect(screen.getByText(why).getAttribute('role')).toBe('alert');
    expect(document.activeElement).toBe(screen.getByLabelText(label));
    expect(asked(server)).toEqual([]);
  });

  it('Escape closes it and gives the focus back', async () => {
    await open();
    fireEvent.keyDown(document.activeElement!, { key: 'Escape' });
    expect(screen.queryByRole('dialog')).toBeNull();
    expect(document.activeElement).toBe(button('Auto'));
  });

  it('keeps the Tab key within', async () => {
    await open();
    button('Start').focus();
    fireEvent.keyDown(button('Start'), { key: 'Tab' });
    expect(document.activeElement).toBe(screen.getByLabelText('Iterations'));
    fireEvent.keyDown(document.activeElement!, { key: 'Tab', shiftKey: true });
    expect(document.activeElement).toBe(button('Start'));
  });

  it('a click elsewhere closes it, one inside does not', async () => {
    await open();
    fireEvent.pointerDown(screen.getByLabelText('Hours'));
    expect(screen.getByRole('dialog')).toBeTruthy();
    fireEvent.pointerDown(document.body);
    expect(screen.queryByRole('dialog')).toBeNull();
  });
});

describe('a driver that runs', () => {
  it('is stopped by a menu that keeps the Tab key within, wherever in it the focus is', async () => {
    await show({ state: running() });
    fireEvent.click(button('Stop'));
    const [after, now] = screen.getAllByRole('menuitem');
    expect(document.activeElement).toBe(after);
    fireEvent.keyDown(after, { key: 'ArrowDown' });
    expect(document.activeElement).toBe(now);
    expect(fireEvent.keyDown(now, { key: 'Tab' })).toBe(false);
    expect(document.activeElement).toBe(after);
    fireEvent.keyDown(after, { key: 'ArrowDown' });
    // The entry before it is one that the key goes to by itself.
    const back = { key: 'Tab', shiftKey: true };
    expect(fireEvent.keyDown(now, back)).toBe(true);
  });

  it('is paused, resumed and stopped', async () => {
    const { server, stream } = await show({ state: running() });
    ['pause', 'resume', 'stop'].forEach(verb =>
      server.answers.set(`POST ${verb}`, said)
    );
    expect(whyNot('Step')).toBe('The loop runs already');
    fireEvent.click(button('Pause'));
    await calm();
    await stream({ state: { ...server.state, state: 'paused' } });
    fireEvent.click(button('Resume'));
    await calm();
    fireEvent.click(button('Stop'));
    const menu = screen.getByRole('menu');
    const [after, now] = within(menu).getAllByRole('menuitem');
    expect(document.activeElement).toBe(after);
    fireEvent.keyDown(after, { key: 'ArrowDown' });
    expect(document.activeElement).toBe(now);
    fireEvent.click(now);
    await calm();
    expect(asked(server)).toEqual([
      ['pause', {}],
      ['resume', {}],
      ['stop', { now: true }]
    ]);
    expect(document.activeElement).toBe(button('Stop'));
  });

  it('is stopping: only stopping at once is left', async () => {
    const { server } = await show({
      state: { ...running(), state: 'stopping' }
    });
    expect(whyNot('Pause')).toBe('It is stopping already');
    fireEvent.click(button('Stop'));
    const [after, now] = screen.getAllByRole('menuitem');
    expect(after.getAttribute('aria-disabled')).toBe('true');
    expect(now.getAttribute('aria-disabled')).toBeNull();
    fireEvent.click(after);
    await calm();
    expect(asked(server)).toEqual([]);
  });

  it('nothing runs: there is nothing to stop', async () => {
    await show();
    expect(whyNot('Stop')).toBe('Nothing runs');
    fireEvent.click(button('Stop'));
    expect(screen.queryByRole('menu')).toBeNull();
  });

  it('says that the line is down', async () => {
    const { server } = await show({ state: running() });
    expect(screen.queryByText('reconnecting…')).toBeNull();
    act(() => server.line.drop());
    await waitFor(() => expect(screen.getByText('reconnecting…')).toBeTruthy());
  });

  it('shows thoughts, then the hypothesis, and draws no list for a point', async () => {
    const rows = rowsOf(5);
    const { stream, workbench } = await show({
      state: running({ total: 5 }),
      rows
    });
    await stream({
      events: [
        eventOf(21, 'propose.start', { data: { agent: 'claude' } }),
        eventOf(22, 'agent', {
          data: { agent: 'claude', text: 'Hm, <b>norm</b>' }
        })
      ]
    });
    expect(screen.getByText('claude is thinking')).toBeTruthy();
    expect(screen.getByText('Hm, <b>norm</b>')).toBeTruthy();
    const flying = {
      number: 6,
      attempt: 1,
      title: 'softcap',
      agent: 'claude',
      hypothesis: 'It costs nothing.',
      base: 1
    };
    await stream({
      state: running({ total: 5, flying, phase: 'running' }),
      events: [
        eventOf(31, 'iteration.start', {
          iteration: 6,
          data: { ...flying }
        }),
        eventOf(32, 'phase', { iteration: 6, data: { phase: 'running' } })
      ]
    });
    expect(screen.getByText('It costs nothing.')).toBeTruthy();
    expect(screen.getByText(/^6 · training/)).toBeTruthy();
    const list = jest.spyOn(workbench.current!.rows, 'select');
    await stream({
      events: [
        eventOf(41, 'report', {
          iteration: 6,
          data: { step: 1, seconds: 2, numbers: { loss: 3.25 } }
        })
      ]
    });
    expect(screen.getByTitle('loss so far').textContent).toBe('3.25');
    await stream({
      events: [
        eventOf(42, 'ahead', {
          data: { agent: 'claude high', text: 'then <b>wider</b>' }
        })
      ]
    });
    expect(screen.getByText('next · claude: then <b>wider</b>')).toBeTruthy();
    expect(list).not.toHaveBeenCalled();
  });
});

describe('who proposes', () => {
  const open = async () => {
    const shown = await show();
    fireEvent.click(button(/^Who proposes/));
    return shown;
  };

  it('is ticked; forms to be written out are no names', async () => {
    const { workbench } = await open();
    const names = screen
      .getAllByRole('menuitemcheckbox')
      .map(one => one.textContent);
    expect(names).toEqual(['✓search', 'claude']);
    fireEvent.click(screen.getByRole('menuitemcheckbox', { name: 'claude' }));
    expect(workbench.agents).toEqual(['search', 'claude']);
  });

  it('may be a command; anything else is refused', async () => {
    const { workbench } = await open();
    const field = screen.getByLabelText('Another agent');
    const add = (value: string) => {
      fireEvent.change(field, { target: { value } });
      fireEvent.submit(field.closest('form')!);
    };
    add('my agent');
    expect(screen.getByText(/Write command:/)).toBeTruthy();
    expect(workbench.agents).toEqual(['search']);
    add('command:python me.py');
    add('my_agents.one:Agent');
    expect(workbench.agents.slice(1)).toEqual([
      'command:python me.py',
      'my_agents.one:Agent'
    ]);
  });
});

describe('a proposal that waits', () => {
  const waiting = [
    {
      id: 'p1',
      title: '<img src=x onerror=alert(1)>',
      hypothesis: 'because',
      agent: 'claude',
      base: 1,
      time: 1
    }
  ];

  it('is accepted, or skipped with a reason', async () => {
    const { server, opened } = await show({ state: { waiting } });
    fireEvent.click(button('Review…'));
    expect(opened).toEqual(['{"proposal":"p1"}']);
    server.answers.set('POST proposals/p1/accept', said);
    server.answers.set('POST proposals/p1/skip', said);
    expect(screen.getByText(waiting[0].title)).toBeTruthy();
    expect(document.querySelector('img')).toBeNull();
    fireEvent.click(button('Accept and run'));
    await calm();
    fireEvent.click(button('Skip…'));
    const field = screen.getByLabelText(/^Why\?/);
    expect(document.activeElement).toBe(field);
    fireEvent.change(field, { target: { value: 'tried that ' } });
    fireEvent.submit(field.closest('form')!);
    await calm();
    expect(asked(server)).toEqual([
      ['proposals/p1/accept', { run: true }],
      ['proposals/p1/skip', { reason: 'tried that' }]
    ]);
  });
});

describe('the selection', () => {
  const select = async (
    number: number,
    state: object = {},
    more: object = {}
  ) => {
    const rows = rowsOf(5).map(row =>
      row.number === number ? { ...row, ...more } : row
    );
    const shown = await show({ rows, state });
    act(() => {
      shown.workbench.selected = number;
    });
    return shown;
  };

  it('of a keep: champion, replicate, confirm, export', async () => {
    const { server, opened } = await select(
      3,
      {},
      { verdict: 'keep', state: 'provisional' }
    );
    for (const verb of ['champion', 'replicate', 'confirm', 'export']) {
      server.answers.set(`POST iterations/3/${verb}`, said);
    }
    fireEvent.click(button('Open notebook'));
    fireEvent.click(button('Details'));
    expect(opened).toEqual(['tiny_runs/3/iteration.ipynb', '{"number":3}']);
    for (const name of ['Make champion', 'Replicate', 'Confirm']) {
      fireEvent.click(button(name));
      await calm();
    }
    fireEvent.click(button('Export…'));
    const out = screen.getByLabelText(/beside the arena/);
    fireEvent.change(out, { target: { value: 'best.txt' } });
    fireEvent.submit(out.closest('form')!);
    expect(screen.getByText(/ends in \.ipynb/)).toBeTruthy();
    fireEvent.change(out, { target: { value: 'best.ipynb' } });
    fireEvent.click(screen.getByLabelText(/Run it afresh/));
    fireEvent.submit(out.closest('form')!);
    await calm();
    expect(asked(server)).toEqual([
      ['iterations/3/champion', {}],
      ['iterations/3/replicate', { run: true }],
      ['iterations/3/confirm', { run: true }],
      [
        'iterations/3/export',
        { out: 'a/best.ipynb', verify: true, force: false }
      ]
    ]);
  });

  it('of the champion: it is that already', async () => {
    await select(
      3,
      { champion: { number: 3, score: 2.4 } },
      { verdict: 'keep', state: 'confirmed' }
    );
    expect(screen.queryByRole('button', { name: 'Confirm' })).toBeNull();
    expect(whyNot('Make champion')).toBe('It is the champion already');
  });

  it('of a crash: nothing to replicate; forked all the same', async () => {
    const { server } = await select(3, {}, { verdict: 'crash', score: null });
    server.answers.set('POST iterations/3/fork', said);
    expect(whyNot('Replicate')).toBe('It has no score to replicate');
    expect(screen.queryByRole('button', { name: 'Make champion' })).toBeNull();
    fireEvent.click(button('Fork'));
    await calm();
    expect(asked(server)).toEqual([['iterations/3/fork', {}]]);
  });

  it('of the one under way: no verdict, no actions', async () => {
    await select(5, running(), { verdict: null, score: null, notebook: '' });
    expect(whyNot('Open notebook')).toBe('It has no notebook yet');
    for (const name of ['Make champion', 'Fork', 'Replicate', 'Export…']) {
      expect(screen.queryByRole('button', { name })).toBeNull();
    }
  });
});

describe('the arena picker', () => {
  it('lists the arenas, and goes to another', async () => {
    const { workbench } = await show({
      arenas: arenasOf('a/tiny.ipynb'),
      rows: [rowOf(1)]
    });
    workbench.api.arenas = () =>
      Promise.resolve(arenasOf('a/tiny.ipynb', 'b/other.ipynb'));
    fireEvent.click(button('tiny.ipynb'));
    await calm();
    const now = screen.getByRole('option', { selected: true });
    expect(now.textContent).toContain('tiny.ipynb');
    fireEvent.click(screen.getByRole('option', { name: /other/ }));
    expect(workbench.current?.arena).toBe('b/other.ipynb');
    expect(screen.queryByRole('listbox')).toBeNull();
  });

  it('leads to a new arena', async () => {
    await show();
    fireEvent.click(button('tiny.ipynb'));
    await calm();
    fireEvent.click(button('New arena…'));
    expect(document.activeElement).toBe(button(/A tiny language model/));
  });
});

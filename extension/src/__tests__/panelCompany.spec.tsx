/** Who else works on an arena: lines of agents, what they offered each other, and others who share it. */
import { act, fireEvent, screen, within } from '@testing-library/react';

import { letterOf } from '../mime/whose';
import { exchanged } from '../panel/islands';
import { moved, placeOf } from '../panel/sharing';
import type { IExchange, IIsland } from '../wire';
import { giveSizes, show, trans } from './panelKit';
import { rowOf, rowsOf, running, sharingOf, stateOf } from './server';

jest.mock('../chart/progress', () => ({ ProgressChart: () => null }));
jest.mock('../chart/live', () => ({ LiveCurve: () => null }));

beforeEach(giveSizes);
afterEach(() => jest.restoreAllMocks());

const island = (name: string, more: Partial<IIsland> = {}): IIsland => ({
  ...{ name, number: 3, score: 2.5, state: 'confirmed', title: 'LR up' },
  own: true,
  ...more
});
const exchange = (more: Partial<IExchange> = {}): IExchange => ({
  ...{ time: 0, number: 3, source: 'search', to: '', tried: true, why: '' },
  restart: false,
  ...more
});
const agents = ['search', 'claude@refine'];
const islands = [
  island('claude@refine', { number: 1, state: null, own: false }),
  island('search')
];
const region = (name: string) => within(screen.getByRole('region', { name }));
const lines = (name: string) =>
  region(name)
    .getAllByRole('listitem')
    .map(item => item.textContent);

describe('lines of agents', () => {
  const champion = { number: 2, score: 2.75, state: 'provisional' as const };

  it('stand below the main line, each with its letter, champion and score', async () => {
    await show({
      state: running({ agents, islands, champion, exchanges: [exchange()] }),
      rows: rowsOf(3)
    });
    expect(lines('Islands')).toEqual([
      'main line2 · idea 22.750',
      'Bclaude@refine1 · LR up2.500',
      'Asearch3 · LR up2.500'
    ]);
    expect(
      region('Islands').getByText(/is tried on the main line/)
    ).toBeTruthy();
    expect(screen.getByTitle('Goes on from iteration 1 · LR up')).toBeTruthy();
  });

  it('show their champion when it is pressed, here and in the main area', async () => {
    const { workbench, opened } = await show({
      state: stateOf({ agents, islands, total: 3 }),
      rows: rowsOf(3)
    });
    fireEvent.click(screen.getByRole('button', { name: /^Show iteration 3/ }));
    expect(workbench.selected).toBe(3);
    expect(opened).toEqual([JSON.stringify({ number: 3 })]);
    await act(async () => undefined);
  });

  it('mark their rows, and what is tried of others', async () => {
    const of = { title: 'mine', island: 'claude@refine' };
    const origin = '7ecff155ab12/6';
    const { workbench } = await show({
      state: stateOf({ agents, islands, total: 3 }),
      rows: [rowOf(3, of), rowOf(2, { title: 'theirs', origin }), rowOf(1)]
    });
    const titles = screen
      .getAllByRole('row')
      .map(row => row.querySelector('[class$=col-title]')?.textContent);
    expect(titles.slice(1)).toEqual(['Bmine', '⇄theirs', 'idea 1']);
    act(() => void (workbench.selected = 2));
    await act(async () => undefined);
    expect(screen.getByText(/· 6 of 7ecff155/)).toBeTruthy();
    act(() => void (workbench.selected = 3));
    await act(async () => undefined);
    expect(screen.getByText(/· island claude@refine/)).toBeTruthy();
  });

  it('are not there where agents have none', async () => {
    await show({ state: running() });
    expect(screen.queryByRole('region', { name: 'Islands' })).toBeNull();
    expect(screen.queryByRole('region', { name: 'Sharing' })).toBeNull();
  });

  it('keep their letters while lines begin', () => {
    expect(letterOf('search', { agents, islands })).toBe('A');
    expect(letterOf('claude@refine', { agents, islands })).toBe('B');
    expect(letterOf('gone', { agents: [], islands })).toBe('');
  });
});

it.each([
  [exchange(), 'iteration 3 of search, confirmed, is tried on the main line'],
  [
    exchange({ source: '', to: 'search', tried: false, why: 'no better' }),
    'iteration 3 of the main line, confirmed, is not tried on search (no better)'
  ],
  [
    exchange({ to: 'search', restart: true }),
    'island search goes on from iteration 3'
  ]
])('an exchange is told as in the other faces %#', (one, text) => {
  expect(exchanged(one, trans)).toBe(text);
});

describe('others who share', () => {
  const whose = [
    {
      ...{ origin: '7ecff155ab12', findings: 3, champion: 6, score: 0.4 },
      ...{ title: 'LR up', agent: 'claude', state: 'confirmed' }
    },
    {
      ...{ origin: '0123456789ab', findings: 1, champion: null, score: null },
      ...{ title: '', agent: '', state: '' }
    }
  ];

  it('are told with what came from each, and where', async () => {
    await show({ state: running({ sharing: sharingOf({ whose }) }) });
    expect(lines('Sharing')).toEqual([
      '7ecff155 3 findings, 1 champion',
      '01234567 1 finding'
    ]);
    const about = '7ecff155ab12\n6 · LR up (0.4000, confirmed, by claude)';
    expect(screen.getByText(/3 findings/).title).toBe(about);
    expect(screen.getByText('Shared over arenas.git').title).toBe(
      'ssh://me@host/arenas.git'
    );
  });

  it('an outage is a line, which goes when they answer again', async () => {
    const trouble = 'git push failed (no route): look at the remote';
    const { stream } = await show({
      state: running({ sharing: sharingOf({ trouble }) })
    });
    expect(screen.getByText(trouble, { exact: false })).toBeTruthy();
    await stream({ state: running({ sharing: sharingOf() }) });
    expect(screen.queryByText(trouble, { exact: false })).toBeNull();
  });

  it('more than a few are counted', async () => {
    const many = [1, 2, 3, 4, 5].map(i => ({
      ...whose[1],
      origin: `${i}`.repeat(12)
    }));
    const sharing = sharingOf({ whose: many, origins: 9 });
    await show({ state: running({ sharing }) });
    expect(lines('Sharing').slice(-1)).toEqual(['and 5 more']);
  });

  it('went and came, and when', () => {
    const times = { pushed_at: 1000 - 130, pulled_at: 1000 - 70 };
    expect(moved(sharingOf(times), 1000, trans)).toBe(
      '12 sent (2 min ago), 40 taken in from 2 others (1 min ago)'
    );
    const byHand = sharingOf({ remote: '', pulled: 1, origins: 1 });
    expect(moved(byHand, 0, trans)).toBe('1 taken in from 1 other');
  });

  it.each([
    ['/mnt/team/arenas.git/', 'arenas.git'],
    ['git@host:arenas.git', 'arenas.git'],
    ['hub', 'hub']
  ])('the place of %s is %s', (remote, place) => {
    expect(placeOf(remote)).toBe(place);
  });
});

import { nullTranslator } from '@jupyterlab/translation';
import {
  MimeModel,
  RenderMimeRegistry,
  standardRendererFactories
} from '@jupyterlab/rendermime';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { Widget } from '@lumino/widgets';
import { act } from 'react';

import { confined, rendererFactories } from '../mime/renderer';
import type { IMimeOptions } from '../mime/renderer';
import { stubCanvas } from './chartKit';
import samples from './mime.samples.json';

type Json = Record<string, unknown>;
type Name = keyof typeof samples;

const trans = nullTranslator.load('autoloop');
const EVIL = '<img src=x onerror=alert(1)>';
const attached: Widget[] = [];

stubCanvas();
Range.prototype.getClientRects = () => [] as unknown as DOMRectList;
Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });

const type = (kind: string) => `application/vnd.autoloop.${kind}+json`;
const copy = <T,>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

interface IShown {
  node: HTMLElement;
  renderer: IRenderMime.IRenderer;
  again: (json: unknown) => Promise<void>;
}

async function shown(
  kind: string,
  json: unknown,
  options: IMimeOptions = {},
  more: Json = { 'text/html': '<b>x</b>' },
  resolver: IRenderMime.IResolver | null = null
): Promise<IShown> {
  const factory = rendererFactories(trans, options).find(each =>
    each.mimeTypes.includes(type(kind))
  )!;
  const renderer = factory.createRenderer({
    mimeType: type(kind),
    resolver
  } as IRenderMime.IRendererOptions);
  Widget.attach(renderer, document.body);
  attached.push(renderer);
  const again = async (next: unknown): Promise<void> => {
    const data = { ...more, [type(kind)]: next };
    await act(async () => {
      await renderer.renderModel(new MimeModel({ data } as object));
    });
  };
  await again(json);
  return { node: renderer.node, renderer, again };
}

const view = async (kind: string, json: unknown) =>
  (await shown(kind, json)).node;
const words = (node: Element) => (node.textContent ?? '').replace(/\s+/g, ' ');
const click = (node: Element | null) =>
  act(async () => (node as HTMLElement).click());
const column = (node: Element, place: number) =>
  [...node.querySelector('tbody')!.children].map(
    row => row.children[place].textContent
  );

afterEach(() =>
  act(async () => attached.splice(0).forEach(widget => widget.dispose()))
);

describe('the factories', () => {
  it('render all six types, safely, before the HTML beside them', () => {
    const factories = rendererFactories(trans);
    expect(factories.map(each => each.mimeTypes[0]).sort()).toEqual(
      ['arena', 'comparison', 'driver', 'history', 'iteration', 'proposal'].map(
        type
      )
    );
    const registry = new RenderMimeRegistry({
      initialFactories: standardRendererFactories
    });
    factories.forEach(each => registry.addFactory(each));
    const bundle = { [type('driver')]: {}, 'text/html': '', 'text/plain': '' };
    expect(registry.preferredMimeType(bundle, 'ensure')).toBe(type('driver'));
  });
});

describe('an iteration', () => {
  it('tells what was tried, what came of it, and where it lies', async () => {
    const node = await view('iteration', samples.iteration);
    expect(node.querySelector('[role=heading]')!.textContent).toBe(
      '5 · gate the values of the first layer into every head'
    );
    const said = words(node);
    for (const part of [
      'by search · on 4 · tiny_lm',
      '○ keep',
      '2.510',
      'val_bpb (bits per byte, lower is better)',
      '19.2 s',
      'It may help.',
      'parameters 119,428',
      'probe causal',
      'propose 3.1 s',
      'seed 1005',
      'tiny_lm_runs/0005/iteration.ipynb'
    ]) {
      expect(said).toContain(part);
    }
    expect(node.querySelectorAll('.jp-Autoloop-Diff-card')).toHaveLength(2);
    expect(
      node.querySelector('[role=img]')!.getAttribute('aria-label')
    ).toContain('Learning curve: val_bpb is');
    expect(node.querySelector('h1, h2, h3, h4')).toBeNull();
  });

  it('holds it against its base where the record has that', async () => {
    const node = await view('iteration', {
      ...samples.iteration,
      base_score: 2.5422,
      base_facts: { parameters: 119424 },
      champion: true
    });
    expect(words(node)).toContain('better than 4 (2.542; −1.3 %)');
    expect(words(node)).toContain('provisional, the champion');
    expect(words(node)).toContain('parameters 119,428 (+4)');
    expect(node.querySelector('.jp-mod-good')!.textContent).toBe('−0.032');
  });

  it('lists several attempts', async () => {
    const json = copy(samples.iteration);
    json.attempts.push({ ...json.attempts[0], attempt: 2, kind: 'confirm' });
    const node = await view('iteration', json);
    expect(column(node, 0)).toEqual(['1\u00a0screen', '2\u00a0confirm']);
  });

  it('says of a baseline that it has nothing to differ from', async () => {
    const node = await view('iteration', samples.baseline);
    expect(words(node)).toContain('A baseline: the arena as it stood');
  });

  it('is one line where the record stands above, and opens', async () => {
    const { node } = await shown('iteration', samples.iteration, {}, {});
    expect(words(node)).toBe(
      '5 · gate the values of the first layer into every head ○ keep val_bpb 2.510'
    );
    const details = node.querySelector('details')!;
    await act(async () => {
      details.open = true;
      details.dispatchEvent(new Event('toggle'));
    });
    expect(node.querySelector('[role=heading]')).not.toBeNull();
  });

  it('keeps its diff while the same changes are shown again', async () => {
    const { node, again } = await shown('iteration', samples.iteration);
    const card = node.querySelector('.jp-Autoloop-Diff-card');
    await again({ ...copy(samples.iteration), reason: 'now it is known' });
    expect(words(node)).toContain('now it is known');
    expect(node.querySelector('.jp-Autoloop-Diff-card')).toBe(card);
    await again({ ...copy(samples.iteration), changes: [] });
    expect(node.querySelector('.jp-Autoloop-Diff-card')).toBeNull();
  });
});

describe('the notebook of an iteration', () => {
  const button = (node: Element) =>
    [...node.querySelectorAll('button')].find(
      each => each.textContent === 'Open notebook'
    ) ?? null;
  const beside = {
    resolveUrl: async (url: string) => `a%20b/${url}`,
    getDownloadUrl: async (url: string) => url
  };

  it('opens below the folder of the notebook that holds the output', async () => {
    const opened: string[] = [];
    const { node } = await shown(
      'iteration',
      { ...samples.iteration, notebook: 'my runs/0005/iteration.ipynb' },
      { open: path => void opened.push(path) },
      undefined,
      beside
    );
    await click(button(node));
    expect(opened).toEqual(['a b/my runs/0005/iteration.ipynb']);
  });

  it('is not opened outside of it, and the reason is said', async () => {
    const opened: string[] = [];
    const { node } = await shown(
      'iteration',
      { ...samples.iteration, notebook: '../../else.ipynb' },
      { open: path => void opened.push(path) },
      undefined,
      beside
    );
    await click(button(node));
    expect(opened).toEqual([]);
    expect(node.querySelector('[role=alert]')!.textContent).toBe(
      'The notebook could not be opened: its path does not lie below the arena’s folder.'
    );
  });

  it('has no button where nothing can open it', async () => {
    expect(button(await view('iteration', samples.iteration))).toBeNull();
  });

  it.each([
    ['runs/0001/iteration.ipynb', true],
    ['/etc/x.ipynb', false],
    ['a/../x.ipynb', false],
    ['a//x.ipynb', false],
    ['https://else/x.ipynb', false],
    ['a\\..\\x.ipynb', false],
    ['a/x.html', false],
    ['', false]
  ])('%s lies below its folder: %s', (path, below) => {
    expect(confined(path)).toBe(below);
  });
});

describe('a proposal', () => {
  it('tells what it would change, and where it stands', async () => {
    const node = await view('proposal', samples.proposal);
    const said = words(node);
    expect(said).toContain('9 · softcap the logits at 15');
    expect(said).toContain('by claude · on 5 · tiny_lm');
    expect(said).toContain('◐ waits for review');
    expect(said).toContain('Large logits early in training');
    expect(node.querySelectorAll('.jp-Autoloop-Diff-card')).toHaveLength(1);
  });

  it.each([
    ['skipped', 'too slow', '– skipped too slow'],
    ['pending', '', '… in the queue'],
    ['something new', '', '· something new']
  ])('that is %s says so', async (status, reason, expected) => {
    const node = await view('proposal', {
      ...samples.proposal,
      status,
      reason
    });
    expect(words(node.querySelector('.jp-Autoloop-Mime-status')!)).toBe(
      expected
    );
  });

  it('that changes nothing says so', async () => {
    const node = await view('proposal', { ...samples.proposal, changes: [] });
    expect(words(node)).toContain('It changes nothing of its base.');
  });
});

describe('a history', () => {
  it('shows the newest first, differences, the champion and failures', async () => {
    const node = await view('history', samples.history);
    expect(column(node, 0).slice(0, 8)).toEqual([
      '8',
      '7',
      '6',
      '5',
      '4',
      '3',
      '2',
      '1'
    ]);
    expect(column(node, 3)[3]).toBe('−0.032');
    expect(words(node.querySelector('.jp-mod-champion')!)).toContain(
      '◂ champion'
    );
    expect(words(node)).toContain('– ValueError: no such shape in cell model');
    expect(words(node)).toContain('8 iterations');
    expect(words(node)).toContain('– duplicate');
  });

  it('is sorted by a click on a head, numbers that are missing last', async () => {
    const node = await view('history', samples.history);
    const head = [...node.querySelectorAll('th')].find(each =>
      each.textContent!.startsWith('val_bpb')
    )!;
    await click(head.querySelector('button'));
    expect(head.getAttribute('aria-sort')).toBe('ascending');
    expect(column(node, 0).slice(0, 8)).toEqual([
      '5',
      '8',
      '4',
      '1',
      '2',
      '7',
      '6',
      '3'
    ]);
    await click(head.querySelector('button'));
    expect(head.getAttribute('aria-sort')).toBe('descending');
    expect(column(node, 0).slice(0, 8)).toEqual([
      '2',
      '1',
      '4',
      '8',
      '5',
      '7',
      '6',
      '3'
    ]);
  });

  it('shows 200 until all are asked for', async () => {
    const rows = Array.from({ length: 450 }, (_, k) => ({
      ...samples.history.rows[1],
      number: k + 1
    }));
    const node = await view('history', {
      ...samples.history,
      rows,
      total: 2000,
      unrun: []
    });
    expect(column(node, 0)).toHaveLength(200);
    expect(words(node)).toContain('2,000 iterations, 200 shown');
    const more = node.querySelector('.jp-Autoloop-Mime-foot button')!;
    expect(more.textContent).toBe('Show all 450');
    await click(more);
    expect(column(node, 0)).toHaveLength(450);
  });

  it('names the lines of agents where there are some, and sorts by them', async () => {
    const heads = (node: HTMLElement) =>
      [...node.querySelectorAll('th')].map(each => each.textContent);
    expect(heads(await view('history', samples.history))).not.toContain(
      'island'
    );
    const rows = samples.history.rows.map((row, k) =>
      k === 2 || k === 4 ? { ...row, island: `claude@${EVIL}` } : row
    );
    const node = await view('history', { ...samples.history, rows });
    expect(heads(node).slice(-1)).toEqual(['island']);
    expect(column(node, 7)[3]).toBe(`claude@${EVIL}`);
    expect(column(node, 7)[2]).toBe('');
    // A gain on a line of its own is none of the main line.
    expect(node.querySelectorAll('td.jp-mod-good')).toHaveLength(
      (await view('history', samples.history)).querySelectorAll(
        'td.jp-mod-good'
      ).length - 1
    );
    await click(
      [...node.querySelectorAll('th button')].find(each =>
        each.textContent!.startsWith('island')
      )!
    );
    expect(column(node, 0).slice(0, 2)).toEqual(['5', '3']);
  });

  it('calls nothing running that was cut short', async () => {
    const json = copy(samples.history) as { rows: Json[] };
    const cut = { seed: 1, score: null, verdict: 'interrupted' };
    Object.assign(json.rows[7], { verdict: null, attempts: [cut] });
    Object.assign(json.rows[6], { verdict: null, attempts: [] });
    const node = await view('history', json);
    expect(column(node, 1).slice(0, 2)).toEqual(['◌ interrupted', '◐ running']);
  });

  it('never compares across epochs', async () => {
    const json = copy(samples.history);
    json.rows[4].epoch = 2;
    const node = await view('history', json);
    expect(column(node, 3)[3]).toBe('');
  });
});

describe('a comparison', () => {
  it('shows both, what the second gained, and what changed', async () => {
    const node = await view('comparison', samples.comparison);
    const said = words(node);
    expect(said).toContain('4 and 5, side by side');
    const rows = [...node.querySelectorAll('tbody tr')].map(row =>
      [...row.children].map(each => each.textContent)
    );
    expect(rows).toContainEqual(['val_bpb', '2.542', '2.510', '−0.032']);
    expect(rows).toContainEqual(['parameters', '119,424', '119,428', '+4']);
    expect(node.querySelector('.jp-mod-good')!.textContent).toBe('−0.032');
    expect(node.querySelectorAll('.jp-Autoloop-Diff-card')).toHaveLength(2);
  });

  it('of two epochs shows no difference', async () => {
    const node = await view('comparison', {
      ...samples.comparison,
      comparable: false
    });
    expect(words(node)).toContain('They are of different epochs');
    expect(node.querySelector('.jp-mod-good')).toBeNull();
  });
});

describe('how things stand', () => {
  it('an arena at a glance', async () => {
    const said = words(await view('arena', samples.arena));
    for (const part of [
      'tiny_lm',
      '○ idle',
      '15 s an iteration',
      'optimizer, model may change',
      '2.510',
      '−3.6 %',
      '3 ○ keep',
      '1 × crash',
      'Go down'
    ]) {
      expect(said).toContain(part);
    }
  });

  /** What stands below each other in a view, by its class. */
  function parts(node: HTMLElement): string[] {
    const tally = node.querySelector('.jp-Autoloop-Mime-tally');
    return [...(tally?.parentElement?.children ?? [])].map(
      part => part.className
    );
  }

  it('a driver that runs, and one that has ended', async () => {
    const { node, again } = await shown('driver', samples.driver);
    expect(words(node)).toContain('● running · 1 of 120');
    expect(words(node)).toContain('10 · softcap the logits at 15');
    expect(words(node)).toContain('left');
    const tall = parts(node);
    await again({ ...samples.driver, iteration: null });
    expect(words(node)).toContain('No iteration is under way');
    expect(parts(node)).toEqual(tall);
    await again({ ...samples.driver, iteration: null, state: 'paused' });
    expect(words(node)).toContain('Paused: resume it here');
    expect(parts(node)).toEqual(tall);
    const { best, ...begun } = { ...samples.driver, rate_per_hour: null };
    await again({ ...begun, best: null, left_seconds: null, verdicts: {} });
    expect(best).not.toBeNull();
    expect(words(node)).toContain('no verdict yet');
    expect(parts(node)).toEqual(tall);
    await again({
      ...samples.driver,
      iteration: null,
      state: 'ended',
      ended: 'stopped',
      left_seconds: null
    });
    expect(words(node)).toContain('■ ended · 1 of 120');
    expect(words(node)).toContain('Ended: stopped.');
    expect(words(node)).not.toContain('left');
    expect(parts(node)).toEqual(tall);
  });

  it('a driver tells who else works on the arena, where the record does', async () => {
    const company = ['shared over hub.git: 3 sent', 'island search: 0.4', 7];
    const { node } = await shown('driver', { ...samples.driver, company });
    expect(words(node)).toContain('shared over hub.git: 3 sent');
    expect(words(node)).toContain('island search: 0.4');
  });

  it('an iteration says of which line it is, and whose it tries', async () => {
    const more = { island: 'claude@refine', origin: '7ecff155ab12/6' };
    const { node } = await shown('iteration', {
      ...samples.iteration,
      ...more
    });
    expect(words(node)).toContain('6 of 7ecff155 · island claude@refine');
  });

  it('a driver with several workers tells what each runs', async () => {
    const run = (number: number) => ({ number, title: 'up', phase: 'running' });
    const workers = [
      { name: 'w1', state: 'up', text: '', run: run(10) },
      { name: 'w2', state: 'slow', text: 'half as fast', run: run(11) },
      { name: 'w3', state: 'lost', text: 'n3 is gone', run: null },
      { name: 'w4', state: 'up', text: '', run: null },
      { name: 7, run: 'none' }
    ];
    const driver = { ...samples.driver, driver: { pid: 7, host: 'here' } };
    const { node, again } = await shown('driver', { ...driver, workers });
    const lines = () => [...node.querySelectorAll('li')].map(words);
    expect(lines()).toEqual([
      '◐ w1 10 · up running',
      '⧖ w2 11 · up slow: half as fast',
      '◌ w3 lost: n3 is gone',
      '… w4 waits',
      '■ down'
    ]);
    await again({
      ...driver,
      workers: Array.from({ length: 40 }, () => workers[0])
    });
    expect(lines().length).toBe(13);
    expect(lines()[12]).toBe('… and 28 more');
    await again({ ...driver, workers: [workers[0]] });
    expect(words(node)).toContain('10 · softcap the logits at 15');
  });
});

const KINDS: Record<Name, string> = {
  iteration: 'iteration',
  hostile: 'iteration',
  baseline: 'iteration',
  proposal: 'proposal',
  history: 'history',
  comparison: 'comparison',
  arena: 'arena',
  driver: 'driver'
};
const NAMES = Object.keys(KINDS) as Name[];

describe('a record that is damaged', () => {
  it.each([
    ['iteration', { title: 'x' }, 'it has no “number”'],
    ['iteration', { number: 1 }, 'it has no “title”'],
    ['history', {}, 'it has no “rows”'],
    ['comparison', { a: { number: 1 }, b: {} }, 'it has no “number”'],
    ['arena', 7, '(arena) cannot be shown'],
    ['driver', null, '(driver) cannot be shown'],
    ['proposal', [], '(proposal) cannot be shown']
  ])('(%s) is told in one line', async (kind, json, expected) => {
    const node = await view(kind, json);
    expect(node.children).toHaveLength(1);
    expect(words(node)).toContain(expected);
    expect(words(node)).toContain('run the cell again');
  });

  it('of an older version shows what it has', async () => {
    const node = await view('iteration', { number: 3, title: 'older' });
    expect(words(node)).toContain('3 · older');
  });

  it('is followed by a sound one', async () => {
    const { node, again } = await shown('proposal', 1);
    await again(samples.proposal);
    expect(words(node)).toContain('softcap the logits at 15');
  });

  it('is ignored once the output is gone', async () => {
    const { renderer } = await shown('arena', samples.arena);
    await act(async () => renderer.dispose());
    await renderer.renderModel(new MimeModel({ data: {} }));
    expect(renderer.isDisposed).toBe(true);
  });
});

/** Numbers in [0, 1), the same for a seed every time (mulberry32). */
function random(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const JUNK: readonly unknown[] = [
  null,
  true,
  -1,
  1e308,
  0.5,
  '',
  EVIL,
  '__proto__',
  'constructor',
  [],
  [null],
  [[[]]],
  {},
  { number: 'x' },
  { __proto__: 1 }
];

/** `json` with about one in `rarity` of its parts replaced by junk or taken away. */
function mutated(json: unknown, next: () => number, rarity: number): unknown {
  if (next() < 1 / rarity) {
    return JUNK[Math.floor(next() * JUNK.length)];
  }
  if (Array.isArray(json)) {
    return json.map(each => mutated(each, next, rarity));
  }
  if (typeof json === 'object' && json !== null) {
    const found: Json = {};
    for (const [key, value] of Object.entries(json)) {
      if (next() > 1 / rarity) {
        found[key] = mutated(value, next, rarity);
      }
    }
    return found;
  }
  return json;
}

describe('whatever a record holds', () => {
  it.each(NAMES)(
    '%s: something is shown, and nothing is thrown',
    async name => {
      const wrong = jest.spyOn(console, 'error').mockImplementation(() => {});
      const { node, again } = await shown(KINDS[name], samples[name]);
      const next = random(20_240 + NAMES.indexOf(name));
      for (let turn = 0; turn < 25; turn++) {
        const json = mutated(copy(samples[name]), next, 4 + (turn % 5) * 8);
        await again(json);
        expect(words(node)).not.toBe('');
        expect(node.querySelector('img, script')).toBeNull();
      }
      // The boundary would hide what a view throws; React tells it.
      expect(
        wrong.mock.calls.map(call => String(call[0]).slice(0, 200))
      ).toEqual([]);
      wrong.mockRestore();
    },
    60_000
  );

  it('hostile text is only text', async () => {
    const hostile = (json: unknown): unknown =>
      typeof json === 'string'
        ? EVIL
        : Array.isArray(json)
          ? json.map(hostile)
          : typeof json === 'object' && json !== null
            ? Object.fromEntries(
                Object.entries(json).map(([key, value]) => [
                  key,
                  hostile(value)
                ])
              )
            : json;
    for (const name of NAMES) {
      const node = await view(KINDS[name], hostile(samples[name]));
      expect(node.querySelector('img')).toBeNull();
      expect(words(node)).toContain(EVIL);
    }
    expect(words(await view('iteration', samples.hostile))).toContain(
      '"quoted" \\u202etxet desrever'
    );
  });
});

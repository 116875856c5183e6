/** The panel on a served arena: the real models, the real wire format, and a list with a height. */
import { StateDB } from '@jupyterlab/statedb';
import { nullTranslator } from '@jupyterlab/translation';
import { act, render, RenderResult } from '@testing-library/react';
import * as React from 'react';

import { AutoloopAPI } from '../api';
import { Panel } from '../panel/panel';
import type { IArenas, IEvent, IRow, IState } from '../wire';
import { WorkbenchModel } from '../workbench';
import { FakeServer, settle, stateOf } from './server';

export const trans = nullTranslator.load('autoloop');

/** How many pixels of the list are in sight, in a page that does no layout. */
export const LIST_HEIGHT = 250;

/** What a test has in hand. */
export interface IShown extends RenderResult {
  server: FakeServer;
  workbench: WorkbenchModel;
  opened: string[];
  /** Something comes down the stream. */
  stream: (message: {
    state?: IState;
    rows?: IRow[];
    events?: IEvent[];
  }) => Promise<void>;
}

export function arenasOf(...paths: string[]): IArenas {
  return {
    arenas: paths.map(path => ({
      path,
      name: path,
      state: 'idle',
      iterations: 3,
      best: 2.5,
      metric: null,
      problem: ''
    })),
    templates: [
      { name: 'tiny_lm', title: 'A tiny language model', summary: 'Small.' },
      { name: 'spiral', title: 'Two spirals', summary: 'Smaller.' }
    ],
    agents: ['search', 'claude', 'command:CMD', 'module:attr'],
    truncated: false
  };
}

/** Gives elements the sizes that the virtual list asks for; undone after each test by `jest.restoreAllMocks`. */
export function giveSizes(): void {
  const size = (name: string, value: (node: HTMLElement) => number) =>
    jest
      .spyOn(HTMLElement.prototype, name as 'offsetHeight', 'get')
      .mockImplementation(function (this: HTMLElement) {
        return value(this);
      });
  size('offsetHeight', () => LIST_HEIGHT);
  size('offsetWidth', () => 380);
  const also = (name: 'clientHeight' | 'scrollHeight', value: number) =>
    jest.spyOn(Element.prototype, name, 'get').mockReturnValue(value);
  also('clientHeight', LIST_HEIGHT);
  also('scrollHeight', 1_000_000);
  Element.prototype.scrollTo = function (this: Element, to?: unknown) {
    this.scrollTop = (to as ScrollToOptions).top ?? 0;
    this.dispatchEvent(new Event('scroll'));
  };
}

/** What the widget hands down to the panel besides what that asks for. */
const BESIDES = { state: new StateDB() };

/** Lets come what is under way: answers of the server, the models' one tick a frame, and what is drawn for it. */
export async function calm(): Promise<void> {
  await act(async () => {
    for (let i = 0; i < 2; i++) {
      await settle();
      // Frames come in the order in which they were asked for: after this one every earlier tick has been.
      await new Promise(resolve => requestAnimationFrame(resolve));
    }
  });
}

/** The panel with one arena (none: `arenas`), its state and its rows. */
export async function show(
  options: {
    state?: Partial<IState>;
    rows?: IRow[];
    arenas?: IArenas | number;
    prepare?: (server: FakeServer) => void;
  } = {}
): Promise<IShown> {
  const server = new FakeServer();
  const rows = options.rows ?? [];
  const arena = 'a/tiny.ipynb';
  const { arenas = arenasOf(arena) } = options;
  server.rows = rows;
  server.state = stateOf({ arena, total: rows.length, ...options.state });
  server.answers.set(
    'GET arenas',
    typeof arenas === 'number'
      ? { status: arenas, body: '<html>Not Found</html>' }
      : { status: 200, body: arenas }
  );
  options.prepare?.(server);
  const workbench = new WorkbenchModel(
    new AutoloopAPI(server.settings()),
    null
  );
  const opened: string[] = [];
  const open = (path: string) => void opened.push(path);
  const show = (what: { number?: number; proposal?: string }) =>
    void opened.push(JSON.stringify(what));
  const page = render(
    <Panel
      {...BESIDES}
      workbench={workbench}
      trans={trans}
      openNotebook={open}
      openIteration={show}
    />
  );
  await calm();
  let seq = 10;
  const stream: IShown['stream'] = async ({ state, rows, events }) => {
    act(() => {
      const head = { seq: (seq += 10), now: Date.now() / 1000 };
      if (state) {
        server.line.say({ ...head, type: 'state', state });
      }
      if (rows) {
        server.line.say({ ...head, type: 'rows', rows });
      }
      if (events) {
        server.line.say({ ...head, type: 'events', events });
      }
    });
    await calm();
  };
  if (workbench.current) {
    server.line.open();
    await stream({ state: server.state });
  }
  return { ...page, server, workbench, opened, stream };
}

/** What the server was asked to do, newest last: the path and the body without the arena. */
export function asked(server: FakeServer): Array<[string, unknown]> {
  return server.asked
    .filter(one => one.method !== 'GET')
    .map(({ path, body }) => {
      const rest = { ...(body as Record<string, unknown>) };
      delete rest.arena;
      return [path, rest];
    });
}

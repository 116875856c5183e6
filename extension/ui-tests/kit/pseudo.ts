/**
 * A language that nobody speaks: every message of the extension in letters of its own, so that what is still written
 * in plain ones was never given to the translator, or is data.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

import type { Page } from '@playwright/test';

import type { Lab } from './test';

// Plain JavaScript: translators run it too.
// eslint-disable-next-line @typescript-eslint/no-require-imports
const { collect } = require('../../messages.js') as {
  collect(): { messages: IMessage[] };
};

interface IMessage {
  id: string;
  plural?: string;
  context?: string;
}

/** A locale that JupyterLab's server takes, and that no one has a pack for where the tests run. */
const LOCALE = 'eo';
const PACK = `jupyterlab_language_pack_${LOCALE}`;
const PLURALS = 'nplurals=2; plural=(n != 1);';

/** From where on the letters of this language begin: mathematical sans-serif ones, which every reader can read. */
const UPPER = 0x1d5a0;
const LOWER = 0x1d5ba;

/** A message in this language; its places for values stay. */
export function pseudo(text: string): string {
  return `⟦${text.replace(/[A-Za-z]/g, letter => {
    const code = letter.charCodeAt(0);
    return String.fromCodePoint(
      code >= 97 ? LOWER + code - 97 : UPPER + code - 65
    );
  })}⟧`;
}

/** Makes the server of `lab` speak it from the next start on, and whoever opens a page there read it. */
export async function speakPseudo(lab: Lab): Promise<void> {
  const folder = path.join(lab.folder, 'packs');
  const place = path.join(folder, PACK, 'locale', LOCALE, 'LC_MESSAGES');
  const facts = path.join(folder, `${PACK}-1.0.dist-info`);
  const settings = path.join(
    ...[lab.folder, 'settings', '@jupyterlab', 'translation-extension']
  );
  for (const one of [place, facts, settings]) {
    await mkdir(one, { recursive: true });
  }
  const { messages } = collect();
  const write = (at: string, name: string, text: string) =>
    writeFile(path.join(at, name), text, 'utf-8');
  await write(path.join(folder, PACK), '__init__.py', '');
  await write(
    facts,
    'METADATA',
    `Metadata-Version: 2.1\nName: ${PACK}\nVersion: 1.0\n`
  );
  await write(
    facts,
    'entry_points.txt',
    `[jupyterlab.languagepack]\n${LOCALE} = ${PACK}\n`
  );
  await write(place, 'autoloop.json', JSON.stringify(catalogue(messages)));
  const po = path.join(place, 'autoloop.po');
  await write(place, 'autoloop.po', messages.map(entry).join('\n'));
  await lab.python(
    ...['-c', COMPILE, po, path.join(place, 'autoloop.mo')] // for what the server translates: settings
  );
  await write(
    settings,
    'plugin.jupyterlab-settings',
    JSON.stringify({ locale: LOCALE })
  );
  lab.also.PYTHONPATH = folder;
}

const COMPILE = `
import sys
from babel.messages import mofile, pofile
with open(sys.argv[1], encoding="utf-8") as po, open(sys.argv[2], "wb") as mo:
    mofile.write_mo(mo, pofile.read_po(po, locale="${LOCALE}"))
`;

/** The messages as JupyterLab's page reads them. */
function catalogue(messages: readonly IMessage[]): object {
  const own = messages.map(({ id, plural, context }) => [
    context === undefined ? id : `${context}\u0004${id}`,
    plural === undefined ? [pseudo(id)] : [pseudo(id), pseudo(plural)]
  ]);
  const head = { domain: 'autoloop', language: LOCALE, plural_forms: PLURALS };
  return { '': head, ...Object.fromEntries(own) };
}

/** A message as a line of a PO file. */
function entry({ id, plural, context }: IMessage): string {
  const said = JSON.stringify;
  const head = context === undefined ? [] : [`msgctxt ${said(context)}`];
  const body =
    plural === undefined
      ? [`msgid ${said(id)}`, `msgstr ${said(pseudo(id))}`]
      : [
          `msgid ${said(id)}`,
          `msgid_plural ${said(plural)}`,
          `msgstr[0] ${said(pseudo(id))}`,
          `msgstr[1] ${said(pseudo(plural))}`
        ];
  return [...head, ...body, ''].join('\n');
}

/** Of the server's answers, what is data: told by people, agents, files and the server itself. Verdicts are not. */
const DATA = new Set([
  ...['title', 'hypothesis', 'agent', 'reason', 'summary'],
  ...['arena', 'path', 'name', 'notebook', 'unit', 'commit', 'log', 'diff'],
  ...['before', 'after', 'text', 'host', 'proposal', 'id'],
  // What the server says in one line is the server's own language, as its command line's is.
  ...['said', 'message', 'problem', 'ended', 'sound']
]);

/** Below these every string is data, and every key too: an agent's facts, the numbers of a curve. */
const FREE = new Set(['facts', 'base_facts', 'extra', 'numbers', 'agents']);

/** Collects what the server tells a page of the extension from now on; `known` grows with it. */
export class Told {
  constructor(page: Page) {
    page.on('response', answer => {
      if (answer.url().includes('/autoloop/api/')) {
        void answer.json().then(
          found => this.take(found, false),
          () => undefined // no JSON, or the page has gone on
        );
      }
    });
    page.on('websocket', socket => {
      if (socket.url().includes('/autoloop/api/')) {
        socket.on('framereceived', ({ payload }) =>
          this.take(JSON.parse(String(payload)), false)
        );
      }
    });
  }

  /** Names and texts that are data. */
  readonly known = new Set<string>();

  private take(value: unknown, free: boolean): void {
    if (typeof value === 'string' && free) {
      this.learn(value);
    } else if (Array.isArray(value)) {
      value.forEach(one => this.take(one, free));
    } else if (value !== null && typeof value === 'object') {
      for (const [key, own] of Object.entries(value)) {
        if (free) {
          this.learn(key);
        }
        this.take(own, free || FREE.has(key) || DATA.has(key));
      }
    }
  }

  /** A text is shown as a whole, by its lines, or, where it is a path, by its parts. */
  private learn(text: string): void {
    const parts = [text, ...text.split('\n'), ...text.split(/[/\n]/)];
    for (const part of parts) {
      const one = part.replace(/\s+/g, ' ').trim();
      if (one) {
        this.known.add(one);
      }
    }
  }
}

/** Units stand beside numbers in every language. */
const UNITS = ['s', 'min', 'h', 'MB', 'CPU', 'σ'];

/**
 * What a person reads or hears within `scopes` in plain letters, and that is no data: one line each, with where it is.
 * Sources (code, logs) are left out: nobody translates them.
 */
export async function untranslated(
  page: Page,
  scopes: readonly string[],
  known: Iterable<string>
): Promise<string[]> {
  return page.evaluate(plainIn, {
    scopes: [...scopes],
    // The longest first: one name may be a part of another.
    known: [...known].sort((one, other) => other.length - one.length),
    units: UNITS
  });
}

/** Runs in the page. */
function plainIn(given: {
  scopes: string[];
  known: string[];
  units: string[];
}): string[] {
  const CODE = 'pre, code, .cm-content, .cm-gutters, script, style';
  const SAID = [
    'aria-label',
    'aria-description',
    'aria-roledescription',
    'aria-valuetext',
    'title',
    'placeholder',
    'alt'
  ];
  // Dates come from the browser, in its own language.
  const month = new Intl.DateTimeFormat(undefined, { month: 'short' });
  const dates = Array.from({ length: 12 }, (_, i) =>
    month.format(new Date(2026, i, 15))
  );
  const known = [...given.known, ...dates, 'AM', 'PM'];
  const units = new RegExp(`\\b(${given.units.join('|')})\\b`, 'g');
  /** Without `one` where it stands as words of its own: a fact named `x` excuses no other x. */
  const without = (text: string, one: string) => {
    const letter = /[A-Za-z]/;
    let left = text;
    for (let at = left.indexOf(one); at >= 0; at = left.indexOf(one, at + 1)) {
      const sides = [left[at - 1], left[at + one.length]];
      if (!sides.some(side => side && letter.test(side))) {
        left = `${left.slice(0, at)} ${left.slice(at + one.length)}`;
      }
    }
    return left;
  };
  const rest = (text: string) => {
    // First of all, since a number that is known may stand in the middle of it.
    if (/^(?=[a-f]*\d)[0-9a-f]{7,40}$/.test(text.trim())) {
      return '';
    }
    const left = known.reduce(without, text.replace(/\s+/g, ' '));
    return left
      .replace(units, ' ')
      .replace(/\d[\d.]*e[+−-]?\d+/g, ' ') // 8.415e−07
      .replace(/\b(?=[a-f]*\d)[0-9a-f]{7,40}\b/g, ' '); // a commit
  };
  const found = new Set<string>();
  const check = (text: string | null, node: Element, where: string) => {
    if (text && /[A-Za-z]/.test(rest(text))) {
      const name = node.getAttribute('class') ?? node.tagName;
      found.add(`${where} of ${name}: ${text.trim().slice(0, 120)}`);
    }
  };
  for (const scope of given.scopes) {
    for (const part of document.querySelectorAll(scope)) {
      for (const node of [part, ...part.querySelectorAll('*')]) {
        const shown = (node as HTMLElement).checkVisibility({
          visibilityProperty: true
        });
        if (!shown) {
          continue;
        }
        SAID.forEach(name => check(node.getAttribute(name), node, name));
        if (!node.closest(CODE)) {
          for (const child of node.childNodes) {
            if (child.nodeType === Node.TEXT_NODE) {
              check(child.textContent, node, 'text');
            }
          }
        }
      }
    }
  }
  return [...found];
}

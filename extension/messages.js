/**
 * Every string that a person may read, as the translator is asked for it: from the sources and from the settings'
 * schemas. `node messages.js` prints them as JSON; a test holds that all of them can be found here.
 */
const fs = require('node:fs');
const path = require('node:path');
const ts = require('typescript');

/** The translator's methods: which of their arguments are a context, a message, and its plural. */
const CALLS = {
  __: { id: 0 },
  _n: { id: 0, plural: 1 },
  _p: { context: 0, id: 1 },
  _np: { context: 0, id: 1, plural: 2 },
  gettext: { id: 0 },
  ngettext: { id: 0, plural: 1 },
  pgettext: { context: 0, id: 1 },
  npgettext: { context: 0, id: 1, plural: 2 }
};

/** What JupyterLab's server translates in a schema, with the context that it asks for. */
const SCHEMA = [
  [/^\/properties\/.*\/(title|description)$/, 'settings'],
  [/^\/definitions\/.*\/properties\/.*\/(title|description)$/, 'settings'],
  [/^\/(title|description)$/, 'schema'],
  [/^\/jupyter\.lab\.setting-icon-label$/, 'settings'],
  [/^\/jupyter\.lab\.menus\/.*\/label$/, 'menu'],
  [/^\/jupyter\.lab\.toolbars\/.*\/label$/, 'toolbar']
];

/** The files below `folder` whose names end so, without tests. */
function files(folder, endings) {
  return fs
    .readdirSync(folder, { recursive: true })
    .map(String)
    .filter(name => endings.some(ending => name.endsWith(ending)))
    .filter(name => !name.includes('__tests__') && !name.endsWith('.d.ts'))
    .sort()
    .map(name => path.join(folder, name));
}

/** The messages of one source `text`, and one line for each argument that no tool could read. */
function ofSource(name, text) {
  const kind = name.endsWith('x') ? ts.ScriptKind.TSX : ts.ScriptKind.TS;
  const file = ts.createSourceFile(
    name,
    text,
    ts.ScriptTarget.Latest,
    true,
    kind
  );
  const messages = [];
  const faults = [];
  const visit = node => {
    const call =
      ts.isCallExpression(node) &&
      ts.isPropertyAccessExpression(node.expression) &&
      Object.hasOwn(CALLS, node.expression.name.text) &&
      CALLS[node.expression.name.text];
    if (call) {
      const message = {};
      for (const [part, index] of Object.entries(call)) {
        const argument = node.arguments[index];
        if (argument && ts.isStringLiteralLike(argument)) {
          message[part] = argument.text;
        } else {
          const { line } = file.getLineAndCharacterOfPosition(node.getStart());
          faults.push(`${name}:${line + 1}: ${node.getText().slice(0, 80)}`);
        }
      }
      messages.push(message);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return { messages, faults };
}

/** The messages of a settings' schema. */
function ofSchema(schema) {
  const messages = [];
  const visit = (value, at) => {
    for (const [key, own] of Object.entries(value)) {
      const here = Array.isArray(value) ? `${at}[${key}]` : `${at}/${key}`;
      if (typeof own === 'string') {
        const found = SCHEMA.find(([pattern]) => pattern.test(here));
        if (found) {
          messages.push({ context: found[1], id: own });
        }
      } else if (own !== null && typeof own === 'object') {
        visit(own, here);
      }
    }
  };
  visit(schema, '');
  return messages;
}

/** All messages of the extension in `root` (each once), and what is wrong with their calls. */
function collect(root = __dirname) {
  const messages = new Map();
  const faults = [];
  const take = message => messages.set(JSON.stringify(message), message);
  for (const file of files(path.join(root, 'src'), ['.ts', '.tsx'])) {
    const name = path.relative(root, file);
    const found = ofSource(name, fs.readFileSync(file, 'utf-8'));
    found.messages.forEach(take);
    faults.push(...found.faults);
  }
  for (const file of files(path.join(root, 'schema'), ['.json'])) {
    ofSchema(JSON.parse(fs.readFileSync(file, 'utf-8'))).forEach(take);
  }
  return { messages: [...messages.values()], faults };
}

module.exports = { collect, ofSource, ofSchema };

if (require.main === module) {
  process.stdout.write(`${JSON.stringify(collect(), null, 1)}\n`);
}

const base = require('@jupyterlab/testutils/lib/jest-config')(__dirname);

// Published as modules, so that jest must translate them.
const modules = [
  '@codemirror',
  '@jupyter',
  '@jupyterlab',
  '@microsoft',
  '@tanstack',
  'exenv-es6',
  'lib0',
  'nanoid',
  'uplot',
  'vscode-ws-jsonrpc',
  'y-protocols',
  'y-websocket',
  'yjs'
].join('|');

module.exports = {
  ...base,
  automock: false,
  rootDir: '.',
  // How long a test may take in milliseconds: generous, for no timing is to decide a test on a busy machine.
  testTimeout: 120000,
  testRegex: 'src/.*/?__tests__/.*\\.spec\\.tsx?$',
  coverageReporters: ['text'],
  reporters: ['default'],
  transformIgnorePatterns: [`/node_modules/(?!(${modules})/).*`]
};

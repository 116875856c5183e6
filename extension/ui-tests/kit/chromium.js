const fs = require('node:fs');
const path = require('node:path');

const NAMES = [
  'chromium',
  'chromium-browser',
  'google-chrome',
  'google-chrome-stable'
];

/** The file that `name` (a path, or a name on the PATH) starts; null where there is none. */
function which(name) {
  const folders = name.includes('/')
    ? ['']
    : (process.env.PATH ?? '').split(path.delimiter);
  for (const folder of folders) {
    const file = path.resolve(folder, name);
    try {
      fs.accessSync(file, fs.constants.X_OK);
      return file;
    } catch {
      // the next folder may have it
    }
  }
  return null;
}

/** Where Chromium or Chrome is; throws an Error with the way to mend it where there is none. */
function chromium() {
  for (const name of [process.env.AUTOLOOP_CHROMIUM, ...NAMES]) {
    const file = name ? which(name) : null;
    if (file !== null) {
      return file;
    }
  }
  throw new Error(
    'the browser tests need Chromium: run tests/browser/chromium.sh, or name one in AUTOLOOP_CHROMIUM'
  );
}

module.exports = { chromium };

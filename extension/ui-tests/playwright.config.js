/**
 * The panel in a real JupyterLab and a real Chromium. `jlpm test:ui` runs it; AUTOLOOP_SCREENSHOTS=DIR keeps pictures.
 */
const galata = require('@jupyterlab/galata/lib/playwright-config');

const { chromium } = require('./kit/chromium.js');

/** How long anything may take before a test gives up, in milliseconds: generous, for no timing is to decide a test. */
const WAIT_MS = 120_000;

const root = typeof process.getuid === 'function' && process.getuid() === 0;

module.exports = {
  ...galata,
  testDir: 'tests',
  outputDir: 'test-results',
  reporter: [['list']],
  // Every test has a server, a folder and ports of its own; much of its time it waits for runs that have a budget.
  workers: 2,
  fullyParallel: true,
  // What fails is tried once more, and told as flaky: real servers and kernels on a machine that others use.
  retries: 1,
  forbidOnly: true,
  timeout: 3 * WAIT_MS,
  expect: { timeout: WAIT_MS },
  use: {
    ...galata.use,
    viewport: { width: 1360, height: 1000 },
    actionTimeout: WAIT_MS,
    navigationTimeout: WAIT_MS,
    // A film would need Playwright's own ffmpeg, and a trace slows the page down that is looked at.
    video: 'off',
    trace: 'off',
    screenshot: 'only-on-failure',
    launchOptions: {
      executablePath: chromium(),
      args: [
        '--disable-dev-shm-usage',
        '--disable-gpu',
        ...(root ? ['--no-sandbox'] : [])
      ]
    }
  }
};

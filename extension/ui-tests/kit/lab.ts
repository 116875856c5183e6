import { ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import {
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  writeFile
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** How long a server may take to start or to end, in milliseconds. */
const WAIT_MS = 120_000;

/** A server that is asked to end may take so long, in milliseconds, before it is killed. */
const GRACE_MS = 20_000;

/** What would otherwise ask the network for news, or write beside a test. */
const SETTINGS: Record<string, Record<string, unknown>> = {
  'apputils-extension/notification': {
    fetchNews: 'false',
    checkForUpdates: false,
    doNotDisturbMode: true
  },
  'docmanager-extension/plugin': { autosave: false },
  'notebook-extension/tracker': { recordTiming: false }
};

/** Folders that JupyterLab and IPython write to: all of them the test's own. */
const FOLDERS = {
  JUPYTER_CONFIG_DIR: 'config',
  JUPYTER_DATA_DIR: 'data',
  JUPYTER_RUNTIME_DIR: 'runtime',
  JUPYTERLAB_SETTINGS_DIR: 'settings',
  JUPYTERLAB_WORKSPACES_DIR: 'workspaces',
  IPYTHONDIR: 'ipython'
};

/** Of what `autoloop status --json` prints, the part that is read here. */
interface IStatus {
  driver: { pid: number } | null;
  counts: Record<string, number>;
}

/**
 * A JupyterLab of one test's own: on 127.0.0.1, over an empty folder, with a token and XSRF checks, and with its
 * settings, workspaces and kernels' files in folders that go when it is closed. It can be ended and started again at
 * the same address, as a machine's server is.
 */
export class Lab {
  private constructor(
    readonly folder: string,
    readonly port: number,
    readonly base: string
  ) {
    this.root = path.join(folder, 'work');
  }

  /** Starts one below `base`, which begins and ends with a slash. */
  static async open(base = '/'): Promise<Lab> {
    const folder = await mkdtemp(path.join(tmpdir(), 'autoloop-ui-'));
    const lab = new Lab(folder, await freePort(), base);
    try {
      await mkdir(lab.root);
      await lab.settle();
      await lab.start();
    } catch (error) {
      await lab.close();
      throw error;
    }
    return lab;
  }

  /** The folder that JupyterLab shows; arenas are named by their paths below it. */
  readonly root: string;

  readonly token = randomBytes(16).toString('hex');

  /** What the server's environment has besides, from its next start on. */
  readonly also: NodeJS.ProcessEnv = {};

  /** The server's address, without a slash at the end. */
  get url(): string {
    return `http://127.0.0.1:${this.port}${this.base.replace(/\/$/, '')}`;
  }

  /** Starts the server, anew after it was ended; resolves once it answers. */
  async start(): Promise<void> {
    const log = openSync(path.join(this.folder, 'lab.log'), 'a');
    this.server = spawn('python', ['-m', 'jupyterlab', ...this.flags()], {
      cwd: this.root,
      env: this.environment(),
      stdio: ['ignore', log, log],
      detached: true // a process group of its own, which is ended as a whole
    });
    closeSync(log);
    this.server.on('error', () => undefined); // told by `answers`, with the log
    const until = Date.now() + WAIT_MS;
    while (!(await this.answers())) {
      if (this.gone || Date.now() > until) {
        throw new Error(`JupyterLab did not start: ${await this.log()}`);
      }
      await pause(100);
    }
  }

  /** Ends the server and its kernels, but not the drivers: they are processes of their own. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    for (const one of [signal, 'SIGKILL'] as const) {
      if (!this.gone) {
        kill(-this.server!.pid!, one);
        await this.end(GRACE_MS);
      }
    }
  }

  /** Runs `autoloop ARGUMENTS` in the root folder and gives back what it printed; rejects where it fails. */
  async autoloop(...args: string[]): Promise<string> {
    return this.python('-m', 'autoloop_kernel.cli', ...args);
  }

  /** Runs `python ARGUMENTS` in the root folder and gives back what it printed; rejects where it fails. */
  async python(...args: string[]): Promise<string> {
    const { stdout } = await run('python', args, {
      cwd: this.root,
      env: this.environment(),
      timeout: WAIT_MS
    });
    return stdout;
  }

  /** Copies a bundled arena into `folder` (below the root) and gives back its path, as the server names it. */
  async arena(folder: string, template = 'function_min'): Promise<string> {
    await this.autoloop('new', template, folder);
    const arena = path.posix.join(folder, `${template}.ipynb`);
    // One run an iteration: what a test waits for is to come as soon as it can.
    const greedy = '"keep": {"policy": "greedy"}';
    await this.edit(arena, '"budget_s": ', `${greedy},\n   "budget_s": `);
    return arena;
  }

  /** Copies an agent of the kit (`NAME.py`) to where its driver finds it, and gives back what it is called. */
  async agent(name: 'careful' | 'moves'): Promise<string> {
    const file = `${name}.py`;
    await copyFile(path.join(__dirname, file), path.join(this.root, file));
    return `${name}:Agent`;
  }

  /** Replaces `before` in a file below the root; throws where it is not there. */
  async edit(file: string, before: string, after: string): Promise<void> {
    const target = path.join(this.root, file);
    const text = await readFile(target, 'utf-8');
    if (!text.includes(before)) {
      throw new Error(`${file} does not hold ${before}`);
    }
    await writeFile(target, text.replace(before, after), 'utf-8');
  }

  /** The process that drives this arena now; null where none does. */
  async driver(arena: string): Promise<number | null> {
    return (await this.status(arena)).driver?.pid ?? null;
  }

  /** How many iterations of this arena have ended, as the command line tells. */
  async ended(arena: string): Promise<number> {
    const { counts } = await this.status(arena);
    return Object.values(counts).reduce((sum, count) => sum + count, 0);
  }

  /** Ends what this test started, and removes its folders. */
  async close(): Promise<void> {
    await this.stop();
    for (const arena of await this.arenas()) {
      await this.endDriver(arena);
    }
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  /** The end of what the server said. */
  async log(): Promise<string> {
    const text = await readFile(path.join(this.folder, 'lab.log'), 'utf-8');
    return text.slice(-4000);
  }

  /** The arenas below the root that have run: also those that a page made. */
  private async arenas(): Promise<string[]> {
    const all = await readdir(this.root, { recursive: true }).catch(() => []);
    return all
      .filter(name => name.endsWith('_runs/ledger.sqlite'))
      .map(name => name.replace(/_runs\/ledger\.sqlite$/, '.ipynb'));
  }

  private async status(arena: string): Promise<IStatus> {
    return JSON.parse(await this.autoloop('status', arena, '--json'));
  }

  private async endDriver(arena: string): Promise<void> {
    const pid = await this.driver(arena).catch(() => null);
    if (pid === null) {
      return;
    }
    await this.autoloop('stop', '--now', arena).catch(() => undefined);
    for (let waited = 0; alive(pid) && waited < GRACE_MS; waited += 100) {
      await pause(100);
    }
    kill(pid, 'SIGKILL');
  }

  /** Sets what a person may set of a plugin (`@jupyterlab/EXTENSION/PLUGIN`); pages that are opened later have it. */
  async set(plugin: string, values: Record<string, unknown>): Promise<void> {
    const file = path.join(
      ...[this.folder, 'settings', `${plugin}.jupyterlab-settings`]
    );
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, JSON.stringify(values), 'utf-8');
  }

  private async settle(): Promise<void> {
    for (const [name, values] of Object.entries(SETTINGS)) {
      await this.set(`@jupyterlab/${name}`, values);
    }
  }

  private flags(): string[] {
    const root = process.getuid?.() === 0;
    return [
      `--config=${path.join(__dirname, 'jupyter_lab_config.py')}`,
      `--ServerApp.root_dir=${this.root}`,
      `--ServerApp.port=${this.port}`,
      `--ServerApp.base_url=${this.base}`,
      ...(root ? ['--allow-root'] : [])
    ];
  }

  private environment(): NodeJS.ProcessEnv {
    const kept = Object.entries(process.env).filter(
      ([name]) => !/^(JUPYTER|JPY_|PYTEST)/.test(name)
    );
    const own = Object.entries(FOLDERS).map(([name, folder]) => [
      name,
      path.join(this.folder, folder)
    ]);
    return {
      ...Object.fromEntries([...kept, ...own]),
      ...this.also,
      JUPYTER_TOKEN: this.token
    };
  }

  private async answers(): Promise<boolean> {
    try {
      const headers = { Authorization: `token ${this.token}` };
      const answer = await fetch(`${this.url}/api/status`, { headers });
      return answer.ok;
    } catch {
      return false;
    }
  }

  private get gone(): boolean {
    const { pid, exitCode, signalCode } = this.server ?? {};
    return pid === undefined || exitCode !== null || signalCode !== null;
  }

  private async end(limit: number): Promise<void> {
    const until = Date.now() + limit;
    while (!this.gone && Date.now() < until) {
      await pause(50);
    }
  }

  private server: ChildProcess | undefined;
}

/** Waits so many milliseconds. */
function pause(time: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, time));
}

/** Sends a signal to a process, or to a process group where `pid` is negative; one that has ended is left alone. */
export function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') {
      throw error;
    }
  }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** A port of 127.0.0.1 that is free now. */
async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        address && typeof address === 'object'
          ? resolve(address.port)
          : reject(new Error('no port is free'))
      );
    });
  });
}

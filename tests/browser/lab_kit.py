"""A real JupyterLab and a real Chromium, for tests: open a notebook, run cells, press buttons, look.

Nothing of the user's is read or written: the server has folders of its own. What is started here is ended here.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, sync_playwright

WAIT_S = 120
"""How long anything may take before a test gives up: generous, for no timing is to decide a test."""

THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True},
    "docmanager-extension/plugin": {"autosave": False},
    "notebook-extension/tracker": {"recordTiming": False},
}

PANEL = """
const app = window.jupyterapp;
const panel = [...app.shell.widgets('main')].find(one => one.context && one.context.path === path);
const cells = panel ? panel.content.widgets : [];
const at = cells.findIndex(one => one.model.id === id);
const cell = cells[at];
"""


def chromium_path() -> str:
    """Where Chromium or Chrome is; raises AssertionError with the way to mend it where there is none."""
    for name in (os.environ.get("AUTOLOOP_CHROMIUM"), *NAMES):
        if name and (found := shutil.which(name)):
            return found
    raise AssertionError(
        "the browser tests need Chromium — run tests/browser/chromium.sh, or name one in AUTOLOOP_CHROMIUM"
    )


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """A headless Chromium that ends with the block."""
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=chromium_path(), args=[*flags, "--disable-dev-shm-usage", "--disable-gpu"]
        )
        try:
            yield chromium
        finally:
            chromium.close()


class Lab:
    """`jupyter lab` on 127.0.0.1 over `folder`, with settings, kernels' files and workspaces in `home`."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder, self.home = folder, home
        self.token = os.urandom(16).hex()
        self._configure()
        self._log = (home / "lab.log").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *self._flags()],
            cwd=folder,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            self.url = self._address()
        except BaseException:
            self.close()
            raise

    def _configure(self) -> None:
        for name, values in SETTINGS.items():
            path = self.home / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True)
            path.write_text(json.dumps(values), encoding="utf-8")
        config = {
            "LabApp": {"news_url": None, "check_for_updates_class": "jupyterlab.NeverCheckForUpdate"},
            "ServerApp": {"open_browser": False, "ip": "127.0.0.1", "port": 0, "root_dir": str(self.folder)},
            "IdentityProvider": {"token": self.token},
        }
        (self.home / "config").mkdir()
        (self.home / "config" / "jupyter_lab_config.json").write_text(json.dumps(config), encoding="utf-8")

    def _flags(self) -> list[str]:
        flags = ["--no-browser", "--expose-app-in-browser", "--LabApp.extension_manager=readonly"]
        return [*flags, "--allow-root"] if os.geteuid() == 0 else flags

    def _environment(self) -> dict[str, str]:
        own = {
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
            "IPYTHONDIR": "ipython",
        }
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("JUPYTER", "JPY_", "PYTEST"))}
        return kept | {key: str(self.home / folder) for key, folder in own.items()} | {"JUPYTER_NO_CONFIG": ""}

    def _address(self) -> str:
        """The server's URL, once it answers: it chose a free port and wrote it down."""
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until:
            assert self.process.poll() is None, f"JupyterLab ended: {self.log()}"
            for path in (self.home / "runtime").glob("jpserver-*.json"):
                with contextlib.suppress(OSError, ValueError):
                    url: str = json.loads(path.read_text(encoding="utf-8"))["url"].rstrip("/")
                    with urllib.request.urlopen(f"{url}/api?token={self.token}", timeout=5):
                        return url
            time.sleep(0.1)
        raise AssertionError(f"JupyterLab did not start: {self.log()}")

    def log(self) -> str:
        """The end of what the server said."""
        return (self.home / "lab.log").read_text(encoding="utf-8", errors="replace")[-4000:]

    def close(self) -> None:
        """End the server, its kernels, and whatever of its process group is left."""
        kernels = self.kernels() if self.process.poll() is None else []
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(20)
        for kernel in kernels:
            with contextlib.suppress(psutil.NoSuchProcess):
                kernel.kill()
        self._log.close()

    def kernels(self) -> list[psutil.Process]:
        """The notebooks' kernels; not what they started, for a driver is to live on without its kernel."""
        return [
            child for child in psutil.Process(self.process.pid).children() if "ipykernel_launcher" in child.cmdline()
        ]


@contextlib.contextmanager
def lab(folder: Path, home: Path) -> Iterator[Lab]:
    """JupyterLab over `folder` (resolved, exists) with its own files in `home` (made here), until the block ends."""
    home.mkdir(parents=True)
    server = Lab(folder, home)
    try:
        yield server
    finally:
        server.close()


class Book:
    """A notebook that is open in JupyterLab; cells are named by their ids."""

    def __init__(self, page: Page, lab: Lab, path: str, shots: Path) -> None:
        self.page, self.path, self.shots = page, path, shots
        self.errors: list[str] = []
        page.set_default_timeout(WAIT_S * 1000)
        page.on("pageerror", lambda error: self.errors.append(f"page error: {error}"))
        page.on("console", self._console)
        page.goto(f"{lab.url}/lab/tree/{path}?token={lab.token}&reset")
        page.wait_for_function("() => window.jupyterapp && window.jupyterapp.restored.then(() => true)")
        self.ready()

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(f"console: {message.text}")

    def js(self, body: str, cell: str = "", **values: Any) -> Any:
        """Run JavaScript with `app`, `panel`, `cells`, `cell` (by its id), `at` (its index) and `values` in reach."""
        names = "".join(f", {name}" for name in values)
        return self.page.evaluate(
            f"async ({{path, id{names}}}) => {{ {PANEL} {body} }}", {"path": self.path, "id": cell, **values}
        )

    def until(self, condition: str, cell: str = "", **values: Any) -> None:
        """Wait until the JavaScript `condition`, with the same names in reach, holds."""
        names = "".join(f", {name}" for name in values)
        self.page.wait_for_function(
            f"({{path, id{names}}}) => {{ {PANEL} return Boolean({condition}); }}",
            arg={"path": self.path, "id": cell, **values},
        )

    def open(self, path: str) -> None:
        """Open another document of the same server beside this one and go on with it."""
        self.path = path
        self.js("await app.commands.execute('docmanager:open', {path, factory: 'Notebook'});")
        self.ready()

    def go_to(self, path: str) -> None:
        """Go on with another notebook that is open already."""
        self.path = path
        self.js("app.shell.activateById(panel.id);")

    def ready(self) -> None:
        """Wait for the notebook to be loaded and its kernel to be idle."""
        self.until("panel && panel.context.isReady && panel.sessionContext.isReady")
        self.until("panel.sessionContext.session && panel.sessionContext.session.kernel.status === 'idle'")

    def add(self, cell: str, source: str) -> str:
        """Append a code cell with this id; give the id back."""
        self.js(
            "panel.content.model.sharedModel.addCell({cell_type: 'code', id, source, metadata: {}});",
            cell,
            source=source,
        )
        self.until("cell", cell)
        return cell

    def start(self, cell: str) -> None:
        """Run a cell, as Ctrl+Enter does, without waiting for its end."""
        self.js(
            """
            panel.content.activeCellIndex = at;
            panel.content.deselectAll();
            app.shell.activateById(panel.id);
            window.runs = window.runs || {};
            window.runs[id] = 'running';
            app.commands.execute('notebook:run-cell').then(
                () => { window.runs[id] = 'done'; }, error => { window.runs[id] = String(error); });
            """,
            cell,
        )

    def run(self, cell: str) -> list[dict[str, Any]]:
        """Run a cell to its end and give back its outputs; an error output fails the test."""
        self.start(cell)
        return self.finish(cell)

    def finish(self, cell: str) -> list[dict[str, Any]]:
        """Wait for the end of a cell that was started, and give back its outputs; an error output fails the test."""
        self.until("window.runs[id] !== 'running'", cell)
        outputs = self.outputs(cell)
        for output in outputs:
            assert output["output_type"] != "error", f"{cell}: {output.get('ename')}: {output.get('evalue')}"
        return outputs

    def outputs(self, cell: str) -> list[dict[str, Any]]:
        """A cell's outputs as the notebook would be saved with them."""
        return list(self.js("return cell.model.outputs.toJSON();", cell))

    def text(self, cell: str) -> str:
        """What a person reads in a cell's outputs now."""
        return self.cell(cell).locator(".jp-OutputArea").first.inner_text()

    def cell(self, cell: str) -> Locator:
        """The cell on the page, scrolled to."""
        self.js("await panel.content.scrollToItem(at, 'start'); cell.node.dataset.testId = id;", cell)
        return self.page.locator(f'[data-test-id="{cell}"]')

    def press(self, cell: str, label: str) -> None:
        """Press the button with this label in the cell's output."""
        self.cell(cell).get_by_role("button", name=label, exact=True).click()

    def wait_text(self, cell: str, text: str) -> None:
        """Wait until the cell's outputs show `text`."""
        self.cell(cell).locator(".jp-OutputArea", has_text=text).first.wait_for()

    def restart(self) -> None:
        """Restart the kernel and wait until it is idle."""
        self.js("await panel.sessionContext.session.kernel.restart();")
        self.ready()

    def dismiss(self) -> None:
        """Close the dialogs that JupyterLab shows, such as that of a kernel that died."""
        for _ in range(5):
            if not self.page.locator(".jp-Dialog").count():
                return
            self.page.locator(".jp-Dialog button.jp-mod-accept").last.click()
            self.page.wait_for_timeout(300)

    def save(self) -> None:
        """Save the notebook to disk."""
        self.js("await panel.context.save();")

    def theme(self, name: str) -> None:
        """Switch to `light` or `dark` and wait until the page wears it."""
        light = str(name == "light").lower()
        if self.page.evaluate("document.body.dataset.jpThemeLight") == light:
            return
        self.js("await app.commands.execute('apputils:change-theme', {theme});", theme=THEMES[name])
        self.until("document.body.dataset.jpThemeLight === light", light=light)
        self.page.wait_for_selector("#jupyterlab-splash", state="detached")

    def shoot(self, state: str, cell: str = "", themes: Sequence[str] = tuple(THEMES)) -> None:
        """Take a picture of the page, in each theme, with `cell` at its top: `STATE-THEME.png`."""
        self.shots.mkdir(parents=True, exist_ok=True)
        for name in themes:
            self.theme(name)
            if cell:
                self.cell(cell)
            self.page.screenshot(path=self.shots / f"{state}-{name}.png")

    def complaints(self, known: Mapping[str, str]) -> list[str]:
        """What the browser complained of, without what holds one of the `known` texts (text: why it is no fault)."""
        return [error for error in self.errors if not any(text in error for text in known)]


def shots_folder(default: Path) -> Path:
    """Where pictures go: AUTOLOOP_SCREENSHOTS, or `default`."""
    return Path(os.environ.get("AUTOLOOP_SCREENSHOTS") or default)

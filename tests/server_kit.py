"""A real Jupyter server with our extension, as a process of its own, and plain HTTP to talk to it.

Nothing of the user's is read or written: the server has folders of its own. What is started here is ended here.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from played import make_arena

WAIT_S = 120
"""How long anything may take before a test gives up: generous, for no timing is to decide a test."""

DENYING = """\
from jupyter_server.auth import Authorizer

class Denying(Authorizer):
    def is_authorized(self, handler, user, action, resource):
        return (action, resource) != ("read", "autoloop")
"""
"""An authorizer of a server's own, which lets nobody read arenas."""


@dataclass(frozen=True)
class Answer:
    """What the server answered: status, headers (names in lower case), and the body as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON; fails where it is none."""
        return json.loads(self.body)

    @property
    def message(self) -> str:
        """The one line of an error."""
        text: str = self.json["message"]
        assert text.isprintable(), text
        assert text, self.body
        return text


class Server:
    """`jupyter server` on 127.0.0.1 over `root`, with its own files in `home`; `base_url` begins and ends with `/`."""

    def __init__(self, root: Path, home: Path, base_url: str = "/", **settings: Mapping[str, Any]) -> None:
        self.root, self.home, self.base_url = root, home, base_url
        self.token = os.urandom(16).hex()
        self._settings = settings
        self._configure()
        self._log = (home / "server.log").open("ab")
        self.process = self._start()
        self.port = 0
        try:
            self.port = self._found()
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str:
        """Where the server is, with `base_url` and a slash at the end."""
        return f"http://127.0.0.1:{self.port}{self.base_url}"

    @property
    def api(self) -> str:
        """The path of our part of the server, without a slash at the end."""
        return f"{self.base_url}autoloop/api"

    def ask(
        self,
        method: str,
        route: str,
        body: Any = None,
        *,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        token: str | None = "",
        raw: bytes | None = None,
    ) -> Answer:
        """One request to `route` below our part (one that begins with `/`: of the server), and its answer.

        `body` goes as JSON (`raw`: as it is); `token` "" is the server's, None none at all.
        """
        path = route if route.startswith("/") else f"{self.api}/{route}"
        if query:
            path += "?" + urllib.parse.urlencode({key: value for key, value in query.items() if value is not None})
        sent: dict[str, str] = {} if token is None else {"Authorization": f"token {token or self.token}"}
        data = raw
        if body is not None:
            data = json.dumps(body).encode()
        if data is not None:
            sent["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT_S)
        try:
            connection.request(method, path, data, {**sent, **(headers or {})})
            got = connection.getresponse()
            return Answer(got.status, {key.lower(): value for key, value in got.getheaders()}, got.read())
        finally:
            connection.close()

    def get(self, route: str, **query: Any) -> Answer:
        """GET with the token; None in the query is left out."""
        return self.ask("GET", route, query=query)

    def post(self, route: str, **body: Any) -> Answer:
        """POST with the token and a JSON body."""
        return self.ask("POST", route, body)

    def restart(self, hard: bool = False) -> None:
        """End the server (`hard`: without a warning) and start it anew on the same port; a driver is left alone."""
        self.process.send_signal(signal.SIGKILL if hard else signal.SIGTERM)
        self.process.wait(WAIT_S)
        for path in (self.home / "runtime").glob("jpserver-*.json"):
            path.unlink()
        self._configure(self.port)
        self.process = self._start()
        self._found()

    def log(self) -> str:
        """The end of what the server said."""
        return (self.home / "server.log").read_text(encoding="utf-8", errors="replace")[-8000:]

    def close(self) -> None:
        """End the server, and whatever of its process group is left; a detached driver has a group of its own."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(20)
        self._log.close()

    def _configure(self, port: int = 0) -> None:
        config = {
            "ServerApp": {
                "allow_root": True,
                "allow_unauthenticated_access": False,
                "base_url": self.base_url,
                "ip": "127.0.0.1",
                "jpserver_extensions": {"autoloop_kernel.server": True},
                "open_browser": False,
                "port": port,
                "port_retries": 0 if port else 50,
                "root_dir": str(self.root),
            },
            "IdentityProvider": {"token": self.token},
        }
        for name, values in self._settings.items():
            config[name] = {**config.get(name, {}), **values}
        (self.home / "config").mkdir(exist_ok=True)
        (self.home / "config" / "jupyter_server_config.json").write_text(json.dumps(config), encoding="utf-8")

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "jupyter_server"],
            cwd=self.root,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def _environment(self) -> dict[str, str]:
        own = {"CONFIG_DIR": "config", "DATA_DIR": "data", "RUNTIME_DIR": "runtime", "CONFIG_PATH": "config"}
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("JUPYTER", "JPY_", "PYTEST"))}
        paths = {f"JUPYTER_{key}": str(self.home / folder) for key, folder in own.items()}
        return kept | paths | {"IPYTHONDIR": str(self.home / "ipython"), "JUPYTER_PREFER_ENV_PATH": "0"}

    def _found(self) -> int:
        """The server's port, once it answers: it wrote it down."""
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until:
            assert self.process.poll() is None, f"the server ended: {self.log()}"
            for path in (self.home / "runtime").glob("jpserver-*.json"):
                with contextlib.suppress(OSError, ValueError):
                    port: int = json.loads(path.read_text(encoding="utf-8"))["port"]
                    self.port = port
                    if self.ask("GET", f"{self.base_url}api/status").status == 200:
                        return port
            time.sleep(0.05)
        raise AssertionError(f"the server did not start: {self.log()}")


def make(folder: Path, name: str = "game.ipynb", **settings: Any) -> Path:
    """An arena as `played.make_arena` makes it, in a folder that need not be there."""
    folder.mkdir(parents=True, exist_ok=True)
    return make_arena(folder, name, **settings)


@contextlib.contextmanager
def serve(root: Path, home: Path, base_url: str = "/", **settings: Mapping[str, Any]) -> Iterator[Server]:
    """A server over `root` (made if need be) with its own files in `home` (made here), until the block ends.

    `settings` are traits by class name (`ServerApp={...}`) on top of the usual ones.
    """
    root.mkdir(parents=True, exist_ok=True)
    home.mkdir(parents=True)
    server = Server(root.resolve(), home.resolve(), base_url, **settings)
    try:
        yield server
    finally:
        server.close()

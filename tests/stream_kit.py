"""A client of the event stream: a real WebSocket, read in a thread of its own, and waits that never guess at time."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import nbformat
from arenas import arena
from screen_kit import until
from server_kit import WAIT_S, Server
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from autoloop_kernel.execution.local import sweep
from autoloop_kernel.records import AutoloopError
from autoloop_kernel.session import open_session, run_mark

ASLEEP = "import time\nX = 3.0  # -5..5\nwhile budget.spent() < 900:\n    time.sleep(0.05)"


class Client:
    """Hears one arena's stream; `messages` is all that came so far. Without `reading` it takes nothing in by itself.

    `token` "" is the server's, None none at all. A refused connection raises tornado's `HTTPClientError`.
    """

    def __init__(
        self,
        server: Server,
        arena: str,
        after: int | str | None = None,
        *,
        at: float | str | None = None,
        token: str | None = "",
        headers: Mapping[str, str] | None = None,
        reading: bool = True,
    ) -> None:
        self.messages: list[dict[str, Any]] = []
        self.closed = threading.Event()
        place = {"after": after, "at": at}
        query = {"arena": arena} | {name: str(value) for name, value in place.items() if value is not None}
        url = f"ws{server.url[4:]}autoloop/api/events?{urllib.parse.urlencode(query)}"
        sent = {} if token is None else {"Authorization": f"token {token or server.token}"}
        self._request = HTTPRequest(url, headers={**sent, **(headers or {})}, connect_timeout=WAIT_S)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._socket: WebSocketClientConnection | None = None
        self._reader: Any = None
        try:
            self._socket = self._call(self._connect())
        except BaseException:
            self._end()
            raise
        if reading:
            self.read()

    def read(self) -> None:
        """Begin to take messages in."""
        self._reader = asyncio.run_coroutine_threadsafe(self._read(), self._loop)

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The messages of one type, oldest first."""
        return [message for message in list(self.messages) if message["type"] == kind]

    @property
    def events(self) -> list[dict[str, Any]]:
        """All events that it was told, in the order in which they came."""
        return [event for message in self.of("events") for event in message["events"]]

    @property
    def kinds(self) -> list[str]:
        return [event["kind"] for event in self.events]

    @property
    def state(self) -> dict[str, Any]:
        """The last state that it was told; fails where there was none."""
        found: dict[str, Any] = self.of("state")[-1]["state"]
        return found

    @property
    def rows(self) -> dict[int, dict[str, Any]]:
        """What it knows of the iterations, by number: later rows take the place of earlier ones."""
        return {row["number"]: row for message in self.of("rows") for row in message["rows"]}

    @property
    def seq(self) -> int:
        """Where it would go on from: what the last message takes in."""
        return int(self.messages[-1]["seq"])

    def wait(self, condition: Callable[[Client], Any], what: str, within_s: float = WAIT_S) -> None:
        """Wait until it has heard enough."""

        def heard() -> bool:
            with contextlib.suppress(IndexError):
                return bool(condition(self))
            return False

        try:
            until(heard, what, within_s)
        except AssertionError as error:
            raise AssertionError(
                f"{error}; it heard {[m['type'] for m in self.messages][-20:]}, {self.kinds}"
            ) from None

    def close(self) -> None:
        """Hang up."""
        if self._socket is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._socket.close)
            if self._reader is not None:
                self.closed.wait(WAIT_S)
        self._end()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    async def _connect(self) -> WebSocketClientConnection:
        return await websocket_connect(self._request)

    async def _read(self) -> None:
        import json

        assert self._socket is not None
        while (text := await self._socket.read_message()) is not None:
            self.messages.append(json.loads(text))
        self.closed.set()

    def _call(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(WAIT_S)

    async def _settle(self) -> None:
        """Let what the closed connection left on the loop come to its end."""
        rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    def _end(self) -> None:
        if self._loop.is_closed():
            return
        self._call(self._settle())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(WAIT_S)
        self._loop.close()


def sleeper(folder: Path, name: str = "sleeper.ipynb") -> Path:
    """An arena whose candidate sleeps for a quarter of an hour: something that is under way, and costs nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    nb = arena(ASLEEP, "submit(lambda x: 2.0 * x + X)", budget_s=1000)
    path.write_text(nbformat.writes(nb), encoding="utf-8")
    return path


@contextlib.contextmanager
def ending(path: Path) -> Iterator[None]:
    """Whatever a test started on the arena at `path` is ended with it: the driver, and what a killed one left."""
    from autoloop_kernel.driver import busy, send

    try:
        yield
    finally:
        with contextlib.suppress(AutoloopError):
            send(path, "stop-now")
        with contextlib.suppress(AutoloopError):
            until(lambda: busy(path) is None, "the driver ends")
        sweep(run_mark(path.with_name(f"{path.stem}_runs")))


def note(path: Path, count: int, text: str = "") -> int:
    """Let so many events happen; gives the number of the last one."""
    with open_session(path) as session:
        return [session.ledger.emit("note", text=text or f"note {n}") for n in range(count)][-1]

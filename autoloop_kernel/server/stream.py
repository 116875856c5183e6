"""The event stream: a WebSocket that tells a client what happens to one arena, resumable from the last event it saw.

An open stream is no activity of the server's (`last_activity`, by which idle servers are ended): only requests to its
REST interface, kernels and terminals are. Its pings are what any open page of JupyterLab sends, too. A driver needs
neither the stream nor the server.
"""

from __future__ import annotations

import contextlib
import json
import math
import threading
from collections.abc import Mapping, Sequence
from functools import partial
from http.client import responses
from pathlib import Path
from typing import Any

from jupyter_core.utils import ensure_async
from jupyter_server.auth.decorator import ws_authenticated
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from tornado.ioloop import IOLoop
from tornado.web import HTTPError
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from autoloop_kernel.memory.ledger import Ledger
from autoloop_kernel.quickly import import_jsonschema
from autoloop_kernel.records import AutoloopError
from autoloop_kernel.server.errors import Refused, one_line, status_of
from autoloop_kernel.server.live import Live, Outbox, Sight
from autoloop_kernel.server.opening import Seen, look
from autoloop_kernel.server.rows import several
from autoloop_kernel.server.state import state, state_of
from autoloop_kernel.session import LEDGER

AUTH_RESOURCE = "autoloop"
LONGEST_WORD = 4096
"""How many bytes a client may say at once; it has nothing to say."""


class EventsHandler(WebSocketMixin, WebSocketHandler, JupyterHandler):
    """`events?arena=PATH&after=SEQ&at=TIME`: text frames, each one message (see extension/src/wire.ts).

    Without `after` it tells what comes from now on; `at`, when that event happened, tells its ledger from others.
    Authenticated and authorised like any reader of the arena; pages of another origin are refused even where they have
    the token, unless `ServerApp.allow_origin` names them.
    """

    auth_resource = AUTH_RESOURCE
    _live: Live | None = None
    _sending = False

    def skip_check_origin(self) -> bool:
        """Look at the origin of whoever comes, token or not."""
        return False

    @property
    def max_message_size(self) -> int:
        """What a client may say at once, in bytes."""
        return LONGEST_WORD

    def get_compression_options(self) -> dict[str, Any] | None:
        """As for the channels of kernels: what the server's settings say."""
        options: dict[str, Any] | None = self.settings.get("websocket_compression_options")
        return options

    @ws_authenticated
    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Check who asks and for what; then turn the request into a WebSocket."""
        if not await ensure_async(self.authorizer.is_authorized(self, self.current_user, "read", AUTH_RESOURCE)):
            raise HTTPError(403, "you may not look at the arenas of this server")
        if not self.check_origin():
            raise HTTPError(403, "a page of another origin may not follow an arena: see ServerApp.allow_origin")
        if self.request.headers.get("Upgrade", "").lower() != "websocket":
            raise HTTPError(400, "events are a WebSocket: open this address with ws:// or wss://")
        self._after = _whole(self.get_query_argument("after", None))
        self._at = _moment(self.get_query_argument("at", None))
        self._root = Path(self.settings["server_root_dir"]).expanduser().resolve()
        self._arena = self.get_query_argument("arena", "", strip=False)
        try:
            self._seen = await IOLoop.current().run_in_executor(None, _found, self._root, self._arena)
        except AutoloopError as error:
            raise HTTPError(status_of(error), "%s", one_line(error, self._root)) from None
        await super().get(*args, **kwargs)

    def open(self, *args: Any, **kwargs: Any) -> None:
        """Begin to ping, and to follow the arena in a thread of its own."""
        super().open(*args, **kwargs)
        wake = partial(IOLoop.current().add_callback, self._send)
        self._outbox = Outbox(wake)
        ended = partial(IOLoop.current().add_callback, self.close, 1011, "the stream broke off: connect again")
        arena = self._seen.arena
        sight = Sight(arena.path, arena.runs / LEDGER, self._state, self._rows)
        self._live = Live(sight, self._after, self._outbox.put, ended, at=self._at)
        self._live.start()

    def on_message(self, message: str | bytes) -> None:
        """Take no notice: a client only listens."""

    def on_close(self) -> None:
        """Let the thread end, without waiting for it: it may be in the middle of a read."""
        if self._live is not None:
            threading.Thread(target=self._live.close, name="autoloop-unfollow", daemon=True).start()

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer a refused request as the REST interface does: one line of JSON."""
        error = (kwargs.get("exc_info") or (None, None))[1]
        line = (error.log_message or "") % error.args if isinstance(error, HTTPError) else ""
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps({"message": line or responses.get(status_code, "this request cannot be met")}))

    async def _send(self) -> None:
        """Send what waits, as fast as the client takes it."""
        if self._sending:
            return
        self._sending = True
        try:
            while (text := self._outbox.take()) is not None:
                await self.write_message(text)
        except WebSocketClosedError:
            pass  # on_close follows
        finally:
            self._sending = False

    def _state(self, ledger: Ledger | None) -> Mapping[str, Any]:
        """The state, read anew with the notebook; a ledger that is lost or broken is rebuilt by the way."""
        try:
            if ledger is None:
                return state(self._root, self._arena)
            return state_of(ledger, look(self._root, self._arena), self._root)
        except AutoloopError as error:
            raise Refused(status_of(error), one_line(error, self._root)) from None

    def _rows(self, ledger: Ledger, numbers: Sequence[int]) -> Sequence[Mapping[str, Any]]:
        return several(ledger, self._seen.folder, numbers)


def _found(root: Path, arena: str) -> Seen:
    """The arena, read in a thread, where importing what reads notebooks holds up nobody."""
    import_jsonschema()
    return look(root, arena)


def _whole(text: str | None) -> int | None:
    """The event number in the query; raises a 400 where it is none."""
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise HTTPError(400, "after is the number of an event: a whole number of 0 or more")
    return int(text)


def _moment(text: str | None) -> float | None:
    """The time of an event in the query; raises a 400 where it is none."""
    if text is None:
        return None
    with contextlib.suppress(ValueError):
        if math.isfinite(moment := float(text)):
            return moment
    raise HTTPError(400, "at is when the event `after` happened, as its message told: seconds since 1970")

"""What one client of an event stream is told: a thread that follows one arena, and the messages that wait for it.

The thread reads and puts into words; the server's loop only sends. So neither a large ledger nor a slow client ever
holds up the server, and a client that does not read costs a bounded amount of memory.
"""

from __future__ import annotations

import contextlib
import json
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoloop_kernel.memory.ledger import Ledger
from autoloop_kernel.records import AutoloopError, Event, to_json
from autoloop_kernel.views.follow import BEAT_S, POLL_S, Follower
from autoloop_kernel.views.rows import clean

BATCH = 500
"""How many events or rows one message holds at most."""

HEAVY = 2**20
"""How many characters one message has at most, unless one event alone has more: clients refuse messages of 10 MiB."""

BEHIND = 5000
"""Who has missed more events than this fetches everything anew: that is less than being told of each."""

STATE_S = 0.25
"""How often the state is put together at most, while events pour in."""

FRESH_S = 5.0
"""How often it is put together though nothing tells of a change: what lies beside the notebook may have changed."""

QUIET = frozenset({"report", "agent", "ahead"})
"""Events that change neither state nor rows; a run may bring ten of them a second."""

ROWLESS = QUIET | {"phase"}

DRIFTING = ("left_seconds",)
"""What changes with the clock alone: it is told along with the rest, and no reason to tell."""

ANOTHER = "the ledger is another one now"

MOST_MESSAGES = 2000
MOST_BYTES = 16 * 2**20


class Outbox:
    """Messages on their way from a thread to a client that may be slow; `wake` is called after each new one.

    More than `messages` or `size` (characters) are not kept. Any thread may use it.
    """

    def __init__(self, wake: Callable[[], None], messages: int = MOST_MESSAGES, size: int = MOST_BYTES) -> None:
        self._wake, self._messages, self._size = wake, messages, size
        self._waiting: deque[str] = deque()
        self._used = 0
        self._lock = threading.Lock()

    def put(self, text: str) -> bool:
        """Let `text` wait; False where there is no room: then all that waited is dropped, and so is this one."""
        with self._lock:
            full = len(self._waiting) >= self._messages or self._used + len(text) > self._size
            if full and self._waiting:
                self._waiting.clear()
                self._used = 0
                return False
            self._waiting.append(text)
            self._used += len(text)
        self._wake()
        return True

    def take(self) -> str | None:
        """The oldest message, None when there is none."""
        with self._lock:
            if not self._waiting:
                return None
            text = self._waiting.popleft()
            self._used -= len(text)
        return text


@dataclass(frozen=True)
class Sight:
    """What a stream looks at: the notebook and the ledger (files), and how state and rows are put into words.

    `state` takes an open reader, or None where no ledger can be read; it may raise `AutoloopError` with one line, which
    is then told as the arena's problem. `rows` takes numbers of iterations, and may raise `AutoloopError`, too.
    """

    notebook: Path
    ledger: Path
    state: Callable[[Ledger | None], Mapping[str, Any]]
    rows: Callable[[Ledger, Sequence[int]], Sequence[Mapping[str, Any]]]


class Live(Follower):
    """Tells one client, message by message (`put` takes JSON text, see `Outbox.put`), what happens to one arena.

    First comes the state, then what came after event number `after` (None: only what comes from now on), then
    everything as it happens. `at` is when that event happened, by which its ledger is known from any other; without it,
    only a shorter one is. `ended` is called when the thread ends, whatever the cause.
    """

    def __init__(
        self,
        sight: Sight,
        after: int | None,
        put: Callable[[str], bool],
        ended: Callable[[], None] = lambda: None,
        poll_s: float = POLL_S,
        at: float | None = None,
    ) -> None:
        super().__init__(sight.ledger, self._listen, after or 0, poll_s)
        self._sight, self._wanted, self._put, self._ended = sight, after, put, ended
        self._seq, self._at = after or 0, at
        self._known: Ledger | None = None
        self._file: tuple[int, int] | None = None
        self._touched: set[int] = set()
        self._state: dict[str, Any] = {}
        self._told: str | None = None
        self._mark: object = None
        self._stale, self._looked, self._made = True, -math.inf, -math.inf

    def run(self) -> None:
        """Tell until closed."""
        try:
            with contextlib.suppress(AutoloopError):
                self._catch_up()
                super().run()
        finally:
            self._ended()

    def _catch_up(self) -> None:
        """Find the place in the ledger from which this client is told events, and give it the first state."""
        reader, same = None, True
        latest: tuple[int, float | None] = (0, None)
        try:
            reader = self._open(True)
            if reader is not None:
                same = self._identify(reader)
                latest = _latest(reader)
        except AutoloopError:
            self._drop()
            reader, same = None, True
        lost = ""
        if not same:
            lost = ANOTHER
        elif self._wanted is not None and latest[0] - self._wanted > BEHIND:
            lost = f"{latest[0] - self._wanted} events were missed"
        if lost or self._wanted is None:
            self._seq, self._at = latest
        self._after = self._seq
        self._look(reader)
        if lost:
            self._reset(lost)

    def _poll(self, last: bool) -> None:
        """Tell of events and rows, then of the state: also where there is no ledger, and when a driver was killed."""
        super()._poll(last)
        if not last:
            self._look(self._reader)

    # -- events and rows

    def _listen(self, ledger: Ledger, events: list[Event]) -> None:
        """Take in what the ledger has to tell."""
        if ledger is not self._known and not self._identify(ledger):
            self._seq, self._at = _latest(ledger)
            self._reset(ANOTHER)
            return
        self._tell_events([event for event in events if event.seq > self._seq])
        if self._touched:
            rows = self._sight.rows(ledger, sorted(self._touched))
            self._touched.clear()
            for batch in _batches(rows):
                self._say("rows", rows=batch)

    def _tell_events(self, events: Sequence[Event]) -> None:
        if len(events) > BEHIND or any(event.kind == "restored" for event in events):
            self._seq, self._at = events[-1].seq, events[-1].time
            self._reset("the history was read in anew")
            return
        for batch in _batches(to_json(events)):
            self._seq, self._at = batch[-1]["seq"], batch[-1]["time"]
            self._say("events", events=batch)
        kinds = {event.kind for event in events}
        self._stale = self._stale or bool(kinds - QUIET)
        self._touched |= {e.iteration for e in events if e.iteration is not None and e.kind not in ROWLESS}

    def _identify(self, ledger: Ledger) -> bool:
        """Take note of which file this reader has open; False where it is not the one that the client knows."""
        before, now = self._file, _file(ledger.path)
        if ledger.replaced():
            # Replaced between opening it and looking: the next reader is then of another file, whatever that is.
            self._file = self._file or (-1, -1)
            raise AutoloopError(f"{ledger.path} was replaced just now: look again")
        self._known, self._file = ledger, now
        return before in (None, now) and self._known_to_client(ledger)

    def _known_to_client(self, ledger: Ledger) -> bool:
        """Whether the event up to which the client was told is in `ledger`, and happened when it was told that it did.

        The inode does not say it to who comes back: a copy is the same ledger, and a new file may have the old number.
        """
        last = ledger.events(after=self._seq - 1, limit=1) if self._seq else []
        return not self._seq or (bool(last) and self._at in (None, last[0].time))

    def _reset(self, reason: str) -> None:
        """Have the client fetch everything anew; from here on it is told what comes after this moment."""
        self._touched.clear()
        self._stale = True
        self._say("reset", reason=reason)

    def _say(self, kind: str, **content: Any) -> None:
        """Hand a message over. A client that has not taken the earlier ones is reset instead, once those are gone."""
        message = {"type": kind, "seq": self._seq, "at": self._at, "now": time.time(), **content}
        if not self._put(encoded(message)):
            self._told = None  # the state that waited is gone with the rest
            self._reset("this page fell too far behind")

    # -- the state

    def _look(self, reader: Ledger | None) -> None:
        """Put the state together where it may have changed, and tell it where it has."""
        now = time.monotonic()
        if now - self._looked < (STATE_S if self._stale else BEAT_S):
            return
        self._looked = now
        mark = (_stamp(self._sight.notebook), reader is None, _driver(reader))
        if not self._stale and mark == self._mark and now - self._made < FRESH_S:
            return
        self._stale, self._mark, self._made = False, mark, now
        try:
            self._state = dict(self._sight.state(reader))
        except AutoloopError as error:
            if not self._state:
                raise  # without a first state there is nothing to show: the client is to come again
            self._state = {**self._state, "problem": str(error)}
        same = json.dumps({k: v for k, v in self._state.items() if k not in DRIFTING}, default=str, sort_keys=True)
        if same != self._told:
            self._told = same
            self._say("state", state=self._state)


def encoded(message: Mapping[str, Any]) -> str:
    """A message as JSON text, pure ASCII (an agent's text may hold what UTF-8 cannot); NaN and infinities are null."""
    try:
        return json.dumps(message, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError):
        return json.dumps(clean(to_json(message)), allow_nan=False, separators=(",", ":"))


def _batches(items: Sequence[Any]) -> Iterator[list[Any]]:
    """The items in their order, as many at a time as one message holds."""
    batch: list[Any] = []
    size = 0
    for item in items:
        more = len(encoded(item))
        if batch and (len(batch) == BATCH or size + more > HEAVY):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += more
    if batch:
        yield batch


def _latest(ledger: Ledger) -> tuple[int, float | None]:
    """The number of the last event and when it happened; 0 and None before the first."""
    event = ledger.last_event()
    return (0, None) if event is None else (event.seq, event.time)


def _driver(reader: Ledger | None) -> str | None:
    """Who holds the arena: a killed driver is no event, so this is asked of the process table."""
    try:
        holder = None if reader is None else reader.holder()
    except AutoloopError:
        return None
    return None if holder is None else holder.token


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """What tells one version of a file from another; None without one."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _file(path: Path) -> tuple[int, int] | None:
    """Which file lies at `path`."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino

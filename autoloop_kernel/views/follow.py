"""The thread that follows a ledger while others write to it: what every live display hangs on."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path

from autoloop_kernel.memory.ledger import Ledger
from autoloop_kernel.records import AutoloopError, Event

POLL_S = 0.1
BEAT_S = 0.5
"""How often a listener is called though nothing happened, so that its clocks move on."""

RETRY_S = 1.0
"""How long a ledger that could not be read is left alone: opening one costs its check."""

Listener = Callable[[Ledger, list[Event]], None]
"""Takes the reader (in the thread's hands: use it only within the call) and the new events, oldest first."""


class Follower(threading.Thread):
    """Calls `on_events` with what happens in `ledger` after event number `after`, and with `[]` every half second.

    It has a connection of its own, which only reads. A ledger that is not there yet, busy, or replaced by another is
    waited for. A listener whose output is gone (`OSError`, `ValueError`) ends it: a display that fails must not end the
    work that it shows.
    """

    def __init__(self, ledger: Path, on_events: Listener, after: int, poll_s: float = POLL_S) -> None:
        super().__init__(name="autoloop-follow", daemon=True)
        self._path, self._tell, self._after, self._poll_s = ledger, on_events, after, poll_s
        self._reader: Ledger | None = None
        self._over, self._faulty = threading.Event(), False
        self._quiet_until, self._beat = 0.0, 0.0

    def close(self) -> None:
        """Hand over what is still to tell, and end; returns once the thread has. A second call does nothing."""
        self._over.set()
        if self.is_alive() and threading.current_thread() is not self:
            self.join(timeout=10)

    def run(self) -> None:
        """Follow until closed."""
        over = False
        try:
            with contextlib.suppress(OSError, ValueError):
                while not over:
                    over = self._over.wait(self._poll_s)
                    self._poll(over)
        finally:
            self._drop()

    def _poll(self, last: bool) -> None:
        """Look once; the listener is called where there is something to tell, or it is time for its clocks."""
        now = time.monotonic()
        due = last or now - self._beat >= BEAT_S
        try:
            reader = self._open(due)
            if reader is None:
                return
            events = reader.events(after=self._after)
        except AutoloopError:
            self._drop()
            self._quiet_until = now + RETRY_S
            return
        if events:
            self._after = events[-1].seq
        if events or due:
            self._beat = now
            self._hand_over(reader, events)

    def _hand_over(self, reader: Ledger, events: list[Event]) -> None:
        """Call the listener. A ledger that goes away under it is looked for again; a fault of its own is told once."""
        try:
            self._tell(reader, events)
        except (AutoloopError, OSError, ValueError) as error:
            if not isinstance(error, AutoloopError):
                raise
        except Exception as error:
            if not self._faulty:
                self._faulty = True
                threading.excepthook(threading.ExceptHookArgs((type(error), error, error.__traceback__, self)))

    def _open(self, look: bool) -> Ledger | None:
        """The reader, opened (again) where need be; None while there is nothing to read."""
        if self._reader is not None and look and self._reader.replaced():
            self._drop()
        if self._reader is None and time.monotonic() >= self._quiet_until and self._path.is_file():
            self._reader = Ledger.open(self._path, create=False, read_only=True)
            latest = self._reader.last_event()
            if latest is None or latest.seq < self._after:
                self._after = 0  # another ledger, which counts anew
        return self._reader

    def _drop(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

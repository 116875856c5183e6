"""How a running driver is steered and shown to be alive: a thread that beats the lease and answers commands."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autoloop_kernel.memory.lease import is_here
from autoloop_kernel.memory.ledger import Holder, Ledger, LedgerBroken
from autoloop_kernel.records import AutoloopError, Command

POLL_S = 0.1
BEAT_S = 2.0
PATIENCE_S = 30.0
"""For how long the ledger may be out of reach before the driver ends: a backup that locks it is over by then."""

OVERTAKEN = "another driver took the arena over, since this one was not heard of for too long"

REPLIES = {
    "pause": ("pauses after this iteration", "pauses after these iterations"),
    "resume": ("goes on", "goes on"),
    "stop": ("stops after this iteration", "stops after these iterations"),
    "stop-now": (
        "stops at once; the iteration in flight will be run again",
        "stops at once; the iterations in flight will be run again",
    ),
}
"""The verbs that a driver understands, and what it answers: while one iteration is under way, and while several are."""


class Control:
    """The flags that commands and signals set, and the thread that turns the one into the other.

    `paused`, `stopping` and `stopping_now` are what the driver reads; `why` is what is wrong where it was nobody's wish
    that stopped it. The thread has a ledger connection of its own.
    """

    def __init__(self, ledger: Path, token: str) -> None:
        self._path, self._token = ledger, token
        self.paused = threading.Event()
        self.stopping = threading.Event()
        self.stopping_now = threading.Event()
        self.catches_signals = False
        self.why = ""
        self._heard = time.monotonic()
        self._thinking = False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="autoloop-control", daemon=True)

    def start(self) -> None:
        """Begin to beat and to answer."""
        self._thread.start()

    def close(self) -> None:
        """Stop the thread; what is still unanswered is told that the driver has ended."""
        self._over.set()
        self._thread.join(timeout=10)

    def stop_now(self) -> None:
        """Stop at once: kills the run, and wakes the main thread out of an agent that is thinking."""
        self.stopping.set()
        self.stopping_now.set()
        if self._thinking and self.catches_signals:
            os.kill(os.getpid(), signal.SIGINT)

    def wait_while_paused(self) -> None:
        """Return once the driver may go on, or is to stop."""
        while self.paused.is_set() and not self.stopping.is_set():
            self.stopping.wait(0.1)

    def on_signal(self, number: int, frame: object) -> None:
        """Handle SIGINT or SIGTERM: stop at once, out of a thinking agent by KeyboardInterrupt."""
        self.stopping.set()
        self.stopping_now.set()
        if self._thinking:
            self._thinking = False
            raise KeyboardInterrupt

    @contextmanager
    def thinking(self) -> Iterator[None]:
        """Bracket a call into an agent, where only an interrupt reaches the main thread."""
        self._thinking = True
        try:
            if self.stopping_now.is_set():
                raise KeyboardInterrupt
            yield
        finally:
            self._thinking = False

    def _follow(self) -> None:
        """Follow the ledger until the end, through whatever keeps it from being read or written for a while."""
        while not self._over.is_set():
            try:
                with Ledger.open(self._path, create=False) as ledger:
                    self._heard = time.monotonic()
                    self._attend(ledger)
            except AutoloopError as error:
                lost = isinstance(error, LedgerBroken) or not self._path.exists()
                if lost or time.monotonic() - self._heard > PATIENCE_S:
                    self._give_up(str(error))
                    return
                self._over.wait(BEAT_S)

    def _attend(self, ledger: Ledger) -> None:
        beats = 0
        while not self._over.wait(POLL_S):
            for command in ledger.commands():
                self._obey(ledger, command)
            beats += 1
            if beats * POLL_S >= BEAT_S:
                beats = 0
                if not ledger.beat(self._token):
                    self._give_up(_taken(self._path.parent) if ledger.replaced() else OVERTAKEN)
                self._heard = time.monotonic()
        for command in ledger.commands():
            ledger.answer(command.id, "the driver has ended")

    def _give_up(self, why: str) -> None:
        """Stop at once: who cannot beat nor be told to stop must not go on."""
        self.why = self.why or why
        self.stop_now()

    def _obey(self, ledger: Ledger, command: Command) -> None:
        verb = command.verb
        if verb == "pause":
            self.paused.set()
        elif verb == "resume":
            self.paused.clear()
        elif verb == "stop":
            self.stopping.set()
        elif verb == "stop-now":
            self.stop_now()
        ledger.answer(command.id, _reply(ledger, verb))
        if verb in ("pause", "resume"):
            ledger.emit(verb)
        elif verb in ("stop", "stop-now"):
            ledger.emit("stopping", now=verb == "stop-now")


def _reply(ledger: Ledger, verb: str) -> str:
    one, more = REPLIES.get(verb, (f"unknown verb {verb!r}: use {', '.join(REPLIES)}",) * 2)
    return more if len(ledger.in_flight()) + len(ledger.replicating()) > 1 else one


def _taken(runs: Path) -> str:
    return f"{runs} was removed or replaced while the driver ran: put it back from a copy, or start anew"


def heard(ledger: Ledger) -> Holder | None:
    """Who drives on another machine though its heartbeats look old by this clock, which may be wrong; else None.

    It is listened to for three beats, and only where a driver elsewhere did not give the arena back.
    """
    before = ledger.written()
    if before is None or is_here(before) or ledger.holder() is not None:
        return None
    time.sleep(3 * BEAT_S)
    after = ledger.written()
    return after if after is not None and after.heartbeat != before.heartbeat else None

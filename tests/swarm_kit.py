"""A driver with several workers, as its ledger tells of it: runs begin and end in any order, and nothing is run."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from played import BASELINE

from autoloop_kernel.arena.edit import code_key
from autoloop_kernel.arena.game import game, hardware_class, parts
from autoloop_kernel.memory import control
from autoloop_kernel.memory.ledger import Holder
from autoloop_kernel.records import Event, Finding, Kind, Outcome, Proposal, Verdict
from autoloop_kernel.session import Session

PLACES = {"w1": "GPU 0", "w2": "GPU 1"}


class Clock:
    """The time that events are told to have: it stands still until it is set forward."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, now: float = 1_800_000_000.0) -> None:
        self.now = now
        monkeypatch.setattr(control, "time", SimpleNamespace(time=lambda: self.now))

    def go(self, seconds: float) -> float:
        """Let so many seconds pass; gives what it is then."""
        self.now += seconds
        return self.now


class Swarm:
    """A driver that this process is, with the workers `places` (where each is, by its name)."""

    def __init__(self, session: Session, places: Mapping[str, str] = PLACES, **plan: Any) -> None:
        self.session, self.ledger = session, session.ledger
        self.holder = Holder.mine()
        assert self.ledger.acquire(self.holder) is None
        told = {"iterations": None, "hours": None, "until": None, "workers": str(len(places))} | plan
        self.seq = self.ledger.emit("driver.start", pid=os.getpid(), host="here", agents=["search"], plan=told)
        for name, where in places.items():
            self.tell(name, "up", where=where)
        self._attempts: dict[int, tuple[int, str]] = {}

    @property
    def start(self) -> Event:
        """The event that began it."""
        return next(event for event in self.ledger.events(after=self.seq - 1, limit=1))

    def tell(self, name: str, state: str, text: str = "", where: str = "") -> None:
        """What becomes of a worker."""
        self.ledger.emit("worker", name=name, where=where, state=state, text=text, hardware="cpu")

    def begin(self, worker: str, title: str = "", base: int | None = 1, phase: str = "running") -> int:
        """Give the next number to a proposal, and start its first attempt on this worker."""
        session, ledger = self.session, self.ledger
        now = parts(session.arena, hardware_class())
        identity = game(session.arena, hardware_class())
        epoch, _ = ledger.epoch(identity, now)
        number = ledger.last_number() + 1
        units = {"model": BASELINE.replace("3.0", f"{number}.25")}
        ledger.propose(Proposal(title or f"try {number}", units, "It may help.", "search", base, f"s{number}"), epoch)
        ledger.begin(f"s{number}", base, epoch, identity, code_key(units))
        self.run(worker, number, phase)
        return number

    def run(self, worker: str, number: int, phase: str = "running", kind: Kind = Kind.SCREEN) -> int:
        """Start another attempt of it."""
        attempt = self.ledger.begin_attempt(number, 7, kind, f"run-{number}", worker)
        self._attempts[number] = attempt, worker
        if phase:
            self.ledger.emit("phase", number, attempt, phase=phase)
        return attempt

    def ended(self, number: int, outcome: Outcome) -> None:
        """Let its attempt end, without a verdict on the iteration."""
        attempt, worker = self._attempts[number]
        self.ledger.end_attempt(number, attempt, outcome, worker)

    def end(self, number: int, outcome: Outcome, kept: bool = False) -> None:
        """Let its attempt end, and judge it."""
        self.ended(number, outcome)
        it = self.ledger.iteration(number)
        assert it is not None
        verdict = outcome.verdict
        if verdict is Verdict.SCORED:
            verdict = Verdict.KEEP if kept else Verdict.DISCARD
        done = replace(it, verdict=verdict, score=outcome.score, reason=outcome.reason, seconds=outcome.seconds)
        self.ledger.finish(done, Finding(number, "taught something"), champion=kept)

    def stop(self, reason: str = "done", down: Iterable[str] = ()) -> None:
        """End as a driver does."""
        for name in down:
            self.tell(name, "down")
        self.ledger.emit("driver.stop", reason=reason)
        self.ledger.release(self.holder.token)

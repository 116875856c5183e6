"""Drivers with several slots: an arena of two constants, agents that play, runs that wait until a test lets them."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from arenas import arena

from autoloop_kernel import driver
from autoloop_kernel.agents.base import Context, NothingNew
from autoloop_kernel.driver import open_session
from autoloop_kernel.execution.workers import Slot, open_workers
from autoloop_kernel.records import Job, Outcome, Proposal
from autoloop_kernel.session import Session

ANSWER = "submit(lambda at: np.array([X, Y]) + 0.0 * at)"
ASKED = "x, y = ask(at=np.zeros(2))\nscore(float((x - 1.0) ** 2 + (y + 0.5) ** 2))"
PATIENCE_S = 60.0
"""For how long a run that waits for a test does so; nothing but a test that fails takes as long."""


def write_two(folder: Path, **settings: Any) -> Path:
    """An arena whose score is the squared distance of (X, Y) from (1, -0.5); each has a cell of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "two.ipynb"
    path.write_text(nbformat.writes(arena("X = 3.0", "Y = -2.0", ANSWER, score=ASKED, **settings)), encoding="utf-8")
    return path


def at(x: float | None = None, y: float | None = None) -> dict[str, str]:
    """An edit of one constant, or of both."""
    units = {"e0": None if x is None else f"X = {x!r}", "e1": None if y is None else f"Y = {y!r}"}
    return {name: text for name, text in units.items() if text is not None}


class Ideas:
    """An agent that proposes these edits one after the other; `quick` ones are asked on the spot."""

    def __init__(self, *plays: Mapping[str, str], name: str = "ideas", quick: bool = False) -> None:
        self.name, self.quick, self.plays, self.asked = name, quick, list(plays), 0

    def propose(self, context: Context) -> Proposal:
        """The next one; once there is none left it gives up."""
        self.asked += 1
        if not self.plays:
            raise NothingNew("has no more ideas")
        units = self.plays.pop(0)
        return Proposal(" ".join(units.values()), dict(units))


@dataclass
class Gated:
    """An executor that runs a job as another does, and gives what came of it once `hold(job)` has returned."""

    inner: Any
    hold: Callable[[Job], None]

    def run(self, job: Job, on_message: Any, stopped: Callable[[], bool]) -> Outcome:
        """Run it, wait, and give what came of it."""
        outcome = self.inner.run(job, on_message, stopped)
        self.hold(job)
        return outcome

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class Gates:
    """Holds back what came of iterations until the test lets them end; what it never names is not held."""

    def __init__(self, *numbers: int) -> None:
        self._gates = {number: threading.Event() for number in numbers}
        self.numbers = numbers
        self.ran: list[tuple[int, int]] = []

    def __call__(self, job: Job) -> None:
        """Hold the outcome of `job`."""
        self.ran.append((job.iteration, job.attempt))
        if job.iteration in self._gates:
            assert self._gates[job.iteration].wait(PATIENCE_S), f"iteration {job.iteration} was never let go"

    def open(self, *numbers: int) -> None:
        """Let these end."""
        for number in numbers:
            self._gates[number].set()


@contextlib.contextmanager
def held_by(hold: Callable[[Job], None]) -> Iterator[None]:
    """Let `hold(job)` decide when the drivers of this process learn what came of a run."""

    def opened(spec: str, mark: str, tell: Callable[..., None]) -> Any:
        workers = open_workers(spec, mark, tell)
        workers.slots = [Slot(one.name, one.where, Gated(one.executor, hold)) for one in workers.slots]
        return workers

    driver.open_workers = opened  # type: ignore[assignment]
    try:
        yield
    finally:
        driver.open_workers = open_workers


def by_code(path: Path) -> dict[str, tuple[str, float | None]]:
    """Verdict and score of what ran, by its code."""
    with open_session(path, create=False) as session:
        rows = session.ledger.iterations()
        return {session.ledger.code_key(row.number): (str(row.verdict), row.score) for row in rows}


def overtaken(session: Session) -> list[tuple[int | None, str, int]]:
    """What was overtaken: the iteration, the proposal that takes its edit up, and the champion of then."""
    events = session.ledger.events(kinds=["overtaken"])
    return [(event.iteration, event.data["id"], event.data["champion"]) for event in events]


def assert_no_code_twice(session: Session) -> None:
    """No code has run twice in an epoch, but for what is held against a champion that overtook it; none ran at once."""
    fresh = [it for it in session.ledger.iterations() if not session.ledger.combines(it.proposal)]
    count = Counter((it.epoch, session.ledger.code_key(it.number)) for it in fresh)
    assert not [key for key, times in count.items() if times > 1]
    running: dict[tuple[int, str], int] = {}
    epochs = {it.number: it.epoch for it in session.ledger.iterations()}
    for event in session.ledger.events(kinds=["iteration.start", "iteration.end"]):
        number = event.iteration or 0
        key = (epochs[number], session.ledger.code_key(number))
        if event.kind == "iteration.start":
            assert key not in running, f"{number} and {running.get(key)} ran the same code at once"
            running[key] = number
        else:
            del running[key]


def assert_each_ended_once(session: Session) -> None:
    """Every iteration that was begun has ended, once."""
    for kind in ("iteration.start", "iteration.end"):
        numbers = [event.iteration for event in session.ledger.events(kinds=[kind])]
        assert sorted(numbers) == list(range(1, session.ledger.last_number() + 1)), kind  # type: ignore[type-var]


def most_at_once(session: Session) -> int:
    """How many runs went on at the same time, at most."""
    now, most = 0, 0
    for event in session.ledger.events(kinds=["attempt.start", "attempt.end"]):
        now += 1 if event.kind == "attempt.start" else -1
        most = max(most, now)
    return most


def workers_of(session: Session) -> set[str]:
    """The slots that runs were made on."""
    return {str(event.data.get("worker")) for event in session.ledger.events(kinds=["attempt.start"])}


def wait_for(path: Path, holds: Callable[[Session], object], within_s: float = 45.0) -> None:
    """Wait until something holds of the arena's session."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        if (path.parent / f"{path.stem}_runs" / "ledger.sqlite").exists():
            with open_session(path, create=False) as session:
                if holds(session):
                    return
        time.sleep(0.05)
    raise AssertionError(f"not within {within_s} s")


def spread(count: int) -> Sequence[dict[str, str]]:
    """So many edits of the baseline, all of them worse than it."""
    return [at(x=4.0 + step) for step in range(count)]

"""A made-up world for teams: twelve knobs with six settings each, a seeded noisy score, and agents that often agree.

The loop, ledger, lineage, judge and driver are the real ones; only the machine is played.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loop_kit import Played, cell, change
from played import make_arena

from autoloop_kernel import driver
from autoloop_kernel.agents.base import Context, NothingNew
from autoloop_kernel.driver import Plan, drive, open_session
from autoloop_kernel.records import Job, Outcome, Proposal, Verdict
from autoloop_kernel.session import Session

KNOBS, SETTINGS, START, NOISE = 12, 6, 3.0, 0.05
RUN_S = 0.02
"""How long a run lasts at most, so that several go on at once."""
KEEP = {"policy": "bayes", "max_attempts": 1, "sigma": NOISE, "confirm": 0, "recheck": 0}
"""One run an iteration, so that as many iterations are as many evaluations."""


def source(settings: Sequence[int]) -> str:
    """The editable cell: the knobs so far apart that edits of two can be brought together."""
    knobs = "\n\n\n".join(f"K{knob} = {setting}" for knob, setting in enumerate(settings))
    return f"{knobs}\n\n\nsubmit(lambda: np.array(0.0))"


def settings_of(text: str) -> list[int]:
    """How the knobs stand in a cell, or in a notebook that holds it."""
    found = dict(re.findall(r"K(\d+) = (\d)", text))
    return [int(found[str(knob)]) for knob in range(KNOBS)]


class World:
    """What the settings of the knobs are worth: most do harm, and each knob adds what it does."""

    def __init__(self, seed: int) -> None:
        draw = random.Random(f"world {seed}")
        self._worth = [[0.0, *(draw.gauss(0.05, 0.1) for _ in range(1, SETTINGS))] for _ in range(KNOBS)]
        self.most = -sum(min(knob) for knob in self._worth)

    def true(self, settings: Sequence[int]) -> float:
        """The score without noise; lower is better."""
        return START + sum(worth[setting] for worth, setting in zip(self._worth, settings, strict=True))


class Machine:
    """Plays a run: the world's score with noise that its seed draws, after a moment."""

    def __init__(self, world: World) -> None:
        self._world = world

    def prepare(self) -> None:
        """Nothing is to be made ready."""

    def run(self, job: Job, on_message: Any, stopped: Callable[[], bool]) -> Outcome:
        """Give the score."""
        draw = random.Random(job.seed)
        time.sleep(draw.uniform(0.2, 1.0) * RUN_S)
        return Outcome(Verdict.SCORED, score=self._world.true(settings_of(job.notebook)) + NOISE * draw.gauss(0.0, 1.0))


class Drawing:
    """An agent that draws an idea (one knob, another setting) without asking what is known; once told, it asks."""

    quick = True

    def __init__(self, name: str, seed: int) -> None:
        self.name, self._draw = name, random.Random(f"{name} {seed}")

    def propose(self, context: Context) -> Proposal:
        """The next idea; the first that nobody has tried where the last one was refused."""
        ideas = [(knob, setting) for knob in range(KNOBS) for setting in range(SETTINGS)]
        self._draw.shuffle(ideas)
        now = settings_of(context.units["model"])
        for knob, setting in ideas:
            if now[knob] == setting:
                continue
            units = {"model": source([*now[:knob], setting, *now[knob + 1 :]])}
            if context.refusal is None or context.is_known(units) is None:
                return Proposal(f"K{knob} = {setting}", units)
        raise NothingNew("every idea has been tried")


@dataclass(frozen=True)
class Came:
    """What came of one loop: evaluations, those that its memory avoided, and its champion's true gain and score."""

    ran: int
    avoided: int
    gain: float
    score: float
    codes: tuple[str, ...]
    overtaken: int


def search(folder: Path, world: World, agents: Sequence[Drawing], slots: int, iterations: int) -> Came:
    """Run a loop in `folder` to its end, and look at what it leaves."""
    folder.mkdir(parents=True)
    path = make_arena(folder, keep=KEEP)
    change(path, lambda notebook: cell(notebook, "model").update(source=source([0] * KNOBS)))
    real = driver.open_workers
    driver.open_workers = lambda spec, mark, tell: Played(*[Machine(world)] * slots)  # type: ignore[assignment]
    try:
        ended = drive(path, list(agents), Plan(iterations=iterations, workers=str(slots)))
    finally:
        driver.open_workers = real
    with open_session(path, create=False) as session:
        _assert_whole(session, ended.ran)
        champion = session.champion()
        assert champion is not None
        best = settings_of(session.units(champion.number)["model"])
        refused = session.ledger.events(kinds=["refused"])
        return Came(
            ran=ended.ran,
            avoided=sum(event.data["status"] == "duplicate" for event in refused),
            gain=START - world.true(best),
            score=champion.score or 0.0,
            codes=tuple(session.ledger.code_key(row.number) for row in session.ledger.iterations()),
            overtaken=len(session.ledger.overtaken()),
        )


def _assert_whole(session: Session, ran: int) -> None:
    """Every iteration that was begun ended once, and no code was evaluated twice but to be held against a champion."""
    count: Mapping[str, int] = {
        kind: len(session.ledger.events(kinds=[kind])) for kind in ("iteration.start", "iteration.end")
    }
    assert count == {"iteration.start": ran, "iteration.end": ran}, count
    fresh = [row for row in session.ledger.iterations() if not session.ledger.combines(row.proposal)]
    codes = [session.ledger.code_key(row.number) for row in fresh]
    assert len(codes) == len(set(codes)), "a code was evaluated twice"

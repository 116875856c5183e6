"""Runs that lie far behind are given up, but for one in ten; what that costs is counted, and too much ends it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from itertools import count
from pathlib import Path

import nbformat
import pytest
from arenas import arena
from exploit_kit import Scripted
from loop_kit import Machine, change, scored
from story import assert_same_story
from test_crash_safety import finish

from autoloop_kernel.arena.check import check
from autoloop_kernel.driver import Plan, drive, open_session
from autoloop_kernel.judging.pruning import STARTUP
from autoloop_kernel.loop import Loop
from autoloop_kernel.pruning import spared
from autoloop_kernel.records import HARNESS, AutoloopError, Iteration, Kind, Outcome, Point, Verdict
from autoloop_kernel.session import Session
from autoloop_kernel.views import status

NAME = next(f"race{n}" for n in count() if not spared(f"race{n}", 6) and spared(f"race{n}", 7))
"""An arena of which iteration 7 would be let finish, and not iteration 6."""

BUDGET_S = 2.5
SLOW = "while budget.spent() < 1.1:\n    report(0, loss=9.0)\n"
HOPELESS = f"{SLOW}import time\ntime.sleep(600)"


def quick(x: float, loss: float) -> str:
    """A candidate that is done at once: what its curve came to holds for the rest of the budget."""
    return f"report(0, loss={loss})\nsubmit(lambda: np.array({x}))"


def write(folder: Path, **settings) -> Path:
    settings = {"budget_s": BUDGET_S, "clock": "cpu", "prune": {"curve": "loss"}, **settings}
    path = folder / f"{NAME}.ipynb"
    path.write_text(nbformat.writes(arena(quick(5.0, 5.0), score="score(abs(float(ask())))", **settings)), "utf-8")
    return path


def run(path: Path, *sources: str) -> None:
    drive(path, [Scripted(*({"e0": source} for source in sources))], Plan(iterations=len(sources), ahead=0))


@pytest.fixture(scope="module")
def standing(tmp_path_factory) -> Path:
    """The folder of an arena with five runs that have finished: a baseline, a keep and three discards."""
    path = write(tmp_path_factory.mktemp("standing"))
    drive(path, [Scripted()], Plan(iterations=1, ahead=0))
    run(path, quick(3.0, 3.0), quick(6.0, 4.0), quick(6.5, 4.5), quick(7.0, 5.0))
    with open_session(path) as session:
        assert len(session.ledger.iterations()) == STARTUP
    return path.parent


@pytest.fixture
def race(standing, tmp_path) -> Path:
    shutil.copytree(standing, tmp_path / "race")
    return tmp_path / "race" / f"{NAME}.ipynb"


def test_a_hopeless_candidate_is_given_up_and_a_late_bloomer_that_finishes_is_counted(race):
    run(race, HOPELESS)
    with open_session(race) as session:
        ended = session.ledger.iteration(6)
        assert (ended.verdict, ended.score, session.champion().number) == (Verdict.PRUNED, None, 2)
        assert ended.reason == (
            "given up: loss 9 after 30 % of the budget, where the champion had 3 and had been there after 5 %; "
            "5 of 5 finished runs were better"
        )
        assert ended.reason in session.ledger.findings()[-1].text
        (attempt,) = ended.attempts
        assert (attempt.verdict, attempt.kind) == (Verdict.PRUNED, Kind.SCREEN)
        assert session.ledger.curve(6)
        executed = nbformat.read(session.arena.folder / ended.notebook, as_version=4)
        assert executed.metadata.autoloop.result.verdict == "pruned"
        cell = next(one for one in executed.cells if one.id == "e0")
        assert cell.outputs
        assert cell.metadata.papermill.exception
    assert assert_same_story(race)[-1] == "pruned"

    run(race, f"{SLOW}submit(lambda: np.array(1.0))")  # as slow, and better than all of them in the end
    with open_session(race) as session:
        ended = session.ledger.iteration(7)
        assert (ended.verdict, ended.score, session.champion().number) == (Verdict.KEEP, 1.0, 7)
        seen = ended.attempts[0].facts[HARNESS]["pruning"]
        assert (seen["share"], seen["spared"]) == (0.3, True)
        notes = [event.data["text"] for event in session.ledger.events(kinds=["note"])]
        assert notes[-2].startswith(
            "iteration 7 is let finish, as one in 10 is, though it lies far behind: loss 9 after"
        )
        assert notes[-1].startswith("off: it would have ended 10 of 11 true improvements")
        found = status.row(status.read(session.ledger, NAME, session.arena.rules.metric))["pruning"]
        assert (found["on"], found["killed"], found["gained"], found["pruned"]) == (False, 10, 11, 1)


@pytest.mark.timeout(600)
def test_a_kill_around_it_leaves_one_verdict(standing, race, tmp_path):
    source, log = tmp_path / "hopeless.py", tmp_path / "crossings.txt"
    source.write_text(HOPELESS)
    assert finish(begin(race, source, AUTOLOOP_CROSSINGS=str(log))).startswith("exit 0")
    marks = [name for name in log.read_text().splitlines() if not name.endswith("write iteration.ipynb")]
    for mark in ("before ledger end attempt", "after ledger end attempt"):
        copy = tmp_path / mark
        shutil.copytree(standing, copy)
        said = finish(begin(copy / race.name, source, AUTOLOOP_KILL_AT=str(marks.index(mark) + 1)))
        assert said.startswith("exit -9"), said
        assert finish(begin(copy / race.name, source)).startswith("exit 0")
        assert assert_same_story(copy / race.name) == ["keep", "keep", "discard", "discard", "discard", "pruned"]


def begin(path: Path, source: Path, **env: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "autoloop_kernel", str(path), "--agent", f"command:cp '{source}' e0.py"]
    return subprocess.Popen(
        [*command, "--iterations=1"],
        env={**os.environ, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


class Racer(Machine):
    """Plays runs with a curve, point by point; one that is given up ends there."""

    def run(self, job, on_message, stopped):
        self.jobs.append(job)
        outcome = self.outcomes[len(self.jobs) - 1]
        for point in outcome.curve:
            told = {"step": point.step, "seconds": point.seconds, "numbers": dict(point.numbers)}
            if why := on_message("report", told):
                return replace(outcome, verdict=Verdict.PRUNED, score=None, reason=why)
        return outcome


def points(value: float, name: str = "loss") -> tuple[Point, ...]:
    return tuple(Point(at, at / 5, {name: value}) for at in range(1, 20))


def played(path: Path, *then: Outcome) -> tuple[Loop, Session]:
    """A loop that has played five runs that finish, and goes on with these; and its session."""
    session = open_session(path)
    loop = Loop(session, Racer(*(scored(5.0 + at, curve=points(5.0 + at)) for at in range(5)), *then))
    agent = Scripted(*({"e0": quick(at, at)} for at in range(4)))
    for _ in range(5):
        loop.iterate(agent)
    return loop, session


def after(path: Path, last: Outcome) -> tuple[Loop, Iteration]:
    """Play five runs that finish, then one that ends as `last` where it is let; gives the loop and that iteration."""
    loop, _ = played(path, last)
    return loop, loop.iterate(Scripted({"e0": quick(8, 8)}))


def test_a_run_is_given_up_only_by_the_curve_that_the_arena_names(tmp_path):
    loop, ended = after(write(tmp_path), scored(20.0, curve=points(99.0)))
    assert ended.verdict is Verdict.PRUNED
    loop.session.close()


@pytest.mark.parametrize("curve", [(), points(99.0, "accuracy")])
def test_without_that_curve_nothing_is_given_up(tmp_path, curve):
    loop, ended = after(write(tmp_path), scored(20.0, curve=curve))
    assert (ended.verdict, ended.score) == (Verdict.DISCARD, 20.0)
    loop.session.close()


def test_an_arena_that_does_not_ask_for_it_gives_nothing_up(tmp_path):
    loop, ended = after(write(tmp_path, prune={}), scored(20.0, curve=points(99.0)))
    assert ended.verdict is Verdict.DISCARD
    assert loop.session.ledger.last_event("pruning") is None
    loop.session.close()


def test_a_run_that_others_slowed_time_and_again_finishes(tmp_path):
    spoilt = Outcome(Verdict.CONTENDED, "other processes used 60 % of the CPU that this run may use")
    loop, session = played(write(tmp_path), spoilt, spoilt, scored(20.0, curve=points(99.0)))
    ended = loop.iterate(Scripted({"e0": quick(9, 9)}))
    assert [attempt.verdict for attempt in ended.attempts] == [Verdict.CONTENDED, Verdict.CONTENDED, Verdict.SCORED]
    session.close()


@pytest.mark.parametrize("kind", [Kind.REPLICATE, Kind.CONFIRM])
def test_a_run_that_is_made_again_finishes_however_far_behind(tmp_path, kind):
    loop, session = played(write(tmp_path), scored(20.0, curve=points(99.0)))
    loop.run_again(5, kind)
    assert session.iteration(5).attempts[-1].score == 20.0
    session.close()


def test_asking_for_it_opens_no_epoch_and_is_measured_on_what_has_finished(tmp_path):
    path = write(tmp_path, prune={})
    loop, ended = after(path, scored(1.0, curve=points(99.0)))
    assert ended.verdict is Verdict.KEEP
    change(path, lambda nb: nb["metadata"]["autoloop"].update(prune={"curve": "loss"}))
    loop.executor = Racer(scored(30.0, curve=points(199.0)))
    ended = loop.iterate(Scripted({"e0": quick(30.0, 1.0)}))
    assert (ended.epoch, ended.verdict) == (1, Verdict.DISCARD)
    assert ended.attempts[0].facts[HARNESS]["pruning"]["spared"] is False, "it finished since pruning is off"
    found = status.pruning(loop.session.ledger)
    assert (found.gained, found.killed, found.finished, found.on) == (1, 1, 6, False)
    change(path, lambda nb: nb["metadata"]["autoloop"].pop("prune"))
    loop.executor = Racer(scored(31.0))
    loop.iterate(Scripted({"e0": quick(31.0, 1.0)}))
    assert status.pruning(loop.session.ledger) is None
    loop.session.close()


def test_what_was_spared_still_counts_for_ten_in_a_driver_that_starts_anew(race):
    with open_session(race) as session:
        loop = Loop(session, Racer(scored(9.0), scored(1.0, curve=points(99.0))))
        loop.iterate(Scripted({"e0": quick(9.0, 9.0)}))
        assert loop.iterate(Scripted({"e0": quick(1.0, 9.0)})).verdict is Verdict.KEEP
        before = status.pruning(session.ledger)
        assert (before.gained, before.killed) == (11, 10)
        events = len(session.ledger.events(kinds=["pruning", "note"]))
        loop = Loop(session, Racer(scored(9.5)))
        loop.pruner.ended(session.arena, 1)
        assert len(session.ledger.events(kinds=["pruning", "note"])) == events, "nothing new, and nothing said twice"


def test_without_optuna_an_arena_that_prunes_says_so_before_it_runs(tmp_path, monkeypatch):
    path = write(tmp_path)
    monkeypatch.setitem(sys.modules, "optuna", None)
    (problem,) = check(path)
    assert "needs Optuna, which is not installed" in str(problem)
    with pytest.raises(AutoloopError, match="pip install optuna"):
        drive(path, [Scripted()], Plan(iterations=1))
    assert check(write(tmp_path, prune={})) == []

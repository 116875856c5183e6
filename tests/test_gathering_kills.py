"""kill -9 beside every write of a combination of several edits: nothing is lost, nothing doubled."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
from pathlib import Path

import pytest
from apart_kit import played_apart
from gathering_kit import ALL, Slots, code, overtake
from loop_kit import Played, make_sealed_arena, scored
from loop_kit import play as run
from slots_kit import Ideas, assert_each_ended_once, assert_no_code_twice
from test_overtaken_kills import assert_same_story_of

from autoloop_kernel import driver, durable
from autoloop_kernel.driver import Ended, Plan, drive
from autoloop_kernel.records import Job, Outcome
from autoloop_kernel.session import open_session

BEFORE, MOST = 2, 40
"""How many marks before the gathering, and how many in all, are killed at."""


class Apart:
    """A machine whose score is the less the larger the numbers; with `apart` A and B are no good together."""

    def __init__(self, apart: bool) -> None:
        self._apart = apart

    def prepare(self) -> None:
        """Nothing is to be made ready."""

    def run(self, job: Job, on_message, stopped) -> Outcome:
        """Give the score."""
        a, b, c, d = (float(re.search(rf'"{name} = ([\d.]+)', job.notebook)[1]) for name in "ABCD")
        return scored(8.0 - a - b - c - d + (4.0 if self._apart and a == b == 2.0 else 0.0))


def make(folder: Path) -> Path:
    """An arena with two keeps that were overtaken by iteration 5."""
    folder.mkdir()
    path = make_sealed_arena(folder, keep={"policy": "greedy"})
    with open_session(path, in_turns=True) as session:
        run(session, (None, scored(4.5)), (code(), scored(4.0)))
        overtake(Slots(session), ({"a": 2.0}, 3.0), ({"b": 2.0}, 3.0))
    return path


def play(path: Path, which: str) -> Ended:
    machines = [Apart(which == "apart") for _ in range(2)]
    driver.open_workers = lambda spec, mark, tell: Played(*machines)  # type: ignore[assignment]
    return drive(path, [Ideas(quick=True)], Plan(queued=True, workers="2"))


def killed_at(path: Path, which: str, nth: int, log: Path | None = None) -> int:
    """Play it in a forked process that kills itself at its nth mark; its exit status. The marks go to `log`."""
    child = os.fork()
    if child == 0:
        durable._crossed = 0
        os.environ["AUTOLOOP_KILL_AT"] = str(nth)
        if log is not None:
            os.environ["AUTOLOOP_CROSSINGS"] = str(log)
        os._exit(0 if not play(path, which).failed else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def scene(folder: Path, which: str) -> None:
    log, begun = folder / "marks.txt", make(folder / "begun")
    shutil.copytree(begun.parent, folder / "whole")
    assert killed_at(folder / "whole" / begun.name, which, 0, log) == 0
    is_whole(folder / "whole" / begun.name, which, "never")
    marks, names = log.read_text().splitlines(), []
    first = marks.index("before ledger gather") + 1
    for nth in range(first - BEFORE, min(first + MOST, len(marks)) + 1):
        path = folder / str(nth) / begun.name
        shutil.copytree(begun.parent, path.parent)
        status = killed_at(path, which, nth)
        assert status in (0, -signal.SIGKILL), (nth, status)
        names.append(marks[nth - 1])
        assert not play(path, which).failed
        is_whole(path, which, marks[nth - 1])
        shutil.rmtree(path.parent)
    print(json.dumps(names))


def is_whole(path: Path, which: str, mark: str) -> None:
    with open_session(path, create=False) as session:
        ledger = session.ledger
        (gathered,) = ledger.events(kinds=["gathered"])
        parts = [ledger.proposal(part) for part in gathered.data["proposals"]]
        whole = ledger.proposal(gathered.data["id"])
        assert ledger.combines(whole.id) == (3, 4), mark
        assert (whole.status, whole.iteration, session.iteration(6).base) == ("ran", 6, 5), mark
        best = session.units(session.champion().number)
        if which == "together":
            assert {(part.status, part.iteration) for part in parts} == {("ran", 6)}, mark
            assert best == code(**{**ALL, "a": 2.0, "b": 2.0, "d": 2.0}), mark
        else:
            assert str(session.iteration(6).verdict) == "discard", mark
            assert {part.status for part in parts} == {"ran"}, mark
            assert {6}.isdisjoint(part.iteration for part in parts), mark
            assert best in (code(a=2.0, d=2.0), code(b=2.0, d=2.0)), mark
        assert not ledger.proposals("accepted"), mark
        assert not ledger.proposals("pending"), mark
        assert_no_code_twice(session)
        assert_each_ended_once(session)
    assert_same_story_of(path)


@pytest.mark.parametrize("which", ["together", "apart"])
def test_a_kill_beside_any_write_of_a_combination_of_several_loses_and_doubles_nothing(tmp_path, which):
    names = played_apart(__name__, tmp_path, which)
    for name in ("ledger gather", "ledger begin", "ledger end attempt", "lineage ref", "ledger finish"):
        assert f"before {name}" in names, names

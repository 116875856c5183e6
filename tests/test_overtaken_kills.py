"""kill -9 beside every write that a keep makes whose base was overtaken: nothing is lost, nothing doubled."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from pathlib import Path

import pytest
from apart_kit import played_apart
from loop_kit import Played, cell, change, scored
from played import make_arena
from slots_kit import Ideas, assert_each_ended_once, assert_no_code_twice, overtaken
from story import assert_same_story

from autoloop_kernel import driver, durable
from autoloop_kernel.driver import Ended, Plan, drive, open_session
from autoloop_kernel.records import Job, Outcome

BEFORE, AFTER = 6, 16
"""How many marks before the first one of the overtaken keep, and from there on, are killed at."""


def source(a: int = 0, b: int = 0) -> str:
    return f"A = {a}\n\n\nB = {b}\n\n\nsubmit(lambda: np.array(0.0))"


ANY = {"apart": (source(a=1), source(b=1)), "clashing": (source(a=2), source(a=1))}
"""Two edits, of which the first ends last: of other lines, and of the same lines."""


class Late:
    """A machine whose score is 3 − A − B; iteration 2 ends after 3 has, where that was begun."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def prepare(self) -> None:
        """Nothing is to be made ready."""

    def run(self, job: Job, on_message, stopped) -> Outcome:
        """Wait where it is iteration 2, and give the score."""
        until = time.monotonic() + 20
        while job.iteration == 2 and time.monotonic() < until and not self._has_ended(3):
            time.sleep(0.02)
        a, b = (int(job.notebook.split(f"{name} = ")[1][0]) for name in "AB")
        return scored(float(3 - a - b))

    def _has_ended(self, number: int) -> bool:
        with open_session(self._path, create=False) as session:
            found = session.ledger.iteration(number)
            others = [it.number for it in session.ledger.in_flight()]
            return (found is not None and found.verdict is not None) or (number not in others and max(others) > number)


def make(folder: Path) -> Path:
    folder.mkdir()
    path = make_arena(folder)
    change(path, lambda notebook: cell(notebook, "model").update(source=source()))
    return path


def play(path: Path, edits, plan: Plan) -> Ended:
    driver.open_workers = lambda spec, mark, tell: Played(Late(path), Late(path))  # type: ignore[assignment]
    return drive(path, [Ideas(*({"model": text} for text in edits), quick=True)], plan)


def killed_at(path: Path, edits, nth: int, log: Path | None = None) -> int:
    """Play it in a forked process that kills itself at its nth mark; its exit status. The marks go to `log`."""
    child = os.fork()
    if child == 0:
        durable._crossed = 0
        os.environ["AUTOLOOP_KILL_AT"] = str(nth)
        if log is not None:
            os.environ["AUTOLOOP_CROSSINGS"] = str(log)
        ended = play(path, edits, Plan(iterations=3, workers="2"))
        os._exit(0 if ended.ran == 4 else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def scene(folder: Path, which: str) -> None:
    edits, log = ANY[which], folder / "marks.txt"
    assert killed_at(make(folder / "whole"), edits, 0, log) == 0
    marks = log.read_text().splitlines()
    first = marks.index("before ledger queue") + 1
    names = []
    for nth in range(first - BEFORE, min(first + AFTER, len(marks)) + 1):
        path = make(folder / str(nth))
        status = killed_at(path, edits, nth)
        assert status in (0, -signal.SIGKILL), (nth, status)
        names.append(marks[nth - 1])
        assert not play(path, (), Plan(queued=True, workers="2")).failed
        is_whole(path, which, marks[nth - 1])
        shutil.rmtree(path.parent)
    print(json.dumps(names))


def is_whole(path: Path, which: str, mark: str) -> None:
    with open_session(path, create=False) as session:
        rows = session.ledger.iterations()
        assert [str(row.verdict) for row in rows] == ["keep", "discard", "keep", "keep"], mark
        assert session.champion().number == 4, mark
        text = session.units(4)["model"]
        assert text == (source(a=1, b=1) if which == "apart" else source(a=2)), mark
        assert overtaken(session) == [(2, rows[3].proposal, 3)], mark
        assert not session.ledger.proposals("accepted"), mark
        assert_no_code_twice(session)
        assert_each_ended_once(session)
    assert_same_story_of(path)


def assert_same_story_of(path: Path) -> None:
    """As `assert_same_story`, of runs that were played and wrote no notebooks of their own."""
    import story

    story._assert_notebook = lambda path, row: None
    assert_same_story(path)


@pytest.mark.parametrize("which", ANY)
def test_a_kill_beside_any_write_of_an_overtaken_keep_loses_and_doubles_nothing(tmp_path, which):
    names = played_apart(__name__, tmp_path, which)
    for name in ("ledger queue", "ledger event overtaken", "lineage ref", "ledger finish", "ledger begin"):
        assert f"before {name}" in names, names

"""`autoloop share` from a terminal, and two drivers that share."""

import os
import shutil
import signal
import subprocess
import sys

import pygit2
import pytest
from exploit_kit import Scripted
from loop_kit import make_sealed_arena, play, scored

from autoloop_kernel.driver import Plan, drive
from autoloop_kernel.memory.sharing import arena_id, push
from autoloop_kernel.session import open_session

BROKEN = {"model": "X = 1.0\nsubmit(lambda: np.array(float(MISSING)))"}
GOOD = {"model": "X = 1.0\nsubmit(lambda: np.array(float(X)))"}


@pytest.fixture
def arenas(tmp_path):
    """Two folders with the same arena, and a bare repository."""
    pygit2.init_repository(str(tmp_path / "hub.git"), bare=True)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    return *(make_sealed_arena(tmp_path / name) for name in ("a", "b")), tmp_path / "hub.git"


def test_a_failure_that_one_driver_found_is_not_tried_by_the_other(called, arenas):
    one, two, hub = arenas
    drive(one, [Scripted(BROKEN)], Plan(iterations=2, ahead=0))
    assert called("share", "push", one, hub).startswith("2 iterations sent, 2 there as game-")
    assert called("share", "pull", two, hub) == "2 iterations taken in from 1 other"
    assert called("share", "pull", two, hub) == "nothing new"
    agent = Scripted(BROKEN, GOOD)
    drive(two, [agent], Plan(iterations=2, ahead=0))
    assert agent.heard[1].refusal is not None
    assert agent.heard[1].refusal.startswith("this code ran elsewhere, as iteration 2 of ")
    assert agent.heard[1].refusal.endswith(" (by scripted): crash")
    with open_session(two) as session:
        assert [str(it.verdict) for it in session.ledger.iterations()] == ["keep", "keep"]
    assert "1 by what others shared" in " ".join(called("status", two).split())
    assert " of " in called("findings", two, "MISSING").splitlines()[0].split("  ")[0]


def test_a_wrong_request_gives_one_line(called, arenas):
    one, _, hub = arenas
    assert "has no iterations yet" in called("share", "push", one, hub, status=2)
    for arguments in (("pull", one, "nowhere.git"), ("sideways", one, hub), ("pull", one)):
        said = called("share", *arguments, status=2)
        assert said.startswith("autoloop: ")
        assert "\n" not in said


def test_a_pull_that_is_killed_takes_in_everything_or_nothing(arenas, tmp_path):
    one, two, hub = arenas
    with open_session(one) as session:
        play(session, (None, scored(3.0)), (GOOD, scored(1.0)))
        push(session.lineage, arena_id(session.arena.name, session.arena.rules.metric), str(hub))
    pull = [sys.executable, "-m", "autoloop_kernel.cli", "share", "pull", str(two), str(hub)]
    marks = tmp_path / "crossings.txt"
    shutil.copytree(two.parent, tmp_path / "c")
    counting = [*pull[:-2], str(tmp_path / "c" / two.name), str(hub)]
    subprocess.run(counting, check=True, env={**os.environ, "AUTOLOOP_CROSSINGS": str(marks)})
    names = marks.read_text().splitlines()
    for mark, expected in (("before ledger shared", 0), ("after ledger shared", 2)):
        at = str(names.index(mark) + 1)
        killed = subprocess.run(pull, env={**os.environ, "AUTOLOOP_KILL_AT": at})
        assert killed.returncode == -signal.SIGKILL
        with open_session(two) as session:
            assert session.ledger._row("SELECT count(*) FROM shared") == (expected,)
            assert session.ledger._row("SELECT count(*) FROM recall WHERE source = 'others'") == (expected,)
        if not expected:
            names = [name for name in names if "create" not in name and "autoloop-origin" not in name]
    assert "nothing new" in subprocess.run(pull, check=True, capture_output=True, text=True).stdout

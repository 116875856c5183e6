"""Disks that are full, read-only or taken away: nothing is lost, nothing doubled, and one plain line says what it was.

What a function named `scene_…` does is played in a namespace of its own, where its folder lies on such a disk.
"""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from arenas import arena
from fault_kit import BOUND, SMALL, autoloop, better, fill, play_on, played_by, refused, remount
from played import make_arena
from story import assert_same_story

from autoloop_kernel.session import open_session
from autoloop_kernel.views.driving import Drive

CHATTY = "submit(lambda x: 2.0 * x)\nprint('x' * 900_000)"
LOOKING = (("log",), ("diff", 2))


def started(folder: Path) -> Path:
    """An arena that has two iterations."""
    path = make_arena(folder)
    with played_by(better()):
        assert autoloop("auto", path, "--iterations", 2)[0] == 0
    return path


def goes_on(path: Path) -> None:
    """Once the disk takes something again, a step is a step."""
    status, said = autoloop("step", path)
    assert status == 0, said


def looks_the_same(path: Path, before: dict[tuple, str]) -> None:
    """What has been can still be looked at."""
    for command, said in before.items():
        assert autoloop(command[0], path, *command[1:]) == (0, said)


def seen(path: Path) -> dict[tuple, str]:
    """What the commands that look say."""
    said = {command: autoloop(command[0], path, *command[1:]) for command in LOOKING}
    assert {status for status, _ in said.values()} == {0}
    return {command: text for command, (_, text) in said.items()}


def scene_full(folder: Path) -> None:
    path = started(folder)
    before = seen(path)
    for leave in (0, 45_000):
        ballast = fill(folder, leave)
        with played_by(better()):
            line = refused("step", path)
        assert "full" in line, line
        assert "free some space" in line
        looks_the_same(path, before)
        assert "nothing is running" in autoloop("status", path)[1]
        ballast.unlink()
    with played_by(better()):
        goes_on(path)
    assert len(assert_same_story(path)) == 3


def scene_full_in_the_middle(folder: Path) -> None:
    """The disk is full by the time the notebook is to be written."""
    path = started(folder)
    machine = better()
    machine.before = lambda job: fill(folder) and None
    with played_by(machine):
        line = refused("step", path)
    assert "its disk is full: free some space" in line
    assert "iteration 3" not in autoloop("log", path)[1]
    (folder / "ballast").unlink()
    with played_by(better()):
        goes_on(path)
    assert len(assert_same_story(path)) == 3
    with open_session(path, create=False) as session:
        attempts = session.ledger.iteration(3).attempts
    assert [str(one.verdict) for one in attempts] == ["interrupted", "scored"]


def scene_notebook_too_large(folder: Path) -> None:
    """A real execution whose notebook the disk does not take: the idea is not to blame."""
    path = folder / "chatty.ipynb"
    path.write_text(nbformat.writes(arena(CHATTY)), encoding="utf-8")
    line = refused("step", path)
    assert "its disk is full: free some space" in line
    with open_session(path, create=False) as session:
        assert [one.verdict for one in session.ledger.iterations()] == [None]
        start = session.ledger.last_event("driver.start")
        stands = Drive("chatty", session.arena.rules, start).look(session.ledger)
        assert stands.failed
        assert "its disk is full" in (stands.ended or "")
    remount(folder, "size=16m")
    goes_on(path)
    assert assert_same_story(path) == ["keep"]


def scene_read_only(folder: Path) -> None:
    path = started(folder)
    (folder / "new").mkdir()
    new = make_arena(folder / "new")
    before = seen(path)
    remount(folder, "ro")
    for command in (("auto", "--detach"), ("fork", 1), ("apply", "-i", 1)):
        with played_by(better()):
            line = refused(command[0], path, *command[1:])
        assert "mounted read-only: mount it for writing" in line, line
    assert "mounted read-only" in refused("step", new)
    looks_the_same(path, before)
    assert autoloop("status", path)[0] == 0
    remount(folder, "rw")
    with played_by(better()):
        goes_on(path)
    assert len(assert_same_story(path)) == 3


SMALL_SCENES = ("scene_full", "scene_full_in_the_middle", "scene_notebook_too_large")


@pytest.mark.parametrize("scene", SMALL_SCENES)
def test_a_full_disk(tmp_path, scene):
    play_on(SMALL, tmp_path / "disk", __file__, scene)


def test_a_read_only_disk(tmp_path):
    play_on(BOUND, tmp_path / "disk", __file__, "scene_read_only")

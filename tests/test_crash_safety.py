"""kill -9 of the driver at every durable write and at random moments: nothing lost, nothing doubled, nothing left."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from arenas import write_quick_arena
from slots_kit import assert_each_ended_once, assert_no_code_twice
from story import assert_same_story

from autoloop_kernel.driver import Plan, open_session
from autoloop_kernel.driver import drive as drive_arena

PARTS = 3


def drive(arena: Path, iterations: int, workers: int = 1, **env: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "autoloop_kernel", str(arena), "--agent", "search"]
    return subprocess.Popen(
        [*command, f"--iterations={iterations}", f"--workers={workers}"],
        env={**os.environ, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(process: subprocess.Popen) -> str:
    output, _ = process.communicate(timeout=120)
    return f"exit {process.returncode}\n{output}"


@pytest.fixture(scope="module")
def standing(tmp_path_factory) -> Path:
    """The folder of an arena that has its baseline."""
    folder = tmp_path_factory.mktemp("standing")
    said = finish(drive(write_quick_arena(folder), 1))
    assert said.startswith("exit 0"), said
    return folder


def prepared(start: str, standing: Path, folder: Path) -> Path:
    """An arena that has never run, or a copy of the one that has its baseline."""
    if start == "fresh":
        return write_quick_arena(folder)
    shutil.copytree(standing, folder)
    return folder / "quick.ipynb"


def crossings(arena: Path) -> list[str]:
    """The marks that a driver passes in one iteration of `arena`, without those of the execution, its child."""
    log = arena.parent / "crossings.txt"
    said = finish(drive(arena, 1, AUTOLOOP_CROSSINGS=str(log)))
    assert said.startswith("exit 0"), said
    return [name for name in log.read_text().splitlines() if not name.endswith("write iteration.ipynb")]


def test_a_verdict_is_in_git_before_it_is_in_the_ledger(tmp_path):
    marks = crossings(write_quick_arena(tmp_path))
    order = [name for name in marks if name in ("after lineage ref", "after lineage champion", "before ledger finish")]
    assert order[:3] == ["after lineage ref", "after lineage champion", "before ledger finish"]


@pytest.mark.parametrize("nth", ["1", "2"])
def test_an_execution_killed_beside_the_write_of_its_notebook_is_run_again(tmp_path, nth):
    arena = write_quick_arena(tmp_path)
    first = drive(arena, 1, AUTOLOOP_KILL_CHILD_AT=nth)
    said = finish(first)
    assert said.startswith("exit 1"), said
    assert "lost 3 times" in said
    assert finish(drive(arena, 1)).startswith("exit 0")
    assert assert_same_story(arena) == ["crash", "keep"]


@pytest.fixture(scope="module")
def places(standing, tmp_path_factory) -> dict[str, list[tuple[int, str]]]:
    """Where a driver is killed, by how the arena stands: the number of the mark, and its name.

    What lies on disk after one write is what lies there before the next: an arena that has never run is left before
    each, one that has its baseline after each, and the first also after what the second does not do.
    """
    folder = tmp_path_factory.mktemp("count")
    marks = {start: crossings(prepared(start, standing, folder / start)) for start in ("fresh", "standing")}
    assert min(map(len, marks.values())) > 20
    numbered = {start: list(enumerate(names, 1)) for start, names in marks.items()}
    again = {name for name in marks["standing"] if name.startswith("after")}
    return {
        "fresh": [(nth, name) for nth, name in numbered["fresh"] if name not in again],
        "standing": [(nth, name) for nth, name in numbered["standing"] if name in again],
    }


@pytest.mark.timeout(900)
@pytest.mark.parametrize("start", ["fresh", "standing"])
@pytest.mark.parametrize("part", range(PARTS))
def test_a_kill_beside_any_durable_write_loses_and_doubles_nothing(tmp_path, standing, places, start, part):
    for nth, mark in places[start][part::PARTS]:
        arena = prepared(start, standing, tmp_path / str(nth))
        said = finish(drive(arena, 1, AUTOLOOP_KILL_AT=str(nth)))
        assert said.startswith("exit -9"), f"no kill {mark}: {said}"
        again = finish(drive(arena, 1))
        assert again.startswith("exit 0"), f"after a kill {mark}: {again}"
        verdicts = assert_same_story(arena)
        assert verdicts[0] == "keep", mark


@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(4))
def test_a_kill_at_a_random_moment_loses_and_doubles_nothing(tmp_path, seed):
    rng = random.Random(seed)
    arena = write_quick_arena(tmp_path)
    for _ in range(5):
        process = drive(arena, 50)
        time.sleep(rng.uniform(0.5, 7.0))
        process.send_signal(signal.SIGKILL)
        finish(process)
    again = finish(drive(arena, 1))
    assert again.startswith("exit 0"), again
    assert assert_same_story(arena)[0] == "keep"


@pytest.mark.timeout(900)
def test_a_kill_of_a_driver_with_three_slots_loses_and_doubles_nothing(tmp_path):
    rng = random.Random(11)
    arena = write_quick_arena(tmp_path)
    for _ in range(4):
        process = drive(arena, 50, workers=3)
        time.sleep(rng.uniform(1.0, 8.0))
        process.send_signal(signal.SIGKILL)
        finish(process)
    for plan in (Plan(queued=True, workers="3"), Plan(iterations=1, workers="3")):  # several may be in flight
        ended = drive_arena(arena, ["search"], plan)
        assert not ended.failed, ended.reason
    assert assert_same_story(arena)[0] == "keep"
    with open_session(arena, create=False) as session:
        assert_no_code_twice(session)
        assert_each_ended_once(session)

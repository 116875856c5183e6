"""Several slots of this machine at work on one arena: real drivers, kernels, git and ledger."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import cgroup_kit
import nbformat
import psutil
import pytest
from execution_kit import assert_no_process, processes_of
from fault_kit import SMALL, fill, play_on
from slots_kit import (
    ANSWER,
    Gates,
    Ideas,
    assert_each_ended_once,
    assert_no_code_twice,
    at,
    by_code,
    held_by,
    most_at_once,
    overtaken,
    spread,
    wait_for,
    workers_of,
    write_two,
)
from story import assert_same_story

from autoloop_kernel.driver import Plan, drive, open_session
from autoloop_kernel.execution import contention
from autoloop_kernel.records import AutoloopError, Verdict
from autoloop_kernel.session import run_mark

CRASHES = {"e0": "X = 1 / 0"}


def plan(slots: int, **more) -> Plan:
    return Plan(workers=str(slots), **more)


# -- the same verdicts


@pytest.mark.parametrize("quick", [True, False])
def test_two_and_three_slots_give_every_code_the_score_and_verdict_that_one_gives(tmp_path, quick):
    plays = [*spread(3), CRASHES, at(y=-9.0), at(x=5.5, y=1.0), at(x=1.0)]
    seen = {}
    for slots in (1, 2, 3):
        path = write_two(tmp_path / str(slots))
        ended = drive(path, [Ideas(*plays, quick=quick)], plan(slots, iterations=8))
        assert (ended.ran, ended.failed, ended.reason) == (8, False, "8 iterations done")
        assert sorted(assert_same_story(path)) == ["crash", *["discard"] * 5, "keep", "keep"]
        seen[slots] = by_code(path)
        with open_session(path, create=False) as session:
            assert_no_code_twice(session)
            assert_each_ended_once(session)
            assert workers_of(session) <= {f"w{n}" for n in range(1, slots + 1)} if slots > 1 else {"None"}
            assert most_at_once(session) <= slots
    assert seen[1] == seen[2] == seen[3]


# -- a champion that changes in mid-run


def test_a_keep_that_was_overtaken_runs_again_with_both_edits_on_the_new_champion(tmp_path):
    """Iteration 2 is better in X, 3 in Y; 2 ends last."""
    path, gates = write_two(tmp_path), Gates(2)
    agent = Ideas(at(x=2.0), at(y=-1.0))

    def let_go() -> None:
        wait_for(path, lambda session: ended(session, 3))
        gates.open(2)

    threading.Thread(target=let_go).start()
    with held_by(gates):
        assert drive(path, [agent], plan(2, iterations=3)).ran == 4, "the combination is owed"
    assert assert_same_story(path) == ["keep", "discard", "keep", "keep"]
    with open_session(path, create=False) as session:
        second, both = session.iteration(2), session.iteration(4)
        assert "better than iteration 1" in second.reason
        assert "iteration 3 is the champion by now: its edit runs on that next" in second.reason
        assert overtaken(session) == [(2, both.proposal, 3)]
        assert (both.base, both.agent, both.title) == (3, "ideas", "X = 2.0 (on iteration 3)")
        assert session.units(4) | at(x=2.0, y=-1.0) == session.units(4)
        assert both.score == pytest.approx(1.0 + 0.25)
        assert session.champion().number == 4
        assert (workers_of(session), most_at_once(session)) == ({"w1", "w2"}, 2)
        assert_no_code_twice(session)


@pytest.mark.parametrize(("late", "champion"), [(1.5, 4), (2.5, 3)])
def test_of_two_keeps_that_change_the_same_lines_the_better_one_becomes_the_champion(tmp_path, late, champion):
    """Both change X; the one that ends last runs again on the new champion where it is better than that, too."""
    path, gates = write_two(tmp_path), Gates(2)
    agent = Ideas(at(x=late), at(x=2.0))

    def let_go() -> None:
        wait_for(path, lambda session: ended(session, 3))
        gates.open(2)

    threading.Thread(target=let_go).start()
    with held_by(gates):
        assert drive(path, [agent], plan(2, iterations=3)).ran == champion
    with open_session(path, create=False) as session:
        assert session.champion().number == champion
        assert session.iteration(2).verdict is Verdict.DISCARD
        assert len(overtaken(session)) == (champion == 4)
        assert_no_code_twice(session)
        assert_each_ended_once(session)
    assert_same_story(path)


def ended(session, number: int) -> bool:
    found = session.ledger.iteration(number)
    return found is not None and found.verdict is not None


# -- ends and faults, with real processes

SLEEPS = "import time\nwhile (X, Y) != (3.0, -2.0) and budget.spent() < 8.0:\n    time.sleep(0.05)\n"


def write_sleepy(folder: Path, **settings) -> Path:
    """The same arena, whose candidates take their time, but for the baseline."""
    path = write_two(folder, budget_s=30, **settings)
    nb = nbformat.read(path, as_version=4)
    next(cell for cell in nb.cells if cell.id == "e2")["source"] = SLEEPS + ANSWER
    nbformat.write(nb, path)
    return path


def running(session) -> list[int]:
    """The iterations whose candidates compute at this moment."""
    events = session.ledger.events(kinds=["phase", "attempt.end"])
    now = {event.iteration: event.data.get("phase") for event in events}
    return [number for number, phase in now.items() if phase == "running" and number]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_kills_what_three_slots_run_and_the_next_start_runs_it_again(tmp_path, number):
    path = write_sleepy(tmp_path)
    command = [sys.executable, "-m", "autoloop_kernel", str(path), "--agent", "search", "--workers=3", "--iterations=9"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    wait_for(path, lambda session: len(session.ledger.in_flight()) == 3 and running(session))
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert "stopped" in output
    assert_no_process(run_mark(tmp_path / "two_runs"))
    with open_session(path, create=False) as session:
        left = {it.number for it in session.ledger.in_flight()}
    assert left == {2, 3, 4}
    ended = drive(path, [Ideas(quick=True)], plan(3, queued=True))
    assert (ended.ran >= 3, ended.reason) == (True, "nothing more is queued")  # more where one was overtaken
    assert assert_same_story(path)[0] == "keep"
    with open_session(path, create=False) as session:
        for again in left:
            assert [str(one.verdict) for one in session.iteration(again).attempts] == ["interrupted", "scored"]
        assert_each_ended_once(session)


def candidates(session, number: int) -> list[psutil.Process]:
    """The processes of the run of this iteration."""
    return processes_of(f"{session.mark}:{number}:")


def test_a_candidate_that_the_system_kills_leaves_the_other_slots_alone(tmp_path):
    """As the kernel does that has no memory left: SIGKILL, to the processes of one run."""
    path = write_sleepy(tmp_path)

    def kill() -> None:
        wait_for(path, lambda session: {2, 3} <= set(running(session)))
        with open_session(path, create=False) as session:
            kernels = [one for one in candidates(session, 2) if "ipykernel" in " ".join(one.cmdline())]
            for one in kernels or candidates(session, 2):
                with contextlib.suppress(psutil.NoSuchProcess):  # it went with one before
                    one.kill()

    killer = threading.Thread(target=kill)
    killer.start()
    ended = drive(path, [Ideas(*spread(3), quick=True)], plan(2, iterations=4))
    killer.join()
    assert (ended.ran, ended.failed) == (4, False)
    verdicts = assert_same_story(path)
    assert verdicts[0] == "keep"
    assert verdicts[2:] == ["discard", "discard"]
    with open_session(path, create=False) as session:
        others = [one.verdict for number in (1, 3, 4) for one in session.iteration(number).attempts]
        assert others == [Verdict.SCORED] * 3, "no run of another slot was lost with it"
        assert len(session.iteration(2).attempts) > 1 or verdicts[1] == "crash", "it was killed"


def test_a_candidate_for_which_there_is_no_memory_left_leaves_the_other_slots_alone(tmp_path):
    """The kernel itself ends it."""
    path, seen = write_sleepy(tmp_path), []

    def starve() -> None:
        wait_for(path, lambda session: 2 in running(session))
        with cgroup_kit.memory(64) as group, open_session(path, create=False) as session:
            for one in candidates(session, 2):
                group.add(one.pid)
            wait_for(path, lambda session: ended(session, 2))
            seen.append(group.ended())

    starving = threading.Thread(target=starve)
    starving.start()
    plays = [{"e0": f"X = 4.0\n{cgroup_kit.HOARDS}"}, *spread(2)]
    over = drive(path, [Ideas(*plays, quick=True)], plan(2, iterations=4))
    starving.join()
    assert (over.ran, over.failed, seen) == (4, False, [1])
    assert assert_same_story(path) == ["keep", "crash", "discard", "discard"]
    with open_session(path, create=False) as session:
        assert "was killed by SIGKILL (by itself, or the machine ran out of memory)" in session.iteration(2).reason
        assert [len(it.attempts) for it in session.ledger.iterations()] == [1, 1, 1, 1]
        assert_each_ended_once(session)


def test_what_other_slots_run_is_no_neighbour(tmp_path):
    """The processes of all slots are the house: their CPU time is nobody else's."""
    path, seen = write_sleepy(tmp_path), []

    def watch() -> None:
        wait_for(path, lambda session: {2, 3} <= set(running(session)))
        counters = contention.read(os.getpid())
        with open_session(path, create=False) as session:
            ours = {one.pid for number in (2, 3) for one in candidates(session, number)}
        seen.append((ours, {pid for pid, _ in counters.others} if counters else set()))

    watcher = threading.Thread(target=watch)
    watcher.start()
    assert drive(path, [Ideas(*spread(2), quick=True)], plan(2, iterations=3)).ran == 3
    watcher.join()
    ((ours, others),) = seen
    assert len(ours) >= 2
    assert not ours & others


# -- a disk that is full


def scene_full(folder: Path) -> None:
    path = write_two(folder)
    ballast = []

    def hold(job) -> None:
        if job.iteration == 3:
            ballast.append(fill(folder))

    with held_by(hold), pytest.raises(AutoloopError, match="full"):
        drive(path, [Ideas(*spread(5), quick=True)], plan(2, iterations=6))
    assert_no_process(run_mark(folder / "two_runs"), within_s=10)
    ballast[0].unlink()
    assert not drive(path, [Ideas(quick=True)], plan(2, queued=True)).failed
    verdicts = assert_same_story(path)
    assert verdicts[:3] == ["keep", "discard", "discard"]


def test_a_disk_that_is_full_ends_all_slots_and_loses_nothing(tmp_path):
    play_on(SMALL.replace("size=1m", "size=4m"), tmp_path / "disk", __file__, "scene_full")

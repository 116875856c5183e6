"""Faults that need no bad disk: torn journals, damaged pages, locks, clocks, things taken away while a driver runs."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from fault_kit import autoloop, better, played_by, refused
from memory_story import Stage, drive, quick_folder
from played import history, make_arena
from story import assert_same_story

from autoloop_kernel import control, durable, reviewing
from autoloop_kernel.control import Control
from autoloop_kernel.driver import Busy, Plan
from autoloop_kernel.driver import drive as drive_arena
from autoloop_kernel.durable import sync_folder, write_atomic
from autoloop_kernel.memory import database, lineage
from autoloop_kernel.memory.ledger import Holder, Ledger
from autoloop_kernel.memory.lineage import Lineage
from autoloop_kernel.memory.rebuild import rebuild
from autoloop_kernel.server import actions, bodies
from autoloop_kernel.session import LEDGER, LINEAGE, open_session

COUNT = 3


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """An arena with two iterations."""
    made = make_arena(tmp_path)
    with played_by(better()):
        assert drive_arena(made, ["search"], Plan(iterations=2)).ran == 2
    return made


def goes_on(path: Path) -> None:
    with played_by(better()):
        status, said = autoloop("step", path)
    assert status == 0, said


def ledger_of(path: Path) -> Path:
    return path.parent / f"{path.stem}_runs" / LEDGER


# -- power


def test_what_was_written_is_flushed_with_its_folders_before_it_counts(tmp_path, monkeypatch):
    flushed: list[Path] = []
    monkeypatch.setattr(
        "autoloop_kernel.durable.sync_folder", lambda folder: flushed.append(folder) or sync_folder(folder)
    )
    write_atomic(tmp_path / "runs" / "0007" / "iteration.ipynb", "{}")
    assert flushed == [tmp_path, tmp_path / "runs", tmp_path / "runs" / "0007"]


def test_a_power_cut_that_tears_the_journal_anywhere_loses_and_doubles_no_verdict():
    draw = random.Random(5)
    stage = Stage()
    with quick_folder() as folder:
        drive(folder / "whole_runs", COUNT)
        with Ledger.open(folder / "whole_runs" / LEDGER) as ledger:
            expected = [(row.number, row.verdict, row.score) for row in ledger.iterations()]
        for at in range(6, 66, 4):
            runs = folder / f"{at}_runs"
            if stage.play(runs, COUNT, kill_at=at) == 0:
                break
            journal = Path(f"{runs / LEDGER}-wal")
            if journal.exists():
                with journal.open("r+b") as file:
                    file.truncate(draw.randint(0, journal.stat().st_size))
                Path(f"{runs / LEDGER}-shm").unlink(missing_ok=True)  # it was memory
            assert stage.play(runs, COUNT) == 0
            with Ledger.open(runs / LEDGER) as ledger:
                rows = ledger.iterations()
            assert [(row.number, row.verdict, row.score) for row in rows] == expected
            recorded = Lineage.open(runs / LINEAGE).recorded()
            assert [(one.number, one.verdict, one.commit) for one in recorded] == [
                (row.number, row.verdict, row.commit) for row in rows
            ]
        else:
            at = 66
    stage.close()
    assert at > 40


def test_what_a_torn_journal_made_unknown_is_kept_under_another_name(path):
    unknown = ledger_of(path).parent / "0003"
    write_atomic(unknown / "iteration.ipynb", '{"cells": "of a run that no ledger knows"}')
    goes_on(path)
    (kept,) = ledger_of(path).parent.glob("unrecorded-0003-*/iteration.ipynb")
    assert "no ledger knows" in kept.read_text()
    assert len(assert_same_story(path)) == 3


# -- damage


def spoil(file: Path, start: int) -> None:
    with file.open("r+b") as raw:
        raw.seek(start)
        raw.write(random.Random(3).randbytes(file.stat().st_size - start))


def verdicts(path: Path) -> list[tuple[int, object, float | None, str | None]]:
    with open_session(path, create=False) as session:
        return [(row.number, row.verdict, row.score, row.commit) for row in session.ledger.iterations()]


def test_a_damaged_last_page_costs_no_verdict(path):
    before, file = verdicts(path), ledger_of(path)
    spoil(file, file.stat().st_size - 4096)
    status, said = autoloop("log", path)
    assert status == 0
    assert verdicts(path) == before
    goes_on(path)
    assert verdicts(path)[:2] == before
    assert "Traceback" not in said


def test_a_ledger_that_is_damaged_while_a_driver_runs_ends_it_in_one_line_and_is_made_anew(path):
    before, file, machine = verdicts(path), ledger_of(path), better()

    def damage(job: object) -> None:
        with sqlite3.connect(file) as raw:
            raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        raw.close()
        spoil(file, 0)

    machine.before = damage
    with played_by(machine):
        line = refused("step", path)
    assert "not readable as a ledger" in line, line
    goes_on(path)
    assert verdicts(path)[:2] == before
    assert len(verdicts(path)) == 3


# -- locks


def test_a_lock_that_a_killed_git_left_is_told_and_gone_at_the_next_start(path, monkeypatch):
    monkeypatch.setattr(lineage, "LOCK_S", 0.1)
    lock = ledger_of(path).parent / LINEAGE / "refs" / "iterations" / "0003.lock"
    machine = better()
    machine.before = lambda job: lock.touch()
    with played_by(machine):
        line = refused("step", path)
    assert "wait for the other git program, or remove its .lock file" in line, line
    goes_on(path)
    assert not lock.exists()
    assert len(assert_same_story(path)) == 3


def test_a_lock_that_a_living_git_holds_is_waited_for(path):
    with open_session(path, create=False) as session:
        commit = str(session.champion().commit)
        lock = session.lineage.path / "refs" / "heads" / "champion.lock"
        lock.touch()
        threading.Timer(0.3, lock.unlink).start()
        session.lineage.set_champion(commit)
        assert session.lineage.champion() == commit


def test_a_lock_that_a_living_process_has_open_is_not_swept(path, monkeypatch):
    monkeypatch.setattr(lineage, "LOCK_S", 0.1)
    lock = ledger_of(path).parent / LINEAGE / "HEAD.lock"
    code = f"f = open({str(lock)!r}, 'w'); print('held', flush=True); input()"
    holder = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "held\n"
        with open_session(path, create=False) as session:
            assert session.lineage.sweep() == []
            assert lock.exists()
    finally:
        holder.communicate("\n", timeout=30)
    with open_session(path, create=False) as session:
        assert session.lineage.sweep() == ["HEAD.lock"]


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Another program keeps the ledger locked."""
    hog = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    try:
        hog.execute("BEGIN IMMEDIATE")
        yield
    finally:
        hog.close()


def test_a_ledger_that_is_locked_for_long_ends_the_driver_in_one_line(path, monkeypatch):
    monkeypatch.setattr(database, "BUSY_S", 0.2)
    machine = better()
    hogs = []

    def hog(job: object) -> None:
        hogs.append(locked(ledger_of(path)))
        hogs[-1].__enter__()

    machine.before = hog
    with played_by(machine):
        line = refused("step", path)
    hogs.pop().__exit__(None, None, None)
    assert "locked by another program" in line, line
    goes_on(path)
    assert len(assert_same_story(path)) == 3


def test_a_ledger_that_was_locked_for_a_while_leaves_the_driver_alive_and_obedient(path, monkeypatch):
    monkeypatch.setattr(database, "BUSY_S", 0.05)
    monkeypatch.setattr(control, "BEAT_S", 0.1)
    with Ledger.open(ledger_of(path)) as ledger:
        mine = Holder.mine()
        assert ledger.acquire(mine) is None
        steered = Control(ledger_of(path), mine.token)
        steered.start()
        try:
            with locked(ledger_of(path)):
                time.sleep(0.5)  # long enough for a beat to fail, and nothing depends on that
            asked = ledger.ask("pause")
            assert steered.paused.wait(60), "nobody listens any more"
            assert not steered.why
            assert ledger.reply_to(asked) or steered.paused.is_set()
        finally:
            steered.close()
            ledger.release(mine.token)


# -- clocks


@pytest.mark.parametrize("hours", [-30, 30])
def test_a_clock_that_jumps_while_a_driver_runs_changes_nothing(path, monkeypatch, hours):
    real, machine = time.time, better()
    machine.before = lambda job: monkeypatch.setattr(time, "time", lambda: real() + 3600 * hours)
    with played_by(machine):
        assert drive_arena(path, ["search"], Plan(iterations=2, hours=20)).ran == 2
    assert autoloop("status", path)[0] == 0
    assert autoloop("log", path)[0] == 0
    monkeypatch.setattr(time, "time", real)
    goes_on(path)
    assert len(assert_same_story(path)) == 5
    with open_session(path, create=False) as session:
        kinds = [event.iteration for event in session.ledger.events(kinds=["iteration.end"])]
    assert kinds == [1, 2, 3, 4, 5]


def test_forks_come_back_in_their_order_though_the_clock_was_set_back_between_them(tmp_path, monkeypatch):
    path = make_arena(tmp_path)
    history(path)
    real = time.time
    with open_session(path) as session:
        reviewing.fork(session, 2)
        monkeypatch.setattr(time, "time", lambda: real() - 7200)
        reviewing.fork(session, 4)
        assert session.champion().number == 4
    ledger_of(path).unlink()
    rebuild(ledger_of(path).parent)
    with open_session(path) as session:
        assert session.champion().number == 4


def test_a_driver_elsewhere_whose_clock_is_an_hour_behind_is_listened_to(path, monkeypatch):
    monkeypatch.setattr(control, "BEAT_S", 0.3)
    with Ledger.open(ledger_of(path)) as ledger:
        theirs = replace(Holder.mine(), host="elsewhere", token="theirs")
        assert ledger.acquire(theirs, now=time.time() - 3600) is None
    over = threading.Event()

    def beat() -> None:
        with Ledger.open(ledger_of(path)) as far:
            while not over.wait(0.05):
                far.beat("theirs", now=time.time() - 3600)

    beating = threading.Thread(target=beat)
    beating.start()
    try:
        with pytest.raises(Busy, match="on elsewhere"):
            drive_arena(path, ["search"], Plan(iterations=1))
    finally:
        over.set()
        beating.join()
    goes_on(path)  # it is silent now


# -- things taken away


def test_runs_that_are_removed_while_a_driver_runs_end_it_in_one_line(path):
    machine = better()
    machine.before = lambda job: shutil.rmtree(ledger_of(path).parent)
    with played_by(machine):
        line = refused("step", path)
    assert "gone" in line or "removed" in line, line
    goes_on(path)
    assert assert_same_story(path) == ["keep"]


def test_a_notebook_that_is_removed_while_a_driver_runs_costs_no_verdict(path):
    machine, text = better(), path.read_text()
    machine.before = lambda job: path.unlink()
    with played_by(machine):
        line = refused("auto", path, "--iterations", 5)
    assert "game.ipynb" in line, line
    path.write_text(text)
    goes_on(path)
    assert len(assert_same_story(path)) == 4


def test_a_lineage_that_cannot_be_read_says_so(path):
    shutil.rmtree(ledger_of(path).parent / LINEAGE / "objects")
    with played_by(better()):
        line = refused("step", path)
    assert "put the folder back from a copy" in line, line


# -- the server


def scene_kills_of_the_server(folder: Path) -> None:
    """Each of the server's own writes, with a kill at every one; then a driver starts, and a ledger is made anew."""
    for name in ("fork", "apply", "replicate"):
        for nth in range(1, 20, 2):  # right after one write is right before the next
            root = folder / f"{name}{nth}"
            shutil.copytree(folder / "played", root)
            child = os.fork()
            if child == 0:
                durable._crossed = 0
                os.environ["AUTOLOOP_KILL_AT"] = str(nth)
                getattr(actions, name)(root, _asked(name), number=1)
                os._exit(0)
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            assert status in (0, -signal.SIGKILL), (name, nth, status)
            _is_whole(root / "game.ipynb", name)
            if status == 0:
                assert nth > 1
                break


def _asked(name: str) -> object:
    if name == "apply":
        return bodies.Apply(arena="game.ipynb", cells=True)
    return bodies.Run(arena="game.ipynb", run=False) if name == "replicate" else bodies.OfArena(arena="game.ipynb")


def _is_whole(path: Path, name: str) -> None:
    with played_by(better()):
        ended = drive_arena(path, ["search"], Plan(queued=True))
    assert not ended.failed, ended
    assert_same_story(path)
    with open_session(path, create=False) as session:
        before = session.champion().number
    if name == "fork":
        ledger_of(path).unlink()
        rebuild(ledger_of(path).parent)
        with open_session(path, create=False) as session:
            assert session.champion().number == before, "the fork is forgotten"


def test_a_server_that_is_killed_beside_any_of_its_writes_leaves_a_whole_arena(tmp_path):
    (tmp_path / "played").mkdir()
    made = make_arena(tmp_path / "played")
    with played_by(better()):
        assert drive_arena(made, ["search"], Plan(iterations=2)).ran == 2
    code = (
        "import test_faults_story, pathlib, sys; test_faults_story.scene_kills_of_the_server(pathlib.Path(sys.argv[1]))"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, "-c", code, str(tmp_path)]
    played = subprocess.run(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, check=False
    )
    assert played.returncode == 0, played.stdout

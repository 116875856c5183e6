from __future__ import annotations

import multiprocessing
import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from autoloop_kernel import durable
from autoloop_kernel.memory.ledger import Holder, Ledger
from autoloop_kernel.records import Point


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    with Ledger.open(path) as ledger:
        yield ledger


def test_events_are_numbered_and_read_from_where_one_was(ledger: Ledger, path: Path) -> None:
    first = ledger.emit("driver.start", pid=1, agents=("a", "b"))
    second = ledger.emit("phase", 3, 1, phase="running")
    with Ledger.open(path, read_only=True) as follower:
        assert [event.seq for event in follower.events()] == [first, second]
        third = ledger.emit("phase", 3, 1, phase="scoring")
        (event,) = follower.events(after=second)
        assert (event.seq, event.kind, event.iteration, event.attempt) == (third, "phase", 3, 1)
        assert event.data == {"phase": "scoring"}
        assert [event.seq for event in follower.events(limit=2)] == [first, second]
        assert [event.seq for event in follower.events(kinds=["phase", "x"])] == [second, third]
        assert follower.events(kinds=[]) == []
        newest, start = follower.last_event(), follower.last_event("driver.start")
        assert newest is not None
        assert start is not None
        assert (newest.seq, start.data) == (third, {"pid": 1, "agents": ["a", "b"]})
        assert follower.last_event("stopping") is None


def test_events_and_commands_are_append_only(ledger: Ledger) -> None:
    ledger.emit("note", text="x")
    ledger.answer(ledger.ask("pause"), "done")
    for statement in (
        "DELETE FROM events",
        "UPDATE events SET kind = 'y'",
        "DELETE FROM commands",
        "UPDATE commands SET reply = 'z'",
        "UPDATE commands SET verb = 'z'",
    ):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            ledger._database.execute(statement)


def test_the_columns_are_those_of_the_contract(ledger: Ledger) -> None:
    columns = {
        table: [row[1] for row in ledger._rows(f"PRAGMA table_info({table})")] for table in ("events", "commands")
    }
    assert columns["events"] == ["seq", "time", "iteration", "attempt", "kind", "json"]
    assert columns["commands"] == ["id", "time", "verb", "args", "reply"]


def test_a_command_gets_one_reply(ledger: Ledger) -> None:
    pause = ledger.ask("pause")
    stop = ledger.ask("stop", now=True)
    assert [(command.id, command.verb, command.args) for command in ledger.commands()] == [
        (pause, "pause", {}),
        (stop, "stop", {"now": True}),
    ]
    assert ledger.reply_to(pause) is None
    ledger.answer(pause, "paused")
    ledger.answer(pause, "again")
    assert ledger.reply_to(pause) == "paused"
    assert [command.id for command in ledger.commands()] == [stop]
    assert [command.reply for command in ledger.commands(unanswered=False)] == ["paused", None]
    assert ledger.reply_to(99) is None


def test_values_are_kept(ledger: Ledger) -> None:
    assert ledger.get("applied") is None
    assert ledger.get("applied", 3) == 3
    ledger.set("applied", {"model": "x"})
    ledger.set("applied", {"model": "y"})
    assert ledger.get("applied") == {"model": "y"}


def test_writes_are_bracketed_but_for_those_of_a_clock(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    crossed: list[str] = []
    monkeypatch.setattr(durable, "crossing", crossed.append)
    mine = Holder.mine()
    ledger.acquire(mine)
    assert ledger.beat(mine.token)
    ledger.add_points({(1, 1): [Point(1, 1.0, {"loss": 1.0})], (2, 1): [Point(1, 1.0, {"loss": 2.0})]})
    assert [event.iteration for event in ledger.events(kinds=["report"])] == [1, 2]
    ledger.emit("pause")
    assert crossed == [
        "before ledger lease",
        "after ledger lease",
        "before ledger event pause",
        "after ledger event pause",
    ]


def test_one_holder_at_a_time(ledger: Ledger, path: Path) -> None:
    mine, other = Holder.mine(), Holder.mine()
    assert ledger.holder() is None
    assert ledger.acquire(mine) is None
    assert ledger.acquire(mine) is None
    held = ledger.acquire(other)
    assert held is not None
    assert (held.pid, held.host, held.token) == (os.getpid(), socket.gethostname(), mine.token)
    assert str(held) == f"process {os.getpid()} on {socket.gethostname()}"
    with Ledger.open(path, read_only=True) as face:
        seen = face.holder()
        assert seen is not None
        assert seen.token == mine.token
    assert not ledger.beat(other.token)
    ledger.release(other.token)
    assert ledger.holder() is not None
    ledger.release(mine.token)
    assert ledger.holder() is None
    assert not ledger.beat(mine.token)
    assert ledger.acquire(other) is None


def test_a_dead_or_reused_pid_gives_way_at_once(ledger: Ledger) -> None:
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    started = psutil.Process(sleeper.pid).create_time()
    theirs = replace(Holder.mine(), pid=sleeper.pid, started=started, token="theirs")
    assert ledger.acquire(theirs) is None
    assert ledger.acquire(Holder.mine()) is not None
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    assert ledger.holder() is None, "a zombie holds nothing"
    sleeper.wait()
    mine = Holder.mine()
    assert ledger.acquire(mine) is None
    reused = replace(mine, started=mine.started - 5, token="reused")
    ledger.release(mine.token)
    assert ledger.acquire(reused) is None
    assert ledger.holder() is None
    assert ledger.acquire(replace(mine, token="new")) is None


def test_what_a_killed_driver_was_asked_is_not_for_the_next(ledger: Ledger) -> None:
    killed, mine = Holder.mine(), Holder.mine()
    assert ledger.acquire(replace(killed, started=killed.started - 5)) is None
    stop = ledger.ask("stop")
    assert ledger.acquire(mine) is None
    assert ledger.commands() == []
    assert ledger.reply_to(stop) == "the driver that this was for has ended"
    pause = ledger.ask("pause")
    assert ledger.acquire(mine) is None, "a heartbeat"
    assert [command.id for command in ledger.commands()] == [pause]


def test_a_copy_of_a_folder_that_is_driven_is_free(ledger: Ledger, path: Path, tmp_path: Path) -> None:
    mine, other = Holder.mine(), Holder.mine()
    assert ledger.acquire(mine) is None
    copy = tmp_path / "copy.sqlite"
    with sqlite3.connect(path) as source, sqlite3.connect(copy) as target:
        source.backup(target)
    with Ledger.open(copy) as copied:
        assert copied.holder() is None, "its driver works elsewhere"
        assert copied.acquire(other) is None
        assert copied.holder() is not None
        assert not copied.beat(mine.token)
    assert ledger.beat(mine.token)
    assert ledger.holder() is not None


def test_a_clock_that_was_set_does_not_unseat_a_living_driver(ledger: Ledger) -> None:
    mine = Holder.mine()
    shifted = replace(mine, started=mine.started - 3600, booted=mine.booted - 3600)
    assert ledger.acquire(shifted, now=1.0) is None
    assert ledger.holder(now=1e12) is not None


def test_without_a_boot_time_the_start_alone_decides(ledger: Ledger) -> None:
    mine = replace(Holder.mine(), booted=0.0)
    assert ledger.acquire(mine) is None
    assert ledger.holder() is not None
    ledger.release(mine.token)
    assert ledger.acquire(replace(mine, started=mine.started - 60)) is None
    assert ledger.holder() is None


@pytest.mark.parametrize("far", [{"host": "elsewhere"}, {"place": "pid:[1]"}])
def test_a_far_holder_is_judged_by_its_heartbeat(ledger: Ledger, far: dict[str, str]) -> None:
    theirs = replace(Holder.mine(), token="theirs", pid=2**22 + 1, **far)
    mine = Holder.mine()
    assert ledger.acquire(theirs, now=100.0) is None
    assert ledger.acquire(mine, now=129.0) is not None
    assert ledger.beat("theirs", now=120.0)
    assert ledger.acquire(mine, now=149.0) is not None
    assert ledger.holder(now=149.0) is not None
    assert ledger.holder(now=151.0) is None
    assert ledger.holder(now=151.0, stale_after=60) is not None
    assert ledger.acquire(mine, now=151.0) is None
    assert not ledger.beat("theirs", now=152.0)


def test_a_heartbeat_from_the_future_does_not_lock_for_ever(ledger: Ledger) -> None:
    theirs = replace(Holder.mine(), host="elsewhere", token="theirs")
    mine = Holder.mine()
    assert ledger.acquire(theirs, now=10_000.0) is None
    assert ledger.acquire(mine, now=100.0) is not None
    assert ledger.acquire(mine, now=120.0) is not None
    assert ledger.beat("theirs", now=10_025.0), "it lives, with a clock that is ahead"
    assert ledger.acquire(mine, now=131.0) is not None
    assert ledger.acquire(mine, now=161.0) is not None
    assert ledger.holder(now=162.0) is None
    assert ledger.acquire(mine, now=162.0) is None


def contend(path: Path, barrier: multiprocessing.synchronize.Barrier, won: multiprocessing.queues.Queue[bool]) -> None:
    """Ask for the lease at the same moment as the others; hold it until all have asked."""
    with Ledger.open(path) as ledger:
        barrier.wait(30)
        won.put(ledger.acquire(Holder.mine()) is None)
        barrier.wait(30)


def test_two_processes_race_for_the_lease(path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    barrier, won = context.Barrier(2), context.Queue()
    racers = [context.Process(target=contend, args=(path, barrier, won)) for _ in range(2)]
    for racer in racers:
        racer.start()
    assert sorted([won.get(timeout=60), won.get(timeout=60)]) == [False, True]
    for racer in racers:
        racer.join(30)
        assert racer.exitcode == 0
    won.close()
    with Ledger.open(path) as ledger:
        assert ledger.holder() is None, "the winner is gone"


def test_a_ledger_that_was_replaced_ends_the_drive(ledger: Ledger, path: Path) -> None:
    mine = Holder.mine()
    ledger.acquire(mine)
    assert ledger.beat(mine.token)
    path.unlink()
    assert not ledger.beat(mine.token)


def test_a_network_file_system_is_told_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autoloop_kernel.memory.database.network_filesystem", lambda path: "nfs4")
    for _ in range(2):
        with Ledger.open(path) as ledger:
            assert ledger._row("PRAGMA journal_mode") == ("delete",)
            assert [event.data["text"].count("nfs4") for event in ledger.events(kinds=["note"])] == [1]
    monkeypatch.undo()
    with Ledger.open(path) as ledger:
        assert ledger._row("PRAGMA journal_mode") == ("wal",)


def test_data_may_bear_any_name_since_a_candidate_chooses_it(ledger):
    facts = {"kind": "gpt", "iteration": 9, "attempt": 8, "self": 7, "not a name": 6}
    ledger.emit("facts", 3, 1, **facts)
    event = ledger.last_event("facts")
    assert (event.iteration, event.attempt, event.data) == (3, 1, facts)

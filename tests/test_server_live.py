"""The thread that tells one client what happens to an arena, and the messages that wait for it."""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading
import time
from pathlib import Path

from played import history, make_arena
from screen_kit import until
from server_kit import WAIT_S
from stream_kit import note

from autoloop_kernel.memory.database import install
from autoloop_kernel.memory.ledger import Ledger
from autoloop_kernel.records import AutoloopError, Point
from autoloop_kernel.server import live as live_module
from autoloop_kernel.server.live import Live, Outbox, Sight, encoded
from autoloop_kernel.server.opening import look
from autoloop_kernel.server.rows import several
from autoloop_kernel.server.state import state, state_of
from autoloop_kernel.session import LEDGER, open_session


class Ears:
    """Takes what a `Live` says, through an outbox of a given size; `read` is what was taken out of it."""

    def __init__(
        self, root: Path, path: Path, after: int | None = None, at: float | None = None, **limits: int
    ) -> None:
        runs = path.with_name(f"{path.stem}_runs")
        arena = path.relative_to(root).as_posix()
        self.looked, self.rowed, self.ended = 0, [], threading.Event()
        self.outbox = Outbox(lambda: None, **limits)
        self.read: list[dict] = []

        def states(ledger):
            self.looked += 1
            return state(root, arena) if ledger is None else state_of(ledger, look(root, arena), root)

        def rows(ledger, numbers):
            self.rowed.append(list(numbers))
            return several(ledger, "", numbers)

        sight = Sight(path, runs / LEDGER, states, rows)
        self.live = Live(sight, after, self.outbox.put, self.ended.set, poll_s=0.01, at=at)
        self.live.start()

    def take(self) -> list[dict]:
        while (text := self.outbox.take()) is not None:
            self.read.append(json.loads(text))
        return self.read

    def until(self, condition, what: str) -> None:
        until(lambda: any(condition(message) for message in self.take()), what)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.live.close()
        assert self.ended.is_set()


def test_points_of_a_curve_are_told_without_looking_at_state_or_rows(tmp_path, monkeypatch):
    path = make_arena(tmp_path)
    history(path)
    monkeypatch.setattr(live_module, "FRESH_S", 1e9)
    with open_session(path) as session, Ears(tmp_path, path) as ears:
        ears.until(lambda m: m["type"] == "state", "the state")
        before = ears.looked
        for step in range(100):
            last = session.ledger.emit("report", 5, 1, step=step, seconds=step / 10, numbers={"loss": 1.0})
            time.sleep(0.01)
        ears.until(lambda m: m["seq"] == last, "the last point")
        assert (ears.looked, ears.rowed) == (before, [])
        assert [m["type"] for m in ears.take()].count("state") == 1
        last = session.ledger.emit("champion", 5)
        ears.until(lambda m: m["type"] == "rows", "the row")
        assert ears.rowed == [[5]]
        until(lambda: ears.looked > before, "another look at the state")


def test_many_changes_are_few_looks_at_the_state(tmp_path, monkeypatch):
    path = make_arena(tmp_path)
    history(path)
    monkeypatch.setattr(live_module, "STATE_S", 1e9)
    monkeypatch.setattr(live_module, "BEAT_S", 1e9)
    with open_session(path) as session, Ears(tmp_path, path) as ears:
        ears.until(lambda m: m["type"] == "state", "the state")
        for _ in range(200):
            last = session.ledger.emit("note", text="…")
        ears.until(lambda m: m["seq"] == last, "the last event")
        assert ears.looked == 1


def test_rows_are_told_once_a_batch_however_many_events_touch_them(tmp_path):
    path = make_arena(tmp_path)
    history(path)
    with open_session(path) as session, Ears(tmp_path, path) as ears:
        ears.until(lambda m: m["type"] == "state", "the state")
        with session.ledger._write("batch") as database:
            rows = [(0.0, number, "attempt.start") for number in (2, 5) for _ in range(20)]
            database.executemany("INSERT INTO events (time, iteration, kind, json) VALUES (?, ?, ?, '{}')", rows)
        ears.until(lambda m: m["type"] == "rows", "the rows")
        assert ears.rowed == [[2, 5]]


def test_a_full_outbox_becomes_a_reset_and_the_state_is_told_again(tmp_path):
    path = make_arena(tmp_path)
    history(path)
    with open_session(path) as session, Ears(tmp_path, path, messages=4) as ears:
        until(lambda: ears.looked == 1, "the state")
        for _ in range(12):
            last = session.ledger.emit("note", text="…")
            time.sleep(0.03)
        ears.until(lambda m: m["type"] == "reset", "the reset")
        ears.until(lambda m: m["seq"] == last, "the end")
        reset = next(n for n, m in enumerate(ears.read) if m["type"] == "reset")
        until(lambda: any(m["type"] == "state" for m in ears.take()[reset:]), "the state anew")


def test_an_outbox_keeps_no_more_than_it_may_and_gives_in_order():
    woken = []
    outbox = Outbox(lambda: woken.append(1), messages=3, size=10)
    assert [outbox.put(text) for text in ("a", "b", "c")] == [True] * 3
    assert [outbox.take(), outbox.take()] == ["a", "b"]
    assert outbox.put("123456789")
    assert not outbox.put("1")
    assert outbox.take() is None
    assert outbox.put("one that is longer than all there is room for")
    assert outbox.take() == "one that is longer than all there is room for"
    assert len(woken) == 5


def test_a_first_state_that_cannot_be_had_ends_it(tmp_path):
    path = tmp_path / "plain.ipynb"
    path.write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    with Ears(tmp_path, path) as ears:
        assert ears.ended.wait(WAIT_S)
        assert ears.take() == []


def test_a_longer_ledger_in_the_place_of_a_short_one_is_not_gone_on_with_in_the_middle(tmp_path):
    path = make_arena(tmp_path)
    note(path, 3)
    ledger = tmp_path / "game_runs" / LEDGER
    with Ears(tmp_path, path, 0) as ears:
        ears.until(lambda m: m["seq"] == 3, "the past")
        with Ledger.open(tmp_path / "other.sqlite") as other:
            for _ in range(10):
                other.emit("note", text="another life")
        install(tmp_path / "other.sqlite", ledger)
        ears.until(lambda m: m["type"] == "reset", "the reset")
        assert [e["seq"] for m in ears.read if m["type"] == "events" for e in m["events"]] == [1, 2, 3]
        assert next(m for m in ears.read if m["type"] == "reset")["seq"] == 10
        assert note(path, 1) == 11
        ears.until(lambda m: m["type"] == "events" and m["seq"] == 11, "what comes next")


def test_who_comes_back_while_there_is_no_ledger_is_not_gone_on_with_in_the_middle_of_another(tmp_path):
    path = make_arena(tmp_path)
    note(path, 3)
    ledger = tmp_path / "game_runs" / LEDGER
    with Ears(tmp_path, path) as ears:
        ears.until(lambda m: m["seq"] == 3, "the state")
        seen = ears.read[-1]
    shutil.rmtree(ledger.parent)
    with Ears(tmp_path, path, seen["seq"], seen["at"]) as ears:
        ears.until(lambda m: m["type"] == "state", "the state")
        with Ledger.open(tmp_path / "other.sqlite") as other:
            for _ in range(10):
                other.emit("note", text="another life")
        ledger.parent.mkdir()
        install(tmp_path / "other.sqlite", ledger)
        ears.until(lambda m: m["seq"] == 10, "the other")
        assert [m["type"] for m in ears.read if m["type"] in ("events", "reset")] == ["reset"]


def test_rows_that_cannot_be_read_now_are_told_later(tmp_path):
    path = make_arena(tmp_path)
    history(path)
    failures = iter([AutoloopError("busy"), AutoloopError("busy")])

    def rows(ledger, numbers):
        error = next(failures, None)
        if error is not None:
            raise error
        return several(ledger, "", numbers)

    ears = Ears.__new__(Ears)
    ears.outbox, ears.read, ears.ended = Outbox(lambda: None), [], threading.Event()
    sight = Sight(path, tmp_path / "game_runs" / LEDGER, lambda ledger: {"total": 1}, rows)
    ears.live = Live(sight, 0, ears.outbox.put, ears.ended.set, poll_s=0.01)
    ears.live.start()
    with ears:
        ears.until(lambda m: m["type"] == "rows", "the rows in the end")
        assert [row["number"] for m in ears.read if m["type"] == "rows" for row in m["rows"]] == [5, 4, 3, 2, 1]


def test_a_ledger_that_cannot_be_read_is_rebuilt_and_resets(tmp_path):
    path = make_arena(tmp_path)
    history(path)
    ledger = tmp_path / "game_runs" / LEDGER
    with Ears(tmp_path, path) as ears:
        ears.until(lambda m: m["type"] == "state" and m["state"]["total"] == 5, "the state")
        for suffix in ("", "-wal", "-shm"):
            Path(f"{ledger}{suffix}").unlink(missing_ok=True)
        ears.until(lambda m: m["type"] == "reset", "the reset")
        until(lambda: json.dumps(ears.take()[-1]) and ears.live.is_alive(), "it lives")
        with sqlite3.connect(ledger) as database:
            assert database.execute("SELECT count(*) FROM iterations").fetchone() == (5,)
        database.close()


def test_messages_are_plain_ascii_json():
    text = encoded({"a": float("nan"), "b": "\ud83d \u2028", "c": [Point(1, 2, {"x": float("inf")})]})
    assert text.isascii()
    assert json.loads(text) == {
        "a": None,
        "b": "\ud83d \u2028",
        "c": [{"step": 1, "seconds": 2, "numbers": {"x": None}}],
    }

"""What runs and drivers took, since a moment."""

import sqlite3
import time

import pytest
from played import crashed, make_arena, play, scored

from autoloop_kernel.memory.ledger import Ledger
from autoloop_kernel.records import Cost, to_json
from autoloop_kernel.session import open_session


@pytest.fixture
def ledger(tmp_path):
    with open_session(make_arena(tmp_path)) as session:
        session.ledger.emit("driver.start")
        play(session, 3.0, scored(3.0), None)
        play(session, 4.0, scored(4.0), 1)
        session.ledger.emit("driver.start")
        play(session, 9.0, crashed(), 1)
        yield session.ledger


def test_attempts_are_summed_by_how_they_ended(ledger):
    found = {(one.kind, one.iteration, one.verdict): (one.count, one.run, one.total) for one in ledger.ran(1)}
    assert found == {
        ("screen", "crash", "crash"): (1, 0.3, 0.7),
        ("screen", "discard", "scored"): (1, 1.0, 1.5),
        ("screen", "keep", "scored"): (1, 1.0, 1.5),
    }
    assert ledger.ran(1, time.time() + 60) == []
    assert ledger.ran(2) == []


def test_a_driver_ends_with_its_word_or_its_last_event(ledger):
    ledger.emit("driver.stop", reason="done", failed=False)
    ledger.emit("note", text="later, by a person")
    events = ledger.events()
    starts = [event for event in events if event.kind == "driver.start"]
    stop = next(event for event in events if event.kind == "driver.stop")
    killed = max(event.time for event in events if event.seq < starts[1].seq)
    assert ledger.driven() == [(starts[0].time, killed), (starts[1].time, stop.time)]
    assert ledger.driven(stop.time) == [(starts[1].time, stop.time)]


def test_money_is_counted_from_a_moment_on(ledger):
    ledger.emit("cost", agent="claude", proposal="p", **to_json(Cost("m", 1, dollars=0.5)))
    seq = ledger.seq_at(time.time() + 60)
    ledger.emit("cost", agent="claude", proposal="p", **to_json(Cost("m", 1, dollars=0.25)))
    assert ledger.paid() == {"claude": 0.75}
    assert ledger.paid(seq) == {"claude": 0.25}
    assert ledger.seq_at(0.0) == 0
    assert ledger.epoch_count() == 1


def test_a_sum_of_costs_looks_at_no_more_the_more_there_are(ledger):
    steps = []

    def looked():
        steps.clear()
        ledger._database.set_progress_handler(lambda: steps.append(1), 100)
        ledger.spent(), ledger.spent(after=seq), ledger.paid(seq)
        ledger._database.set_progress_handler(None, 0)
        return len(steps)

    def pay(times):
        for _ in range(times):
            ledger.emit("cost", agent="claude", proposal="p", **to_json(Cost("m", 1, 10, dollars=0.1)))

    pay(3)
    seq = ledger.seq_at(time.time() + 60)
    pay(10)
    few = looked()
    pay(500)
    assert looked() <= few + 2
    assert ledger.spent(after=seq) == Cost("", 510, 5100, dollars=51.0), "and what is spent is exact"
    assert ledger.paid() == {"claude": 51.3}


def test_an_older_ledger_is_told_what_was_paid_before(ledger, tmp_path):
    ledger.emit("cost", agent="claude", proposal="p", **to_json(Cost("m", 1, dollars=0.5)))
    ledger.emit("cost", agent="other", proposal="q", **to_json(Cost("m", 2, unpriced=2)))
    old = tmp_path / "old.sqlite"
    with sqlite3.connect(old) as raw:
        ledger._database.backup(raw)
        raw.execute("DROP TRIGGER costs_add_up")
        raw.execute("DROP TABLE paid")
        raw.execute("PRAGMA user_version = 5")
    for read_only in (True, False):
        with Ledger.open(old, create=False, read_only=read_only) as older:
            assert older.spent() == Cost("", 3, dollars=0.5, unpriced=2)
            assert older.paid() == {"claude": 0.5, "other": 0.0}
    with Ledger.open(old) as older:
        older.emit("cost", agent="other", proposal="q", **to_json(Cost("m", 1, dollars=0.25)))
        assert older.paid() == {"claude": 0.5, "other": 0.25}

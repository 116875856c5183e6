"""What runs and drivers took, since a moment."""

import time

import pytest
from played import crashed, make_arena, play, scored

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

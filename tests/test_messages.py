"""The curves of several runs on their way into the ledger."""

import pytest
from loop_kit import make_sealed_arena, play, scored

from autoloop_kernel import messages
from autoloop_kernel.memory.ledger import Ledger
from autoloop_kernel.messages import Curves, Messages
from autoloop_kernel.session import open_session


@pytest.fixture
def session(tmp_path):
    with open_session(make_sealed_arena(tmp_path, keep={"policy": "greedy"})) as opened:
        play(opened, (None, scored(3.0)))
        yield opened


def report(step):
    return {"step": step, "seconds": step / 10, "numbers": {"loss": float(step)}}


def test_the_points_of_all_runs_are_one_transaction_and_each_has_its_event(session, monkeypatch):
    now, written = 100.0, []
    monkeypatch.setattr(messages.time, "monotonic", lambda: now)
    write = Ledger.add_points
    monkeypatch.setattr(Ledger, "add_points", lambda self, curves: written.append(len(curves)) or write(self, curves))
    curves = Curves()
    runs = [Messages(session, curves, 1, attempt) for attempt in (7, 8)]
    runs[0]("report", report(1))
    assert written == [1], "the first is shown at once"
    for step in (2, 3):
        for run in runs:
            run("report", report(step))
    assert written == [1]
    now += messages.POINTS_EVERY_S
    runs[1]("report", report(4))
    assert written == [1, 2]
    assert [[point.step for point in session.ledger.curve(1, attempt)] for attempt in (7, 8)] == [[1, 2, 3], [2, 3, 4]]
    told = [(event.attempt, event.data) for event in session.ledger.events(kinds=["report"])][-3:]
    assert told == [(7, report(1)), (7, report(3)), (8, report(4))]


def test_what_an_attempt_said_before_it_was_stopped_is_not_told_of_the_next(session, monkeypatch):
    monkeypatch.setattr(messages.time, "monotonic", lambda: 100.0)
    curves = Curves()
    stopped = Messages(session, curves, 1, 7)
    stopped("report", report(1))
    stopped("report", report(2))
    again = Messages(session, curves, 1, 7)
    again.flush()
    assert [point.step for point in session.ledger.curve(1, 7)] == [1]

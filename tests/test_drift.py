"""A machine that changes: the real loop, ledger and judge; only the machine is played."""

import random

import pytest
from exploit_kit import Scripted
from loop_kit import Machine, make_sealed_arena, scored, x

from autoloop_kernel.drift import look, rechecked
from autoloop_kernel.loop import Loop
from autoloop_kernel.records import Kind, Outcome, Verdict
from autoloop_kernel.session import open_session

SIGMA = 0.02


class Changing(Machine):
    """X scores |X|, some noise that follows from the seed, and `offset`, which may change while it is used."""

    def __init__(self):
        super().__init__(*[self.play] * 200)
        self.offset = 0.0

    def play(self, job):
        value = abs(float(job.notebook.split("X = ")[1].split(" ")[0]))
        return scored(value + self.offset + random.Random(job.seed).gauss(0, SIGMA))


@pytest.fixture
def loop(tmp_path):
    with open_session(make_sealed_arena(tmp_path, keep={"policy": "bayes", "recheck": 3})) as session:
        yield Loop(session, Changing())


def tried(loop, *values):
    return [loop.iterate(Scripted(x(value))) for value in values]


def begun(loop):
    """A baseline at 3, a champion at 2 and three more iterations."""
    loop.iterate(Scripted())
    assert str(tried(loop, 2.0)[0].verdict) == "keep"
    tried(loop, 2.5, 2.6)
    assert not rechecked(loop), "two iterations since the champion ran"
    tried(loop, 2.7)


def test_the_champion_is_run_again_now_and_then_and_mostly_nothing_follows(loop):
    begun(loop)
    assert rechecked(loop)
    assert [str(one.kind) for one in loop.session.iteration(2).attempts][-1] == "calibration"
    assert not rechecked(loop)
    assert loop.session.ledger.events(kinds=["drift"]) == []
    tried(loop, 2.8, 2.9, 2.55)
    assert rechecked(loop)


def test_a_change_that_a_second_run_confirms_is_told_and_later_candidates_are_held_against_it(loop):
    begun(loop)
    loop.executor.offset = 0.5
    assert [rechecked(loop), rechecked(loop), rechecked(loop)] == [True, True, False]
    (drift,) = loop.session.ledger.events(kinds=["drift"])
    assert (drift.iteration, drift.data["by"]) == (2, pytest.approx(0.5, abs=0.06))
    told = [event.data["text"] for event in loop.session.ledger.events(kinds=["note"])]
    assert told[-1].startswith("the machine has changed: the champion's score moved by +0.")
    better = tried(loop, 1.7)[0]
    assert str(better.verdict) == "keep", "2.2 is better than the 2.5 that the champion scores now"
    assert better.score == pytest.approx(2.2, abs=0.1)


def test_without_that_run_a_change_hides_what_is_better(tmp_path):
    with open_session(make_sealed_arena(tmp_path, keep={"policy": "bayes", "recheck": 0})) as session:
        loop = Loop(session, Changing())
        begun(loop)
        loop.executor.offset = 0.5
        assert not rechecked(loop)
        assert str(tried(loop, 1.7)[0].verdict) == "discard"


def test_one_stray_run_is_no_change(loop):
    begun(loop)
    loop.executor.offset = 0.5
    assert rechecked(loop)
    loop.executor.offset = 0.0
    assert rechecked(loop)
    assert loop.session.ledger.events(kinds=["drift"]) == []
    assert not rechecked(loop)


def test_a_driver_that_is_killed_and_started_again_rules_as_the_one_that_saw_the_change(tmp_path):
    told = []
    for again in (False, True):
        (tmp_path / str(again)).mkdir()
        path = make_sealed_arena(tmp_path / str(again), keep={"policy": "bayes", "recheck": 3})
        with open_session(path) as session:
            loop = Loop(session, Changing())
            begun(loop)
            loop.executor.offset = 0.5
            for _ in range(2):
                loop = Loop(session, loop.executor) if again else loop
                assert rechecked(loop)
            for value in (2.9, 1.98, 1.7, 1.69):
                loop = Loop(session, loop.executor) if again else loop
                tried(loop, value)
            effects = [finding.numbers.get("effect") for finding in session.ledger.findings()]
            told.append([*effects, *[(it.verdict, it.score) for it in session.ledger.iterations()]])
    assert told[0] == told[1]


def test_a_champion_that_does_not_run_any_more_says_nothing(loop):
    begun(loop)
    loop.executor.outcomes = [Outcome(Verdict.CRASH, "it broke")] * 50
    assert rechecked(loop)
    assert not rechecked(loop)
    assert loop.session.iteration(2).attempts[-1].kind is Kind.CALIBRATION


def test_a_difference_is_measured_in_standard_errors():
    assert look([1.0, 1.0], [2.0, 2.0], 0.5).errors == pytest.approx(2.0)
    assert look([1.0], [1.0], 0.0).errors == 0.0
    assert look([1.0], [1.5], 0.0).errors == float("inf")

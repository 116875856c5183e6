"""Runs on data that no selection sees: the real loop and ledger; only the machine is played."""

import pytest
from exploit_kit import Scripted
from loop_kit import Machine, cell, change, make_sealed_arena, play, scored, x

from autoloop_kernel.confirming import settle
from autoloop_kernel.figures import on_holdout
from autoloop_kernel.holdout import RUNS, held_out
from autoloop_kernel.loop import Loop
from autoloop_kernel.records import Kind, Outcome, Verdict
from autoloop_kernel.session import open_session

ASKS = "from autoloop_kernel.cells import ask, held_out, score\nscore(abs(float(ask())) + 0.5 * held_out())"


@pytest.fixture
def session(tmp_path):
    path = make_sealed_arena(tmp_path)
    change(path, lambda nb: cell(nb, "judge").update(source=ASKS))
    with open_session(path) as opened:
        play(opened, (None, scored(3.0)), (x(2.0), scored(2.0)))
        yield opened


def test_a_confirmed_champion_and_the_baseline_are_run_on_it_and_then_no_more(session):
    machine = Machine(*map(scored, (2.6, 2.5, 3.4, 3.5)))
    loop = Loop(session, machine)
    assert not held_out(loop), "it is not confirmed yet"
    settle(session, 2, "confirmed", "holds up")
    assert [held_out(loop) for _ in range(2 * RUNS + 1)] == [True] * 2 * RUNS + [False]
    assert [(job.iteration, job.kind) for job in machine.jobs] == [(n, Kind.HOLDOUT) for n in (2, 2, 1, 1)]
    assert [on_holdout(session.iteration(n)) for n in (1, 2)] == [[3.4, 3.5], [2.6, 2.5]]


def test_no_selection_and_no_agent_sees_these_scores(session):
    settle(session, 2, "confirmed", "holds up")
    loop = Loop(session, Machine(*map(scored, (9.6, 9.5, 9.4, 9.5)), scored(1.9)))
    while held_out(loop):
        pass
    seen = []

    class Reads(Scripted):
        def propose(self, context):
            seen.extend(attempt.score for it in context.history for attempt in it.attempts)
            return super().propose(context)

    ended = loop.iterate(Reads(x(1.9)))
    assert (ended.verdict, seen) == (Verdict.KEEP, [3.0, 2.0])
    assert session.ledger.repeated(1) == {}
    assert session.iteration(2).score == 2.0


def test_what_cannot_run_on_it_is_not_tried_for_ever(session):
    settle(session, 2, "confirmed", "holds up")
    loop = Loop(session, Machine(*[Outcome(Verdict.CRASH, "no such file")] * 9))
    assert [held_out(loop) for _ in range(5)] == [True] * 4 + [False]


def test_an_arena_that_never_asks_has_none(tmp_path):
    with open_session(make_sealed_arena(tmp_path)) as session:
        play(session, (None, scored(3.0)), (x(2.0), scored(2.0)))
        settle(session, 2, "confirmed", "holds up")
        assert not session.arena.has_holdout
        assert not held_out(Loop(session, Machine()))

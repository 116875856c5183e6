"""A discard that wins once it was run again: the real loop, ledger and driver; only the machine is played."""

import pytest
from exploit_kit import Scripted
from loop_kit import Machine, Played, cell, change, make_sealed_arena, play, scored, x

from autoloop_kernel import driver
from autoloop_kernel.gaps import fill
from autoloop_kernel.loop import Loop
from autoloop_kernel.plan import Plan
from autoloop_kernel.records import RESCUE, Proposal, Verdict
from autoloop_kernel.rescuing import combined, rescued
from autoloop_kernel.session import open_session

BAYES = {"policy": "bayes", "max_attempts": 1, "sigma": 0.1, "confirm": 0, "recheck": 0}


@pytest.fixture
def path(tmp_path):
    return make_sealed_arena(tmp_path, keep=BAYES)


def judged(session, *scores):
    """Iterate once for each score, with as many runs as the judge asks for."""
    for score in scores:
        agent = Scripted(x(score)) if session.ledger.last_number() else Scripted()
        Loop(session, Machine(*[scored(score)] * 3)).iterate(agent)


def run_again(session, number, score):
    session.ledger.queue_replicate(number)
    assert Loop(session, Machine(scored(score))).replicate()


def test_what_wins_by_all_of_its_runs_is_run_anew_and_judged_by_that_alone(path):
    with open_session(path) as session:
        judged(session, 3.0, 3.05)
        assert session.iteration(2).verdict is Verdict.DISCARD
        loop = Loop(session, Machine(*[scored(2.2)] * 3))
        assert not rescued(loop), "nothing was run again"
        run_again(session, 2, 2.0)
        assert rescued(loop)
        it = session.iteration(3)
        assert (it.agent, it.base, it.title) == (RESCUE, 1, "iteration 2 again: play 1")
        assert (it.verdict, it.state, it.score) == (Verdict.KEEP, "provisional", 2.2)
        assert session.champion().number == 3
        assert session.iteration(2).verdict is Verdict.DISCARD
        assert not rescued(loop), "a second chance, and no third"


def test_what_is_queued_runs_before_a_second_chance_and_does_not_take_it(path):
    with open_session(path) as session:
        judged(session, 3.0, 3.05)
        run_again(session, 2, 2.0)
        session.ledger.queue(Proposal("queued", x(4.0), "", "ideas", 1, "queued"), 1)
        loop = Loop(session, Machine(*[scored(3.4)] * 3))
        assert not rescued(loop), "it would be taken for the second chance"
        assert loop.iterate_queued().title == "queued"
        assert rescued(Loop(session, Machine(*[scored(2.2)] * 3)))
        assert session.iteration(4).agent == RESCUE


@pytest.mark.parametrize("score", [3.2, 2.96])
def test_what_does_not_win_stays_what_it_is(path, score):
    with open_session(path) as session:
        judged(session, 3.0, 3.05)
        run_again(session, 2, score)
        assert not rescued(Loop(session, Machine()))
        run_again(session, 1, 1.0)
        assert not rescued(Loop(session, Machine())), "the champion is no discard"


def test_upstreams_rule_gives_no_second_chance(tmp_path):
    with open_session(make_sealed_arena(tmp_path)) as session:
        play(session, (None, scored(3.0)), (x(3.1), scored(3.1)))
        run_again(session, 2, 1.0)
        assert not rescued(Loop(session, Machine()))


def test_a_driver_gives_the_chance_before_its_next_proposal(path, monkeypatch):
    with open_session(path) as session:
        judged(session, 3.0, 3.05)
        session.ledger.queue_replicate(2)

    machine = Machine(scored(2.0), *[scored(2.2)] * 2, *[scored(4.0)] * 9)
    monkeypatch.setattr(driver, "open_workers", lambda *told: Played(machine))
    driver.drive(path, [Scripted(x(4.0), x(5.0))], Plan(iterations=2, ahead=0))
    with open_session(path) as session:
        told = [(it.number, it.agent, str(it.verdict)) for it in session.ledger.iterations()][2:]
        assert told[0] == (3, RESCUE, "keep")
        assert [agent for _, agent, _ in told[1:]] == ["scripted", "scripted"]


def both(left, right):
    """The model cell with two numbers far enough apart that edits of either merge."""
    return {"model": f"{x(left)['model']}\n# one\n# two\n# three\nSECOND = {right!r}\n"}


def test_a_gap_puts_near_misses_together_once_none_is_to_be_run_again(path):
    change(path, lambda nb: cell(nb, "model").update(source=both(3.0, 1.0)["model"]))
    with open_session(path) as session:
        for units in (None, both(2.9, 1.0), both(3.0, 0.9)):
            agent = Scripted(*([units] if units else []))
            Loop(session, Machine(*[scored(3.0 if units is None else 3.04)] * 3)).iterate(agent)
        loop = Loop(session, Machine(scored(3.1), *[scored(3.06)] * 3, *[scored(2.0)] * 3))
        for _ in range(4):
            assert fill(loop)
            assert session.ledger.last_number() == 3, "first they are run again, while they may still be as good"
        assert fill(loop)
        it = session.iteration(4)
        assert (it.agent, it.verdict) == (RESCUE, Verdict.KEEP)
        assert it.title.startswith("iterations 2 and 3 together")
        assert session.units(4) == both(2.9, 0.9)


def test_upstreams_rule_combines_nothing(tmp_path):
    with open_session(make_sealed_arena(tmp_path)) as session:
        play(session, (None, scored(3.0)), (x(3.1), scored(3.0)))
        assert not combined(Loop(session, Machine()))
        assert session.ledger.last_number() == 2

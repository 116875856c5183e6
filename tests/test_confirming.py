"""Keeps that are held against fresh runs: the real loop, ledger and lineage; only the machine is played."""

import pytest
from exploit_kit import Scripted
from loop_kit import Machine, make_sealed_arena, play, scored, x

from autoloop_kernel.confirming import FAILURES, confirm_queued, confirmed, unconfirmed
from autoloop_kernel.figures import fresh
from autoloop_kernel.loop import Loop, Stopped
from autoloop_kernel.memory.rebuild import rebuild
from autoloop_kernel.memory.recover import recover
from autoloop_kernel.records import AutoloopError, Kind, Outcome, Verdict
from autoloop_kernel.session import LEDGER, open_session


@pytest.fixture
def path(tmp_path):
    return make_sealed_arena(tmp_path)


@pytest.fixture
def session(path):
    with open_session(path) as opened:
        play(opened, (None, scored(3.0)), (x(2.0), scored(2.0)), (x(1.9), scored(1.9)))
        yield opened


def on(session, *outcomes):
    machine = Machine(*outcomes)
    return Loop(session, machine), machine


def test_what_holds_up_is_confirmed_in_ledger_and_lineage(session, path):
    loop, machine = on(session, scored(1.9), scored(2.0), scored(1.9), scored(2.0))
    seen = confirmed(loop, 3)
    assert (seen.state, seen.number) == ("confirmed", 3)
    assert {job.kind for job in machine.jobs} == {Kind.CONFIRM}
    assert [job.iteration for job in machine.jobs[:2]] == [3, 2]
    assert len({job.seed for job in machine.jobs}) == len(machine.jobs)
    it = session.iteration(3)
    assert (it.state, it.score, fresh(it)[0]) == ("confirmed", 1.9, 1.9)
    assert session.champion().number == 3
    assert [i.state for i in session.lineage.recorded()] == ["provisional", "provisional", "confirmed"]
    assert "holds up" in (session.ledger.last_event("state").data["reason"])
    session.close()
    (session.arena.runs / LEDGER).unlink()
    rebuild(session.arena.runs)
    with open_session(path) as again:
        assert again.iteration(3).state == "confirmed"


def test_what_does_not_hold_up_is_refuted_and_the_champion_goes_back(session):
    loop, _ = on(session, *[scored(2.4), scored(2.0)] * 8)
    seen = confirmed(loop, 3)
    assert seen.state == "refuted"
    assert session.champion().number == 2
    assert session.lineage.champion() == session.lineage.commit_of(2)
    last = session.ledger.last_event("champion")
    assert (last.iteration, last.data) == (2, {"number": 2, "score": 2.0})
    assert unconfirmed(session) == [2]
    ended = Loop(session, Machine(scored(1.5))).iterate(Scripted(x(1.5)))
    assert (ended.base, ended.verdict) == (2, Verdict.KEEP)


def test_a_keep_that_fails_with_fresh_seeds_is_refuted(session):
    loop, _ = on(session, *[Outcome(Verdict.CRASH, "it broke")] * FAILURES)
    seen = confirmed(loop, 3)
    assert (seen.state, seen.reason) == ("refuted", "2 of its fresh runs failed")


def test_a_base_that_fails_leaves_it_open(session):
    loop, _ = on(session, scored(1.9), *[Outcome(Verdict.CRASH, "it broke")] * FAILURES)
    seen = confirmed(loop, 3)
    assert seen.state == "provisional"
    assert "fresh runs of its base, iteration 2, failed" in seen.reason


def test_too_few_pairs_leave_it_open_and_more_go_on_from_there(session):
    noisy = [scored(1.7), scored(2.3), scored(2.1), scored(1.8)]
    loop, machine = on(session, *noisy)
    assert confirmed(loop, 3, most=2).state == "provisional"
    assert len(machine.jobs) == 4
    loop, machine = on(session, *[scored(1.0), scored(3.0)] * 6)
    assert confirmed(loop, 3).state in {"confirmed", "provisional"}
    assert fresh(session.iteration(3))[:2] == [1.7, 2.1]


def test_a_run_that_is_stopped_is_made_again_and_nothing_counts_twice(session):
    stopping = []

    def stop(job):
        stopping.append(True)
        return Outcome(Verdict.INTERRUPTED, "stopped")

    loop = Loop(session, Machine(scored(1.9), stop), stopped=lambda: bool(stopping))
    with pytest.raises(Stopped):
        confirmed(loop, 3)
    number = session.ledger.begin_attempt(2, 5, Kind.CONFIRM, "killed")  # and one that a kill left open
    assert [it.number for it in session.ledger.replicating()] == [2]
    lines = [found.text for found in recover(session.ledger, session.lineage, session.arena.runs)]
    assert lines == ["a fresh run of iteration 2 was running when the driver was stopped"]
    loop, machine = on(session, scored(2.0), scored(1.9), scored(2.0))
    assert confirmed(loop, 3).state == "confirmed"
    assert (machine.jobs[0].iteration, machine.jobs[0].attempt) == (2, number)


def test_what_a_person_asks_for_is_run_one_run_at_a_time_and_then_forgotten(session):
    session.ledger.queue_confirm(3)
    session.ledger.queue_confirm(3)
    session.ledger.queue_confirm(1)
    assert session.ledger.confirms() == [3, 1]
    loop, machine = on(session, scored(1.9), scored(2.0))
    assert [confirm_queued(loop), len(machine.jobs), confirm_queued(loop), len(machine.jobs)] == [True, 1, True, 2]
    assert session.iteration(3).state == "provisional"
    assert confirm_queued(loop), "the verdict"
    assert (session.iteration(3).state, session.ledger.confirms()) == ("confirmed", [1])
    assert confirm_queued(loop), "given up: a baseline has no base"
    told = [event.data["text"] for event in session.ledger.events(kinds=["note"])]
    assert told[0].startswith("iteration 3 is confirmed: holds up")
    assert told[1].startswith("iteration 1 is not confirmed: iteration 1 is the baseline")
    assert not confirm_queued(loop)


@pytest.mark.parametrize(
    ("number", "says"), [(1, "is the baseline"), (4, "is no keep (discard)"), (9, "no iteration 9")]
)
def test_only_a_keep_can_be_confirmed(session, number, says):
    play(session, (x(5.0), scored(5.0)))
    loop, machine = on(session)
    with pytest.raises(AutoloopError, match="iteration") as caught:
        confirmed(loop, number)
    assert says in str(caught.value)
    assert not machine.jobs

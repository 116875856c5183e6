"""What the trainer does while agents think: the real loop, threads and ledger; only the machine is played."""

import threading

import pytest
from exploit_kit import Scripted
from loop_kit import Machine, make_sealed_arena, play, scored, x

from autoloop_kernel import gaps
from autoloop_kernel.agents.base import NoProposal
from autoloop_kernel.agents.team import Team
from autoloop_kernel.gaps import expected_wait_s, fill, is_worth
from autoloop_kernel.loop import Loop, NotYet
from autoloop_kernel.records import Proposal
from autoloop_kernel.session import open_session
from autoloop_kernel.turns import Turns


def test_a_wait_is_expected_by_what_the_agent_took_before():
    assert expected_wait_s([10.0, 20.0, 30.0], 0.0) == 20.0
    assert expected_wait_s([10.0, 20.0, 30.0], 15.0) == 10.0
    assert expected_wait_s([10.0], 25.0) == 25.0
    assert expected_wait_s([], 3.0) == 3.0


def test_a_gap_is_worth_a_run_from_half_of_its_budget_on():
    assert is_worth(30.0, 60.0)
    assert not is_worth(29.0, 60.0)


class Slow:
    """Thinks until it is let go on, and then proposes what it was given."""

    name = "slow"

    def __init__(self, *plays):
        self.plays, self.go = list(plays), threading.Semaphore(0)

    def stop(self):
        self.plays.clear()
        self.go.release()

    def propose(self, context):
        self.go.acquire()
        if not self.plays:
            raise NoProposal("has no more ideas")
        return Proposal("an idea", dict(self.plays.pop(0)))


def test_while_an_agent_thinks_for_long_the_champion_and_then_near_misses_run_again(tmp_path):
    agent = Slow(x(4.0), x(2.0))
    machine = Machine(scored(3.0), scored(3.2), scored(3.1), scored(3.3), scored(3.05), scored(2.0))
    with open_session(make_sealed_arena(tmp_path)) as session:
        loop = Loop(session, machine)

        def step():
            try:
                return loop.iterate(turns.next(session)).title
            except NotYet:
                turns.fill(loop)
                return [(it.number, len(it.attempts)) for it in session.ledger.iterations()]

        def proposed():
            """What ran once the agent was let go on; whether it is ready at once is up to its thread."""
            agent.go.release()
            while not isinstance(told := step(), str):
                pass
            return told

        with Turns(Team([agent], "game"), loop, 1, lambda: False) as turns:
            turns.next(session)
            assert step() == "baseline"
            assert step() == [(1, 2)], "the champion"
            assert session.ledger.repeated(1) == {1: [3.0, 3.2]}
            assert proposed() == "an idea"
            assert step() == [(1, 2), (2, 2)], "the near miss"
            assert step() == [(1, 2), (2, 3)], "the near miss, for the last time"
            assert step() == [(1, 2), (2, 3)], "nothing is left to be run again"
            assert proposed() == "an idea"
        asked = session.ledger.events(kinds=["replicate"])
        assert {event.data["why"] for event in asked} == {"no proposal is ready yet"}
        assert [it.verdict for it in session.ledger.iterations()] == ["keep", "discard", "keep"]
        assert session.ledger.replicates() == []


def test_a_near_miss_is_sought_among_the_last_iterations_alone(tmp_path, monkeypatch):
    with open_session(make_sealed_arena(tmp_path)) as session:
        play(session, (None, scored(3.0)), (x(4.0), scored(3.05)), (x(5.0), scored(9.0)))
        loop = Loop(session, Machine(*map(scored, [3.2, 3.1])))
        assert fill(loop)
        monkeypatch.setattr(gaps, "AMONG", 1)
        assert not fill(loop), "2, which is a near miss, is not among them"
        monkeypatch.setattr(gaps, "AMONG", 2)
        assert fill(loop)
        assert [len(it.attempts) for it in session.ledger.iterations()] == [2, 2, 1]


def test_what_broke_a_hard_limit_is_no_near_miss(tmp_path):
    with open_session(make_sealed_arena(tmp_path, limits={"size": {"max": 8}})) as session:
        large = scored(3.05, extra={"size": 9})
        play(session, (None, scored(3.0, extra={"size": 8})), (x(4.0), large))
        loop = Loop(session, Machine(*[scored(each, extra={"size": 8}) for each in (3.2, 3.1)]))
        assert fill(loop), "the champion once more"
        assert not fill(loop), "2 cannot be kept, whatever it scores"


def test_nothing_is_run_again_where_there_is_no_champion_or_an_accepted_proposal_waits(tmp_path):
    with open_session(make_sealed_arena(tmp_path)) as session:
        loop = Loop(session, Machine(scored(3.0)))
        assert not fill(loop)
        loop.iterate(Slow())
        session.ledger.propose(Proposal("mine", x(1.0), "", "person", 1, "p-mine"), 1, review=True)
        session.ledger.accept("p-mine")
        assert not fill(loop)


def test_a_provisional_champion_is_held_against_its_base_before_anything_else(tmp_path):
    with open_session(make_sealed_arena(tmp_path)) as session:
        play(session, (None, scored(3.0)), (x(2.0), scored(2.0)))
        machine = Machine(*map(scored, (2.0, 3.0)))
        loop = Loop(session, machine)
        assert fill(loop)
        assert fill(loop)
        assert [(job.iteration, str(job.kind)) for job in machine.jobs] == [(2, "confirm"), (1, "confirm")]
        assert fill(loop), "nothing more had to be run: it holds up"
        assert session.champion().state == "confirmed"
        assert len(machine.jobs) == 2
        assert not fill(loop)


@pytest.mark.parametrize("score", [None, 3.5])
def test_a_run_that_is_lost_or_not_is_not_asked_for_without_end(tmp_path, score):
    from autoloop_kernel.records import Outcome, Verdict

    again = Outcome(Verdict.CRASH, "no luck") if score is None else scored(score)
    with open_session(make_sealed_arena(tmp_path)) as session:
        loop = Loop(session, Machine(scored(3.0), again))
        loop.iterate(Slow())
        assert fill(loop)
        assert not fill(loop)


def test_what_came_of_many_proposals_is_not_added_up_before_every_asking(tmp_path, monkeypatch):
    with open_session(make_sealed_arena(tmp_path)) as session:
        play(session, (None, scored(3.0)))
        loop, team, number, told = Loop(session, Machine()), Team([Scripted(), Scripted()], "game"), [999], []
        monkeypatch.setattr(session.ledger, "last_number", lambda: number[0])
        monkeypatch.setattr(team, "learn", lambda records: told.append(number[0]))
        with Turns(team, loop, 0, lambda: False) as turns:
            for each in (999, 999, 1000, 1009, 1010, 1020, 1021):
                number[0] = each
                turns.next(session)
        assert told == [999, 999, 1010, 1021]

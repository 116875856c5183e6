"""Proposals that are made while something runs: the real thread, ledger and lineage; only the machine is played."""

import threading
from contextlib import contextmanager

import pytest
from arenas import write_quick_arena
from loop_kit import Machine, make_sealed_arena, scored, x
from screen_kit import until

from autoloop_kernel.agents.base import CannotPropose, NoProposal
from autoloop_kernel.ahead import Ahead
from autoloop_kernel.driver import Plan, drive
from autoloop_kernel.loop import Loop, Stopped
from autoloop_kernel.proposing import NothingToRun
from autoloop_kernel.records import Proposal, Verdict
from autoloop_kernel.session import open_session


def source(a=0, b=0):
    """A unit whose two constants stand far enough apart for edits of both to be brought together."""
    return {"model": f"A = {a}\n\n\nB = {b}\n\n\n" + x(3.0)["model"]}


class Thinker:
    """Plays proposals; each waits for `go`, and `asked` counts how often it was asked."""

    name = "thinker"

    def __init__(self, *plays, free=True):
        self.plays, self.asked, self.heard = list(plays), 0, []
        self.go = threading.Semaphore(1000 if free else 0)
        self.stopped = threading.Event()

    def stop(self):
        self.stopped.set()
        self.go.release()

    def propose(self, context):
        self.asked += 1
        self.heard.append(context)
        self.go.acquire()
        if self.stopped.is_set():
            raise NoProposal("was stopped")
        if not self.plays:
            raise NoProposal("has no more ideas")
        context.emit(f"thought {self.asked}")
        play = self.plays.pop(0)
        return Proposal(f"idea {self.asked}", dict(play))


@contextmanager
def loop(folder, machine, agent, **options):
    """A loop over an arena, and what makes its proposals ahead."""
    halted = threading.Event()
    with open_session(make_sealed_arena(folder)) as session:
        ahead = Ahead(lambda: agent, halted=halted.is_set, **options)
        ahead.halt = halted  # for the test
        try:
            yield Loop(session, machine), ahead
        finally:
            ahead.close()


def kinds(session, *wanted):
    return [event.kind for event in session.ledger.events(kinds=list(wanted))]


def test_the_next_proposals_are_made_while_one_runs(tmp_path):
    agent = Thinker(x(2.0), x(1.0), x(0.5), x(0.25))

    def run(job):
        """A run that lasts until two more proposals are ready."""
        until(lambda: len(pending(session)) == 2, "two are ready")
        return scored(float(10 - job.iteration))

    with loop(tmp_path, Machine(scored(3.0), run, run), agent) as (loop_, ahead):
        session = loop_.session

        assert loop_.iterate(ahead).base is None
        assert loop_.iterate(ahead).title == "idea 1"
        assert loop_.iterate(ahead).title == "idea 2"
        until(lambda: len(pending(session)) == 2, "as many as are to be ready")
        assert agent.asked == 4
        assert {row.status for row in session.ledger.proposals()} == {"ran", "pending"}
        told = [event.data["text"] for event in session.ledger.events(kinds=["ahead"])]
        assert told[-1] == "thought 4"
        assert all("play" not in row.reason for row in session.ledger.proposals())


def pending(session):
    with open_session(session.path, create=False) as other:
        return other.ledger.proposals("pending")


def test_no_more_are_made_than_there_is_room_for(tmp_path):
    agent = Thinker(x(2.0), x(1.0), x(0.5))
    left = [2]
    with loop(tmp_path, Machine(scored(3.0), scored(4.0), scored(5.0)), agent, room=lambda: left[0]) as (loop_, ahead):
        loop_.iterate(ahead)
        left[0] = 1
        loop_.iterate(ahead)
        left[0] = 0
        loop_.iterate(ahead)
    assert agent.asked == 2


def test_what_an_agent_took_ahead_is_its_own_time_and_not_the_iterations(tmp_path):
    agent = Thinker(x(2.0), x(1.0))
    with loop(tmp_path, Machine(scored(3.0), scored(4.0)), agent) as (loop_, ahead):
        loop_.iterate(ahead)
        until(lambda: ahead.ready, "a proposal")
        ran = loop_.iterate(ahead)
    assert ran.seconds.propose > 0
    assert ran.seconds.total >= ran.seconds.run


def test_an_edit_of_an_earlier_champion_is_brought_together_with_the_new_one(tmp_path):
    agent = Thinker(source(), source(a=1), source(b=1), free=False)
    machine = Machine(scored(3.0), scored(2.0), scored(1.0), scored(0.5))
    room = [0]
    with loop(tmp_path, machine, agent, room=lambda: room[0]) as (loop_, ahead):
        loop_.iterate(ahead)
        agent.go.release()
        first = loop_.iterate(ahead)
        assert first.verdict is Verdict.KEEP
        room[0] = 2  # both are made for the same champion
        agent.go.release(2)
        until(lambda: len(pending(loop_.session)) == 2, "two proposals")
        second = loop_.iterate(ahead)
        assert second.verdict is Verdict.KEEP
        third = loop_.iterate(ahead)
        assert third.base == second.number
        assert loop_.session.units(third.number)["model"] == source(a=1, b=1)["model"]
        rebased = loop_.session.ledger.events(kinds=["rebased"])
        assert [event.data["base"] for event in rebased] == [second.number]
        assert loop_.session.ledger.proposal(third.proposal).proposal.base == second.number


def test_an_edit_of_the_same_lines_is_refused_and_asked_for_anew(tmp_path):
    agent = Thinker(source(), source(a=1), source(a=2), source(a=3), free=False)
    machine, room = Machine(scored(3.0), scored(2.0), scored(1.0), scored(0.5)), [0]
    with loop(tmp_path, machine, agent, room=lambda: room[0]) as (loop_, ahead):
        loop_.iterate(ahead)
        agent.go.release()
        loop_.iterate(ahead)
        room[0] = 2
        agent.go.release(2)
        until(lambda: len(pending(loop_.session)) == 2, "two proposals")
        room[0] = 0
        second = loop_.iterate(ahead)
        agent.go.release()
        third = loop_.iterate(ahead)
        assert third.base == second.number
        assert loop_.session.units(third.number)["model"] == source(a=3)["model"]
        (refused,) = loop_.session.ledger.proposals("invalid")
        assert refused.proposal.title == "idea 3"
        assert f"iteration {second.number} is the champion now" in refused.reason


def test_agents_hear_of_what_is_ready_and_do_not_repeat_it(tmp_path):
    agent = Thinker(x(2.0), x(2.0), x(1.0))
    with loop(tmp_path, Machine(scored(3.0), scored(4.0), scored(5.0)), agent) as (loop_, ahead):
        loop_.iterate(ahead)
        ready = ["idea 1", "idea 3"]
        until(lambda: [row.proposal.title for row in pending(loop_.session)] == ready, "two that differ")
        assert [proposal.title for proposal in agent.heard[1].refused] == ["idea 1"]
        (again,) = loop_.session.ledger.proposals("duplicate")
        assert again.reason == "the same code is on its way to a run already: idea 1"


def test_an_agent_without_ideas_is_a_reason_after_what_is_ready(tmp_path):
    agent = Thinker(x(2.0))
    with loop(tmp_path, Machine(scored(3.0), scored(4.0)), agent) as (loop_, ahead):
        loop_.iterate(ahead)
        assert loop_.iterate(ahead).title == "idea 1"
        with pytest.raises(NothingToRun, match="thinker: has no more ideas"):
            loop_.iterate(ahead)


def test_who_waits_for_an_agent_can_be_stopped_and_the_agent_too(tmp_path):
    agent = Thinker(x(2.0), free=False)
    with loop(tmp_path, Machine(scored(3.0)), agent) as (loop_, ahead):
        loop_.iterate(ahead)
        until(lambda: agent.asked == 1, "it is asked")
        assert ahead.is_thinking
        threading.Timer(0.2, ahead.halt.set).start()
        with pytest.raises(Stopped):
            loop_.iterate(ahead)
        assert kinds(loop_.session, "propose.start") == ["propose.start"]
        ahead.close()
        assert agent.stopped.is_set()
        assert not any(thread.is_alive() for thread in ahead._threads)


def test_what_is_ready_when_it_ends_runs_first_at_the_next_start(tmp_path):
    agent = Thinker(x(2.0), x(1.0))
    with loop(tmp_path, Machine(scored(3.0), scored(4.0)), agent) as (loop_, ahead):
        loop_.iterate(ahead)
        until(lambda: len(pending(loop_.session)) == 2, "two are ready")
        ahead.close()
        path = loop_.session.path
    with open_session(path) as session:
        session.ledger.requeue()
        later = Loop(session, Machine(scored(2.0), scored(1.0)))
        assert later.iterate_queued().title == "idea 1"
        assert later.iterate_queued().title == "idea 2"


def test_what_is_ready_outlives_a_change_of_the_arena(tmp_path):
    agent = Thinker(x(2.0), x(1.0), free=False)
    room = [0]
    machine = Machine(scored(3.0), scored(3.0), scored(2.0))
    with loop(tmp_path, machine, agent, room=lambda: room[0]) as (loop_, ahead):
        loop_.iterate(ahead)
        room[0] = 1
        agent.go.release()
        until(lambda: len(pending(loop_.session)) == 1, "it is ready")
        (loop_.session.arena.folder / "sealed" / "truth.txt").write_text("1")
        again = loop_.iterate(ahead)
        assert (again.base, again.epoch) == (None, 2)
        after = loop_.iterate(ahead)
        assert (after.title, after.epoch, after.base) == ("idea 1", 2, again.number)


def test_a_thread_that_breaks_is_a_reason_and_begins_anew(tmp_path, monkeypatch):
    agent = Thinker(x(2.0))
    with loop(tmp_path, Machine(scored(3.0), scored(4.0)), agent) as (loop_, ahead):
        with monkeypatch.context() as patch:
            patch.setattr("autoloop_kernel.ahead.reopen", lambda arena: 1 / 0)
            loop_.iterate(ahead)
            with pytest.raises(NothingToRun, match="asking ahead failed with ZeroDivisionError: division by zero"):
                ahead.take(loop_.session, loop_.session.arena, 1, loop_.session.champion())
        assert loop_.iterate(ahead).title == "idea 1"


def test_an_agent_that_would_end_the_process_is_a_reason_and_nobody_waits_for_ever(tmp_path):
    class Ends(Thinker):
        def propose(self, context):
            raise SystemExit(2)

    with loop(tmp_path, Machine(scored(3.0)), Ends()) as (loop_, ahead):
        loop_.iterate(ahead)
        with pytest.raises(NothingToRun, match="thinker: failed with SystemExit: 2"):
            ahead.take(loop_.session, loop_.session.arena, 1, loop_.session.champion())


class Counting:
    """Proposes another constant each time, as an agent does that thinks."""

    name = "counting"

    def __init__(self):
        self.asked = 0

    def propose(self, context):
        self.asked += 1
        return Proposal(f"X to {self.asked}", {"e0": f"X = {self.asked + 3}.0\nY = 0.0\n"})


class Broke:
    name = "broke"

    def propose(self, context):
        raise CannotPropose("has no credit left")


def test_a_driver_asks_ahead_and_a_step_never_does(tmp_path):
    path, agent = write_quick_arena(tmp_path), Counting()
    assert drive(path, [agent], Plan(iterations=1)).ran == 1
    assert drive(path, [agent], Plan(iterations=1)).ran == 1
    assert agent.asked == 1
    assert drive(path, [agent], Plan(iterations=2)).ran == 2
    assert agent.asked == 3
    with open_session(path) as session:
        assert session.ledger.proposals("pending") == []
        assert [it.agent for it in session.ledger.iterations()] == ["baseline", *["counting"] * 3]
        ahead = [row for row in session.ledger.iterations() if row.number == 4]
        assert ahead[0].seconds.propose < ahead[0].seconds.total


def test_an_agent_that_cannot_go_on_leaves_the_others_to_it(tmp_path):
    path, agent = write_quick_arena(tmp_path), Counting()
    ended = drive(path, [Broke(), agent], Plan(iterations=3))
    assert (ended.ran, ended.failed) == (3, False)
    with open_session(path) as session:
        notes = [event.data["text"] for event in session.ledger.events(kinds=["note"])]
    assert notes == ["broke: has no credit left; the others go on"]
    alone = drive(path, [Broke()], Plan(iterations=3))
    assert (alone.ran, alone.failed, alone.reason) == (0, True, "broke: has no credit left")

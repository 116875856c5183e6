"""Several slots on one session: the real loop, ledger and lineage; only the machines are played, and wait for gates."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from loop_kit import Played, change, scored, x
from played import make_arena
from slots_kit import Gates, Ideas, assert_each_ended_once, assert_no_code_twice, wait_for
from story import assert_same_story

from autoloop_kernel import crew, driver
from autoloop_kernel.agents.base import CannotPropose, NoProposal
from autoloop_kernel.agents.team import Team
from autoloop_kernel.ahead import CEASES_S
from autoloop_kernel.confirming import settle
from autoloop_kernel.crew import IDLE_S
from autoloop_kernel.driver import Plan, drive, send
from autoloop_kernel.durable import write_atomic
from autoloop_kernel.execution.receipt import sealed_text
from autoloop_kernel.records import AutoloopError, Job, Outcome, Verdict
from autoloop_kernel.repeating import FRUITLESS, _Way
from autoloop_kernel.reviewing import fork
from autoloop_kernel.session import LEDGER, open_session


class Slots:
    """As many machines as there are slots; each scores |X|, or what `scores` says of a job, and waits at its gates."""

    def __init__(self, count: int, *held: int, scores: Callable[[Job], Outcome] | None = None) -> None:
        self.gates, self.scores, self.count = Gates(*held), scores or distance, count
        self.begun: list[int] = []
        self.is_over = False
        self._news = threading.Condition()

    def began(self, *numbers: int) -> None:
        """Wait until these are being run."""
        with self._news:
            self._news.wait_for(lambda: self.is_over or set(numbers) <= set(self.begun), 20)
            assert set(numbers) <= set(self.begun), (self.begun, self.is_over)

    def over(self) -> None:
        """The driver has ended: nobody needs to wait for anything."""
        with self._news:
            self.is_over = True
            self._news.notify_all()

    def close(self) -> None:
        """Nothing waits."""

    def run(self, job: Job, on_message, stopped) -> Outcome:
        """Play one run."""
        with self._news:
            self.begun.append(job.iteration)
            self._news.notify_all()
        on_message("phase", {"phase": "running"})
        outcome = self.scores(job)
        self.gates(job)
        outcome = Outcome(Verdict.INTERRUPTED, "stopped before it ended") if stopped() else outcome
        write_atomic(job.target / job.notebook_name, sealed_text(nbformat.reads(job.notebook, 4), job, outcome))
        return outcome

    def prepare(self) -> None:
        """Nothing is to be made ready."""

    def drive(self, path: Path, agents, plan: Plan, monkeypatch) -> Driven:
        """Drive in a thread of its own, for a test that opens gates meanwhile."""
        monkeypatch.setattr(driver, "open_workers", lambda spec, mark, tell: Played(*[self] * self.count))
        return Driven(path, agents, plan, self)


class Driven:
    """A driver in a thread; used as a context it is waited for at the end, with its gates opened."""

    def __init__(self, path: Path, agents, plan: Plan, slots: Slots) -> None:
        self.ended, self.error, self.slots = None, None, slots
        self._thread = threading.Thread(target=self._drive, args=(path, agents, plan))

    def _drive(self, *arguments) -> None:
        try:
            self.ended = drive(*arguments)
        except Exception as error:
            self.error = error
        finally:
            self.slots.over()

    def over(self) -> None:
        """Wait until it has ended by itself."""
        self._thread.join(30)
        assert not self._thread.is_alive(), "it goes on"

    def __enter__(self) -> Driven:
        self._thread.start()
        return self

    @property
    def ran(self) -> int:
        """How many iterations it ran; raises where it raised."""
        if self.error is not None:
            raise self.error
        return self.ended.ran

    def __exit__(self, *exc) -> None:
        self.slots.gates.open(*self.slots.gates.numbers)
        self._thread.join(60)
        assert not self._thread.is_alive()


def distance(job: Job) -> Outcome:
    return scored(abs(float(job.notebook.split("X = ")[1].split(" ")[0])))


def look(path: Path):
    return open_session(path, create=False)


def until_ended(path: Path, number: int) -> None:
    wait_for(path, lambda session: (found := session.ledger.iteration(number)) is not None and found.verdict)


def test_code_that_still_runs_in_an_earlier_epoch_may_run_in_the_new_one(tmp_path, monkeypatch):
    """Iteration 2 runs X = 2 when the arena changes; in the new epoch the agent proposes it again."""
    path, slots = make_arena(tmp_path), Slots(2, 2, 3)
    agent = Ideas(x(2.0), x(4.0), x(2.0), quick=True)
    with slots.drive(path, [agent], Plan(iterations=5, workers="2"), monkeypatch) as driven:
        slots.began(2, 3)
        change(path, lambda nb: nb["metadata"]["autoloop"].update(budget_s=77))
        slots.gates.open(3)
        slots.began(4, 5)
        slots.gates.open(2)
    assert driven.ran == 5
    with look(path) as session:
        rows = [(it.number, it.epoch, it.base, str(it.verdict)) for it in session.ledger.iterations()]
        assert rows == [
            (1, 1, None, "keep"),
            (2, 1, 1, "keep"),
            (3, 1, 1, "discard"),
            (4, 2, None, "keep"),
            (5, 2, 4, "keep"),
        ]
        assert session.champion().number == 5, "what ends in an earlier epoch is never the champion of this one"
        assert_no_code_twice(session)
    assert_same_story(path)


# -- what becomes of keeps


def test_what_is_kept_after_a_later_one_was_refuted_is_the_champion(tmp_path, monkeypatch):
    """Iteration 3 becomes the champion and is refuted while 2, which began before it, still runs."""
    path, slots = make_arena(tmp_path), Slots(2, 2)
    with slots.drive(path, [Ideas(x(2.0), x(2.5), quick=True)], Plan(iterations=3, workers="2"), monkeypatch) as driven:
        until_ended(path, 3)
        with look(path) as session:
            settle(session, 3, "refuted", "by fresh runs")
            assert session.champion().number == 1
    assert driven.ran == 3
    assert assert_same_story(path) == ["keep", "keep", "keep"]
    with look(path) as session:
        assert session.champion().number == 2
        runs = session.arena.runs
    (runs / LEDGER).unlink()
    with open_session(path) as session:
        assert session.champion().number == 2, "as the lineage says"
    assert drive(path, [Ideas(x(2.2), quick=True)], Plan(iterations=1, workers="2")).ran == 1
    with look(path) as session:
        assert session.iteration(4).base == 2


def test_a_champion_is_refuted_back_to_the_last_that_stands_whatever_the_order_of_the_numbers(tmp_path, monkeypatch):
    """3 is kept and refuted, 2 is kept after that, and 4, on it, is refuted, too: then 2 is the champion again."""
    path, slots = make_arena(tmp_path), Slots(2, 2)
    with slots.drive(path, [Ideas(x(2.0), x(2.5), quick=True)], Plan(iterations=3, workers="2"), monkeypatch):
        until_ended(path, 3)
        with look(path) as session:
            settle(session, 3, "refuted", "by fresh runs")
    assert drive(path, [Ideas(x(1.0), quick=True)], Plan(iterations=1, workers="2")).ran == 1
    with look(path) as session:
        assert (session.champion().number, session.champion().base) == (4, 2)
        settle(session, 4, "refuted", "by fresh runs")
        assert session.champion().number == 2
        settle(session, 2, "refuted", "by fresh runs")
        assert session.champion().number == 1
    assert_same_story(path)


def test_a_fork_while_several_run_counts_until_something_is_kept_after_it(tmp_path, monkeypatch):
    path, slots = make_arena(tmp_path), Slots(2, 3, 4)
    agent = Ideas(x(2.0), x(1.5), x(1.0), x(0.5), quick=True)
    with slots.drive(path, [agent], Plan(iterations=5, workers="2"), monkeypatch) as driven:
        slots.began(3, 4)
        with look(path) as session:
            fork(session, 1)
        slots.gates.open(3)
        slots.began(5)
        with look(path) as session:
            assert session.iteration(5).base == 1
    assert driven.ran == 5
    with look(path) as session:
        assert session.champion().number == 5
        assert_each_ended_once(session)
    assert_same_story(path)


# -- agents


class Slow(Ideas):
    """An agent that thinks: about its second idea for as long as the test wants."""

    def __init__(self, *plays) -> None:
        super().__init__(*plays)
        self.thinks, self.may, self.told = threading.Event(), threading.Event(), False

    def stop(self) -> None:
        self.told = True
        self.may.set()

    def propose(self, context):
        if self.asked == 1:
            self.thinks.set()
            assert self.may.wait(20), "nobody let it"
        return super().propose(context)


@pytest.mark.parametrize("ahead", [0, 2])
def test_what_others_run_is_judged_while_an_agent_thinks(tmp_path, monkeypatch, ahead):
    path, slots, agent = make_arena(tmp_path), Slots(2, 2), Slow(x(4.0), x(5.0))
    with slots.drive(path, [agent], Plan(iterations=3, workers="2", ahead=ahead), monkeypatch) as driven:
        slots.began(2)
        assert agent.thinks.wait(60)
        slots.gates.open(2)
        until_ended(path, 2)
        agent.may.set()
    assert driven.ran == 3
    assert_same_story(path)


def test_a_slot_that_waits_for_a_proposal_begins_nothing_once_the_target_is_reached(tmp_path, monkeypatch):
    path, slots, agent = make_arena(tmp_path), Slots(2, 2), Slow(x(0.5), x(4.0))
    with slots.drive(path, [agent], Plan(until=1.0, workers="2"), monkeypatch) as driven:
        slots.began(2)
        assert agent.thinks.wait(60)
        slots.gates.open(2)
        driven.over()
    assert (driven.ran, agent.told) == (2, True)
    assert "has reached 1" in driven.ended.reason
    assert_same_story(path)


def test_a_slot_that_waits_for_a_proposal_begins_nothing_while_paused(tmp_path, monkeypatch):
    path, slots, agent = make_arena(tmp_path), Slots(2, 2), Slow(x(4.0), x(5.0))
    with slots.drive(path, [agent], Plan(iterations=3, workers="2"), monkeypatch) as driven:
        slots.began(2)
        assert agent.thinks.wait(60)
        assert "pauses" in send(path, "pause")
        agent.may.set()
        wait_for(path, lambda session: session.ledger.proposals("pending"))
        slots.gates.open(2)
        until_ended(path, 2)
        threading.Event().wait(0.5)
        with look(path) as session:
            assert session.ledger.last_number() == 2, "it went on though paused"
        send(path, "resume")
        slots.began(3)
    assert driven.ran == 3
    assert_same_story(path)


def test_an_agent_that_gives_up_ends_the_driver_when_the_others_have_ended(tmp_path, monkeypatch):
    class Fails(Ideas):
        def propose(self, context):
            if self.asked == 2:
                raise CannotPropose("is broke")
            return super().propose(context)

    path, slots = make_arena(tmp_path), Slots(3, 2, 3)
    with slots.drive(path, [Fails(x(2.0), x(4.0), quick=True)], Plan(iterations=9, workers="3"), monkeypatch) as driven:
        slots.began(2, 3)
        slots.gates.open(2, 3)
        driven.over()
    assert (driven.ran, driven.ended.failed) == (3, True)
    assert driven.ended.reason == "ideas: is broke"
    assert assert_same_story(path) == ["keep", "keep", "discard"]


def test_an_agent_that_raises_costs_no_slot(tmp_path, monkeypatch):
    class Raises(Ideas):
        def propose(self, context):
            if self.asked == 1:
                self.asked += 1
                raise ValueError("some fault")
            return super().propose(context)

    path, slots = make_arena(tmp_path), Slots(3)
    with slots.drive(
        path, [Raises(x(2.0), x(4.0), quick=True)], Plan(iterations=3, workers="3"), monkeypatch
    ) as driven:
        driven.over()
    assert driven.ran == 3
    with look(path) as session:
        assert "some fault" in "".join(e.data["reason"] for e in session.ledger.events(kinds=["refused"]))
    assert_same_story(path)


def test_an_agent_that_fails_time_and_again_ends_nothing_while_another_thinks(tmp_path, monkeypatch):
    class Never(Ideas):
        def propose(self, context):
            self.asked += 1
            enough.set() if self.asked >= 3 * FRUITLESS else None
            raise NoProposal("has a fault")

    class Long(Ideas):
        def propose(self, context):
            assert may.wait(60), "nobody let it"
            return super().propose(context)

    enough, may = threading.Event(), threading.Event()
    path, slots = make_arena(tmp_path), Slots(2)
    agents = [Long(x(2.0), name="long"), Never(name="never")]
    with slots.drive(path, agents, Plan(until=2.5, workers="2"), monkeypatch) as driven:
        assert enough.wait(60)
        threading.Event().wait(0.5)
        may.set()
    assert driven.ran == 2
    assert "has reached 2.5" in driven.ended.reason
    with look(path) as session:
        assert session.iteration(2).agent == "long"
    assert_same_story(path)


# -- slots that have nothing to do


def test_a_slot_that_has_nothing_to_do_lets_the_ledger_be(tmp_path, monkeypatch):
    looks, end = [], _Way.end

    def counted(way, loop):
        looks.append(time.monotonic())
        return end(way, loop)

    monkeypatch.setattr(_Way, "end", counted)
    path, slots = make_arena(tmp_path), Slots(3, 2)
    with slots.drive(path, [Ideas(x(2.0), quick=True)], Plan(iterations=2, workers="3"), monkeypatch) as driven:
        slots.began(2)
        began = time.monotonic()
        threading.Event().wait(3.0)
        until = time.monotonic()
    assert driven.ran == 2
    assert sum(began < look < until for look in looks) <= 2 * (2 + (until - began) / IDLE_S)


def test_a_slot_that_waits_for_a_proposal_lets_the_ledger_be(tmp_path, monkeypatch):
    looks, ceases = [], _Way.ceases

    def counted(way, loop):
        looks.append(time.monotonic())
        return ceases(way, loop)

    monkeypatch.setattr(_Way, "ceases", counted)
    path, slots, agent = make_arena(tmp_path), Slots(3, 2), Slow(x(4.0), x(5.0), x(6.0))
    with slots.drive(path, [agent], Plan(iterations=4, workers="3"), monkeypatch) as driven:
        slots.began(2)
        assert agent.thinks.wait(60)
        began = time.monotonic()
        threading.Event().wait(3.0)
        until = time.monotonic()
        agent.may.set()
    assert driven.ran == 4
    assert sum(began < look < until for look in looks) <= 2 * (2 + (until - began) / CEASES_S)


def test_slots_wake_each_other_when_there_is_something_to_do(tmp_path, monkeypatch):
    """None looks by itself here: 2 is overtaken by 3, and its combination is begun as soon as it is queued."""
    monkeypatch.setattr(crew, "IDLE_S", 3600.0)
    path, slots = make_arena(tmp_path), Slots(4, 2, 3, 4)
    agent = Ideas(x(1.0), x(2.0), x(4.0), quick=True)
    with slots.drive(path, [agent], Plan(iterations=4, workers="4"), monkeypatch) as driven:
        slots.began(2, 3, 4)
        slots.gates.open(3)
        until_ended(path, 3)
        slots.gates.open(2)
        slots.began(5)
        slots.gates.open(4)
        driven.over()
    assert driven.ran == 5
    assert_same_story(path)


# -- ends


def test_a_baseline_that_fails_is_run_once_and_ends_them_all(tmp_path, monkeypatch):
    path = make_arena(tmp_path)
    slots = Slots(3, scores=lambda job: Outcome(Verdict.CRASH, "NameError: no such name"))
    with slots.drive(path, [Ideas(x(2.0))], Plan(workers="3"), monkeypatch) as driven:
        driven.over()
    assert (driven.ran, driven.ended.failed) == (1, True)
    assert driven.ended.reason.startswith("the baseline has no score (crash")
    assert assert_same_story(path) == ["crash"]


def test_stop_lets_what_runs_end_and_begins_nothing_more(tmp_path, monkeypatch):
    path, slots = make_arena(tmp_path), Slots(3, 2, 3, 4)
    with slots.drive(path, [Ideas(*map(x, (4.0, 4.1, 4.2, 4.3)))], Plan(workers="3"), monkeypatch) as driven:
        slots.began(2, 3, 4)
        assert "stops after these iterations" in send(path, "stop")
    assert (driven.ran, driven.ended.failed, driven.ended.reason) == (4, False, "stopped")
    assert assert_same_story(path) == ["keep", *["discard"] * 3]


def test_stop_now_leaves_what_runs_in_flight_and_the_next_start_runs_it_again(tmp_path, monkeypatch):
    path, slots = make_arena(tmp_path), Slots(3, 2, 3, 4)
    with slots.drive(path, [Ideas(*map(x, (4.0, 4.1, 4.2, 4.3)))], Plan(workers="3"), monkeypatch) as driven:
        slots.began(2, 3, 4)
        assert "stops at once" in send(path, "stop-now")
    assert (driven.ran, driven.ended.reason) == (1, "stopped")
    with look(path) as session:
        assert [it.number for it in session.ledger.in_flight()] == [2, 3, 4]
    for slots_then, iterations in (("2", 2), ("1", 1)):
        with Slots(int(slots_then)).drive(
            path, [Ideas()], Plan(iterations=iterations, workers=slots_then), monkeypatch
        ) as again:
            again.over()
        assert again.ran == iterations
    assert assert_same_story(path) == ["keep", *["discard"] * 3]


def test_what_ends_one_slot_ends_all_and_is_told(tmp_path, monkeypatch):
    def scores(job):
        if job.iteration == 3:
            slots.began(2, 3, 4)  # once it has failed, nothing more begins
            raise AutoloopError("its disk is full: free some space, and start again")
        return distance(job)

    path, slots = make_arena(tmp_path), Slots(3, 2, 4, scores=scores)
    with slots.drive(
        path, [Ideas(*map(x, (4.0, 4.1, 4.2, 4.3)), quick=True)], Plan(workers="3"), monkeypatch
    ) as driven:
        slots.began(2, 3, 4)
    assert "its disk is full" in str(driven.error)
    with look(path) as session:
        assert [it.number for it in session.ledger.in_flight()] == [3]
        assert session.ledger.last_event("driver.stop").data["failed"]
    with Slots(2).drive(path, [Ideas()], Plan(iterations=1, workers="2"), monkeypatch) as again:
        again.over()
    assert again.ran == 1
    assert assert_same_story(path) == ["keep", *["discard"] * 3]


BAYES = {"policy": "bayes", "max_attempts": 1}


def lucky(job: Job) -> Outcome:
    """Iteration 2 scores 2.8 once, and 3.05 whenever it is run again; the others |X|, with some noise."""
    if (job.iteration, job.attempt) == (2, 1):
        return scored(2.8)
    value = 3.05 if job.iteration == 2 else abs(float(job.notebook.split("X = ")[1].split(" ")[0]))
    return scored(value + random.Random(job.seed).gauss(0, 0.03))


def test_where_a_target_was_reached_by_luck_alone_all_slots_go_on(tmp_path, monkeypatch):
    path, slots = make_arena(tmp_path, keep=BAYES), Slots(2, 4, scores=lucky)
    worse = [4.0 + step / 10 for step in range(40)]  # so that nobody is ever without an idea
    agent = Ideas(*map(x, (3.1, 3.2, 3.3, 3.4, 2.0, *worse)), quick=True)
    with slots.drive(path, [agent], Plan(until=2.9, workers="2"), monkeypatch) as driven:
        slots.began(4)
        slots.began(5)
    assert driven.ended is not None, driven.error
    assert "has reached 2.9" in driven.ended.reason
    with look(path) as session:
        assert session.iteration(2).state == "refuted"
        assert session.champion().state == "confirmed"
    assert_same_story(path)


def test_what_a_person_asks_to_have_run_again_is_run_once_while_others_go_on(tmp_path, monkeypatch):
    path, slots = make_arena(tmp_path), Slots(3, 3, 4)
    with slots.drive(
        path, [Ideas(*map(x, (2.0, 4.1, 4.2)), quick=True)], Plan(iterations=4, workers="3"), monkeypatch
    ) as driven:
        slots.began(3, 4)
        until_ended(path, 2)
        with look(path) as session:
            session.ledger.queue_replicate(2)
            session.ledger.queue_confirm(2)
        wait_for(path, lambda session: not session.ledger.replicates() and not session.ledger.confirms())
    assert driven.ran == 4
    with look(path) as session:
        kinds = [str(one.kind) for one in session.iteration(2).attempts]
        assert kinds.count("replicate") == 1
        assert kinds.count("confirm") >= 1
        assert all(one.verdict is Verdict.SCORED for it in session.ledger.iterations() for one in it.attempts)
        assert_each_ended_once(session)
    assert_same_story(path)


def test_the_closing_confirmations_are_made_once_with_several_slots(tmp_path, monkeypatch):
    path, slots = (
        make_arena(tmp_path, keep=BAYES),
        Slots(3, scores=lambda job: scored(distance(job).score + random.Random(job.seed).gauss(0, 0.03))),
    )
    with slots.drive(
        path, [Ideas(*map(x, (2.0, 4.1, 4.2)), quick=True)], Plan(iterations=4, workers="3"), monkeypatch
    ) as driven:
        driven.over()
    assert driven.ran == 4
    with look(path) as session:
        assert session.champion().number == 2
        assert session.champion().state == "confirmed"
        fresh = [str(one.kind) for it in session.ledger.iterations() for one in it.attempts].count("confirm")
        assert fresh == 2, "a pair for every ten iterations"
    assert_same_story(path)


def test_nobody_is_picked_to_propose_while_the_baseline_runs(tmp_path, monkeypatch):
    """Whoever is picked in vain seems to have nothing to offer, and gets no turn later."""
    path, slots, picked = make_arena(tmp_path), Slots(3, 1), []
    pick = Team.pick
    monkeypatch.setattr(Team, "pick", lambda team, among=(): picked.append(1) or pick(team, among))
    agents = [Ideas(*map(x, (4.0, 4.1, 4.2)), name="quick", quick=True), Ideas(*map(x, (4.3, 4.4, 4.5)), name="slow")]
    with slots.drive(path, agents, Plan(iterations=5, workers="3"), monkeypatch):
        slots.began(1)
        threading.Event().wait(0.7)
        assert not picked
        slots.gates.open(1)
    with look(path) as session:
        assert {it.agent for it in session.ledger.iterations()} == {"baseline", "quick", "slow"}

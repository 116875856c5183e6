"""One iteration after the other: the real loop, ledger and team; only the machine is played."""

import random
import threading
import time

import pytest
from exploit_kit import Scripted
from loop_kit import Machine, make_sealed_arena, scored, x

from autoloop_kernel.agents.base import CannotPropose, Silent, Unaffordable
from autoloop_kernel.agents.team import Team
from autoloop_kernel.baton import Baton
from autoloop_kernel.closing import Closing
from autoloop_kernel.control import Control
from autoloop_kernel.crew import IDLE_S
from autoloop_kernel.loop import Beside, Loop, NotYet
from autoloop_kernel.plan import Plan
from autoloop_kernel.proposing import GivesUp
from autoloop_kernel.pruning import Pruner
from autoloop_kernel.repeating import FRUITLESS, Ended, _Way, _work, repeat
from autoloop_kernel.rulings import Rulings
from autoloop_kernel.session import LEDGER, open_session
from autoloop_kernel.turns import Turns

BAYES = {"policy": "bayes", "max_attempts": 1}


@pytest.fixture
def session(tmp_path):
    with open_session(make_sealed_arena(tmp_path, keep=BAYES)) as opened:
        yield opened


def repeated(session, plan, units, *outcomes):
    machine = Machine(*outcomes)
    control = Control(session.arena.runs / LEDGER, "nobody")
    team = Team([Scripted(*units)], "game")
    return repeat([Loop(session, machine)], team, plan, control), machine


def test_what_was_kept_is_confirmed_before_the_driver_ends(session):
    ended, machine = repeated(session, Plan(iterations=2), [x(2.0)], *map(scored, [3.0, 3.02, 2.99, 2.0, 2.01, 3.01]))
    assert (ended.reason, ended.ran, ended.failed) == ("2 iterations done", 2, False)
    assert [str(job.kind) for job in machine.jobs][-2:] == ["confirm", "confirm"]
    assert session.champion().state == "confirmed"


def test_a_target_that_was_reached_by_luck_alone_does_not_end_it(session):
    """The second iteration scores 2.8 once, and 3.05 whenever it is run again: the target is still to be reached."""

    def outcome(job):
        if (job.iteration, job.attempt) == (2, 1):
            return scored(2.8)
        value = 3.05 if job.iteration == 2 else abs(float(job.notebook.split("X = ")[1].split(" ")[0]))
        return scored(value + random.Random(job.seed).gauss(0, 0.03))

    ended, _ = repeated(session, Plan(until=2.9), [x(3.1), x(2.0)], *[outcome] * 60)
    assert "has reached 2.9" in ended.reason
    assert [(it.number, it.state) for it in session.ledger.iterations()][1:] == [(2, "refuted"), (3, "confirmed")]
    assert (ended.ran, ended.failed) == (3, False)


@pytest.mark.parametrize(("error", "confirms"), [(Unaffordable, 2), (CannotPropose, 0)])
def test_an_agent_that_ends_as_planned_leaves_time_to_confirm_and_one_that_fails_does_not(session, error, confirms):
    class Ends(Scripted):
        def propose(self, context):
            if len(context.history) > 1:
                raise error("no more")
            return super().propose(context)

    machine = Machine(*map(scored, [3.0, 3.02, 2.99, 2.0, *[2.01, 3.01] * 4]))
    control = Control(session.arena.runs / LEDGER, "nobody")
    ended = repeat([Loop(session, machine)], Team([Ends(x(2.0))], "game"), Plan(iterations=9), control)
    assert (ended.ran, ended.failed) == (2, not confirms)
    assert sum(str(job.kind) == "confirm" for job in machine.jobs) == confirms


class Overloaded(Scripted):
    """Once `after` iterations have run its server is silent `count` times."""

    def __init__(self, count, *units, after=2):
        super().__init__(*units)
        self.count, self.after = count, after

    def propose(self, context):
        if len(context.history) >= self.after and self.count:
            self.count -= 1
            raise Silent("the server answered 529")
        return super().propose(context)


def distance(job):
    return scored(abs(float(job.notebook.split("X = ")[1].split(" ")[0])))


def test_a_server_that_is_overloaded_for_a_while_does_not_end_the_night(session, monkeypatch):
    monkeypatch.setattr("autoloop_kernel.repeating.AGAIN_S", 0.0)
    agent, control = Overloaded(3 * FRUITLESS, x(2.0), x(1.0)), Control(session.arena.runs / LEDGER, "nobody")
    loop = Loop(session, Machine(*[distance] * 40))
    ended = repeat([loop], Team([agent], "game"), Plan(iterations=3, ahead=0), control)
    assert (ended.reason, agent.count) == ("3 iterations done", 0)


@pytest.mark.parametrize(("after", "silence"), [(2, 0.0), (1, 3600.0)])
def test_a_server_that_stays_silent_or_has_never_answered_ends_it_with_the_reason(session, monkeypatch, after, silence):
    monkeypatch.setattr("autoloop_kernel.repeating.AGAIN_S", 0.0)
    monkeypatch.setattr("autoloop_kernel.repeating.SILENCE_S", silence)
    agent, control = Overloaded(10**6, x(2.0), after=after), Control(session.arena.runs / LEDGER, "nobody")
    loop = Loop(session, Machine(*[distance] * 40))
    ended = repeat([loop], Team([agent], "game"), Plan(iterations=9, ahead=0), control)
    assert (ended.ran, ended.failed) == (after, True)
    assert "no proposal passed: scripted: the server answered 529" in ended.reason


def test_a_slot_that_breaks_stops_the_others_before_it_lets_go_of_the_baton(session):
    class Watched(Baton):
        def __exit__(self, *exc):
            seen.append(control.stopping.is_set())
            super().__exit__(*exc)

    def breaks(job):
        raise OSError("no space")

    seen, control = [], Control(session.arena.runs / LEDGER, "nobody")
    beside = Beside(Rulings(session), Pruner(session), baton=Watched())
    with pytest.raises(OSError, match="no space"):
        repeat([Loop(session, Machine(breaks), beside=beside)], Team([Scripted()], "game"), Plan(), control)
    assert seen[-1] is True


def test_who_waits_for_an_agent_that_has_given_up_waits_no_more(session):
    class Broke(Scripted):
        def propose(self, context):
            raise CannotPropose("is broke")

    class Quick(Scripted):
        name, quick = "quick", True

    until = time.monotonic() + 20
    loop = Loop(session, Machine(*map(scored, [3.0, 3.02, 2.99])))
    loop.iterate(Scripted())
    team = Team([Broke(), Quick()], "game")
    with Turns(team, loop, 1, lambda: time.monotonic() > until, slots=2) as turns:
        ahead = turns.next(session)
        with pytest.raises(GivesUp):
            loop.iterate(ahead)
        team.dismiss("scripted")
        with pytest.raises(NotYet):
            loop.iterate(ahead)
        assert turns.next(session).name == "quick"


def test_a_gap_that_nobody_fills_since_the_end_has_come_costs_nothing(session, monkeypatch):
    """Another slot still runs an iteration, which may take hours."""
    looks, end = [], _Way.end

    def counted(way, loop):
        looks.append(time.monotonic())
        return end(way, loop)

    monkeypatch.setattr(_Way, "end", counted)
    loop, control = Loop(session, Machine()), Control(session.arena.runs / LEDGER, "nobody")
    team = Team([Scripted()], "game")
    way = _Way(session, team, Plan(iterations=1), control, loop.board, asking=1, over=Ended("it is over", 3, False))
    with Turns(team, loop, 1, lambda: False, slots=2) as turns:
        turns._in_gap = True
        timer = threading.Timer(2.0, lambda: setattr(way, "asking", 0))
        timer.start()
        began = time.monotonic()
        assert _work(way, loop, Closing(way.plan), turns).reason == "it is over"
    timer.join()
    assert len(looks) <= 3 + (time.monotonic() - began) / IDLE_S

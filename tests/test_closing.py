"""What auto does at its end: the real loop, ledger and judge; only the machine is played."""

import pytest
from exploit_kit import Scripted
from loop_kit import Machine, make_sealed_arena, scored, x

from autoloop_kernel.closing import Closing, share_of
from autoloop_kernel.figures import fresh
from autoloop_kernel.loop import Loop
from autoloop_kernel.plan import Plan
from autoloop_kernel.records import Kind
from autoloop_kernel.session import open_session


@pytest.fixture
def started(tmp_path):
    """Opens an arena with `keep` as given, whose champion is iteration 2 at 2.0, and whose machine then plays on."""

    def start(keep, *outcomes):
        with open_session(make_sealed_arena(tmp_path, keep=keep)) as session:
            machine = Machine(*map(scored, (3.0, 3.02, 2.99)), scored(2.0), *outcomes)
            loop = Loop(session, machine)
            loop.iterate(Scripted())
            kept = loop.iterate(Scripted(x(2.0)))
            assert (str(kept.verdict), kept.state) == ("keep", "provisional")
            del machine.jobs[:], machine.outcomes[:4]
            yield loop, machine

    opened = []

    def begin(keep, *outcomes):
        opened.append(start(keep, *outcomes))
        return next(opened[-1])

    yield begin
    for each in opened:
        each.close()


BAYES = {"policy": "bayes", "max_attempts": 1}
HELD = [scored(2.01), scored(3.01)] * 8
REFUTED = [scored(3.3), scored(3.0)] * 8


def test_at_its_end_the_champion_is_held_against_fresh_runs_and_confirmed(started):
    loop, machine = started(BAYES, *HELD)
    closing = Closing(Plan(iterations=10))
    while closing.advance(loop, 10, 0.0):
        pass
    assert {job.kind for job in machine.jobs} == {Kind.CONFIRM}
    assert (loop.session.champion().number, loop.session.champion().state) == (2, "confirmed")
    assert closing.runs == len(machine.jobs) == 2


def test_no_more_runs_are_made_than_the_arena_gives_for_it(started):
    undecided = [scored(2.0), scored(4.0), scored(3.9), scored(2.1)] * 4
    loop, machine = started({**BAYES, "confirm": 0.5}, *undecided)
    closing = Closing(Plan(iterations=6))
    while closing.advance(loop, 6, 0.0):
        pass
    assert len(machine.jobs) == 4, "three runs for six iterations, in whole pairs"
    assert loop.session.champion().state == "provisional"
    assert [len(fresh(loop.session.iteration(number))) for number in (1, 2)] == [2, 2]


def test_a_champion_that_does_not_hold_up_is_one_no_more(started):
    loop, machine = started(BAYES, *REFUTED)
    closing = Closing(Plan(until=2.0))
    while closing.advance(loop, 2, 0.0, is_reached=True):
        pass
    assert loop.session.iteration(2).state == "refuted"
    assert loop.session.champion().number == 1
    assert len(machine.jobs) > 2, "as many runs as the keep needs: the target rests on it"


def test_in_the_last_part_of_the_hours_there_is_no_other_bound_and_after_them_nothing_is_run(started):
    loop, machine = started(BAYES, *HELD)
    closing, rules = Closing(Plan(hours=1.0)), loop.session.arena.rules
    assert share_of(rules) == 0.2
    assert [closing.is_time(rules, seconds) for seconds in (2870.0, 2890.0)] == [False, True]
    assert not closing.advance(loop, 5, 3600.0)
    assert machine.jobs == []
    assert closing.advance(loop, 0, 2890.0)
    assert len(machine.jobs) == 1


@pytest.mark.parametrize(
    ("keep", "plan"),
    [
        ({"policy": "bayes", "max_attempts": 1, "confirm": 0}, Plan(iterations=10)),
        (BAYES, Plan(iterations=1)),
        (BAYES, Plan(queued=True)),
    ],
)
def test_nothing_is_run_where_nobody_asked_for_more(started, keep, plan):
    loop, machine = started(keep)
    assert not Closing(plan).advance(loop, 10, 0.0)
    assert machine.jobs == []


def test_upstreams_rule_confirms_nothing_by_itself(tmp_path):
    with open_session(make_sealed_arena(tmp_path)) as session:
        assert share_of(session.arena.rules) == 0.0

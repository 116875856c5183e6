"""Several keeps that were overtaken run as one, on the champion of then; where that does not hold, each by itself."""

import pytest
from exploit_kit import Scripted
from gathering_kit import Slots, code, named, overtake, waiting
from loop_kit import make_sealed_arena, play, scored

from autoloop_kernel.records import Direction, Outcome, Verdict
from autoloop_kernel.requeueing import requeued
from autoloop_kernel.session import LEDGER, open_session


@pytest.fixture(params=["bayes", "greedy"])
def slots(request, tmp_path):
    path = make_sealed_arena(tmp_path, keep={"policy": request.param, "sigma": 0.0})
    with open_session(path, in_turns=True) as session:
        play(session, (None, scored(3.0)), (code(), scored(2.9)))
        yield Slots(session)


def test_several_that_were_overtaken_run_as_one_and_all_of_them_count(slots):
    champion, session = overtake(slots, ({"a": 2.0}, 2.8), ({"b": 2.0}, 2.7), ({"c": 2.0}, 2.75)), slots.session
    parts = waiting(slots)
    ended = slots.run(scored(2.0))
    assert (ended.number, ended.base, ended.verdict) == (7, champion.number, Verdict.KEEP)
    assert session.units(ended.number) == code(a=2.0, b=2.0, c=2.0, d=2.0)
    assert session.champion().number == ended.number
    assert session.lineage.champion() == session.lineage.commit_of(ended.number)
    assert {(row.status, row.iteration) for row in map(session.ledger.proposal, parts)} == {("ran", ended.number)}
    assert waiting(slots) == []


def test_a_combination_says_whose_edits_it_brings_together_the_most_promising_first(slots):
    overtake(slots, ({"a": 2.0}, 2.8), ({"b": 2.0}, 2.7))
    ended = slots.run(scored(2.0))
    assert slots.session.ledger.combines(ended.proposal) == (4, 3)
    assert ended.agent == "agent4"
    assert ended.title == "play 1 + play 1 (on iteration 5)"
    assert "iterations 4 by agent4, 3 by agent3" in ended.hypothesis


def test_what_a_combination_gains_is_shared_by_those_who_made_it(slots):
    overtake(slots, ({"a": 2.0}, 2.8), ({"b": 2.0}, 2.7))
    slots.run(scored(2.1))  # 0.4 better than iteration 5
    records = slots.session.ledger.records(1, Direction.MIN)
    assert [(records[name].runs, records[name].keeps) for name in ("agent3", "agent4")] == [(1, 0.25), (2, 0.25)]
    assert [records[name].gain for name in ("agent3", "agent4")] == pytest.approx([0.1, 0.1])
    assert records["scripted"].keeps == 1.0, "of the two before it nothing is shared"


def test_what_goes_on_as_one_after_it_was_overtaken_is_shared_as_before(slots):
    overtake(slots, ({"a": 2.0}, 2.8), ({"b": 2.0}, 2.7))
    slots.begin(Scripted(), 2.0)
    slots.begin(named("agent7", code(c=2.0, d=2.0)), 2.4)
    slots.run(scored(2.2), agent=Scripted(code(d=3.0)))
    slots.end()
    slots.end()
    slots.run(scored(1.2))  # all three as one, 1.0 better, which is provisional
    session = slots.session
    expected = {"agent3": 0.125, "agent4": 0.125, "agent7": 0.25}
    records = session.ledger.records(1, Direction.MIN)
    assert {name: records[name].gain for name in expected} == pytest.approx(expected)
    (session.arena.runs / LEDGER).unlink()
    with open_session(session.path, in_turns=True) as again:
        rebuilt = again.ledger.records(1, Direction.MIN)
        assert {name: rebuilt[name].gain for name in expected} == pytest.approx(expected)


def test_of_those_that_do_not_hold_together_each_runs_by_itself(slots):
    overtake(slots, ({"a": 2.0}, 2.8), ({"b": 2.0}, 2.7))
    whole = slots.run(scored(2.9))
    assert whole.verdict is Verdict.DISCARD
    assert whole.reason.endswith("; each of its 2 edits runs by itself next")
    session = slots.session
    first = slots.run(scored(2.4))
    assert (session.units(first.number), first.verdict, first.agent) == (code(a=2.0, d=2.0), Verdict.KEEP, "agent3")
    assert session.ledger.combines(first.proposal) == (3,)
    second = slots.run(scored(2.6))  # with the first it has run: as it is it is held against that
    assert session.units(second.number) == code(b=2.0, d=2.0)
    assert (second.verdict, second.agent) == (Verdict.DISCARD, "agent4")
    assert waiting(slots) == []


def test_a_combination_that_crashes_costs_none_of_its_edits(slots):
    overtake(slots, ({"a": 2.0}, 2.8), ({"b": 2.0}, 2.7), ({"c": 2.0}, 2.75))
    whole = slots.run(Outcome(Verdict.CRASH, "it broke"))
    assert (whole.verdict, "each of its 3 edits" in whole.reason) == (Verdict.CRASH, True)
    made = [slots.run(scored(2.4 - nth / 10)) for nth in range(2)]
    assert [it.agent for it in made] == ["agent3", "agent4"]
    assert slots.session.units(made[-1].number) == code(a=2.0, b=2.0, d=2.0), "no longer gathered"


def test_what_changes_the_same_lines_as_another_is_left_to_the_next_time(slots):
    overtake(slots, ({"a": 2.0}, 2.8), ({"a": 3.0}, 2.7), ({"c": 2.0}, 2.75))
    first = slots.run(scored(2.0))
    assert slots.session.units(first.number) == code(a=3.0, c=2.0, d=2.0)
    assert slots.session.ledger.combines(first.proposal) == (4, 5)
    left = slots.run(scored(2.1))
    assert slots.session.ledger.combines(left.proposal) == (3,)


def test_while_a_combination_runs_the_next_ones_wait_and_then_run_as_one(slots):
    session = slots.session
    for nth, name in enumerate("abc"):
        slots.begin(named(f"agent{nth}", code(**{name: 2.0})), 2.7)
    slots.run(scored(2.5), agent=Scripted(code(d=2.0)))
    slots.end()
    slots.begin(Scripted(), 2.3)  # the combination of a and d
    slots.end()
    slots.end()
    assert len(waiting(slots)) == 2
    meanwhile = slots.run(scored(9.0), agent=Scripted(code(a=9.0, d=2.0)))
    assert meanwhile.verdict is Verdict.DISCARD, "a slot that is free does something else"
    slots.end()
    assert session.units(session.champion().number) == code(a=2.0, d=2.0)
    ended = slots.run(scored(2.0))
    assert session.units(ended.number) == code(a=2.0, b=2.0, c=2.0, d=2.0)
    assert (ended.verdict, session.ledger.combines(ended.proposal)) == (Verdict.KEEP, (4, 5))


def test_a_combination_that_was_overtaken_itself_goes_on_as_one(slots):
    overtake(slots, ({"a": 2.0}, 2.8), ({"b": 2.0}, 2.7))
    parts = waiting(slots)
    slots.begin(Scripted(), 2.0)
    later = slots.run(scored(2.2), agent=Scripted(code(c=2.0, d=2.0)))
    slots.end()
    session = slots.session
    assert session.champion().number == later.number
    assert {session.ledger.proposal(part).status for part in parts} == {"ran"}
    ended = slots.run(scored(1.5))
    assert session.units(ended.number) == code(a=2.0, b=2.0, c=2.0, d=2.0)
    assert (ended.verdict, ended.title) == (Verdict.KEEP, f"play 1 + play 1 (on iteration {later.number})")


def test_a_combination_of_one_epoch_takes_in_nothing_of_another(slots):
    overtake(slots, ({"a": 2.0}, 2.8), ({"b": 2.0}, 2.7))
    assert set(slots.session.ledger.to_gather(1)) == set(waiting(slots))
    assert slots.session.ledger.to_gather(2) == {}


@pytest.mark.parametrize(("outcomes", "left"), [([], 2), ([scored(2.0)], 0), ([scored(2.9)], 2)])
def test_a_lost_ledger_is_rebuilt_with_what_was_gathered(slots, outcomes, left):
    overtake(slots, ({"a": 2.0}, 2.8), ({"b": 2.0}, 2.7))
    session = slots.session
    parts = waiting(slots)
    whole = slots.run(*outcomes) if outcomes else None
    (session.arena.runs / LEDGER).unlink()
    with open_session(session.path, in_turns=True) as again:
        assert len(requeued(again)) == left, "what ran as part of a keep does not run once more"
        assert requeued(again) == []
        after = Slots(again)
        assert waiting(after) == parts[:left]
        if whole is not None:
            assert again.ledger.combines(whole.proposal) == (4, 3)
            assert again.ledger.gathered(whole.proposal) == tuple(reversed(parts))
        if left:
            ended = after.run(scored(2.0))
            assert len(again.ledger.combines(ended.proposal)) == (2 if whole is None else 1), "not gathered twice"

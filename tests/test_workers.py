"""Several slots of this machine at work on one arena: real drivers, kernels, git and ledger."""

from __future__ import annotations

import threading

import pytest
from slots_kit import (
    Gates,
    Ideas,
    assert_each_ended_once,
    assert_no_code_twice,
    at,
    by_code,
    held_by,
    most_at_once,
    overtaken,
    spread,
    wait_for,
    workers_of,
    write_two,
)
from story import assert_same_story

from autoloop_kernel.driver import Plan, drive, open_session
from autoloop_kernel.records import Verdict

CRASHES = {"e0": "X = 1 / 0"}


def plan(slots: int, **more) -> Plan:
    return Plan(workers=str(slots), **more)


# -- the same verdicts


@pytest.mark.parametrize("quick", [True, False])
def test_two_and_three_slots_give_every_code_the_score_and_verdict_that_one_gives(tmp_path, quick):
    plays = [*spread(3), CRASHES, at(y=-9.0), at(x=5.5, y=1.0), at(x=1.0)]
    seen = {}
    for slots in (1, 2, 3):
        path = write_two(tmp_path / str(slots))
        ended = drive(path, [Ideas(*plays, quick=quick)], plan(slots, iterations=8))
        assert (ended.ran, ended.failed, ended.reason) == (8, False, "8 iterations done")
        assert sorted(assert_same_story(path)) == ["crash", *["discard"] * 5, "keep", "keep"]
        seen[slots] = by_code(path)
        with open_session(path, create=False) as session:
            assert_no_code_twice(session)
            assert_each_ended_once(session)
            assert workers_of(session) <= {f"w{n}" for n in range(1, slots + 1)} if slots > 1 else {"None"}
            assert most_at_once(session) <= slots
    assert seen[1] == seen[2] == seen[3]


# -- a champion that changes in mid-run


def test_a_keep_that_was_overtaken_runs_again_with_both_edits_on_the_new_champion(tmp_path):
    """Iteration 2 is better in X, 3 in Y; 2 ends last."""
    path, gates = write_two(tmp_path), Gates(2)
    agent = Ideas(at(x=2.0), at(y=-1.0))

    def let_go() -> None:
        wait_for(path, lambda session: ended(session, 3))
        gates.open(2)

    threading.Thread(target=let_go).start()
    with held_by(gates):
        assert drive(path, [agent], plan(2, iterations=3)).ran == 4, "the combination is owed"
    assert assert_same_story(path) == ["keep", "discard", "keep", "keep"]
    with open_session(path, create=False) as session:
        second, both = session.iteration(2), session.iteration(4)
        assert "better than iteration 1" in second.reason
        assert "iteration 3 is the champion by now: both edits run together next" in second.reason
        assert overtaken(session) == [(2, both.proposal, 3)]
        assert (both.base, both.agent, both.title) == (3, "ideas", "X = 2.0 (on iteration 3)")
        assert session.units(4) | at(x=2.0, y=-1.0) == session.units(4)
        assert both.score == pytest.approx(1.0 + 0.25)
        assert session.champion().number == 4
        assert (workers_of(session), most_at_once(session)) == ({"w1", "w2"}, 2)
        assert_no_code_twice(session)


@pytest.mark.parametrize(("late", "champion"), [(1.5, 4), (2.5, 3)])
def test_of_two_keeps_that_change_the_same_lines_the_better_one_becomes_the_champion(tmp_path, late, champion):
    """Both change X; the one that ends last runs again on the new champion where it is better than that, too."""
    path, gates = write_two(tmp_path), Gates(2)
    agent = Ideas(at(x=late), at(x=2.0))

    def let_go() -> None:
        wait_for(path, lambda session: ended(session, 3))
        gates.open(2)

    threading.Thread(target=let_go).start()
    with held_by(gates):
        assert drive(path, [agent], plan(2, iterations=3)).ran == champion
    with open_session(path, create=False) as session:
        assert session.champion().number == champion
        assert session.iteration(2).verdict is Verdict.DISCARD
        assert len(overtaken(session)) == (champion == 4)
        assert_no_code_twice(session)
        assert_each_ended_once(session)
    assert_same_story(path)


def ended(session, number: int) -> bool:
    found = session.ledger.iteration(number)
    return found is not None and found.verdict is not None

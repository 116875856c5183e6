"""Near misses that get another chance: the agent by itself, and in the real loop with a played machine."""

from dataclasses import replace

import pytest
from exploit_kit import Scripted
from loop_kit import Machine, cell, change, make_sealed_arena, scored, x
from test_ablation import source

from autoloop_kernel.agents.base import NothingNew
from autoloop_kernel.agents.registry import resolve
from autoloop_kernel.agents.rescue import RescueAgent, won
from autoloop_kernel.loop import Loop
from autoloop_kernel.proposing import NothingToRun
from autoloop_kernel.records import MEASURED, RESCUE, Direction, Kind, Verdict
from autoloop_kernel.rescuing import rescued
from autoloop_kernel.session import open_session


@pytest.fixture
def session(tmp_path):
    """A baseline of 10.0 that ran twice (noise 0.14), and an arena that anything may be kept in."""
    path = make_sealed_arena(tmp_path)
    change(path, lambda notebook: cell(notebook, "model").update(source=source()["model"]))
    with open_session(path) as opened:
        run(opened, (Scripted(), 10.0))
        again(opened, 1, 10.2)
        yield opened


def run(session, *plays):
    """Iterate once for each (agent or edit, score)."""
    ended = []
    for play, score in plays:
        agent = Scripted(source(**play)) if isinstance(play, dict) else play
        ended.append(Loop(session, Machine(scored(score))).iterate(agent))
    return ended


def again(session, number, score):
    Loop(session, Machine(scored(score))).run_again(number, Kind.REPLICATE)


def rescue(session, score):
    return run(session, (resolve("rescue"), score))[0]


def test_near_misses_are_combined_best_first_and_nothing_is_repeated(session):
    run(session, ({"A": 1}, 10.05), ({"B": 1}, 10.15), ({"C": 1}, 12.0), ({"D": 1}, 10.1))
    titles, made = [], []
    for _ in range(3):
        it = rescue(session, 11.0)
        titles.append(it.title)
        made.append(session.units(it.number))
        assert (it.agent, it.base, it.verdict) == (RESCUE, 1, Verdict.DISCARD)
    assert titles == [
        "iterations 2 and 5 together: play 1; play 1",
        "iterations 2 and 3 together: play 1; play 1",
        "iterations 3 and 5 together: play 1; play 1",
    ]
    assert made == [source(A=1, D=1), source(A=1, B=1), source(B=1, D=1)]
    with pytest.raises(NothingToRun, match="tried every near miss"):
        rescue(session, 11.0)


def test_what_broke_a_hard_limit_gets_no_second_chance(tmp_path):
    path = make_sealed_arena(tmp_path, limits={"size": {"max": 8}})
    with open_session(path) as session:
        sizes = [scored(score, extra={"size": size}) for score, size in ((10.0, 8), (10.2, 8), (9.0, 9), (9.1, 9))]
        Loop(session, Machine(sizes[0])).iterate(Scripted())
        Loop(session, Machine(sizes[1])).run_again(1, Kind.REPLICATE)
        assert Loop(session, Machine(sizes[2])).iterate(Scripted(x(1.0))).verdict is Verdict.DISCARD
        Loop(session, Machine(sizes[3])).run_again(2, Kind.REPLICATE)
        with pytest.raises(NothingToRun, match="tried every near miss"):
            Loop(session, Machine()).iterate(resolve("rescue"))
        assert not rescued(Loop(session, Machine()))


def test_a_near_miss_is_laid_over_a_champion_that_came_after_it(session):
    run(session, ({"A": 1}, 10.1), ({"B": 1}, 8.0))
    assert session.champion().number == 3
    it = rescue(session, 7.5)
    assert it.title == "iteration 2 on iteration 3: play 1"
    assert session.units(it.number) == source(A=1, B=1)
    assert (it.base, it.verdict, it.state) == (3, Verdict.KEEP, "provisional")
    assert session.champion().number == it.number


def test_one_that_won_when_it_ran_again_is_a_candidate_once_more_and_only_once(session):
    run(session, ({"A": 1}, 10.12))
    with pytest.raises(NothingToRun):
        rescue(session, 9.0)  # it has one run, which did not do
    again(session, 2, 9.0)
    with pytest.raises(NothingToRun, match="ran before as iteration 2"):
        run(session, (Scripted(*[source(A=1)] * 3), 9.0))  # nobody else may repeat it
    it = rescue(session, 9.9)
    assert (it.title, it.number, it.verdict) == ("iteration 2 again: play 1", 3, Verdict.KEEP)
    assert session.units(3) == session.units(2) == source(A=1)
    assert [one.score for one in it.attempts] == [9.9], "its own runs decide"
    assert session.champion().number == 3


def test_one_that_failed_its_second_chance_has_no_third(session):
    run(session, ({"A": 1}, 10.12))
    again(session, 2, 9.0)
    assert rescue(session, 10.5).verdict is Verdict.DISCARD
    again(session, 3, 9.0)
    with pytest.raises(NothingToRun, match="tried every near miss"):
        rescue(session, 9.0)


def test_conflicts_failures_and_variants_are_left_out(session):
    run(session, ({"A": 1}, 10.1), ({"A": 2}, 10.1))

    class Measured(Scripted):
        name = MEASURED

    run(session, (Measured(source(B=1)), 9.0))
    with pytest.raises(NothingToRun, match="tried every near miss"):
        rescue(session, 9.0)


def test_without_noise_or_a_baseline_it_says_what_is_missing(tmp_path, session):
    heard = Scripted(source(A=1))
    run(session, (heard, 10.1))
    (context,) = heard.heard
    with pytest.raises(NothingNew, match="before the baseline"):
        RescueAgent().propose(replace(context, base=None))
    alone = replace(context, history=tuple(replace(it, attempts=it.attempts[:1]) for it in context.history))
    with pytest.raises(NothingNew, match="nothing has run twice"):
        RescueAgent().propose(alone)


def test_it_wins_by_all_runs_of_both(session):
    run(session, ({"A": 1}, 10.12))
    champion, it = session.iteration(1), session.iteration(2)
    assert not won(it, champion, Direction.MIN), "one run"
    again(session, 2, 10.0)
    assert won(session.iteration(2), champion, Direction.MIN)
    assert not won(session.iteration(2), champion, Direction.MAX)
    assert not won(replace(session.iteration(2), base=9), champion, Direction.MIN)


def test_a_title_says_once_whose_second_chance_it_is(session):
    run(session, ({"A": 1}, 10.1), ({"B": 1}, 10.1), ({"C": 1}, 10.15))
    titles = [rescue(session, 10.12).title for _ in range(4)]
    assert titles[-1].count("together") == 1
    assert titles[-1].startswith("iterations ")
    assert titles[-1].endswith(": play 1; play 1; play 1") or titles[-1].endswith(": play 1; play 1")

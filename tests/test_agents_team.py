"""Who proposes next: each once, then those that earn more for what they cost."""

from collections import Counter

import pytest
from exploit_kit import Scripted

from autoloop_kernel.agents.team import Team, is_quick
from autoloop_kernel.records import AutoloopError, Record


class Named(Scripted):
    def __init__(self, name, quick=False):
        super().__init__()
        self.name, self.quick = name, quick


def test_everyone_has_a_turn_first_in_their_order():
    team = Team([Named("a"), Named("b"), Named("c")])
    assert [team.pick().name for _ in range(3)] == ["a", "b", "c"]
    assert team.likely().name == team.likely().name


def test_those_that_earn_more_propose_more_and_the_others_are_not_forgotten():
    team = Team([Named("good"), Named("dear"), Named("idle")], seed="7")
    team.learn(
        {"good": Record(20, 6.0, 0.6, 200.0), "dear": Record(20, 6.0, 0.6, 2000.0), "idle": Record(20, 0, 0, 200.0)}
    )
    picks = Counter(team.pick().name for _ in range(300))
    assert picks["good"] > 3 * picks["dear"] > 0
    assert 0 < picks["idle"] < picks["good"] / 3


def test_a_dollar_counts_as_time():
    team = Team([Named("dear"), Named("cheap")], seed="7")
    team.learn({"dear": Record(20, 6.0, 0.6, 200.0, dollars=5.0), "cheap": Record(20, 6.0, 0.6, 200.0)})
    picks = Counter(team.pick().name for _ in range(200))
    assert picks["cheap"] > 5 * picks["dear"]


def test_who_is_asked_in_vain_is_asked_less():
    team, runs, picks = Team([Named("dumb"), Named("able")], seed="7"), Counter(dumb=1, able=1), []
    for _ in range(200):
        told = {"able": Record(runs["able"], 0.2 * runs["able"], 0.02 * runs["able"], 10.0 * runs["able"])}
        team.learn(told | {"dumb": Record(1, 0.5, 0.05, 10.0)})
        picks.append(team.pick().name)
        runs["able"] += picks[-1] == "able"  # the other never has a proposal that passes
    assert picks[:40].count("dumb") > picks[-40:].count("dumb")
    assert picks[-40:].count("dumb") < 10


def test_the_same_past_gives_the_same_pick():
    def picked():
        team = Team([Named("a"), Named("b")], seed="arena")
        team.learn({"a": Record(3, 1.0, 0.1, 30.0), "b": Record(4, 1.0, 0.2, 40.0)})
        return [team.pick().name for _ in range(20)]

    assert picked() == picked()


def test_quick_agents_are_told_from_those_that_think():
    team = Team([Named("a"), Named("b", quick=True)])
    assert [agent.name for agent in team.quick] == ["b"]
    assert [agent.name for agent in team.slow] == ["a"]
    assert not is_quick(object())
    assert team.pick(team.quick).name == "b"


def test_a_team_of_nobody_is_refused():
    with pytest.raises(AutoloopError, match="no agent was named"):
        Team([])


def test_who_cannot_propose_any_more_is_left_out():
    team = Team([Named("a"), Named("b", quick=True)])
    assert team.dismiss("a")
    assert {team.pick().name for _ in range(5)} == {"b"}
    assert team.slow == ()
    assert not team.dismiss("b")

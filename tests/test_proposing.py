"""From an agent to a proposal that may run: what is refused, what the agent is told, and what is written down."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from played import BASELINE, crashed, make_arena, play, scored

from autoloop_kernel.agents import brief
from autoloop_kernel.agents.base import Context, NoProposal
from autoloop_kernel.gathering import accepted
from autoloop_kernel.proposing import TRIES, Manner, NothingToRun, ask, baseline
from autoloop_kernel.records import AutoloopError, Proposal
from autoloop_kernel.session import Session, open_session

LOCKED = {"judge": "score(0.0)"}


def x(value: float, comment: str = "") -> dict[str, str]:
    return {"model": f"X = {value!r}{comment}  # -5..5\nsubmit(lambda: np.array(X))"}


class Plays:
    """An agent that gives (or raises, or calls) one thing after the other, and keeps what it was told."""

    name = "plays"

    def __init__(self, *things):
        self.things = list(things)
        self.told: list[Context] = []

    def propose(self, context):
        thing = self.things[len(self.told)]
        self.told.append(context)
        if isinstance(thing, BaseException):
            raise thing
        return Proposal(f"play {len(self.told)}", thing) if isinstance(thing, dict) else thing

    @property
    def refusals(self):
        return [context.refusal for context in self.told]


@pytest.fixture
def session(tmp_path: Path):
    """An arena whose baseline X = 3 scored 3.0, and whose second iteration X = -9 crashed."""
    with open_session(make_arena(tmp_path)) as opened:
        play(opened, 3.0, scored(3.0), None, "baseline")
        play(opened, -9.0, crashed("no such shape"), 1, "X far off")
        yield opened


def asked(session: Session, agent, **more):
    champion = session.champion()
    assert champion is not None
    return ask(session, session.arena, 1, champion, agent, **more)


def told(session: Session) -> list[tuple[str, str]]:
    """Status and reason of the proposals of `Plays`, oldest first."""
    rows = session.ledger.proposals()
    return [(row.status, row.reason) for row in rows if row.proposal.agent == "plays"]


def test_a_sound_proposal_passes_with_complete_sources_its_base_and_an_id(session):
    checked = asked(session, Plays(x(1.0)))
    assert checked.units == {**session.units(1), **x(1.0)}
    assert checked.base == 1
    assert (checked.proposal.agent, checked.proposal.base, checked.proposal.title) == ("plays", 1, "play 1")
    assert told(session) == [("pending", "")]
    assert session.ledger.proposals()[-1].id == checked.proposal.id


def test_what_the_agent_says_of_itself_does_not_count(session):
    checked = asked(session, Plays(Proposal(" two\nlines ", x(1.0), "why", agent="human", base=2, id="p1")))
    proposal = checked.proposal
    assert (proposal.title, proposal.agent, proposal.base, proposal.hypothesis) == ("two lines", "plays", 1, "why")
    assert proposal.id not in ("", "p1")
    assert asked(session, Plays(Proposal("", x(1.5)))).proposal.title == "untitled"


def test_the_context_shows_what_an_agent_may_know(session):
    agent = Plays(x(1.0))
    checked = asked(session, agent)
    (context,) = agent.told
    assert context.base == 1
    assert context.units == session.units(1)
    assert context.strategy == session.arena.strategy
    assert [(i.number, str(i.verdict)) for i in context.history] == [(1, "keep"), (2, "crash")]
    assert [finding.iteration for finding in context.findings] == [1, 2]
    assert context.sources(2) == session.units(2)
    assert {"judge", "tools", "common", "params"} <= set(context.locked)
    assert "model" not in context.locked
    assert (context.metric, context.rules) == (session.arena.rules.metric, session.arena.rules)
    assert context.proposal_id == checked.proposal.id
    assert (context.refusal, context.refused) == (None, ())
    assert context.is_known(x(-9.0)) == 2
    assert context.is_known(x(-9.0, "   # once more")) == 2
    assert context.is_known(x(1.0)) is None
    context.emit("thinking")
    event = session.ledger.last_event("agent")
    assert event is not None
    assert event.data == {"agent": "plays", "text": "thinking"}


def test_the_context_is_the_agents_own(session):
    def spoils(context):
        context.units["model"] = "spoilt"
        context.locked.clear()
        context.rules.keep["policy"] = "always"
        object.__setattr__(context.rules, "budget_s", 1e9)
        object.__setattr__(context.metric, "direction", None)

    class Spoiler(Plays):
        def propose(self, context):
            spoils(context)
            return super().propose(context)

    before = (repr(session.arena.rules), dict(session.arena.sources), session.units(1))
    agent = Spoiler(LOCKED, x(1.0))
    assert asked(session, agent).units == {**session.units(1), **x(1.0)}
    assert (repr(session.arena.rules), dict(session.arena.sources), session.units(1)) == before


def test_the_context_recalls_what_was_learnt(session):
    for number in range(12):
        play(session, 4.0 + number, scored(4.0 + number), 1, f"X to {4 + number}")
    agent = Plays(x(1.0))
    asked(session, agent)
    (context,) = agent.told
    assert [one.iteration for one in context.search("far off")] == [2]
    near = {one.iteration for one in context.neighbours()}
    assert near
    assert near <= set(range(1, 7)), "the last eight of 14 are told anyway"
    assert context.lessons() == (), "what nobody entered the edits of has taught no kinds"
    assert context.noticed(x(1.0)) == ()


def test_what_the_memory_knows_of_a_proposal_is_shown_and_does_not_stop_it(session):
    with session.ledger.edits_entered() as enter:
        enter(2, 1, session.units(1), session.units(2))
    agent = Plays(x(-9.001))
    checked = asked(session, agent)
    event = session.ledger.last_event("agent")
    assert event is not None
    assert event.data["text"] == "memory: nearly the same edit as iteration 2 (crash): 100% of its lines"
    assert agent.told[0].noticed(x(-9.01)) == (event.data["text"].removeprefix("memory: "),)
    assert [row.status for row in session.ledger.proposals() if row.id == checked.proposal.id] == ["pending"]


def test_code_that_ran_before_is_refused_with_what_came_of_it(session):
    agent = Plays(x(-9.0), x(-9.0, "   # another comment"), x(1.0))
    asked(session, agent)
    assert agent.refusals == [None, *["this code ran before as iteration 2: crash"] * 2]
    assert [status for status, _ in told(session)] == ["duplicate", "duplicate", "pending"]


def test_going_back_to_code_with_a_score_says_the_score(session):
    play(session, 1.0, scored(1.0), 1)
    agent = Plays(x(3.0), x(0.5))
    asked(session, agent)
    assert agent.refusals[1] == "this code ran before as iteration 1: keep, 3"


def test_the_agent_is_asked_three_times_and_then_the_last_reason_is_given(session):
    agent = Plays({"nowhere": "X = 1"}, LOCKED, x(-9.0))
    with pytest.raises(NothingToRun, match="this code ran before as iteration 2: crash"):
        asked(session, agent)
    assert len(agent.told) == TRIES == 3
    assert [len(context.refused) for context in agent.told] == [0, 1, 2]
    assert [dict(proposal.units) for proposal in agent.told[2].refused] == [{"nowhere": "X = 1"}, LOCKED]
    first, second = agent.refusals[1:]
    assert "no editable cell or file 'nowhere'" in first
    assert "cell 'judge' is locked" in second
    assert told(session) == [
        ("invalid", first),
        ("invalid", second),
        ("duplicate", "this code ran before as iteration 2: crash"),
    ]
    events = session.ledger.events(kinds=["propose.start", "proposal", "refused"])
    kinds = [event.kind for event in events if event.data.get("agent") == "plays"]
    assert kinds == ["propose.start", "proposal", "refused"] * 3
    assert session.ledger.last_number() == 2


@pytest.mark.parametrize(
    ("thing", "words"),
    [
        (NoProposal("out of ideas"), "plays: out of ideas"),
        (ValueError("bad\n  key"), "plays: failed with ValueError: bad key"),
        (KeyError("units"), "plays: failed with KeyError: 'units'"),
        (SystemExit("usage: agent.py"), "plays: failed with SystemExit: usage: agent.py"),
        (asyncio.CancelledError("timed out"), "plays: failed with CancelledError: timed out"),
        ("X = 1", "plays: answered with str, not a Proposal"),
        (Proposal("units of the wrong kind", ["model"]), "plays: answered with"),
        (Proposal("nothing", {}), "the proposal changes nothing"),
        ({"model": 3}, "model: its new source is no text but int"),
        ({"model": "X = = 1"}, "model: "),
        ({"model": BASELINE + "\n\n# a remark"}, "changes only comments or white space"),
        ({"model": BASELINE + "\nDATA_SEED = 3"}, "DATA_SEED: constants whose name contains SEED are nobody's to tune"),
    ],
)
def test_whatever_the_agent_gives_it_hears_why_not(session, thing, words):
    agent = Plays(thing, x(1.0))
    assert dict(asked(session, agent).proposal.units) == x(1.0)
    assert agent.refusals[0] is None
    assert words in agent.refusals[1]
    assert "\n" not in agent.refusals[1]
    refused = session.ledger.last_event("refused")
    assert refused is not None
    assert refused.data["reason"] == agent.refusals[1]


def test_an_agent_that_never_gives_a_proposal_ends_in_its_own_reason(session):
    agent = Plays(*[NoProposal("no key: set one")] * 3)
    with pytest.raises(NothingToRun, match="plays: no key: set one"):
        asked(session, agent)
    assert told(session) == []


def test_a_stop_passes_through_the_agent(session):
    with pytest.raises(KeyboardInterrupt):
        asked(session, Plays(KeyboardInterrupt()))


def test_a_proposal_for_review_waits_and_is_not_run_or_made_twice(session):
    first = asked(session, Plays(LOCKED, x(1.0)), review=True)
    assert told(session)[1:] == [("waiting", "")], "what is refused anyway was shown to the person"
    agent = Plays(x(1.0, "  # again"), x(2.0))
    asked(session, agent)
    assert agent.told[0].refused == (first.proposal,)
    assert agent.refusals[1] == "the same code waits for review already: play 2"
    session.ledger.accept(first.proposal.id)
    again = Plays(x(1.0), x(2.1))
    asked(session, again)
    assert again.refusals[1] == "the same code was accepted and runs next already: play 2"


def test_what_a_person_skipped_is_told_to_every_later_agent_and_may_come_again(session):
    first = asked(session, Plays(x(2.9)), review=True)
    session.ledger.refuse(first.proposal.id, "skipped", "too close to the baseline")
    agent = Plays(x(2.9))
    assert dict(asked(session, agent).proposal.units) == x(2.9)
    assert agent.told[0].refused == (first.proposal,)
    assert [finding.iteration for finding in agent.told[0].findings] == [1, 2, None]
    assert agent.told[0].findings[-1].text == "play 1: skipped by the person (too close to the baseline)"
    assert "## Proposals that the person would not run\n\n- play 1: skipped" in brief.findings(agent.told[0])


def test_an_accepted_proposal_is_checked_again_before_it_runs(session):
    assert accepted(session, session.arena, 1, session.champion()) is None
    first = asked(session, Plays(x(2.0)), review=True)
    second = asked(session, Plays(x(1.0)), review=True)
    for one in (first, second):
        session.ledger.accept(one.proposal.id)
    play(session, 2.0, scored(2.0), 1)
    found = accepted(session, session.arena, 1, session.champion())
    assert found is not None
    assert found.proposal.id == second.proposal.id
    assert session.ledger.proposal(first.proposal.id).status == "duplicate"
    assert accepted(session, session.arena, 2, session.champion()) is None
    row = session.ledger.proposal(second.proposal.id)
    assert (row.status, "the arena changed, propose it anew" in row.reason) == ("invalid", True)


def test_a_first_baseline_is_the_arena_as_it_stands(tmp_path):
    with open_session(make_arena(tmp_path)) as fresh:
        checked = baseline(fresh, fresh.arena, 1)
        assert checked.units == fresh.arena.sources
        assert (checked.base, checked.proposal.title, checked.proposal.agent) == (None, "baseline", "baseline")


def test_a_later_baseline_is_the_last_champion_in_the_arena_as_it_is_now(session):
    kept = play(session, 1.0, scored(1.0), 1)
    session.lineage.set_champion(kept.commit)
    arena = replace(
        session.arena, units={**session.arena.units, "new": replace(session.arena.units["model"], name="new")}
    )
    checked = baseline(session, arena, 2)
    assert checked.units["model"] == session.units(3)["model"]
    assert checked.units["new"] == arena.units["new"].source
    assert checked.proposal.title == "baseline: iteration 3 under the changed arena"
    without = replace(session.arena, units={})
    assert baseline(session, without, 2).units == {}


def test_sources_of_an_unknown_iteration_are_a_plain_error(session):
    agent = Plays(x(1.0))
    asked(session, agent)
    with pytest.raises(AutoloopError, match="iteration 99 has no sources"):
        agent.told[0].sources(99)


def test_a_check_says_why_it_would_be_refused_and_else_what_a_trial_shows(session):
    tried = []

    def tryout(arena, units):
        tried.append(dict(units))
        return "cell 'model' raised ZeroDivisionError: division by zero"

    class Careful(Plays):
        def propose(self, context):
            said.extend(context.check(units) for units in (LOCKED, x(-9.0), x(1.0)))
            return super().propose(context)

    said = []
    asked(session, Careful(x(1.0)), manner=Manner(tryout=tryout))
    assert "cell 'judge' is locked" in said[0]
    assert said[1] == "this code ran before as iteration 2: crash"
    assert said[2].endswith("division by zero")
    assert tried == [{**session.units(1), **x(1.0)}], "what would be refused is not run"
    assert [status for status, _ in told(session)] == ["pending"], "a check is no proposal"

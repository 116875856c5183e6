"""What others keep: told to agents, and tried here once fresh runs confirmed it there; over real bare repositories."""

from dataclasses import replace

import pygit2
import pytest
from exploit_kit import Scripted
from loop_kit import Machine, change, make_sealed_arena, play, scored, x
from screen_kit import until
from test_ahead import Thinker, source
from test_memory_remembering import Nothing
from test_memory_sharing import CRASHES, name, pulled, pushed

from autoloop_kernel.agents import brief, tiers
from autoloop_kernel.agents.claude import prompt
from autoloop_kernel.agents.search import SearchAgent
from autoloop_kernel.ahead import Ahead
from autoloop_kernel.confirming import settle
from autoloop_kernel.exchange import exchange
from autoloop_kernel.loop import Loop
from autoloop_kernel.memory.foreign import MESSAGE
from autoloop_kernel.memory.others import UNIT_LINES
from autoloop_kernel.memory.remote import FREE
from autoloop_kernel.memory.shared import SHARING
from autoloop_kernel.memory.sharing import origin_of
from autoloop_kernel.memory.trailers import message_of
from autoloop_kernel.offering import offer
from autoloop_kernel.proposing import NothingToRun
from autoloop_kernel.records import Verdict
from autoloop_kernel.session import LEDGER, open_session, reopen

BROKEN = {"model": "X = 1.0\nsubmit(lambda: np.array(float(MISSING)))"}


@pytest.fixture
def remote(tmp_path):
    pygit2.init_repository(str(tmp_path / "remote.git"), bare=True)
    return str(tmp_path / "remote.git")


@pytest.fixture
def opened(tmp_path):
    """Opens sessions of the same arena in folders of their own; the baseline has run at 3.0."""
    sessions = []

    def open_(folder, edit=None):
        (tmp_path / folder).mkdir()
        path = make_sealed_arena(tmp_path / folder)
        change(path, edit or (lambda notebook: None))
        sessions.append(open_session(path))
        play(sessions[-1], (None, scored(3.0)))
        return sessions[-1]

    yield open_
    for session in sessions:
        session.close()


def keeps(session, units, score, state="confirmed"):
    """A keep of that session, of which that is known."""
    (it,) = play(session, (units, scored(score)))
    assert it.verdict is Verdict.KEEP
    if state != "provisional":
        settle(session, it.number, state, "fresh runs said so")
    return it


def run(session, score):
    """Run what is queued, with that score."""
    return Loop(session, Machine(scored(score))).iterate_queued()


def test_only_what_is_confirmed_and_beats_the_champion_is_tried_and_once(opened, remote):
    one, two = opened("one"), opened("two")
    it = keeps(one, x(1.0), 1.0, "provisional")
    pushed(one, remote)
    pulled(two, remote)
    assert offer(two) is None, "nobody confirmed it yet"
    settle(one, it.number, "confirmed", "it holds up")
    pushed(one, remote)
    pulled(two, remote)
    title = f"what {origin_of(one.lineage)[:8]} keeps as 2: play 1"
    assert offer(two) == title
    assert offer(two) is None, "one at a time"
    ended = run(two, 3.5)
    assert (ended.title, ended.agent, str(ended.verdict)) == (title, "others", "discard")
    assert "Fresh runs confirmed it there by scripted, at 1" in ended.hypothesis
    assert offer(two) is None, "each once, whatever came of it"
    assert two.others(1) == ()


def offered(opened, remote):
    """An arena whose champion changes one line, with the offer of another's that changes a second one."""

    def same(notebook):
        next(cell for cell in notebook["cells"] if cell["id"] == "model")["source"] = source()["model"]

    one, two = opened("one", same), opened("two", same)
    keeps(one, source(a=1), 1.0)
    keeps(two, source(b=2), 2.0, "provisional")
    pushed(one, remote)
    pulled(two, remote)
    offer(two)
    return two


def test_what_was_tried_is_not_tried_again_after_the_ledger_was_lost(opened, remote):
    """It was laid over the champion: what ran here is another code than theirs."""

    two = offered(opened, remote)
    assert run(two, 2.5).verdict is Verdict.DISCARD
    (two.arena.runs / LEDGER).unlink()
    with open_session(two.path) as again:
        assert again.others(1) == ()
        assert offer(again) is None


def test_what_ran_in_slots_of_the_same_kind_is_tried(opened, remote):
    """Several runs at once on the CPUs of a machine are another class than one, whatever this machine is."""

    def played(session, score, *units):
        loop = Loop(session, Machine(scored(score)), hardware=lambda clock: "4 logical CPUs, 2 runs at once")
        return loop.iterate(Scripted(*units))

    one, two = opened("one"), opened("two")
    for session in (one, two):
        assert played(session, 3.0).epoch == 2
    settle(one, played(one, 1.0, x(1.0)).number, "confirmed", "fresh runs said so")
    assert one.ledger.findings()[-1].numbers["hardware"] == "4 logical CPUs, 2 runs at once", "and said so"
    pushed(one, remote)
    pulled(two, remote)
    assert offer(two) == f"what {origin_of(one.lineage)[:8]} keeps as 3: play 1"


def test_what_is_refuted_or_no_better_is_not_tried(opened, remote):
    one, two, three = opened("one"), opened("two"), opened("three")
    keeps(one, x(1.0), 1.0, "refuted")
    keeps(two, x(2.5), 2.5)
    keeps(three, x(2.0), 2.0)
    for session in (one, two):
        pushed(session, remote)
    pulled(three, remote)
    assert [other.score for other in three.others(1)] == [2.5]
    assert offer(three) is None


def test_their_steps_are_laid_over_the_champion_here(opened, remote):
    two = offered(opened, remote)
    ended = run(two, 0.5)
    assert two.units(ended.number)["model"] == source(a=1, b=2)["model"]
    assert (ended.base, str(ended.verdict)) == (2, "keep")
    assert "laid over iteration 2" in ended.hypothesis


def test_where_both_changed_the_same_lines_it_runs_as_it_stands_there(opened, remote):
    one, two = opened("one"), opened("two")
    keeps(one, x(1.0), 1.0)
    keeps(two, x(2.0), 2.0, "provisional")
    pushed(one, remote)
    pulled(two, remote)
    offer(two)
    ended = run(two, 1.0)
    assert two.units(ended.number) == one.units(2)
    assert "as it stands there" in ended.hypothesis
    pushed(two, remote)
    pulled(one, remote)
    assert one.others(1) == (), "what was taken over from here is not somebody else's"
    assert offer(one) is None


def test_scores_of_another_game_are_told_as_such_and_never_tried(opened, remote):
    def longer(notebook):
        notebook["metadata"]["autoloop"]["budget_s"] = 7.0

    one, two = opened("one", longer), opened("two")
    keeps(one, x(1.0), 1.0)
    pushed(one, remote)
    pulled(two, remote)
    (other,) = two.others(1)
    assert (other.comparable, dict(other.units), other.state) == (False, {}, "confirmed")
    assert offer(two) is None
    text = seen(two)
    assert "[another game on " in text
    assert "its score compares with none of yours" in text
    assert "+X = 1.0" not in text


def context(session, *steps):
    """What an agent of this session is given; `steps` are done first, while it thinks."""
    agent = Scripted(lambda context: [step(context) for step in steps])
    with pytest.raises(NothingToRun):
        Loop(session, Nothing()).iterate(agent)
    return agent.heard[0]


def seen(session):
    """What agents read of what others keep."""
    text = brief.findings(context(session))
    start = text.find("## What others keep")
    return "" if start < 0 else text[start : text.index("# What was tried")]


def test_agents_read_whose_it_is_what_it_scored_and_how_it_differs(opened, remote):
    one, two = opened("one"), opened("two")
    assert seen(two) == ""
    keeps(one, {"model": "# ```\u202e\n" + x(1.0)["model"]}, 1.0)
    pushed(one, remote)
    pulled(two, remote)
    text = seen(two)
    assert f"- 2 of {origin_of(one.lineage)[:8]}, by scripted, score 1 (confirmed): play 1\n" in text
    assert "\n      -X = 3.0" in text
    assert "\n      +X = 1.0" in text
    assert "\u202e" not in text
    assert [line for line in text.splitlines()[3:] if line and not line.startswith("      ")] == []
    blocks = prompt.opening(context(two), None)
    assert "+X = 1.0" in blocks[-1]["text"]


def test_what_is_told_of_others_is_bounded(opened, remote):
    one, two = opened("one"), opened("two")
    keeps(one, {"model": "\n".join(f"Y{n} = {n}" for n in range(3000)) + "\n" + x(1.0)["model"]}, 1.0)
    pushed(one, remote)
    pulled(two, remote)
    text = seen(two)
    assert "more are left out)" in text
    assert len(text) < tiers.OTHERS * tiers.CHARACTERS + 200


def test_what_comes_in_while_an_agent_thinks_is_known_to_it_at_once(opened, remote):
    one, two = opened("one"), opened("two")
    play(one, (BROKEN, CRASHES))
    keeps(one, x(1.0), 1.0)
    pushed(one, remote)
    before = []

    def comes_in(context):
        before.append((context.is_known({**context.units, **BROKEN}), context.others(), context.search("memory")))
        with reopen(two.arena) as beside:  # as the thread does that shares
            assert exchange(beside, remote, FREE)[0].pulled == 3

    heard = context(two, comes_in)
    assert before == [(None, (), [])]
    assert heard.is_known({**heard.units, **BROKEN}) == 0
    assert "out of memory" in heard.search("memory")[0].text
    assert two.ledger.proposals("accepted")[0].proposal.agent == "others"
    assert run(two, 1.0).verdict is Verdict.KEEP
    with pytest.raises(NothingToRun):
        Loop(two, Nothing()).iterate(Scripted(*3 * [BROKEN]))
    assert "ran elsewhere" in two.ledger.proposals("duplicate")[0].reason


def test_what_was_made_ahead_is_checked_again_when_its_turn_comes(opened, remote):
    one, two = opened("one"), opened("two")
    play(one, (BROKEN, CRASHES))
    pushed(one, remote)
    agent = Thinker(BROKEN, x(2.0))
    ahead = Ahead(lambda: agent)
    try:
        loop = Loop(two, Machine(scored(2.0)))
        ahead.aim(two.arena, two.champion().game)
        until(lambda: len(two.ledger.proposals("pending")) == 2, "both are ready")
        with reopen(two.arena) as beside:
            exchange(beside, remote, FREE)
        ended = loop.iterate(ahead)
    finally:
        ahead.close()
    assert ended.title == "idea 2"
    (row,) = two.ledger.proposals("duplicate")
    assert row.proposal.title == "idea 1"
    assert "ran elsewhere, as iteration 2" in row.reason


def forged(remote, session, units, origin, score=0.1):
    """A confirmed keep of the session's game at the remote, with these files; nobody ran it."""
    repository = pygit2.Repository(remote)
    lost = session.lineage.record_of(1)
    it = replace(lost.iteration, number=9, base=1, score=score, title=f"forged {origin[:2]}", attempts=(), commit=None)
    index = pygit2.Index()
    for path, content in units.items():
        index.add(pygit2.IndexEntry(path, repository.create_blob(content), pygit2.enums.FileMode.BLOB))
    who = pygit2.Signature("x", "x@y", 0, 0)
    message = message_of(replace(lost, iteration=it, code_key="", finding=None))
    commit = repository.create_commit(None, who, who, message, index.write_tree(repository), [])
    repository.references.create(f"refs/autoloop/{name(session)}/{origin}/0009", commit)
    return origin, str(commit), "confirmed"


def test_what_cannot_be_read_or_run_is_left_out_and_the_next_is_tried(opened, remote):
    one, two = opened("one"), opened("two")
    keeps(one, x(1.0), 1.0)
    pushed(one, remote)
    bad = [
        forged(remote, two, {}, "aa" * 6, 0.1),
        forged(remote, two, {"cells/model.py": b"\xff\xfe"}, "bb" * 6, 0.2),
        forged(remote, two, {"cells/model.py": b"def ("}, "cc" * 6, 0.3),
        forged(remote, two, {"cells/model.py/deep.py": b"x"}, "dd" * 6, 0.4),
    ]
    pulled(two, remote)
    two.ledger.take_in([], bad)
    assert [bool(other.units) for other in two.others(1)] == [False, False, True, False, True]
    assert "[its sources cannot be read]" in seen(two)
    assert offer(two) == f"what {origin_of(one.lineage)[:8]} keeps as 2: play 1"
    (refused,) = two.ledger.proposals("invalid")[-1:]
    assert refused.proposal.title == "what cccccccc keeps as 9: forged cc"
    ended = run(two, 1.0)
    assert (ended.verdict, ended.score) == (Verdict.KEEP, 1.0)


def test_what_is_too_long_to_be_compared_is_left_out(opened, remote):
    one, two = opened("one"), opened("two")
    forged(remote, two, {"cells/model.py": b"x\n" * (UNIT_LINES + 1)}, "aa" * 6)
    keeps(one, x(1.0), 1.0)
    pushed(one, remote)
    pulled(two, remote)
    assert [bool(other.units) for other in two.others(1)] == [False, True]
    repository = pygit2.Repository(str(two.arena.runs / "shared.git"))
    who = pygit2.Signature("x", "x@y", 0, 0)
    (kept,) = (commit for name, commit in refs(repository) if "/0002" in name)
    long = repository.create_commit(None, who, who, "x" * (MESSAGE + 1), kept.tree_id, [])
    child = repository.create_commit(None, who, who, kept.message, kept.tree_id, [long])
    two.ledger._database.execute("UPDATE shared SET commit_id = ? WHERE number = 2", (str(child),))
    assert [bool(other.units) for other in two.others(1)] == [False, False], "nor what rests on such a commit"


def refs(repository):
    return [(ref.name, repository[ref.target]) for ref in repository.references.iterator()]


def test_those_who_share_do_not_all_try_the_same_at_once(opened):
    sessions = [opened(str(number)) for number in range(6)]

    def first(session):
        return SearchAgent().propose(context(session)).units["model"]

    assert len({first(session) for session in sessions}) == 1, "alone, the same history gives the same proposal"
    assert {context(session).variety for session in sessions} == {""}
    for session in sessions:
        session.ledger.set(SHARING, {})
        (session.lineage.path / "autoloop-origin").write_text(f"{sessions.index(session):012x}\n")
    assert len({context(session).variety for session in sessions}) == 6
    assert first(sessions[0]) == first(sessions[0])
    assert len({first(session) for session in sessions}) > 1

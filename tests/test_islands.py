"""Islands: lines of agents beside the main line, and what they exchange."""

import io
import shutil
import sqlite3
from functools import partial

import pytest
from exploit_kit import Scripted
from loop_kit import Machine, make_sealed_arena, scored, x
from rich.console import Console

from autoloop_kernel import islands as module
from autoloop_kernel.islands import Islands, line_of
from autoloop_kernel.loop import Beside, Loop
from autoloop_kernel.memory import schema
from autoloop_kernel.memory.ledger import Ledger
from autoloop_kernel.memory.rebuild import rebuild
from autoloop_kernel.memory.recover import recover
from autoloop_kernel.overtaking import overtaken
from autoloop_kernel.pruning import Pruner
from autoloop_kernel.records import Verdict
from autoloop_kernel.reviewing import fork
from autoloop_kernel.rulings import Ruling, Rulings
from autoloop_kernel.server.rows import rows as panel
from autoloop_kernel.session import LEDGER, open_session
from autoloop_kernel.views import rows, status, tables

FAR = "# one\n# two\n# three\n"


def both(first, second):
    """The model cell with two numbers far enough apart that edits of either merge."""
    return {"model": f"{x(first)['model']}\n{FAR}SECOND = {second!r}\n"}


def value(job):
    """What this code scores: the sum of the numbers that its model cell holds; without a second one, 1."""
    lines = job.notebook.replace("\\n", "\n").splitlines()
    first = next(float(line.split("=")[1].split("#")[0]) for line in lines if line.strip(' ",').startswith("X ="))
    second = [line for line in lines if "SECOND =" in line]
    return scored(first + (float(second[0].split("=")[1].strip(' ",')) if second else 1.0))


class Named(Scripted):
    def __init__(self, name, *several):
        super().__init__(*several)
        self.name = name


class Team:
    """Loops over one session, each agent with a line of its own."""

    def __init__(self, session, *names):
        self.session, self.islands = session, Islands(names)
        self.loop = Loop(
            session, Machine(*[value] * 200), line=line_of, beside=Beside(Rulings(session), Pruner(session))
        )

    def asks(self, name, *units):
        """Run what this agent proposes; gives what became of each."""
        return [self.loop.iterate(Named(name, each)) for each in units]

    def tends(self, ran=100, ends=False):
        """Do what is to be done for the islands, until nothing is left."""
        for _ in range(50):
            if not self.islands.tend(self.loop, ran, ends):
                return
        raise AssertionError("there is no end to it")

    def runs_queued(self):
        ended = []
        while (found := self.loop.iterate_queued()) is not None:
            ended.append(found)
        return ended

    def champion(self, island=""):
        return self.session.ledger.champion(1, island).number


@pytest.fixture
def path(tmp_path):
    return make_sealed_arena(tmp_path, keep={"sigma": 0.0})


@pytest.fixture
def team(path):
    with open_session(path, in_turns=True) as session:
        made = Team(session, "a", "b")
        made.loop.iterate(Named("nobody"))
        yield made


def test_a_keep_moves_its_own_islands_champion_and_no_other(team):
    (first,) = team.asks("a", both(2.0, 1.0))
    assert (first.verdict, first.state, first.island, first.base) == (Verdict.KEEP, "provisional", "a", 1)
    assert (team.champion(), team.champion("a"), team.champion("b")) == (1, 2, 1)
    lineage = team.session.lineage
    assert lineage.champion() == lineage.commit_of(1)
    assert lineage.champion("a") == lineage.commit_of(2)
    (second,) = team.asks("b", both(2.5, 0.4))
    assert (second.base, second.verdict) == (1, Verdict.KEEP), "held against its own island's champion"
    (third,) = team.asks("a", both(1.9, 1.0))
    assert (third.base, third.verdict, team.champion("a")) == (2, Verdict.KEEP, 4)
    assert {event.kind for event in team.session.ledger.events() if event.iteration in (2, 3, 4)} & {
        "champion"
    } == set()
    assert team.session.ledger.best(1, team.session.arena.rules.metric.direction).number == 1
    assert team.session.ledger.standings(1) == {}


def test_what_is_no_better_than_its_islands_champion_is_discarded_there(team):
    team.asks("a", both(1.0, 1.0))
    (worse,) = team.asks("a", both(1.0, 1.5))
    assert (worse.verdict, worse.base) == (Verdict.DISCARD, 2)
    assert "iteration 2" in worse.reason or worse.score == 2.5


def test_a_confirmed_keep_is_tried_on_the_main_line_and_credited(team):
    team.asks("a", both(2.0, 0.5))
    team.tends()
    assert team.session.iteration(2).state == "confirmed"
    (event,) = team.session.ledger.events(kinds=["exchange"])
    assert (event.iteration, event.data["from"], event.data["to"]) == (2, "a", "")
    assert team.champion() == 1, "not before it has run there"
    (tried,) = team.runs_queued()
    assert (tried.number, tried.base, tried.island, tried.agent) == (3, 1, "", "a")
    assert (tried.verdict, team.champion()) == (Verdict.KEEP, 3)
    assert tried.title.endswith("(iteration 2 of a)")
    assert team.session.ledger.records(1, team.session.arena.rules.metric.direction)["a"].runs == 2
    assert team.session.lineage.common(3, 2) == 2, "git knows that it came from both"


def test_both_edits_meet_on_the_main_line(team):
    team.asks("a", both(2.0, 1.0))
    team.asks("a", both(2.0, 0.5))
    team.asks("b", both(3.5, 1.0))
    assert team.champion("b") == 1, "no gain, no keep"
    team.tends()
    team.runs_queued()
    team.tends()
    assert team.champion() == 5
    assert team.session.units(5) == both(2.0, 0.5), "all that the island has kept, not its last step alone"


def test_edits_of_two_islands_are_laid_over_each_other(path):
    with open_session(path, in_turns=True) as session:
        team = Team(session, "a", "b")
        team.loop.iterate(Named("nobody"))
        team.asks("a", both(2.9, 0.05))
        team.tends()
        team.runs_queued()
        assert team.champion() == 3
        team.tends()
        assert team.champion("b") == 3, "b had nothing of its own: it goes on from there, without a run"
        team.asks("a", both(2.0, 0.05))
        team.asks("b", both(2.9, 0.01))
        team.tends()
        team.runs_queued()
        team.tends()
        team.runs_queued()
        assert session.units(team.champion()) == both(2.0, 0.01)
        team.tends()
        team.runs_queued()
        team.tends()
        merged = {session.ledger.champion(1, line).score for line in ("", "a", "b")}
        assert merged == {2.01}, "everybody has everything"
        assert session.ledger.in_flight() == []
        of_main = [it for it in session.ledger.iterations() if not it.island and it.base is not None]
        assert [it.agent for it in of_main] == ["a", "a", "b"]
        records = session.ledger.records(1, session.arena.rules.metric.direction)
        assert {name: one.runs for name, one in records.items()} == {"a": 4, "b": 2}, "nothing for what they took over"


def test_the_same_version_is_offered_once(team):
    team.asks("a", both(2.0, 0.5))
    team.tends()
    team.runs_queued()
    before = len(team.session.ledger.events(kinds=["exchange"]))
    for _ in range(3):
        team.tends()
        assert team.runs_queued() == []
    assert len(team.session.ledger.events(kinds=["exchange"])) == before == 1


def test_one_exchange_a_pair_is_in_flight(team):
    team.asks("a", both(2.0, 0.5))
    team.tends()
    team.asks("a", both(1.0, 0.5))  # what was offered runs first
    assert [it.island for it in team.session.ledger.iterations()] == ["", "a", ""]
    team.asks("a", both(1.0, 0.5))
    team.tends()
    waiting = team.session.ledger.proposals("accepted")
    assert [row.proposal.island for row in waiting] == [""]
    team.tends()
    assert len(team.session.ledger.proposals("accepted")) == 1


def test_what_conflicts_and_is_no_better_is_not_tried(team):
    team.asks("a", both(1.0, 1.0))
    team.tends()
    team.runs_queued()
    (kept,) = team.asks("b", both(2.0, 1.0))
    team.tends()
    said = {(event.iteration, event.data["to"]): event.data for event in team.session.ledger.events(kinds=["exchange"])}
    assert "the same lines" in said[kept.number, ""]["why"]
    (tried,) = team.runs_queued()
    assert (tried.island, tried.base, tried.verdict) == ("b", kept.number, Verdict.KEEP), "the other way it is better"
    assert team.session.units(team.champion("b")) == both(1.0, 1.0)


def test_two_offers_that_conflict_are_both_tried(team):
    team.asks("a", both(2.0, 1.0))
    team.asks("b", both(1.0, 1.0))
    team.tends()
    assert [(it.agent, it.verdict) for it in team.runs_queued()] == [("a", Verdict.KEEP), ("b", Verdict.KEEP)]
    assert team.session.units(team.champion()) == both(1.0, 1.0)


def test_along_the_way_a_share_of_the_runs_confirms(team):
    team.asks("a", both(2.0, 0.5))
    assert not team.islands.tend(team.loop, 0, False)
    assert team.islands.tend(team.loop, 4, False)
    assert not team.islands.tend(team.loop, 4, False), "one run for up to five iterations"
    assert not team.islands.tend(team.loop, 100, True), "and none where the driver is about to end: that does so itself"
    assert team.islands.runs == 1


def test_an_island_that_lags_goes_on_from_the_main_champion(team, monkeypatch):
    monkeypatch.setattr(module, "LAGS", 3)
    team.asks("b", both(2.99, 0.0))
    team.asks("a", both(1.0, 0.5))
    team.tends()
    team.runs_queued()
    main = team.champion()
    assert team.session.units(main) == both(1.0, 0.5)
    for step in range(3):
        assert team.champion("b") == 2
        team.asks("b", both(4.0 + step, 0.0))
        team.runs_queued()
        team.tends(ran=0)
    assert team.champion("b") == main
    (said,) = [event for event in team.session.ledger.events(kinds=["restart"]) if event.data["island"] == "b"]
    assert said.iteration == main
    (then,) = team.asks("b", both(0.5, 0.5))
    assert (then.base, then.verdict, team.champion("b")) == (main, Verdict.KEEP, then.number)


def test_an_island_begins_with_the_main_champion_of_then(team):
    plain = Loop(team.session, Machine(scored(2.0)))
    assert plain.iterate(Named("x", both(2.0, 0.0))).island == ""
    team.tends()
    assert (team.champion("a"), team.champion("b")) == (2, 2)


def test_a_person_and_rescue_work_on_the_main_line():
    assert (line_of("human"), line_of("rescue"), line_of("claude@refine")) == ("", "", "claude@refine")


def test_a_refuted_keep_gives_the_island_back_to_its_base(path):
    with open_session(path, in_turns=True) as session:
        team = Team(session, "a")
        team.loop.iterate(Named("nobody"))
        lucky = Machine(scored(1.0), *[scored(5.0)] * 20)
        Loop(session, lucky, line=line_of).iterate(Named("a", both(2.0, 0.5)))
        assert team.champion("a") == 2
        team.loop.executor = Machine(*[scored(5.0), scored(3.0)] * 20)
        team.tends()
        assert session.iteration(2).state == "refuted"
        assert team.champion("a") == 1
        assert session.lineage.champion("a") == session.lineage.commit_of(1)
        assert session.ledger.events(kinds=["exchange"]) == []


def test_a_lost_ledger_is_rebuilt_with_its_islands(path):
    with open_session(path, in_turns=True) as session:
        team = Team(session, "a", "command:python x.py --to me@home")
        team.loop.iterate(Named("nobody"))
        team.asks("a", both(2.0, 0.5), both(1.0, 0.5))
        team.tends()
        team.runs_queued()
        team.tends()
        team.asks("command:python x.py --to me@home", both(0.5, 0.5))
        lines = ("", "a", "command:python x.py --to me@home")
        before = [session.ledger.champion(1, line) for line in lines]
        forks = session.ledger.get("forks")
        heads = [session.lineage.champion(line) for line in lines]
        runs = session.arena.runs
    assert {one["island"] for one in forks} == {"command:python x.py --to me@home"}
    (runs / LEDGER).unlink()
    assert rebuild(runs)
    with open_session(path) as session:
        after = [session.ledger.champion(1, line) for line in lines]
        assert [(it.number, it.island, it.state) for it in after] == [(it.number, it.island, it.state) for it in before]
        assert session.ledger.get("forks") == forks
        session.lineage._git.references.delete("refs/heads/islands/a")
        said = [found.text for found in recover(session.ledger, session.lineage, runs)]
        assert said == [f"the branch of a is at iteration {before[1].number} again"]
        assert [session.lineage.champion(line) for line in lines] == heads


def test_a_kill_between_note_and_ledger_offers_the_same_again(team, monkeypatch):
    team.asks("a", both(2.0, 0.5))
    ledger = team.session.ledger

    def killed(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(ledger, "offer", killed)
    with pytest.raises(KeyboardInterrupt):
        team.tends()
    monkeypatch.undo()
    assert (ledger.proposals("accepted"), ledger.events(kinds=["exchange"])) == ([], [])
    Team(team.session, "a", "b").tends()
    assert len(ledger.proposals("accepted")) == 1
    assert len(team.session.lineage.exchanges(2)) == 1
    assert [it.number for it in team.runs_queued()] == [3]


def test_a_lost_ledger_is_rebuilt_with_what_was_offered(path):
    """What 2 brought lost on the main line, and what 4 brings has not run there: only that is offered anew."""
    with open_session(path, in_turns=True) as session:
        team = Team(session, "a", "b")
        team.loop.iterate(Named("nobody"))
        team.asks("a", both(2.0, 0.5))
        team.tends()
        team.loop.executor = Machine(*[scored(9.0)] * 20)
        (tried,) = team.runs_queued()
        assert (tried.number, tried.verdict) == (3, Verdict.DISCARD)
        team.loop.executor = Machine(*[value] * 200)
        team.asks("b", both(1.5, 0.5))
        team.tends()
        before = [(event.iteration, dict(event.data)) for event in session.ledger.events(kinds=["exchange"])]
        assert [number for number, _ in before] == [2, 4]
        runs = session.arena.runs
    (runs / LEDGER).unlink()
    assert rebuild(runs)
    with open_session(path, in_turns=True) as session:
        events = session.ledger.events(kinds=["exchange"])
        assert [(event.iteration, dict(event.data)) for event in events] == before[:1]
        assert session.ledger.exchanged(tried.proposal) == 2
        team = Team(session, "a", "b")
        team.tends()
        assert [row.id for row in session.ledger.proposals("accepted")] == [before[1][1]["id"]]


def test_a_keep_whose_island_went_on_from_elsewhere_meanwhile_is_combined(team):
    team.asks("b", both(3.0, 0.5))
    (late,) = team.asks("a", both(2.0, 1.0))
    against = team.session.iteration(1)
    fork(team.session, 2, "a")
    better = Ruling(Verdict.KEEP, "better", 3.0)
    units = team.session.units(late.number)
    rule = partial(team.loop.rulings.rule, team.session.arena, late, [scored(3.0)])
    ruling = overtaken(team.session, late, against, units, better, rule)
    assert (ruling.verdict, "its edit runs on that next" in ruling.reason) == (Verdict.DISCARD, True)
    (waiting,) = team.session.ledger.proposals("accepted")
    assert (waiting.proposal.island, waiting.proposal.base) == ("a", 2)


def test_a_ledger_of_the_version_before_is_read_and_migrated(path, tmp_path):
    with open_session(path) as session:
        loop = Loop(session, Machine(scored(3.0), scored(2.0)))
        loop.iterate(Named("nobody"))
        loop.iterate(Named("a", both(1.0, 1.0)))
        place = session.arena.runs / LEDGER
    old = tmp_path / "old.sqlite"
    shutil.copy(place, old)
    raw = sqlite3.connect(old)
    raw.execute("DROP TRIGGER costs_add_up")
    raw.execute("DROP TABLE paid")
    for statement in schema.MIGRATIONS[4]:
        raw.execute(f"DROP INDEX {statement.split()[2]}")
    raw.execute("DROP INDEX iterations_on_islands")
    for table in ("iterations", "proposals"):
        raw.execute(f"ALTER TABLE {table} DROP COLUMN island")
    raw.execute("PRAGMA user_version = 3")
    raw.commit()
    raw.close()
    for read_only, version in ((True, 3), (False, len(schema.MIGRATIONS)), (True, len(schema.MIGRATIONS))):
        with Ledger.open(old, create=False, read_only=read_only) as ledger:
            assert ledger.champion(1).number == 2
            assert [(it.number, it.island) for it in ledger.iterations()] == [(1, ""), (2, "")]
            assert [row.proposal.island for row in ledger.proposals()] == ["", ""]
            assert ledger.islands(1) == []
            assert ledger._row("PRAGMA user_version") == (version,)


def test_faces_name_an_island_where_there_is_one(team):
    def printed(what):
        console = Console(width=140, file=io.StringIO())
        console.print(what)
        return console.file.getvalue()

    session = team.session
    metric = session.arena.rules.metric
    assert "island" not in printed(tables.log(session.ledger.iterations(), metric))
    assert "island" not in rows.iteration_row(session.iteration(1))
    (kept,) = team.asks("a", both(2.0, 0.5))
    team.asks("nobody", both(3.5, 5.0))
    every = session.ledger.iterations()
    text = printed(tables.log(every, metric, 1))
    assert "island" in text.splitlines()[0]
    assert text.splitlines()[2].rstrip().endswith(" a")
    assert ", iteration 1" in text.splitlines()[-1], "the headline is the main line's"
    assert rows.iteration_row(kept)["island"] == "a"
    assert [row.get("island", "") for row in panel(session.ledger, "", every)] == ["", "a", "nobody"]
    stands = status.read(session.ledger, "arena", metric)
    assert stands.champion.number == stands.best.number == 1
    assert {name: it.number for name, it in stands.islands.items()} == {"a": 2, "nobody": 1}


def test_a_new_judge_rules_on_an_island_as_the_one_who_saw_it_all(team):
    team.asks("a", both(2.0, 1.0), both(2.0, 0.5))
    team.asks("b", both(2.9, 1.0))
    candidate = team.session.ledger.iteration(3)
    units = team.session.units(3)
    arena, against = team.session.arena, team.session.iteration(2)
    for outcome in (scored(2.9), scored(3.5)):
        seen, fresh = (
            judge.rule(arena, candidate, [outcome], against, units)
            for judge in (team.loop.rulings, Rulings(team.session))
        )
        assert (seen.verdict, seen.reason) == (fresh.verdict, fresh.reason)
    assert seen.verdict is Verdict.DISCARD, "worse than its island's champion, better than the main line's"

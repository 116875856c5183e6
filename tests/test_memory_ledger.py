from __future__ import annotations

import json
import math
import random
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from memory_story import quick_folder
from played import history, make_arena

from autoloop_kernel.memory.history import History
from autoloop_kernel.memory.ledger import Ledger, Lost
from autoloop_kernel.records import (
    Attempt,
    AutoloopError,
    Direction,
    Finding,
    Iteration,
    Kind,
    Outcome,
    Point,
    Proposal,
    Record,
    Seconds,
    Verdict,
)
from autoloop_kernel.session import open_session

SECONDS = Seconds(0.1, 0.2, 0.3, 0.4, 1.0)


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with quick_folder() as folder, Ledger.open(folder / "a_runs" / "ledger.sqlite") as ledger:
        yield ledger


def start(ledger: Ledger, name: str, base: int | None = None, epoch: int = 1, code: str = "") -> int:
    ledger.propose(Proposal(f"title {name}", {"model": name}, id=name), epoch)
    return ledger.begin(name, base, epoch, f"game{epoch}", code or name).number


def end(ledger: Ledger, number: int, verdict: Verdict, score: float | None = None) -> None:
    row = ledger.iteration(number)
    assert row is not None
    ledger.finish(replace(row, verdict=verdict, score=score), Finding(number, f"{number} was a {verdict}"), False)


def ran(
    ledger: Ledger, name: str, base: int | None, verdict: Verdict, score: float | None = 1.0, epoch: int = 1
) -> int:
    number = start(ledger, name, base, epoch)
    end(ledger, number, verdict, score)
    return number


def test_the_whole_life_of_an_iteration(ledger: Ledger) -> None:
    epoch, new = ledger.epoch("g", {"cell score": "1"}, now=5.0)
    assert (epoch, new) == (1, True)
    proposal = Proposal("LR 3e-4\n→ 6e-4", {"model": "LR = 6e-4\n"}, "why\nnot", "search", None, "p1")
    ledger.propose(proposal, epoch)
    (waiting,) = ledger.proposals("pending")
    assert (waiting.proposal.units, waiting.proposal.title) == (proposal.units, "LR 3e-4 → 6e-4")
    iteration = ledger.begin("p1", None, epoch, "g", "key")
    assert (iteration.number, iteration.verdict, iteration.game, iteration.title) == (1, None, "g", "LR 3e-4 → 6e-4")
    assert [one.number for one in ledger.in_flight()] == [1]
    assert ledger.find_code(epoch, "key") is None
    attempt = ledger.begin_attempt(1, 42, Kind.SCREEN, "run")
    ledger.add_points({(1, attempt): [Point(0, 0.0, {"loss": 9.0})]})
    curve = (Point(1, 0.5, {"loss": 3.0}), Point(2, 1.0, {"loss": math.nan, "lr": 1.0}))
    ledger.end_attempt(
        1, attempt, Outcome(Verdict.SCORED, "", 0.5, {"bits": 3}, {"steps": 7, "shape": (1, 2)}, curve, SECONDS)
    )
    place = f"{ledger.path.parent.name}/1.ipynb"
    ended = replace(iteration, verdict=Verdict.KEEP, score=0.5, seconds=SECONDS, notebook=place, commit="c" * 40)
    ledger.finish(ended, Finding(1, "good", {"gain": 0.1}), champion=True)
    row = ledger.iteration(1)
    assert row == replace(
        ended,
        state="provisional",
        attempts=(
            Attempt(1, 42, Kind.SCREEN, Verdict.SCORED, 0.5, "", {"bits": 3}, {"steps": 7, "shape": [1, 2]}, SECONDS),
        ),
    )
    assert ledger.champion(epoch) == row == ledger.iterations()[0]
    assert ledger.in_flight() == []
    assert (ledger.find_code(epoch, "key"), ledger.find_code(2, "key"), ledger.code_key(1)) == (1, None, "key")
    first, second = ledger.curve(1)
    assert first == curve[0]
    assert math.isnan(second.numbers["loss"])
    assert ledger.findings() == [Finding(1, "good", {"gain": 0.1})]
    kinds = [event.kind for event in ledger.events()]
    began = ["proposal", "iteration.start", "attempt.start", "report"]
    assert kinds == [*began, "attempt.end", "iteration.end", "champion"]
    assert ledger.proposals()[0].iteration == 1
    assert ledger.proposals()[0].status == "ran"


def test_an_arena_may_be_renamed_with_its_runs(tmp_path: Path) -> None:
    path = make_arena(tmp_path)
    history(path)
    (tmp_path / "game_runs").rename(tmp_path / "match_runs")
    with open_session(path.rename(tmp_path / "match.ipynb"), create=False) as session:
        found = session.ledger.iterations()
        assert [it.notebook for it in found] == [f"match_runs/{n:04d}/iteration.ipynb" for n in range(1, 6)]
        assert session.ledger.iteration(2) == found[1]


def test_an_epoch_is_a_game_and_a_return_continues_it(ledger: Ledger) -> None:
    assert ledger.current_epoch() is None
    assert ledger.epoch("one", {"a": "1"}) == (1, True)
    assert ledger.epoch("one", {"a": "1"}) == (1, False)
    assert ledger.epoch("two", {"a": "2"}) == (2, True)
    assert ledger.epoch("one", {"a": "1"}) == (1, False)
    assert ledger.current_epoch() == 1
    assert ledger.epoch_parts(2) == {"a": "2"}
    assert ledger.epoch_parts(9) == {}


def test_a_refused_proposal_has_a_reason_and_no_number(ledger: Ledger) -> None:
    ledger.propose(Proposal("a", {"m": "x"}, agent="bob", id="p"), 1)
    ledger.refuse("p", "duplicate", "iteration 3 ran this")
    ledger.refuse("p", "duplicate", "iteration 3 ran this")
    (row,) = ledger.proposals("duplicate")
    assert (row.reason, row.iteration) == ("iteration 3 ran this", None)
    refused = ledger.events(kinds=["refused"])
    assert [event.data for event in refused] == [
        {"id": "p", "title": "a", "agent": "bob", "status": "duplicate", "reason": "iteration 3 ran this"}
    ]
    with pytest.raises(AutoloopError, match="refused"):
        ledger.begin("p", None, 1, "g", "k")
    with pytest.raises(AutoloopError, match="no longer pending"):
        ledger.refuse("p", "skipped", "")
    with pytest.raises(AutoloopError, match="no proposal q"):
        ledger.refuse("q", "skipped", "")
    with pytest.raises(ValueError, match="refusal"):
        ledger.refuse("p", "keep", "")
    with pytest.raises(AutoloopError, match="needs an id"):
        ledger.propose(Proposal("a", {}), 1)
    assert ledger.last_number() == 0


def test_repeating_what_was_done_changes_nothing(ledger: Ledger) -> None:
    number = start(ledger, "a")
    assert start(ledger, "a") == number
    ledger.begin_attempt(number, 1, Kind.SCREEN, "r")
    outcome = Outcome(Verdict.SCORED, score=1.5)
    ledger.end_attempt(number, 1, outcome)
    ledger.end_attempt(number, 1, outcome)
    end(ledger, number, Verdict.KEEP, 1.5)
    before = ledger.events()
    end(ledger, number, Verdict.KEEP, 1.5)
    assert ledger.events() == before
    assert len([event for event in before if event.kind == "attempt.end"]) == 1


def test_a_verdict_and_an_outcome_never_change(ledger: Ledger) -> None:
    number = start(ledger, "a")
    with pytest.raises(AutoloopError, match="no attempt 1"):
        ledger.end_attempt(number, 1, Outcome(Verdict.CRASH))
    ledger.begin_attempt(number, 1, Kind.SCREEN, "r")
    ledger.end_attempt(number, 1, Outcome(Verdict.SCORED, score=1.5))
    with pytest.raises(AutoloopError, match="ended already"):
        ledger.end_attempt(number, 1, Outcome(Verdict.SCORED, score=1.4))
    with pytest.raises(ValueError, match="verdict"):
        ledger.finish(Iteration(number, 1, "a", "t", "x"), Finding(number, ""), False)
    end(ledger, number, Verdict.DISCARD, 1.5)
    with pytest.raises(AutoloopError, match="ended already, as discard"):
        end(ledger, number, Verdict.KEEP, 1.5)
    with pytest.raises(AutoloopError, match="never begun"):
        ledger.finish(Iteration(99, 1, "a", "t", "x", verdict=Verdict.KEEP), Finding(99, ""), False)
    with pytest.raises(AutoloopError, match="already run"):
        ledger.begin("a", None, 1, "g", "k")


def test_an_interrupted_attempt_is_taken_up_under_its_number(ledger: Ledger) -> None:
    number = start(ledger, "a")

    def seed(attempt: int) -> int:
        return 10 + attempt

    assert ledger.begin_attempt(number, seed, Kind.SCREEN, "r1") == 1
    ledger.add_points({(number, 1): [Point(0, 0, {"loss": 1})]})
    ledger.end_attempt(number, 1, Outcome(Verdict.INTERRUPTED, "stopped"))
    assert ledger.next_attempt(number) == 1
    assert ledger.begin_attempt(number, seed, Kind.SCREEN, "r2") == 1
    assert ledger.curve(number) == []
    ledger.end_attempt(number, 1, Outcome(Verdict.CONTENDED, "a neighbour"))
    assert ledger.begin_attempt(number, seed, Kind.REPLICATE, "r3") == 2
    assert ledger.begin_attempt(number, seed, Kind.CONFIRM, "r4") == 3
    assert ledger.interrupt(number, "killed") == [2, 3]
    assert ledger.interrupt(number, "killed") == []
    assert ledger.begin_attempt(number, seed, Kind.CONFIRM, "r5") == 2
    row = ledger.iteration(number)
    assert row is not None
    assert [(one.attempt, str(one.verdict), one.seed) for one in row.attempts] == [
        (1, "interrupted", 11),
        (1, "contended", 11),
        (2, "interrupted", 12),
        (3, "interrupted", 13),
        (2, "None", 12),
    ]


def test_the_champion_is_the_last_standing_keep(ledger: Ledger) -> None:
    def champion(epoch: int = 1) -> int | None:
        found = ledger.champion(epoch)
        return found and found.number

    assert champion() is None
    first = ran(ledger, "a", None, Verdict.CRASH, None)
    assert champion() is None
    first = ran(ledger, "b", None, Verdict.DISCARD, 3.0)
    assert champion() == first, "a baseline with a score is a keep"
    second = ran(ledger, "c", first, Verdict.KEEP)
    ran(ledger, "d", second, Verdict.DISCARD)
    third = ran(ledger, "e", second, Verdict.KEEP)
    start(ledger, "f", third)
    assert champion() == third
    ledger.settle(third, "confirmed")
    assert champion() == third
    ledger.settle(third, "refuted", "fresh seeds did not uphold it")
    assert champion() == second, "back to the last standing ancestor"
    ledger.settle(second, "refuted")
    assert champion() == first
    other = ran(ledger, "g", None, Verdict.KEEP, epoch=2)
    assert (champion(2), champion()) == (other, first)
    ledger.settle(first, "refuted")
    assert champion() is None
    assert [event.data["state"] for event in ledger.events(kinds=["state"])] == ["confirmed", *["refuted"] * 3]
    with pytest.raises(ValueError, match="state"):
        ledger.settle(first, "lost")


def test_iterations_can_be_cut_by_epoch_and_number(ledger: Ledger) -> None:
    for index in range(6):
        ran(ledger, f"p{index}", None, Verdict.KEEP, epoch=1 + index % 2)
    ledger.begin_attempt(1, 1, Kind.SCREEN, "r")
    assert [one.number for one in ledger.iterations()] == [1, 2, 3, 4, 5, 6]
    assert [one.number for one in ledger.iterations(epoch=2)] == [2, 4, 6]
    assert [one.number for one in ledger.iterations(epoch=1, limit=2)] == [3, 5]
    assert [len(one.attempts) for one in ledger.iterations()] == [1, 0, 0, 0, 0, 0]
    assert ledger.iterations(epoch=3) == []
    assert [one.iteration for one in ledger.findings(2)] == [5, 6]
    assert ledger.verdicts()[3] == (Verdict.KEEP, None)
    assert ledger.iteration(7) is None


def test_odd_text_is_stored(ledger: Ledger) -> None:
    title = "a\ud800b\x00c\u2028d\r\ne"
    ledger.propose(Proposal(title, {"m": "x = '\ud800'\x00"}, "one\r\ntwo\x07", "command:a\nb", id="p"), 1)
    (row,) = ledger.proposals()
    assert row.proposal.title == "a\ufffdb\ufffdc d e"
    assert row.proposal.hypothesis == "one\ntwo\ufffd"
    assert row.proposal.units == {"m": "x = '\ud800'\x00"}
    number = ledger.begin("p", None, 1, "g", "k").number
    ledger.begin_attempt(number, 1, Kind.SCREEN, "r")
    bad = Outcome(Verdict.CRASH, "\udc80", math.nan, {"a": math.inf, "b": [math.nan]}, {"path": Path("x"), "o": object})
    ledger.end_attempt(number, 1, bad)
    attempt = ledger.iterations()[0].attempts[0]
    assert (attempt.score, attempt.reason, attempt.extra) == (None, "\ufffd", {"a": None, "b": [None]})
    assert attempt.facts["path"] == "x"
    for (text,) in ledger._rows("SELECT json FROM events"):
        json.loads(text, parse_constant=lambda name: pytest.fail(name))


def test_a_random_sequence_agrees_with_a_model() -> None:
    for seed in range(6):
        draw = random.Random(seed)
        with quick_folder() as folder, Ledger.open(folder / "ledger.sqlite") as ledger:
            model: Model = {}
            history = History(ledger)
            for turn in range(60):
                epoch = draw.choice([1, 1, 1, 2])
                action = draw.random()
                flying = [number for number, row in model.items() if row[2] is None]
                keeps = [number for number, row in model.items() if row[2] is Verdict.KEEP]
                if action < 0.5 or not model:
                    champion = standing(model, epoch)
                    code = f"code{draw.randrange(15)}"
                    number = start(ledger, f"p{turn}", champion, epoch, code)
                    assert number == len(model) + 1
                    model[number] = (epoch, champion, None, code, False)
                elif action < 0.9 and flying:
                    number = draw.choice(flying)
                    epoch, base, _, code, _ = model[number]
                    verdict = (
                        Verdict.KEEP if base is None else draw.choice([Verdict.KEEP, Verdict.DISCARD, Verdict.CRASH])
                    )
                    end(ledger, number, verdict, None if verdict is Verdict.CRASH else draw.random())
                    model[number] = (epoch, base, verdict, code, False)
                elif keeps:
                    number = draw.choice(keeps)
                    ledger.settle(number, "refuted")
                    model[number] = (*model[number][:4], True)
                check(ledger, model)
                assert history.of(epoch) == tuple(ledger.iterations(epoch))


Model = dict[int, tuple[int, "int | None", "Verdict | None", str, bool]]


def standing(model: Model, epoch: int) -> int | None:
    """The champion, worked out the long way."""
    keeps = [number for number, row in model.items() if row[0] == epoch and row[2] is Verdict.KEEP]
    number = max(keeps, default=None)
    while number is not None and (model[number][4] or model[number][2] is not Verdict.KEEP):
        base = model[number][1]
        since = [n for n in keeps if base is not None and model[n][1] == base and not model[n][4]]
        number = max(since, default=base)
    return number if number is not None else max((n for n in keeps if not model[n][4]), default=None)


def check(ledger: Ledger, model: Model) -> None:
    assert [one.number for one in ledger.in_flight()] == [number for number, row in model.items() if row[2] is None]
    assert {one.number: one.verdict for one in ledger.iterations()} == {n: row[2] for n, row in model.items()}
    for epoch in (1, 2):
        champion = ledger.champion(epoch)
        assert (champion and champion.number) == standing(model, epoch)
        for code in {row[3] for row in model.values()}:
            ended = [n for n, row in model.items() if row[0] == epoch and row[3] == code and row[2] is not None]
            assert ledger.find_code(epoch, code) == min(ended, default=None)


def test_restore_replaces_and_is_idempotent(ledger: Ledger) -> None:
    attempts = (Attempt(1, 5, Kind.SCREEN, Verdict.INTERRUPTED), Attempt(1, 5, Kind.SCREEN, Verdict.SCORED, 1.0))
    one = Iteration(4, 2, "p", "t", "a", None, "h", Verdict.KEEP, "confirmed", 1.0, "", attempts, game="g2", time=3.0)
    for _ in range(2):
        ledger.restore([Lost(one, "key", Finding(4, "x"))])
        assert ledger.iterations() == [one]
        assert ledger.findings() == [Finding(4, "x")]
    assert (ledger.current_epoch(), ledger.find_code(2, "key"), ledger.last_number()) == (2, 4, 4)
    assert ledger.epoch("g2", {"a": "b"}) == (2, False)
    assert ledger.epoch_parts(2) == {"a": "b"}
    assert [event.kind for event in ledger.events()] == ["restored"] * 2


def test_a_run_that_began_long_before_others_is_still_being_run(ledger: Ledger) -> None:
    """A slot makes one run while others begin many that crash at once."""
    first = ran(ledger, "first", None, Verdict.KEEP, 1.0)
    ledger.begin_attempt(first, 5, Kind.CONFIRM, "long", "w1")
    for number in range(70):
        ran(ledger, f"short {number}", first, Verdict.DISCARD, 2.0)
    assert [it.number for it in ledger.replicating()] == [first]


def test_the_islands_of_an_epoch_are_named_once(ledger: Ledger) -> None:
    for place, island in enumerate(["b", "", "a b", "b", "ä", ""]):
        proposal = Proposal("t", {}, agent="a", base=None, id=f"p{place}", island=island)
        ledger.propose(proposal, 1)
        ledger.begin(proposal.id, None, 1 + place // 4, "g" * 64, "")
    assert (ledger.islands(1), ledger.islands(2), ledger.islands(3)) == (["a b", "b"], ["ä"], [])


def test_a_history_follows_what_others_write(ledger: Ledger) -> None:
    history = History(ledger)
    assert history.of(1) == ()
    with Ledger.open(ledger.path) as other:
        first = ran(other, "a", None, Verdict.KEEP)
        assert history.of(1) == tuple(ledger.iterations())
        second = start(other, "b", first)
        other.begin_attempt(second, 1, Kind.SCREEN, "r")
        assert history.of(1)[1].attempts[0].verdict is None
        other.end_attempt(second, 1, Outcome(Verdict.SCORED, score=2.0))
        end(other, second, Verdict.KEEP, 2.0)
        other.settle(first, "confirmed")
        assert history.of(1) == tuple(ledger.iterations())
        assert [(one.state, one.score) for one in history.of(1)] == [("confirmed", 1.0), ("provisional", 2.0)]
        other.restore([Lost(replace(history.of(1)[0], title="restored"))])
        assert history.of(1)[0].title == "restored"
        ran(other, "c", None, Verdict.KEEP, epoch=2)
        assert [one.number for one in history.of(2)] == [3]
        assert len(history.of(1)) == 2


def test_each_agent_has_a_record_of_what_its_proposals_earned_and_cost(ledger: Ledger) -> None:
    ledger.epoch("g", {}, now=1.0)

    def play(agent: str, base: int | None, verdict: Verdict | None, score: float | None, state: str | None) -> int:
        name = f"{agent}{score}{state}{verdict}"
        ledger.propose(Proposal(name, {"model": name}, "", agent, base, name), 1)
        row = ledger.begin(name, base, 1, "g", name)
        if verdict is not None:
            took = Seconds(run=8.0, score=2.0)
            ended = replace(row, verdict=verdict, score=score, state=state, seconds=took)
            ledger.finish(ended, Finding(row.number, name), False)
        return row.number

    first = play("baseline", None, Verdict.KEEP, 3.0, None)
    second = play("a", first, Verdict.KEEP, 2.0, "confirmed")
    third = play("a", second, Verdict.KEEP, 1.0, "provisional")
    play("a", third, Verdict.KEEP, 0.5, "refuted")
    play("b", third, Verdict.DISCARD, 4.0, None)
    play("b", third, Verdict.CRASH, None, None)
    play("b", third, None, None, None)
    ledger.emit("cost", agent="b", dollars=0.25)
    ledger.emit("cost", agent="b", dollars=None)
    told = ledger.records(1, Direction.MIN)
    assert list(told) == ["a", "b"]
    assert told["a"] == Record(3, 1.5, 1.5, 30.0)
    assert told["b"] == Record(2, 0.0, 0.0, 20.0, 0.25)
    assert ledger.records(1, Direction.MAX)["a"].gain == 0.0
    assert ledger.records(2, Direction.MIN) == {}


def test_several_threads_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    Ledger.open(path).close()
    failures: list[BaseException] = []

    def work(name: int) -> None:
        try:
            with Ledger.open(path) as ledger:
                for index in range(10):
                    start(ledger, f"{name}-{index}")
                    ledger.iterations()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with Ledger.open(path) as ledger:
        assert [one.number for one in ledger.iterations()] == list(range(1, 41))
        assert len({one.proposal for one in ledger.iterations()}) == 40


def test_a_connection_belongs_to_its_thread(ledger: Ledger) -> None:
    raised: list[BaseException] = []

    def use() -> None:
        try:
            ledger.last_number()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert [type(error) for error in raised] == [sqlite3.ProgrammingError]

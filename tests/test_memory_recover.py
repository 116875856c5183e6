from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from memory_story import Stage, drive, outcome, quick_folder

from autoloop_kernel.memory.ledger import Holder, Ledger, Lost
from autoloop_kernel.memory.lineage import Lineage, LineageBroken
from autoloop_kernel.memory.recover import recover
from autoloop_kernel.memory.text import one_line
from autoloop_kernel.records import AutoloopError, Finding, Iteration, Kind, Outcome, Proposal, Verdict

COUNT = 3


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.close()


@pytest.fixture
def scratch() -> Iterator[Path]:
    with quick_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[int, str, float | None]]:
    """What a driver that nobody kills comes to."""
    runs = tmp_path_factory.mktemp("undisturbed") / "a_runs"
    drive(runs, COUNT)
    with Ledger.open(runs / "ledger.sqlite") as ledger:
        return [(one.number, str(one.verdict), one.score) for one in ledger.iterations()]


def assert_one_story(runs: Path, expected: list[tuple[int, str, float | None]]) -> None:
    """Ledger, refs, trailers and notebooks agree, and nothing is lost or doubled."""
    lineage = Lineage.open(runs / "lineage.git")
    with Ledger.open(runs / "ledger.sqlite") as ledger:
        rows = ledger.iterations()
        assert [(one.number, str(one.verdict), one.score) for one in rows] == expected
        assert lineage.numbers() == [one.number for one in rows]
        for row, recorded in zip(rows, lineage.recorded(), strict=True):
            assert (recorded.verdict, recorded.score, recorded.base) == (row.verdict, row.score, row.base)
            assert (recorded.title, recorded.commit, recorded.state) == (row.title, row.commit, row.state)
            assert lineage.tree(row.number)["cells/model.py"] == f"x = {row.number}\n"
            ended = [one for one in row.attempts if one.verdict is not Verdict.INTERRUPTED]
            assert [one.attempt for one in ended] == [1]
            assert all(one.attempt == 1 for one in row.attempts)
            notebook = json.loads((runs / f"{row.number:04d}" / "iteration.ipynb").read_text())
            result = notebook["metadata"]["autoloop"]["result"]
            assert (result["seed"], result["score"]) == (ended[0].seed, ended[0].score)
            assert len(ledger.curve(row.number)) == len(outcome(row.number, 1).curve)
        ends = [event.iteration for event in ledger.events(kinds=["iteration.end"])]
        assert ends == [one.number for one in rows]
        assert [one.iteration for one in ledger.findings()] == ends
        epoch = ledger.current_epoch()
        assert epoch == 1
        champion = ledger.champion(epoch)
        assert champion is not None
        assert lineage.champion() == champion.commit
        assert [row.status for row in ledger.proposals() if "made anew" not in row.reason] == ["ran"] * len(rows)
        assert ledger.holder() is None
    assert not list(runs.rglob("*.tmp*"))
    assert not list(runs.rglob("*.lock"))


def test_a_kill_at_every_crossing_loses_and_doubles_nothing(
    stage: Stage, scratch: Path, verdicts: list[tuple[int, str, float | None]]
) -> None:
    draw = random.Random(7)
    at = 0
    while True:
        at += 1
        runs = scratch / f"{at}_runs"
        status = stage.play(runs, COUNT, kill_at=at)
        assert status in (0, -9)
        if status == 0:
            break
        # The second driver is killed too, somewhere in its recovery or soon after; and then a third goes to the end.
        assert stage.play(runs, COUNT, kill_at=draw.randint(1, 8)) in (0, -9)
        assert stage.play(runs, COUNT) == 0
        assert_one_story(runs, verdicts)
    assert at > 50


def test_a_kill_at_random_moments_loses_and_doubles_nothing(
    stage: Stage, scratch: Path, verdicts: list[tuple[int, str, float | None]]
) -> None:
    draw = random.Random(11)
    killed, played = 0, 0
    while killed < 25:
        runs = scratch / f"{played}_runs"
        room = 0.06  # grows: after a kill that left one of git's locks the next start watches it for a second
        while stage.play(runs, COUNT, kill_after=draw.uniform(0.001, room)) == -9:
            killed, room = killed + 1, 1.1 * room
        assert_one_story(runs, verdicts)
        played += 1
        assert played < 200


def test_git_finds_nothing_wrong_after_kills(stage: Stage, scratch: Path) -> None:
    runs = scratch / "a_runs"
    at = 8
    while stage.play(runs, COUNT, kill_at=at) == -9:
        at += 2
    check = subprocess.run(
        ["git", "-C", str(runs / "lineage.git"), "fsck", "--strict"], capture_output=True, text=True, check=True
    )
    assert "error" not in check.stderr


@pytest.fixture
def runs(scratch: Path) -> Path:
    runs = scratch / "a_runs"
    drive(runs, COUNT)
    return runs


def begun(ledger: Ledger, name: str = "p9") -> Iteration:
    ledger.propose(Proposal(f"title {name}", {"model": "y"}, id=name), 1)
    champion = ledger.champion(1)
    assert champion is not None
    return ledger.begin(name, champion.number, 1, "g", f"code {name}")


def test_a_sound_state_needs_nothing(runs: Path) -> None:
    with Ledger.open(runs / "ledger.sqlite") as ledger:
        assert recover(ledger, Lineage.open(runs / "lineage.git"), runs) == []


def test_what_was_running_is_marked_and_is_to_be_run_again(runs: Path) -> None:
    with Ledger.open(runs / "ledger.sqlite") as ledger:
        number = begun(ledger).number
        ledger.begin_attempt(number, 5, Kind.SCREEN, "r")
        lineage = Lineage.open(runs / "lineage.git")
        (found,) = recover(ledger, lineage, runs)
        assert (found.iteration, found.again) == (number, True)
        assert "run again" in found.text
        row = ledger.iteration(number)
        assert row is not None
        assert [one.verdict for one in row.attempts] == [Verdict.INTERRUPTED]
        assert ledger.find_code(1, "code p9") is None
        end = ledger.last_event("attempt.end")
        assert end is not None
        assert end.data["verdict"] == "interrupted"
        seq = end.seq
        assert [one.again for one in recover(ledger, lineage, runs)] == [True]
        assert ledger.events(after=seq) == []
        assert ledger.begin_attempt(number, 5, Kind.SCREEN, "r2") == 1


def test_an_attempt_that_ended_is_kept_for_judging(runs: Path) -> None:
    with Ledger.open(runs / "ledger.sqlite") as ledger:
        number = begun(ledger).number
        attempt = ledger.begin_attempt(number, 5, Kind.SCREEN, "r")
        ledger.end_attempt(number, attempt, Outcome(Verdict.SCORED, score=0.1))
        (found,) = recover(ledger, Lineage.open(runs / "lineage.git"), runs)
        assert found.again
        assert "judged" in found.text
        row = ledger.iteration(number)
        assert row is not None
        assert [(one.verdict, one.score) for one in row.attempts] == [(Verdict.SCORED, 0.1)]


def test_a_commit_without_a_verdict_is_rolled_forward_with_its_finding(runs: Path) -> None:
    with Ledger.open(runs / "ledger.sqlite") as ledger:
        lineage = Lineage.open(runs / "lineage.git")
        one = begun(ledger)
        attempt = ledger.begin_attempt(one.number, 5, Kind.SCREEN, "r")
        ledger.end_attempt(one.number, attempt, Outcome(Verdict.SCORED, score=0.25))
        row = ledger.iteration(one.number)
        assert row is not None
        ended = replace(row, verdict=Verdict.KEEP, score=0.25)
        finding = Finding(one.number, "it helps", {"delta": -0.1})
        commit = lineage.record(ended, {"a": "b"}, lineage.champion(), "k", finding, champion=False)
        texts = [found.text for found in recover(ledger, lineage, runs)]
        assert texts[0] == f"iteration {one.number} had ended as keep: entered in the ledger"
        assert lineage.champion() == commit
        row = ledger.iteration(one.number)
        assert row is not None
        assert (row.verdict, row.state, row.score, row.commit) == (Verdict.KEEP, "provisional", 0.25, commit)
        assert len(row.attempts) == 1
        assert ledger.findings(1) == [finding]
        assert recover(ledger, lineage, runs) == []


def test_a_row_that_an_older_ledger_lacks_comes_back(runs: Path) -> None:
    with Ledger.open(runs / "ledger.sqlite") as ledger:
        before = ledger.iterations()
    (runs / "ledger.sqlite").unlink()
    kept = runs / "kept.git"
    (runs / "lineage.git").rename(kept)
    notebooks = runs.parent / "notebooks"
    notebooks.mkdir()
    for number in range(1, COUNT + 1):
        (runs / f"{number:04d}").rename(notebooks / f"{number:04d}")
    with Ledger.open(runs / "ledger.sqlite") as ledger:
        for number in range(1, COUNT + 1):
            (notebooks / f"{number:04d}").rename(runs / f"{number:04d}")
        kept.rename(runs / "lineage.git")
        ledger.epoch("g", {})
        found = recover(ledger, Lineage.open(runs / "lineage.git"), runs)
        assert [one.iteration for one in found] == [1, 2, 3]
        again = ledger.iterations()
        assert [one.attempts for one in again] == [one.attempts for one in before]
        assert [(one.title, one.verdict, one.score, one.commit) for one in again] == [
            (one.title, one.verdict, one.score, one.commit) for one in before
        ]


def test_branch_refs_head_and_leftovers_are_put_right(runs: Path) -> None:
    git = runs / "lineage.git"
    first = Lineage.open(git).commit_of(1)
    assert first is not None
    Lineage.open(git).set_champion(first)
    (git / "refs" / "iterations" / "0002").write_text("")
    (git / "refs" / "iterations" / "0003").unlink()
    (git / "refs" / "heads" / "champion.lock").write_text("")
    (git / "HEAD.lock").write_text("")
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    (runs / "0001" / ".iteration.ipynb.abc.tmp").write_text("{")
    (runs / ".lineage.git.1234.tmp").mkdir()
    with Ledger.open(runs / "ledger.sqlite") as ledger:
        ledger.settle(1, "confirmed")
        lineage = Lineage.open(git)
        found = [one.text for one in recover(ledger, lineage, runs)]
        assert "removed 5 half-written files of a killed process" in found
        assert [text for text in found if "put back" in text] == [
            f"iteration {number} had lost its ref in lineage.git: put back" for number in (2, 3)
        ]
        champion = ledger.champion(1)
        assert champion is not None
        assert lineage.champion() == champion.commit
        assert (git / "HEAD").read_text() == "ref: refs/heads/champion\n"
        assert lineage.numbers() == [1, 2, 3]
        assert recover(ledger, lineage, runs) == []
    assert not list(runs.rglob("*.lock"))


def test_a_champion_without_sources_stops_with_a_mend(runs: Path) -> None:
    (runs / "lineage.git").rename(runs.parent / "gone")
    with Ledger.open(runs / "ledger.sqlite") as ledger, pytest.raises(LineageBroken, match="copy") as caught:
        recover(ledger, Lineage.open(runs / "lineage.git"), runs)
    assert "\n" not in str(caught.value)


def test_nobody_recovers_under_a_live_driver(runs: Path) -> None:
    other = subprocess.Popen(["sleep", "60"])
    try:
        with Ledger.open(runs / "ledger.sqlite") as ledger:
            mine = Holder.mine()
            theirs = replace(mine, pid=other.pid, started=psutil.Process(other.pid).create_time(), token="t")
            assert ledger.acquire(theirs) is None
            with pytest.raises(AutoloopError, match="stop it first"):
                recover(ledger, Lineage.open(runs / "lineage.git"), runs)
    finally:
        other.kill()
        other.wait()


def test_a_confirmation_in_a_note_survives_the_way_back(runs: Path) -> None:
    with Ledger.open(runs / "ledger.sqlite") as ledger:
        lineage = Lineage.open(runs / "lineage.git")
        lineage.add_note(1, "State: confirmed\nthree fresh seeds agree")
        (one, *_) = lineage.recorded()
        assert one.state == "confirmed"
        ledger.restore([Lost(one)])
        row = ledger.iteration(1)
        assert row is not None
        assert (row.state, row.title) == ("confirmed", one_line("title 1\nVerdict: keep  "))

from __future__ import annotations

import json
import multiprocessing
import os
import random
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from memory_story import PARTS, Stage, drive, quick_folder

from autoloop_kernel import durable
from autoloop_kernel.memory.ledger import Ledger, LedgerBroken
from autoloop_kernel.memory.lineage import Lineage, LineageBroken
from autoloop_kernel.memory.rebuild import rebuild
from autoloop_kernel.memory.text import one_line
from autoloop_kernel.records import Finding, Iteration

COUNT = 4


@pytest.fixture
def runs() -> Iterator[Path]:
    with quick_folder() as folder:
        drive(folder / "a_runs", COUNT)
        yield folder / "a_runs"


def contents(runs: Path) -> tuple[list[Iteration], list[Finding], list[str], Iteration | None]:
    with Ledger.open(runs / "ledger.sqlite") as ledger:
        rows = ledger.iterations()
        keys = [ledger.code_key(row.number) for row in rows]
        epoch = ledger.current_epoch()
        assert epoch == 1
        return rows, ledger.findings(), keys, ledger.champion(epoch)


def flat(rows: list[Iteration]) -> list[Iteration]:
    """The rows with their reasons on one line, as trailers keep them."""
    return [replace(row, reason=one_line(row.reason)) for row in rows]


def truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def garbage(path: Path) -> None:
    with path.open("r+b") as file:
        for page in range(1, path.stat().st_size // 4096):
            file.seek(page * 4096)
            file.write(random.Random(page).randbytes(4096))


def empty(path: Path) -> None:
    path.write_bytes(b"")


def no_database(path: Path) -> None:
    path.write_text("these are my notes\n" * 500)


def another_database(path: Path) -> None:
    path.unlink()
    raw = sqlite3.connect(path)
    raw.execute("CREATE TABLE x (y)")
    raw.close()


@pytest.mark.parametrize("harm", [truncated, garbage, empty, no_database, another_database, Path.unlink])
def test_a_lost_or_broken_ledger_comes_back(runs: Path, harm: object) -> None:
    before = contents(runs)
    assert callable(harm)
    path = runs / "ledger.sqlite"
    harm(path)
    damaged = path.read_bytes() if path.exists() else None
    with pytest.raises(LedgerBroken):
        Ledger.open(path)
    lines = rebuild(runs)
    after = contents(runs)
    assert flat(after[0]) == flat(before[0])
    assert after[1:3] == before[1:3]
    assert after[3] is not None
    assert before[3] is not None
    assert after[3].number == before[3].number
    kept = list(runs.glob("ledger.broken-*.sqlite"))
    if damaged is None:
        assert lines[0] == "ledger.sqlite was missing"
        assert kept == []
    else:
        assert "could not be read" in lines[0]
        assert kept[0].name in lines[0]
        assert kept[0].read_bytes() == damaged
    assert f"{COUNT} iterations" in lines[1]
    assert len(lines) == 2
    assert all("\n" not in line for line in lines)
    with Ledger.open(path) as ledger:
        assert [event.data["text"] for event in ledger.events(kinds=["recovered"])] == lines
        assert ledger.epoch("g", PARTS) == (1, False)
        assert ledger.epoch_parts(1) == PARTS
    assert drive(runs, COUNT + 1) == []
    assert [row.number for row in contents(runs)[0]] == [1, 2, 3, 4, 5]
    assert not list(runs.rglob("*.tmp"))


def test_a_sound_ledger_is_left_alone(runs: Path, tmp_path: Path) -> None:
    before = (runs / "ledger.sqlite").read_bytes()
    assert rebuild(runs) == []
    assert (runs / "ledger.sqlite").read_bytes() == before
    assert rebuild(tmp_path / "new_runs") == []
    assert not (tmp_path / "new_runs" / "ledger.sqlite").exists()


def test_lost_and_odd_notebooks_cost_facts_not_history(runs: Path) -> None:
    (runs / "0001" / "iteration.ipynb").unlink()
    (runs / "0002" / "iteration.ipynb").write_text("{ no json")
    (runs / "0003" / "iteration.ipynb").write_text((runs / "0004" / "iteration.ipynb").read_text())
    (runs / "ledger.sqlite").unlink()
    lines = rebuild(runs)
    assert lines[2:] == ["iteration 1 has no notebook any more: facts and extra numbers are lost"]
    rows = contents(runs)[0]
    assert [str(row.verdict) for row in rows] == ["keep", "crash", "keep", "keep"]
    assert [(row.attempts[0].seed, bool(row.attempts[0].facts)) for row in rows] == [
        (101, False),
        (201, False),
        (301, False),
        (401, True),
    ]
    assert [row.notebook for row in rows][:2] == ["", "a_runs/0002/iteration.ipynb"]


def test_later_attempts_come_from_their_notebooks(runs: Path) -> None:
    result = {
        "iteration": 4,
        "attempt": 2,
        "seed": 9,
        "kind": "confirm",
        "game": "g",
        "verdict": "scored",
        "score": 0.3,
    }
    text = json.dumps({"metadata": {"autoloop": {"result": result}}})
    durable.write_atomic(runs / "0004" / "attempt-2.ipynb", text)
    Lineage.open(runs / "lineage.git").add_note(4, "State: refuted")
    (runs / "ledger.sqlite").unlink()
    rebuild(runs)
    rows, _, _, champion = contents(runs)
    assert [(one.attempt, one.seed, str(one.kind), one.score) for one in rows[3].attempts][1:] == [
        (2, 9, "confirm", 0.3)
    ]
    assert rows[3].state == "refuted"
    assert champion is not None
    assert champion.number == 3


def test_a_folder_without_a_verdict_is_kept_under_another_name(runs: Path) -> None:
    (runs / "0005").mkdir()
    (runs / "0005" / "iteration.ipynb").write_text("{}")
    (runs / "ledger.sqlite").unlink()
    lines = rebuild(runs)
    (kept,) = runs.glob("unrecorded-0005-*")
    assert kept.name in lines[-1]
    assert (kept / "iteration.ipynb").read_text() == "{}"
    drive(runs, 5)
    assert (kept / "iteration.ipynb").read_text() == "{}"


def test_an_unreadable_commit_is_left_out_and_named(runs: Path) -> None:
    lineage = Lineage.open(runs / "lineage.git")
    commit = lineage.commit_of(2)
    assert commit is not None
    (lineage.path / "objects" / commit[:2] / commit[2:]).unlink()
    (runs / "ledger.sqlite").unlink()
    lines = rebuild(runs)
    assert "iteration 2 is left out: its commit cannot be read" in lines
    assert [row.number for row in contents(runs)[0]] == [1, 3, 4]


def test_without_a_lineage_the_ledger_is_not_replaced(runs: Path) -> None:
    empty(runs / "ledger.sqlite")
    (runs / "lineage.git").rename(runs / "away")
    (runs / "lineage.git").write_text("a file")
    with pytest.raises(LineageBroken):
        rebuild(runs)
    assert (runs / "ledger.sqlite").read_bytes() == b""
    assert not list(runs.glob("ledger.broken*"))


def test_a_rebuild_may_be_killed_anywhere(runs: Path) -> None:
    before = contents(runs)
    stage = Stage()
    try:
        at, status = 0, -9
        while status == -9:
            at += 1
            empty(runs / "ledger.sqlite")
            status = stage.play(runs, COUNT, kill_at=at)
            assert stage.play(runs, COUNT) == 0
            assert flat(contents(runs)[0]) == flat(before[0])
            assert contents(runs)[1:3] == before[1:3]
    finally:
        stage.close()
    assert status == 0
    assert at > 10
    assert not list(runs.rglob("*.tmp"))


def test_two_rebuilds_at_once_make_one_ledger(runs: Path) -> None:
    (runs / "ledger.sqlite").unlink()
    context = multiprocessing.get_context("spawn")
    with context.Pool(2) as pool:
        first, second = pool.map(rebuild, [runs, runs])
    assert sorted([len(first), len(second)]) == [0, 2]
    assert len(contents(runs)[0]) == COUNT

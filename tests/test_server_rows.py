import sys
from pathlib import Path

import pytest
from played import crashed, history, play, reopen_epoch, scored
from server_kit import make as make_arena

from autoloop_kernel.memory.ledger import Ledger
from autoloop_kernel.memory.reading import Which
from autoloop_kernel.records import Outcome, Verdict
from autoloop_kernel.server import rows
from autoloop_kernel.session import LEDGER, open_session

sys.path.insert(0, str(Path(__file__).parent / "benchmarks"))
ledger_scale = pytest.importorskip("ledger_scale")


@pytest.fixture
def ledger(tmp_path):
    path = make_arena(tmp_path / "sub")
    history(path)
    with Ledger.open(path.parent / "game_runs" / LEDGER) as opened:
        yield opened


def numbers(ledger, before=None, limit=100, **which):
    page = rows.page(ledger, "sub", Which(**which), before, limit)
    return [row["number"] for row in page["rows"]], page["total"], page["next"]


def test_a_row_says_what_a_list_shows(ledger):
    row = rows.several(ledger, "sub", [4])[0]
    assert row | {"time": 0.0} == {
        "number": 4,
        "epoch": 1,
        "base": 1,
        "verdict": "keep",
        "state": "provisional",
        "score": 1.0,
        "difference": -2.0,
        "title": "X to 1.0",
        "agent": "search",
        "reason": "",
        "time": 0.0,
        "seconds": 1.5,
        "attempts": 1,
        "notebook": "sub/game_runs/0004/iteration.ipynb",
    }


def test_what_has_no_score_or_no_base_differs_from_nothing(ledger):
    assert {row["number"]: row["difference"] for row in rows.several(ledger, "", [1, 2, 3, 99])} == {
        3: None,
        2: 1.0,
        1: None,
    }
    assert rows.several(ledger, "", [1])[0]["notebook"] == "game_runs/0001/iteration.ipynb"


def test_scores_of_two_epochs_are_never_compared(tmp_path):
    path = make_arena(tmp_path)
    history(path)
    reopen_epoch(path)
    with open_session(path) as session:
        play(session, 2.0, scored(2.0), 5, "edits the last epoch")
        play(session, 0.2, scored(0.0005), 6)
        found = {row["number"]: row["difference"] for row in rows.several(session.ledger, "", [6, 7, 8])}
    assert found == {6: None, 7: None, 8: pytest.approx(-0.0005)}


def test_pages_go_down_without_a_gap(ledger):
    assert numbers(ledger, limit=2) == ([5, 4], 5, 4)
    assert numbers(ledger, before=4, limit=2) == ([3, 2], 5, 2)
    assert numbers(ledger, before=2, limit=2) == ([1], 5, None)
    assert numbers(ledger, before=1, limit=2) == ([], 5, None)
    assert numbers(ledger, limit=5) == ([5, 4, 3, 2, 1], 5, None)


def test_filters_hold_for_rows_and_total(ledger):
    assert numbers(ledger, verdict="keep", limit=1) == ([5], 3, 5)
    assert numbers(ledger, verdict="crash") == ([3], 1, None)
    assert numbers(ledger, verdict="provisional") == ([5, 4, 1], 3, None)
    assert numbers(ledger, verdict="running") == ([], 0, None)
    assert numbers(ledger, agent="baseline") == ([1], 1, None)
    assert numbers(ledger, epoch=2) == ([], 0, None)
    assert numbers(ledger, search="x FAR") == ([3], 1, None)
    assert numbers(ledger, search="no such shape") == ([3], 1, None)
    assert numbers(ledger, search="4") == ([4, 2], 2, None)  # the number of one, in the title of the other
    assert numbers(ledger, search="X to", verdict="keep", epoch=1) == ([5, 4], 2, None)


@pytest.mark.parametrize("text", ["%", "_", "\\", "X%0", "' OR 1=1 --", "%_%"])
def test_searching_is_for_the_text_itself(ledger, text):
    assert numbers(ledger, search=text) == ([], 0, None)


def test_an_attempt_taken_up_again_counts_once(tmp_path):
    path = make_arena(tmp_path)
    with open_session(path) as session:
        play(session, 3.0, scored(3.0), None, "baseline")
        number = play(session, 2.0, crashed(), 1).number
        ledger = session.ledger
        attempt = ledger.begin_attempt(number, 7, "replicate", "run")
        ledger.interrupt(number, "stopped")
        assert ledger.begin_attempt(number, 7, "replicate", "again") == attempt
        ledger.end_attempt(number, attempt, Outcome(Verdict.SCORED, score=2.0))
        assert rows.several(ledger, "", [number])[0]["attempts"] == 2


def test_ten_thousand_iterations_are_read_without_their_attempts(tmp_path, monkeypatch):
    path = tmp_path / "ledger.sqlite"
    ledger_scale.fill(path, 10_000)
    with Ledger.open(path) as ledger:
        asked: list[str] = []
        ledger._database.set_trace_callback(asked.append)
        page = rows.page(ledger, "", Which(), None, 5000)
        ledger._database.set_trace_callback(None)
        plans = [
            step[3]
            for sql in asked
            if sql.startswith("SELECT")
            for step in ledger._database.execute(f"EXPLAIN QUERY PLAN {sql}")
        ]
    assert len(page["rows"]) == 5000
    assert (page["total"], page["next"]) == (10_000, 5001)
    assert all(row["attempts"] == 1 for row in page["rows"])
    assert page["rows"][0]["difference"] == pytest.approx(-9 / 1e5)
    assert len([sql for sql in asked if sql.startswith("SELECT")]) <= 5
    assert not [
        plan for plan in plans if plan.startswith("SCAN") and "iterations" not in plan and "json_each" not in plan
    ]

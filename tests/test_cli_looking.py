"""status, log, show, diff, plot, apply and check on an arena with a history."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from played import history, make_arena, reopen_epoch

from autoloop_kernel import cli
from autoloop_kernel.memory.ledger import Holder
from autoloop_kernel.session import LEDGER, open_session


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    path = make_arena(tmp_path_factory.mktemp("made"))
    history(path)
    return path


@pytest.fixture
def arena(made, tmp_path):
    shutil.copytree(made.parent, tmp_path / "a")
    return tmp_path / "a" / made.name


@pytest.fixture
def called(capsys):
    def call(*arguments, status=0):
        assert cli.main([str(argument) for argument in arguments]) == status, capsys.readouterr().err
        return capsys.readouterr().out

    return call


def test_log_json_is_the_contract(called, arena):
    rows = json.loads(called("log", arena, "--json"))
    assert [row["number"] for row in rows] == [1, 2, 3, 4, 5]
    assert [row["verdict"] for row in rows] == ["keep", "discard", "crash", "keep", "keep"]
    assert [row["base"] for row in rows] == [None, 1, 1, 1, 4]
    assert rows[4]["state"] == "provisional"
    assert rows[2]["score"] is None
    assert rows[4]["attempts"] == [{"seed": 1005, "score": 0.5, "verdict": "scored"}]
    assert len(rows[4]["commit"]) == 40
    assert rows[4]["notebook"] == "game_runs/0005/iteration.ipynb"
    assert {row["epoch"] for row in rows} == {1}


def test_log_all_also_shows_what_never_ran(called, arena):
    rows = json.loads(called("log", arena, "--json", "--all"))
    assert [(row["number"], row["verdict"]) for row in rows][-1] == (None, "duplicate")
    assert rows[-1]["title"] == "X again"
    assert "– duplicate" in called("log", arena, "--all")
    assert "duplicate" not in called("log", arena)


def test_the_log_s_last_rows(called, arena):
    assert "the first 4 iterations are left out" in called("log", arena, "--last", 1)


def test_the_arena_s_suffix_may_be_left_out(called, arena):
    assert called("log", arena.with_suffix("")) == called("log", arena)


def test_status_as_text_and_json(called, arena):
    text = called("status", arena)
    assert "idle: nothing is running" in text
    assert "iteration 5; baseline 3.0000" in text
    row = json.loads(called("status", arena, "--json"))
    assert row["state"] == "idle"
    assert row["champion"].items() >= {"number": 5, "score": 0.5, "state": "provisional"}.items()
    assert row["baseline"] == {"number": 1, "score": 3.0}
    assert row["counts"] == {"keep": 3, "discard": 1, "crash": 1}
    assert row["driver"] is None
    assert row["epoch"] == 1


def test_status_names_a_living_driver(called, arena):
    with open_session(arena) as session:
        mine = Holder.mine()
        assert session.ledger.acquire(mine) is None
        session.ledger.emit("driver.start", agents=["search"])
        session.ledger.emit("pause")
    row = json.loads(called("status", arena, "--json"))
    assert row["driver"]["pid"] == os.getpid()
    assert row["state"] == "paused"


def test_show_one_iteration(called, arena):
    assert "5 · X to 0.5" in called("show", arena)
    text = called("show", arena, 3)
    assert "× crash" in text
    assert "ValueError: no such shape in cell model" in text
    assert "+X = -9.0" in text
    row = json.loads(called("show", arena, 4, "--json"))
    assert row["extra"] == {"distance": 1.0, "bad": None}
    assert row["facts"] == {"steps": 12}
    assert len(row["curve"]) == 5
    assert "+X = 1.0" in row["diff"]


def test_diff_against_the_base_or_another(called, arena):
    text = called("diff", arena)
    assert "-X = 1.0  # -5..5\n+X = 0.5  # -5..5\n" in text
    assert "\x1b" not in text
    assert "-X = 3.0  # -5..5\n+X = 4.0  # -5..5\n" in called("diff", arena, 2)
    assert "-X = 4.0  # -5..5\n+X = 0.5  # -5..5\n" in called("diff", arena, 2, 5)
    assert "is a baseline" in called("diff", arena, 1)
    assert "have the same sources" in called("diff", arena, 2, 2)


def test_plot_beside_the_arena_or_where_it_is_told(called, arena, tmp_path):
    assert called("plot", arena).strip().endswith("game_progress.png")
    assert (arena.parent / "game_progress.png").read_bytes().startswith(b"\x89PNG")
    called("plot", arena, "-o", tmp_path / "x.svg")
    assert "<svg" in (tmp_path / "x.svg").read_text(encoding="utf-8")


def test_apply_writes_the_champion_or_another_and_says_what_changed(called, arena):
    assert "iteration 5 is now in game.ipynb: model" in called("apply", arena)
    assert "X = 0.5" in arena.read_text(encoding="utf-8")
    assert "holds iteration 5 already" in called("apply", arena)
    called("apply", arena, "-i", 2)
    assert "X = 4.0" in arena.read_text(encoding="utf-8")


def test_epochs_are_told_apart(called, arena):
    reopen_epoch(arena)
    text = called("log", arena)
    assert "epoch 2: the budget changed" in text
    assert text.rstrip().endswith("best loss 0.001000, iteration 6")
    row = json.loads(called("status", arena, "--json"))
    assert row["epoch"] == 2
    assert row["champion"].items() >= {"number": 6, "score": 0.001, "gain": None}.items()
    assert row["counts"] == {"keep": 1}


def test_a_lost_or_broken_ledger_is_mended_on_the_way(arena, capsys):
    ledger = arena.parent / "game_runs" / LEDGER
    before = json.loads(_out(capsys, "log", arena, "--json"))
    for spoil in (lambda: ledger.write_bytes(b"nonsense" * 999), ledger.unlink):
        for extra in ("-wal", "-shm"):
            ledger.with_name(ledger.name + extra).unlink(missing_ok=True)
        spoil()
        rows = json.loads(_out(capsys, "log", arena, "--json"))
        assert [(r["number"], r["verdict"], r["score"]) for r in rows] == [
            (r["number"], r["verdict"], r["score"]) for r in before
        ]


def _out(capsys, *arguments):
    assert cli.main([str(argument) for argument in arguments]) == 0
    return capsys.readouterr().out


def test_check_prints_every_problem_and_fails_on_errors_alone(called, arena):
    sound = "game.ipynb: no problem found: 1 editable cell, 1 score cell, loss (min), 2 s, answers within 10 s"
    assert sound in called("check", arena)
    notebook = json.loads(arena.read_text(encoding="utf-8"))
    notebook["metadata"]["autoloop"] = {"metric": {"name": "loss"}, "budget_s": -1}
    for cell in notebook["cells"]:
        if cell["id"] == "judge":
            cell["metadata"] = {}
    arena.write_text(json.dumps(notebook), encoding="utf-8")
    text = called("check", arena, status=1)
    assert text.count("error ") >= 3
    for word in ("direction", "budget_s", "score cell"):
        assert word in text
    assert "errors" in text.splitlines()[-1]
    assert called("check", arena.parent / "none.ipynb", status=1).startswith("error ")


def test_colours_on_request_and_never_against_it(arena):
    def diff(**environment):
        command = [sys.executable, "-m", "autoloop_kernel.cli", "diff", str(arena)]
        kept = {"PATH": os.environ["PATH"], "TERM": "xterm", **environment}
        return subprocess.run(command, capture_output=True, env=kept, text=True, check=True).stdout

    assert "\x1b[31m-X = 1.0" in diff(FORCE_COLOR="1")
    assert "\x1b[31m" not in diff(FORCE_COLOR="1", NO_COLOR="1")

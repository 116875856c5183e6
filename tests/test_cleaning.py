"""What is cleaned and what stays: a real ledger, lineage and notebooks."""

import contextlib
import json
import os

import pytest
from exploit_kit import Scripted
from loop_kit import Machine, make_sealed_arena, scored, x

from autoloop_kernel.cleaning import clean
from autoloop_kernel.cli import main
from autoloop_kernel.disk import size
from autoloop_kernel.loop import Loop
from autoloop_kernel.memory.rebuild import rebuild
from autoloop_kernel.records import Outcome, Verdict
from autoloop_kernel.session import LEDGER, open_session

BULK = "all that it printed\n" * 2000


@pytest.fixture
def path(tmp_path):
    """An arena with a baseline, a discard, a keep, a crash and another discard, each with a good deal of output."""
    path = make_sealed_arena(tmp_path)
    ends = [scored(3.0), scored(3.5), scored(2.0), Outcome(Verdict.CRASH, "it broke"), scored(2.5)]
    with open_session(path) as session:
        loop = Loop(session, Machine(*ends))
        for units in (None, x(3.5), x(2.0), x(9.0), x(2.5)):
            number = loop.iterate(Scripted(*([units] if units else []))).number
            folder = session.arena.runs / f"{number:04d}"
            notebook = json.loads((folder / "iteration.ipynb").read_text())
            code = next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")
            code["outputs"] = [{"output_type": "stream", "name": "stdout", "text": BULK}]
            (folder / "iteration.ipynb").write_text(json.dumps(notebook))
            (folder / "log.txt").write_text(BULK)
    return path


def outputs(session, number):
    notebook = json.loads((session.arena.runs / f"{number:04d}" / "iteration.ipynb").read_text())
    return [cell["outputs"] for cell in notebook["cells"] if cell["cell_type"] == "code" and cell["outputs"]]


def test_outputs_of_old_failures_go_and_all_that_was_learnt_stays(path):
    with open_session(path) as session:
        before = size(session.arena.runs)
        findings, rows = session.ledger.findings(), session.ledger.iterations()
        said = clean(session, last=1, dry=True)
        assert (said.numbers, size(session.arena.runs)) == ((2, 4), before)
        done = clean(session, last=1)
        assert done.numbers == (2, 4)
        assert done.bytes == said.bytes > 2 * len(BULK)
        assert size(session.arena.runs) < before - 2 * len(BULK)
        assert [bool(outputs(session, number)) for number in range(1, 6)] == [True, False, True, False, True]
        assert not (session.arena.runs / "0004" / "log.txt").exists()
        assert session.ledger.findings() == findings
        assert session.ledger.iterations() == rows
        assert session.units(4)["model"].startswith("X = 9.0")
        assert clean(session, last=1).numbers == (), "once is enough"
        runs = session.arena.runs
    (runs / LEDGER).unlink()
    rebuild(runs)
    with open_session(path) as session:
        assert [str(it.verdict) for it in session.ledger.iterations()] == [
            "keep",
            "discard",
            "keep",
            "crash",
            "discard",
        ]


def test_a_cleaned_notebook_still_has_its_seed_and_its_verdict(path):
    with open_session(path) as session:
        folder = session.arena.runs / "0002"
        before = json.loads((folder / "iteration.ipynb").read_text())
        clean(session, last=0)
        after = json.loads((folder / "iteration.ipynb").read_text())
    assert [cell["source"] for cell in after["cells"]] == [cell["source"] for cell in before["cells"]]
    assert after["metadata"]["autoloop"] == {**before["metadata"]["autoloop"], "cleaned": True}


def test_what_is_small_or_may_run_again_stays(path):
    with open_session(path) as session:
        assert clean(session, last=0, under=10_000_000).numbers == ()
        session.ledger.queue_replicate(2)
        assert clean(session, last=0).numbers == (4, 5)


def test_the_state_of_widgets_goes_with_the_outputs_that_showed_them(path):
    with open_session(path) as session:
        place = session.arena.runs / "0002" / "iteration.ipynb"
        notebook = json.loads(place.read_text())
        notebook["metadata"]["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {"bar": BULK}}}
        place.write_text(json.dumps(notebook))
        assert clean(session, last=1).bytes > 3 * len(BULK)
        assert "widgets" not in json.loads(place.read_text())["metadata"]


def test_what_vanishes_while_it_is_counted_hides_nothing_else(tmp_path, monkeypatch):
    for name in ("a", "b", "c"):
        (tmp_path / name).write_text("x" * 10)
    entries = sorted(os.scandir(tmp_path), key=lambda entry: entry.name)
    (tmp_path / "a").unlink()
    monkeypatch.setattr(os, "scandir", lambda _: contextlib.nullcontext(entries))
    assert size(tmp_path) == 20


def test_a_notebook_that_cannot_be_read_is_left_alone(path):
    with open_session(path) as session:
        broken = session.arena.runs / "0004" / "iteration.ipynb"
        broken.write_text("{")
        assert clean(session, last=1).numbers == (2, 4)
        assert broken.read_text() == "{"


def test_the_command_says_what_went_and_what_is_no_size(path, capsys):
    assert main(["clean", str(path), "--last", "1", "--dry-run"]) == 0
    assert "kB would go: outputs of 2 iterations; " in capsys.readouterr().out
    assert main(["clean", str(path), "--last", "1", "--under", "1k"]) == 0
    assert "kB went: outputs of 2 iterations; " in capsys.readouterr().out
    assert main(["clean", str(path), "--last", "1"]) == 0
    assert capsys.readouterr().out.startswith("nothing to clean: game_runs takes ")
    assert main(["clean", str(path), "--under", "much"]) == 2
    assert "--under much is no size: write bytes as a number, or 500k, 2M, 1G" in capsys.readouterr().err
    assert main(["status", str(path)]) == 0
    assert "kB of runs" in capsys.readouterr().out

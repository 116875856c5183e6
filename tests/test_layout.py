"""An iteration laid out to be run by hand: a real ledger and lineage, and a real kernel."""

import json

import nbformat
import papermill
import pytest
from arenas import IMPORTS, SCORE, notebook
from exploit_kit import Scripted
from loop_kit import Machine, scored

from autoloop_kernel.layout import lay_out
from autoloop_kernel.loop import Loop
from autoloop_kernel.records import AutoloopError, Outcome, Verdict
from autoloop_kernel.session import open_session

MODEL = "FACTOR = 2.0\n"
FILES = {"files": ["model.py"], "sealed": ["sealed/*"]}


@pytest.fixture
def session(tmp_path):
    """An arena with data and an editable file, whose second iteration crashed."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "shift.txt").write_text("0")
    (tmp_path / "sealed").mkdir()
    (tmp_path / "sealed" / "truth.txt").write_text("2")
    (tmp_path / "model.py").write_text(MODEL)
    cells = [
        ("strategy", "# Be small"),
        ("parameters:parameters", "BUDGET_S = 5.0\nSEED = 0"),
        ("shared:imports", IMPORTS),
        ("locked:setup", "from model import FACTOR\nshift = float(open('data/shift.txt').read())"),
        ("editable:answer", "submit(lambda x: FACTOR * x + shift)"),
        ("score:score", SCORE.replace("2 * x", "float(open('sealed/truth.txt').read()) * x")),
    ]
    path = tmp_path / "game.ipynb"
    path.write_text(nbformat.writes(notebook(cells, FILES)), encoding="utf-8")
    with open_session(path) as opened:
        machine = Machine(scored(0.0), Outcome(Verdict.CRASH, "it broke"))
        for proposed in ([], [{"model.py": "FACTOR = 3.0\n"}]):
            Loop(opened, machine).iterate(Scripted(*proposed))
        yield opened


def test_a_failed_iteration_runs_again_by_hand_with_its_own_files_and_the_arenas_data(session):
    path = lay_out(session, 2)
    assert path == session.arena.runs / "0002" / "open" / "game-2.ipynb"
    assert {one.name for one in path.parent.iterdir()} == {"data", "sealed", "model.py", "game-2.ipynb"}
    assert (path.parent / "model.py").read_text() == "FACTOR = 3.0\n"
    assert (path.parent / "data" / "shift.txt").is_symlink()
    assert (session.arena.folder / "model.py").read_text() == MODEL
    done = papermill.execute_notebook(path, None, cwd=path.parent, kernel_name="python3", progress_bar=False)
    shown = json.dumps(done.cells[-1].outputs)
    assert "score 6" in shown, "three times instead of two, of 0 to 3"


def test_what_a_person_left_there_stays_unless_it_is_asked_for_anew(session):
    path = lay_out(session, 2)
    executed = path.read_text()
    path.write_text("mine")
    assert lay_out(session, 2).read_text() == "mine"
    assert lay_out(session, 2, again=True).read_text() == executed


def test_what_is_not_there_is_said_in_one_line(session):
    with pytest.raises(AutoloopError, match=r"there is no iteration 9 of game\.ipynb: there are 1 to 2"):
        lay_out(session, 9)
    (session.arena.runs / "0001" / "iteration.ipynb").unlink()
    with pytest.raises(AutoloopError, match="iteration 1 has lost its notebook"):
        lay_out(session, 1)

"""Arenas measured by real runs: their noise, what they take, and whether their score tells worse answers apart."""

import nbformat
import pytest
from arenas import arena, write_quick_arena

from autoloop_kernel.arena.notebook import read
from autoloop_kernel.arena.templates import new
from autoloop_kernel.cli import main
from autoloop_kernel.deep import measure
from autoloop_kernel.views.deep import lines

NOISY = "import numpy as np\nrng = np.random.default_rng(SEED)\nSHIFT = 0.5  # 0..1\noff = rng.normal() * 0.1"


def written(tmp_path, *cells, **settings):
    path = tmp_path / "game.ipynb"
    path.write_text(nbformat.writes(arena(*cells, **settings)), encoding="utf-8")
    return read(path)


def told(found):
    return {line.about: (line.good, line.text) for line in lines(found)}


def test_a_noisy_arena_is_measured_and_its_score_tells_worse_answers_apart(tmp_path):
    found = measure(written(tmp_path, NOISY, "submit(lambda x: 2.0 * x + off)"), runs=3)
    said = told(found)
    assert len(set(found.scores)) == 3
    assert "one run scatters by about" in said["noise"][1]
    assert said["score"][0]
    assert "answers made worse on purpose score worse" in said["score"][1]
    assert said["constants"] == (True, "the search agent tunes 1: SHIFT in e0")
    assert "MiB at most (no limit: set memory_mb)" in said["memory"][1]
    assert not said["time"][0], "a budget of 5 s for nothing"
    assert "do not apply" in said["probes"][1]
    assert not (tmp_path / "game_runs").exists(), "nothing of it is kept"


def test_a_score_that_measures_nothing_is_found_out(tmp_path):
    found = measure(written(tmp_path, "submit(lambda x: 2.0 * x)", score="ask(x=np.arange(4.0))\nscore(1.0)"), runs=2)
    said = told(found)
    assert found.distinguishes is False
    assert said["score"][1].endswith("What does the score measure?")
    assert "do not differ" in said["noise"][1]
    assert not said["constants"][0]


def test_worse_answers_that_are_refused_are_told_apart(tmp_path):
    strict = "y = ask(x=np.arange(4.0))\nassert y[0] == 0, 'no zero'\nscore(0.0)"
    found = measure(written(tmp_path, "submit(lambda x: 2.0 * x)", score=strict), runs=2)
    assert found.distinguishes
    assert "are refused: " in told(found)["score"][1]


def test_a_baseline_that_crashes_is_run_once(tmp_path):
    found = measure(written(tmp_path, "1 / 0"), runs=3)
    assert len(found.runs) == 1
    assert told(found) == {
        "baseline": (False, "its run 1 ended in crash: cell 'e0' raised ZeroDivisionError: division by zero")
    }


@pytest.mark.parametrize(("score", "status"), [(None, 0), ("ask(at=np.zeros(2))\nscore(1.0)", 1)])
def test_the_command_measures_and_says_whether_one_can_search(tmp_path, capsys, score, status):
    path = write_quick_arena(tmp_path)
    if score:
        notebook = nbformat.read(path, as_version=4)
        next(cell for cell in notebook.cells if "score" in cell.metadata.get("tags", [])).source = score
        path.write_text(nbformat.writes(notebook), encoding="utf-8")
    assert main(["check", str(path), "--deep", "--runs", "2"]) == status
    out = capsys.readouterr().out
    assert "no problem found" in out
    assert "the search agent tunes 2: X in e0, Y in e0" in out


@pytest.mark.parametrize(("name", "scorer"), [("forecast", "rolling_mase"), ("email_campaign", "policy_of")])
def test_the_probes_of_a_bundled_scorer_are_named(tmp_path, name, scorer):
    found = measure(read(new(name, tmp_path)), runs=1)
    [line] = [one for one in lines(found) if one.about == "probes"]
    assert line.good
    assert line.text.startswith(f"{scorer} asks some questions again")

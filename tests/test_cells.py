"""What arena cells import, by hand: in one process, in a plain kernel, and in an environment with numpy alone."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import numpy as np
import pytest
from arenas import HONEST, arena
from nbclient import NotebookClient

from autoloop_kernel import cells
from autoloop_kernel.cells import AnswerError, CellsError


@pytest.fixture(autouse=True)
def by_hand(monkeypatch):
    """A fresh start for each test: no answer, no clock."""
    monkeypatch.setattr(cells, "_place", cells._Hand())
    monkeypatch.setattr(cells, "budget", cells.Budget())


def test_ask_calls_what_was_submitted_with_the_conversions_of_the_wire():
    seen = {}

    def answer(x, text):
        seen.update(x=x, text=text)
        return {"y": x * 2, "n": 3}

    cells.submit(answer)
    x = np.arange(6.0).reshape(2, 3).T
    got = cells.ask(x=x, text="hi")
    assert got["y"].tolist() == (2 * x).tolist()
    assert got["n"].shape == ()
    assert seen["x"] is not x
    assert seen["x"].flags.c_contiguous
    assert seen["text"].dtype == np.uint8


def test_bfloat16_answers_arrive_as_float32():
    torch = pytest.importorskip("torch")
    cells.submit(lambda x: torch.from_numpy(x).to(torch.bfloat16))
    assert cells.ask(x=np.ones(2, np.float32)).dtype == np.float32


def test_by_hand_a_cell_may_be_run_again():
    cells.submit(lambda: np.zeros(1))
    cells.submit(lambda: np.ones(1))
    assert cells.ask().tolist() == [1.0]


def test_asking_too_early_and_answers_that_are_none():
    with pytest.raises(AnswerError, match="nothing was submitted yet"):
        cells.ask(x=np.ones(1))
    cells.submit(lambda x: [1])
    with pytest.raises(AnswerError, match="is a list, not an array"):
        cells.ask(x=np.ones(1))
    with pytest.raises(CellsError, match="takes the function"):
        cells.submit(3)


def test_an_error_of_the_answer_function_comes_through_by_hand():
    cells.submit(lambda x: x.no_such)
    with pytest.raises(AttributeError):
        cells.ask(x=np.ones(1))


def test_score_takes_a_finite_number(capsys):
    cells.score(np.float32(0.5), tokens=3)
    assert capsys.readouterr().out == "score 0.5  tokens 3\n"
    for value in (float("nan"), float("inf"), np.nan):
        with pytest.raises(CellsError, match="finite"):
            cells.score(value)
    with pytest.raises(CellsError, match="the score is a str, not a number"):
        cells.score("low")


def test_report_and_facts_by_hand(capsys):
    cells.report(1, loss=2.5)
    cells.report(2, loss=2.4)
    cells.facts(width=64)
    assert capsys.readouterr().out == "step 1  loss 2.5\nwidth 64\n"
    with pytest.raises(CellsError, match="report's loss is a list"):
        cells.report(1, loss=[1])


def test_the_budget_by_hand_starts_at_its_first_use(monkeypatch):
    monkeypatch.setattr(sys.modules["__main__"], "BUDGET_S", 2.0, raising=False)
    assert cells.budget.seconds == 2.0
    time.sleep(0.05)
    assert cells.budget.spent() < 0.04
    time.sleep(0.05)
    assert 0.05 <= cells.budget.spent() < 1.0
    assert cells.budget.remaining() == pytest.approx(2.0 - cells.budget.spent(), abs=0.05)
    cells.budget.start(clock="cpu")
    time.sleep(0.1)
    assert cells.budget.spent() < 0.08
    monkeypatch.setattr(sys.modules["__main__"], "BUDGET_S", 0.01)
    cells.budget.start()
    time.sleep(0.02)
    assert cells.budget.remaining() == 0.0


def test_no_budget_is_said_in_plain_words(monkeypatch):
    monkeypatch.delattr(sys.modules["__main__"], "BUDGET_S", raising=False)
    with pytest.raises(CellsError, match="set BUDGET_S"):
        _ = cells.budget.seconds


def test_cpu_seconds_count_living_children():
    source = "import time\nend = time.process_time() + 30\nwhile time.process_time() < end: pass"
    before = cells._cpu_seconds()
    child = subprocess.Popen([sys.executable, "-c", source])
    try:
        until = time.monotonic() + 20
        while cells._cpu_seconds() - before < 0.5 and time.monotonic() < until:
            time.sleep(0.05)
        assert cells._cpu_seconds() - before >= 0.5
    finally:
        child.kill()
        child.wait()


def test_facts_become_what_json_takes():
    values = {"a": np.float32(1.5), "b": np.arange(2), "c": float("nan"), "d": {"e": (1, object)}, "f": True, "g": None}
    plain = {name: cells._plain(value) for name, value in values.items()}
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert (plain["a"], plain["b"], plain["c"], plain["f"], plain["g"]) == (1.5, [0, 1], "nan", True, None)


def test_the_cells_import_nothing_heavy():
    code = "import sys; import autoloop_kernel.cells; print(sorted({m.split('.')[0] for m in sys.modules}))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=HERE.parent
    ).stdout
    for heavy in ("torch", "IPython", "jupyter_client", "nbformat", "psutil", "zmq"):
        assert f"'{heavy}'" not in loaded


HERE = Path(__file__).parent
BY_HAND = "for step in range(3):\n    report(step, loss=1.0 / (step + 1))\nfacts(left=budget.remaining() <= 5)"


def test_run_all_cells_in_one_plain_kernel(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(HERE.parent))
    nb = arena(BY_HAND, HONEST)
    NotebookClient(nb, timeout=60, kernel_name="python3").execute()
    told = [output for cell in nb.cells if cell.cell_type == "code" for output in cell.outputs]
    assert "score 0  asked 1" in str(told)
    assert "left True" in str(told)
    assert "step 0" in str(told)
    nbformat.validate(nb)


FOREIGN = """
import sys
import autoloop_kernel, autoloop_kernel.scoring, numpy as np
from autoloop_kernel.cells import ask, budget, facts, report, score, submit
for missing in ("torch", "nbformat", "papermill"):
    try:
        __import__(missing)
    except ImportError:
        continue
    raise AssertionError(missing)
"""


@pytest.fixture(scope="module")
def foreign(tmp_path_factory) -> Path:
    """A Jupyter data folder whose kernelspec `foreign` runs in a fresh environment with ipykernel and numpy alone."""
    home = tmp_path_factory.mktemp("foreign")
    subprocess.run([sys.executable, "-m", "venv", home / "venv"], check=True)
    python = home / "venv" / "bin" / "python"
    subprocess.run(
        [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "ipykernel", "numpy"], check=True
    )
    spec = home / "share" / "kernels" / "foreign"
    spec.mkdir(parents=True)
    argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "Foreign", "language": "python"}))
    return home / "share"


@pytest.mark.timeout(600)
def test_the_cells_travel_to_an_environment_with_numpy_alone(foreign, monkeypatch, run_notebook):
    monkeypatch.setenv("JUPYTER_PATH", os.pathsep.join([str(foreign), os.environ.get("JUPYTER_PATH", "")]).rstrip(":"))
    run = run_notebook(arena(BY_HAND + "\nfacts(where=sys.prefix)", HONEST, shared=FOREIGN), kernel="foreign")
    assert run.outcome.reason == ""
    assert run.outcome.score == 0.0
    assert "venv" in run.outcome.facts["where"]
    assert len(run.outcome.curve) == 2
    run_notebook.executor.prepare()
    assert run_notebook(arena(HONEST, shared=FOREIGN), kernel="foreign").outcome.score == 0.0
    run_notebook.executor.prepare()
    assert run_notebook(arena("submit(lambda x: x)")).outcome.score == 6.0

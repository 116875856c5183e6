"""The papermill engine in a person's hands: `papermill in.ipynb out.ipynb --engine autoloop`."""

import warnings

import nbformat
import pytest
from arenas import HONEST, arena, status, texts

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import papermill
    from papermill.engines import papermill_engines

from papermill.exceptions import PapermillExecutionError

from autoloop_kernel.execution.entry import AutoloopEngine
from autoloop_kernel.records import AutoloopError

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:Passed unknown parameter")


@pytest.fixture
def execute(tmp_path):
    papermill_engines.register("autoloop", AutoloopEngine)
    written = tmp_path / "in.ipynb", tmp_path / "out.ipynb"

    def run(nb, **parameters):
        written[0].write_text(nbformat.writes(nb), encoding="utf-8")
        papermill.execute_notebook(
            *written, parameters=parameters, engine_name="autoloop", progress_bar=False, log_output=False
        )
        return nbformat.read(written[1], as_version=4)

    run.out = written[1]
    return run


def test_a_person_runs_an_arena(execute):
    nb = arena("facts(seed=SEED, other=OTHER, budget=budget.seconds)", HONEST)
    nb.cells[1].source += "\nOTHER = 1"
    out = execute(nb, OTHER=5, SEED=11)
    nbformat.validate(out)
    result = out.metadata.autoloop.result
    assert (result.verdict, result.score, result.seed) == ("scored", 0.0, 11)
    assert result.facts == {"seed": 11, "other": 5, "budget": 5.0}
    assert "score 0" in texts(out, "score")
    assert status(out, "score") == ("completed", False)
    assert [cell.metadata.tags for cell in out.cells].count(["injected-parameters"]) == 1


def test_a_person_sees_what_failed_and_papermill_fails(execute):
    with pytest.raises(PapermillExecutionError, match="ZeroDivisionError"):
        execute(arena("1 / 0", HONEST))
    out = nbformat.read(execute.out, as_version=4)
    assert out.metadata.autoloop.result.verdict == "crash"
    assert status(out, "e0") == ("failed", True)
    assert status(out, "e1") == ("pending", None)


def test_a_timeout_is_no_success_to_papermill(execute):
    nb = arena("import time\ntime.sleep(60)", HONEST, budget_s=0.2)
    with pytest.raises(PapermillExecutionError):
        execute(nb)
    out = nbformat.read(execute.out, as_version=4)
    assert out.metadata.autoloop.result.verdict == "timeout"
    assert status(out, "e0") == ("failed", True)
    assert out.metadata.papermill.exception is True


def test_a_run_without_a_score_is_no_success_to_papermill(execute):
    with pytest.raises(AutoloopError, match=r"without calling score"):
        execute(arena(HONEST, score="ask(x=np.ones(1))"))


def test_a_notebook_that_is_no_arena(execute):
    nb = arena(HONEST)
    del nb.metadata["autoloop"]
    with pytest.raises(AutoloopError, match="this notebook is no arena"):
        execute(nb)

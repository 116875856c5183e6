"""The tour runs from top to bottom, as shipped and again beside what it left, and shows what it promises."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest
from nbclient import NotebookClient

from autoloop_kernel.memory.proposals import TAKEN_OVER
from autoloop_kernel.records import Verdict
from autoloop_kernel.session import open_session

TOUR = Path(__file__).parent.parent / "notebooks" / "tour.ipynb"

KIND = "application/vnd.autoloop.{}+json"

PROMISED = {
    "baseline": "iteration",
    "step": "iteration",
    "review": "iteration",  # the record of what was accepted takes the place of the proposal
    "skip": "proposal",
    "take-over": "iteration",
    "inspect": "iteration",
    "compare": "comparison",
    "fork": "iteration",
}
"""By cell: the kind of record that it shows."""

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tour")


@pytest.fixture(scope="module")
def executed(folder: Path) -> Any:
    """The tour, run afresh by nbclient as any Jupyter would run it."""
    notebook = nbformat.read(TOUR, as_version=4)
    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, kernel_name="python3", timeout=300, resources=resources).execute()
    return notebook


def code(notebook: Any) -> dict[str, Any]:
    return {cell.id: cell for cell in notebook.cells if cell.cell_type == "code"}


def bundles(cell: Any) -> list[Any]:
    return [output.data for output in cell.outputs if "data" in output]


def assert_keeps_its_promises(notebook: Any) -> None:
    cells = code(notebook)
    for name, cell in cells.items():
        for output in cell.outputs:
            assert output.output_type != "error", f"{name}: {output.evalue}"
            assert output.get("name") != "stderr", f"{name}: {output.text}"
    for name, kind in PROMISED.items():
        shown = [data for data in bundles(cells[name]) if KIND.format(kind) in data]
        assert any("text/html" in data for data in shown), f"{name} shows no {kind}"
        assert all(data["text/plain"].strip() for data in shown), name
    for name, cell in cells.items():
        assert not any("<script" in data.get("text/html", "").lower() for data in bundles(cell)), name
    for name in ("check", "accept", "auto", "history", "best", "export"):
        assert cells[name].outputs, f"{name} shows nothing"
    assert any("image/png" in data or "<img" in data.get("text/html", "") for data in bundles(cells["plot"]))
    for name in ("step", "review", "take-over", "inspect", "compare", "fork"):
        html = "".join(data["text/html"] for data in bundles(cells[name]) if "text/html" in data)
        assert "<ins" in html or "<del" in html, f"{name} shows no diff"
        assert "<img" in html, f"{name} shows no curve"


def test_it_keeps_its_promises(executed: Any) -> None:
    assert_keeps_its_promises(executed)


def test_it_leaves_a_whole_game_and_a_winner(executed: Any, folder: Path) -> None:
    (arena,) = folder.glob("tour/*/function_min.ipynb")
    with open_session(arena, create=False) as session:
        iterations = session.ledger.iterations()
        proposals = session.ledger.proposals()
        champion = session.champion()
        assert session.ledger.holder() is None
    assert len(iterations) == 13
    assert all(it.verdict in (Verdict.KEEP, Verdict.DISCARD) for it in iterations)
    skipped = [row.reason for row in proposals if row.status == "skipped"]
    assert skipped == ["first the way of walking, then where to", TAKEN_OVER]
    assert [it.number for it in iterations if it.agent == "human, after search"] == [4]
    assert champion is not None
    assert champion.score == min(it.score for it in iterations[:12] if it.score is not None)  # before the fork
    assert champion.number > 4, "auto found nothing better than what the person did"
    assert (arena.parent / "winner.ipynb").is_file()


def test_it_runs_again_beside_what_it_left(executed: Any, folder: Path, tmp_path: Path) -> None:
    """Papermill takes the executed notebook, in the same folder: a new game, and the first stays as it is."""
    first = {path: path.read_bytes() for path in folder.rglob("*.ipynb")}
    nbformat.write(executed, tmp_path / "again.ipynb")
    again = papermill.execute_notebook(
        tmp_path / "again.ipynb", tmp_path / "out.ipynb", cwd=str(folder), kernel_name="python3", progress_bar=False
    )
    assert_keeps_its_promises(again)
    assert len(list(folder.glob("tour/*/winner.ipynb"))) == 2
    assert {path: path.read_bytes() for path in first} == first


def test_it_is_shipped_executed_in_order_with_its_outputs() -> None:
    shipped = nbformat.read(TOUR, as_version=4)
    assert_keeps_its_promises(shipped)
    counts = [cell.execution_count for cell in code(shipped).values()]
    assert counts == list(range(1, len(counts) + 1))


def test_what_is_shipped_tells_nothing_of_the_machine_it_ran_on() -> None:
    text = TOUR.read_text(encoding="utf-8")
    assert str(Path.home()) not in text
    assert str(TOUR.parent) not in text
    for word in ("/tmp/", "/home/", "Traceback"):
        assert word not in text, word
    assert len(text) < 3_000_000


def test_its_cells_have_readable_ids_and_it_is_no_arena() -> None:
    raw = json.loads(TOUR.read_text(encoding="utf-8"))
    ids = [cell["id"] for cell in raw["cells"]]
    assert len(set(ids)) == len(ids)
    assert all(one.replace("-", "").isalpha() and one == one.lower() for one in ids)
    assert "autoloop" not in raw["metadata"]

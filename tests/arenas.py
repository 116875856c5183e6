"""Small arenas for tests: notebooks from lists of (role, source), and jobs that run them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autoloop_kernel.records import Direction, Job, Kind, Metric, Rules

IMPORTS = """\
import numpy as np
from autoloop_kernel.cells import ask, budget, facts, report, score, submit
"""
HONEST = "submit(lambda x: 2.0 * x)"
SCORE = """\
x = np.arange(4.0)
y = ask(x=x)
if y.shape != x.shape or not np.issubdtype(y.dtype, np.floating) or not np.isfinite(y).all():
    raise ValueError("the answer is not four finite numbers")
score(float(np.abs(y - 2 * x).sum()), asked=1)
"""


def notebook(cells: Sequence[tuple[str, str]], settings: Mapping[str, Any] | None = None) -> nbformat.NotebookNode:
    """A notebook of cells given as (role, source). A role may carry a name ("editable:model") and tags ("score+x")."""
    nb = new_notebook()
    for number, (role, source) in enumerate(cells):
        kind, _, name = role.partition(":")
        tags = [tag for tag in kind.split("+") if tag not in ("", "locked", "note")]
        make = new_markdown_cell if kind in ("strategy", "note") else new_code_cell
        cell = make(source, id=name or f"c{number}")
        if tags:
            cell.metadata["tags"] = tags
        if name:
            cell.metadata["autoloop"] = {"name": name}
        nb.cells.append(cell)
    nb.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    # `contention` at 1: how busy the machine is that runs the tests must decide none of them; greedy: one attempt each
    played = {"metric": {"name": "loss", "direction": "min"}, "budget_s": 5, "contention": 1}
    played["keep"] = {"policy": "greedy"}
    nb.metadata["autoloop"] = {**played, **(settings or {})}
    return nb


def arena(*editable: str, score: str = SCORE, shared: str = IMPORTS, **settings: Any) -> nbformat.NotebookNode:
    """An arena in the usual layout: strategy, parameters, shared imports, editable cells e0, e1, …, one score cell."""
    cells = [
        ("strategy", "# Be small"),
        ("parameters:parameters", "BUDGET_S = 5.0\nSEED = 0"),
        ("shared:imports", shared),
    ]
    cells += [(f"editable:e{number}", source) for number, source in enumerate(editable or (HONEST,))]
    cells += [("score:score", score)]
    return notebook(cells, settings)


def rules(**changes: Any) -> Rules:
    """Rules for tests: 5 s of wall clock, a score in 10 s."""
    given = {"metric": Metric("loss", Direction.MIN), "budget_s": 5.0, "score_timeout_s": 10.0, **changes}
    return Rules(**given)


def job(nb: nbformat.NotebookNode, folder: Path, sources: Mapping[str, str] | None = None, **changes: Any) -> Job:
    """A job that runs `nb` as iteration 1 of an arena in `folder`."""
    fields = {name: changes.pop(name) for name in ("attempt", "seed", "run_id", "kind") if name in changes}
    return Job(
        iteration=1,
        attempt=fields.get("attempt", 1),
        seed=fields.get("seed", 7),
        kind=fields.get("kind", Kind.SCREEN),
        notebook=nbformat.writes(nb),
        files=dict(sources or {}),
        folder=folder,
        target=folder / "arena_runs" / "0001",
        rules=rules(**changes),
        run_id=fields.get("run_id", f"test-{uuid.uuid4().hex[:12]}:1:1"),
    )


QUICK = """\
X = 3.0  # -5..5
Y = -2.0  # -5..5
"""


def write_quick_arena(folder: Path) -> Path:
    """Write an arena that takes no time and that the search agent can improve; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    answer = "submit(lambda at: np.array([X, Y]) + 0.0 * at)"
    ask_for = "x, y = ask(at=np.zeros(2))\nscore(float((x - 1.0) ** 2 + (y + 0.5) ** 2))"
    nb = arena(QUICK, answer, score=ask_for)
    path = folder / "quick.ipynb"
    path.write_text(nbformat.writes(nb), encoding="utf-8")
    return path


def texts(nb: nbformat.NotebookNode, cell_id: str) -> str:
    """All text that the outputs of a cell show."""
    cell = next(cell for cell in nb.cells if cell.id == cell_id)
    shown = []
    for output in cell.outputs:
        shown.append(output.get("text") or "\n".join(output.get("traceback", ())) or str(output.get("data", {})))
    return "\n".join(shown)


def status(nb: nbformat.NotebookNode, cell_id: str) -> tuple[str, bool | None]:
    """How papermill's metadata says a cell ended: status and exception."""
    told = next(cell for cell in nb.cells if cell.id == cell_id).metadata.papermill
    return told["status"], told["exception"]

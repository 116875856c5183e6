"""Winners: an iteration as a clean notebook that anyone can run again, under plain papermill and without Autoloop."""

from __future__ import annotations

import base64
import copy
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from autoloop_kernel.arena.edit import units_of
from autoloop_kernel.arena.load import name_of
from autoloop_kernel.arena.roles import Role, role_of
from autoloop_kernel.arena.settings import rules_of
from autoloop_kernel.durable import write_atomic
from autoloop_kernel.exporting import files as beside
from autoloop_kernel.exporting import verify as verifying
from autoloop_kernel.exporting.header import PLOT, Step, markdown
from autoloop_kernel.exporting.inline import cell_source
from autoloop_kernel.exporting.parameters import with_values
from autoloop_kernel.exporting.versions import versions
from autoloop_kernel.figures import figures
from autoloop_kernel.records import AutoloopError, Iteration, Rules, to_json
from autoloop_kernel.session import Session
from autoloop_kernel.views import words
from autoloop_kernel.views.diff import unified
from autoloop_kernel.views.progress import headline, render

_new_code: Any = new_code_cell
_new_markdown: Any = new_markdown_cell
_nbformat: Any = nbformat

HEADER, INLINED, CLOCK = "autoloop-header", "autoloop-inlined", "autoloop-clock"
PARAMETERS = "autoloop-parameters"
"""The ids of the cells that an export adds."""


@dataclass(frozen=True)
class Exported:
    """An export: the notebook, the folder of its files (None where it needs none), its iteration and both scores.

    `verified_score` is what a fresh run showed; None where none was asked for, or it failed: then `failure` says why.
    """

    path: Path
    files: Path | None
    number: int
    score: float | None
    verified_score: float | None = None
    failure: str = ""


def export(
    session: Session,
    number: int | None,
    out: Path,
    verify: bool = False,
    force: bool = False,
    over: Callable[[], bool] = lambda: False,
) -> Exported:
    """Write iteration `number` (None: the champion) as the notebook `out`, with `OUT_files/` where it needs files.

    With `verify` it is run afresh, and its outputs and the score that it showed are kept in it; that run is ended once
    `over()` says that nobody waits for it any more. What lies at `out` is replaced only where it is an export itself,
    or by `force`. Raises `AutoloopError` for a request that cannot be met.
    """
    it = _chosen(session, number)
    files = out.with_name(f"{out.stem}_files")
    may_write(session, out, files, force)
    tree = session.lineage.tree(it.number)
    if "arena.ipynb" not in tree:
        raise AutoloopError(f"iteration {it.number} has no notebook in the lineage: it cannot be exported")
    arena: NotebookNode = _nbformat.reads(tree["arena.ipynb"], as_version=4)
    rules, units = rules_of(arena.metadata), units_of(tree)
    cells = {name_of(cell): cell.source for cell in arena.cells if cell.cell_type == "code"}
    editable = {name: text for name, text in units.items() if name not in cells}
    names = beside.needed(session.arena.folder, cells.values(), editable, rules.sealed)
    names = [name for name in names if (session.arena.folder / name).resolve() != out.resolve()]
    needs = bool(names or editable)
    notebook = _notebook(session, it, arena, editable, files.name if needs else None, rules)
    text = _text(notebook)  # before anything is written: what fails here leaves all as it was
    beside.swap(beside.stage(session.arena.folder, names, editable, files) if needs else None, files)
    write_atomic(out, text)
    done = Exported(out, files if needs else None, it.number, it.score)
    return _verified(done, notebook, rules, over) if verify else done


def _chosen(session: Session, number: int | None) -> Iteration:
    """The iteration to export: one that has ended, and whose sources are on record."""
    if number is None:
        champion = session.champion()
        if champion is None:
            what = "nothing was kept yet" if session.ledger.last_number() else "there are no iterations yet"
            raise AutoloopError(
                f"{what} on {session.path.name}: run autoloop auto {session.path}, or name one with -i N"
            )
        return champion
    it = session.iteration(number)
    if it.verdict is None:
        raise AutoloopError(f"iteration {number} is still in flight: wait for its verdict, or name another")
    return it


def may_write(session: Session, out: Path, files: Path, force: bool) -> None:
    """Refuse what would overwrite something that is no export, above all the arena."""
    if out.suffix != ".ipynb":
        raise AutoloopError(f"an export is a notebook: {out.name} must end in .ipynb")
    if not out.parent.is_dir():
        raise AutoloopError(f"there is no folder {out.parent}: make it first, or name another")
    target = out.resolve()
    if target == session.arena.path.resolve():
        raise AutoloopError(f"{out} is the arena itself: an export never overwrites it, name another file")
    if session.arena.runs.resolve() in target.parents:
        raise AutoloopError(f"{out} lies in the runs folder, which is the driver's: name a place outside it")
    if out.is_dir():
        raise AutoloopError(f"{out} is a folder: name a file that ends in .ipynb")
    ours = beside.is_export(out)
    if out.exists() and not ours and not force:
        raise AutoloopError(f"{out} exists and is no export: name another file, or overwrite it with --force")
    if files.exists() and not ours and not force:
        raise AutoloopError(f"{files} exists and is no export's: name another file, or overwrite it with --force")


def _notebook(
    session: Session, it: Iteration, arena: NotebookNode, editable: Mapping[str, str], folder: str | None, rules: Rules
) -> NotebookNode:
    """The export: header, Autoloop's part, then the arena's cells with the iteration's sources and its seed."""
    notebook = copy.deepcopy(arena)
    notebook.cells = [cell for cell in notebook.cells if role_of(cell) is not Role.WORKBENCH]
    sources = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    python = [*sources, *(text for name, text in editable.items() if name.endswith(".py"))]
    seed = it.attempts[0].seed if it.attempts else None
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    _set_parameters(notebook, {"BUDGET_S": rules.budget_s} | ({"SEED": seed} if seed is not None else {}))
    kernel = notebook.metadata.get("kernelspec", {})
    if str(kernel.get("name") or "autoloop").lower() == "autoloop":  # Jupyter finds a kernelspec by any spelling
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    found = versions(python, rules.kernel)
    _add_clock(notebook, rules)
    inlined = _new_code(cell_source(python, folder), id=INLINED)
    inlined.metadata.update({"tags": ["autoloop-inlined"], "jupyter": {"source_hidden": True}})
    notebook.cells[:0] = [_header(session, it, rules, found), inlined]
    notebook.metadata["autoloop"] = {
        **notebook.metadata.get("autoloop", {}),
        "export": {
            "arena": session.arena.name,
            "iteration": it.number,
            "epoch": it.epoch,
            "score": words.finite(it.score),
            "seed": seed,
            "commit": it.commit,
            "game": it.game,
            "versions": found,
            "files": folder,
            "time": time.time(),
        },
    }
    return notebook


def _set_parameters(notebook: NotebookNode, values: Mapping[str, Any]) -> None:
    """Put what the harness injected into the parameters cell, or into one of its own where the arena has none."""
    cell = next((cell for cell in notebook.cells if role_of(cell) is Role.PARAMETERS), None)
    if cell is None:
        cell = _new_code("", id=PARAMETERS)
        cell.metadata["tags"] = ["parameters"]
        notebook.cells.insert(0, cell)
    cell.source = with_values(cell.source, values)


def _add_clock(notebook: NotebookNode, rules: Rules) -> None:
    """Start the budget's clock where the harness did: before the first editable cell."""
    first = next((k for k, cell in enumerate(notebook.cells) if role_of(cell) is Role.EDITABLE), None)
    if first is not None:
        clock = json.dumps(rules.clock)
        source = f"import autoloop_kernel.cells\n\nautoloop_kernel.cells.budget.start({clock})  # the clock starts here"
        notebook.cells.insert(first, _new_code(source, id=CLOCK))


def _header(session: Session, it: Iteration, rules: Rules, found: Mapping[str, str]) -> NotebookNode:
    """The first cell: what this is, the kept steps with their diffs, and the history as a picture."""
    history = [one for one in session.ledger.iterations(epoch=it.epoch) if one.verdict is not None]
    steps = steps_to(session, it)
    text = markdown(session.arena.name, rules.metric, steps, found, bool(history), time.time())
    cell: NotebookNode = _new_markdown(text, id=HEADER)
    if history:
        title = f"{session.arena.name}: {headline(history, rules.metric)}"
        picture = base64.b64encode(render(history, rules.metric, "png", title, dpi=110)).decode("ascii")
        cell["attachments"] = {PLOT: {"image/png": picture}}
    return cell


def steps_to(session: Session, it: Iteration) -> list[Step]:
    """The way from the baseline to an iteration, base by base, each with its diff."""
    steps: list[Step] = []
    seen: set[int] = set()
    while True:
        seen.add(it.number)
        base = session.ledger.iteration(it.base) if it.base is not None and it.base not in seen else None
        diff = ""
        if base is not None and session.lineage.commit_of(base.number) and session.lineage.commit_of(it.number):
            labels = (f"iteration {base.number}", f"iteration {it.number}")
            diff = unified(session.units(base.number), session.units(it.number), *labels)
        found = figures(session.ledger, session.arena.rules.metric.direction, it)
        steps.insert(0, Step(it, diff, found))
        if base is None:
            return steps
        it = base


def _verified(done: Exported, notebook: NotebookNode, rules: Rules, over: Callable[[], bool]) -> Exported:
    """Run the export afresh; its outputs and its score go into it."""
    try:
        executed = verifying.run(done.path, done.files, rules, over)
        score = verifying.score_of(executed)
    except verifying.VerifyFailed as error:
        return replace(done, failure=str(error))
    ran = {cell.get("id"): cell for cell in executed["cells"]}
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.id in ran:
            cell.outputs = [_nbformat.from_dict(output) for output in ran[cell.id].get("outputs", [])]
            cell.execution_count = ran[cell.id].get("execution_count")
    notebook.metadata["autoloop"]["export"]["verified_score"] = score
    write_atomic(done.path, _text(notebook))
    return replace(done, verified_score=score)


def _text(notebook: NotebookNode) -> str:
    """A notebook as the text of a file: valid nbformat, without NaN."""
    notebook.nbformat_minor = max(5, int(notebook.get("nbformat_minor", 5)))
    _nbformat.validate(notebook)
    return json.dumps(to_json(notebook), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


__all__ = ["Exported", "export", "may_write", "steps_to"]

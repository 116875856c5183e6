"""An iteration laid out so that a person can run it again by hand, cell by cell, as it was run."""

from __future__ import annotations

import shutil
from pathlib import Path

from autoloop_kernel.arena.edit import FILES
from autoloop_kernel.durable import write_atomic
from autoloop_kernel.execution.scratch import mirror, place
from autoloop_kernel.records import AutoloopError
from autoloop_kernel.session import Session

FOLDER = "open"
"""The folder within an iteration's own in which it is laid out."""


def lay_out(session: Session, number: int, again: bool = False) -> Path:
    """Make a folder in which iteration `number` runs, and give the path of the notebook in it.

    The notebook is the executed one, with its outputs, its seed and the kernel that it ran on. Beside it lies what lies
    beside the arena, as links, and the iteration's own versions of the editable files. What a person left there is
    opened as it is, unless `again`. Raises `AutoloopError` where there is no such iteration, or no notebook of it.
    """
    it = session.iteration(number)
    arena = session.arena
    executed = arena.runs / f"{number:04d}" / "iteration.ipynb"
    if not executed.is_file():
        what = "still runs" if it.verdict is None else f"has lost its notebook ({executed.name})"
        raise AutoloopError(f"iteration {number} {what}: wait for it, or name another")
    folder = executed.parent / FOLDER
    notebook = folder / f"{arena.name}-{number}.ipynb"
    if notebook.exists() and not again:
        return notebook
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    found = session.lineage.tree(number).items()
    files = {path[len(FILES) :]: text for path, text in found if path.startswith(FILES)}
    mirror(arena.folder, folder, {*files, arena.path.name}, set())
    place(folder, files)
    write_atomic(notebook, executed.read_text(encoding="utf-8"))
    return notebook


__all__ = ["FOLDER", "lay_out"]

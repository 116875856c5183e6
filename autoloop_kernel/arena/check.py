"""Everything that is wrong with an arena, at once and in plain words."""

from __future__ import annotations

import importlib.util
import re
import warnings
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from autoloop_kernel.arena.check_cells import check_cells
from autoloop_kernel.arena.check_files import check_files, check_locked
from autoloop_kernel.arena.load import Loaded, Problem, load, name_of
from autoloop_kernel.arena.roles import Role, in_candidate, role_of
from autoloop_kernel.arena.settings import kernel_of, near, problems_of

__all__ = ["Problem", "check", "problems_in"]


def check(path: Path) -> list[Problem]:
    """Every problem of the arena at `path`, those that stop it (level "error") before the notes; [] for a sound one.

    Never raises for what the file is or holds.
    """
    path = Path(path)
    return problems_in(path, load(path))


def problems_in(path: Path, loaded: Loaded, kernel: bool = True) -> list[Problem]:
    """The problems of what `load(path)` brought; `kernel` says whether to look for the kernel that it needs."""
    problems = list(loaded.problems)
    notebook = loaded.notebook
    if notebook is None:
        return problems
    if path.suffix != ".ipynb":
        problems.append(Problem(path.name, "is a notebook whose name does not end in .ipynb", "rename it so"))
    metadata = notebook.metadata
    files, sealed, locked = (_globs(metadata, key) for key in ("files", "sealed", "locked"))
    problems += problems_of(metadata)
    problems += check_cells(notebook.cells, has_files=bool(files))
    cells = [name_of(cell) for cell in notebook.cells if role_of(cell) is Role.EDITABLE]
    problems += check_files(path, files, sealed, cells) + check_locked(path, locked, files)
    problems += _language(metadata)
    if not files:
        problems += _unreported(notebook)
    if kernel:
        problems += _kernel(metadata) + _pruner(metadata)
    return sorted(problems, key=lambda problem: problem.level != "error")


def _globs(metadata: NotebookNode, key: str) -> list[str]:
    settings = metadata.get("autoloop")
    value: Any = settings.get(key) if isinstance(settings, dict) else None
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _language(metadata: NotebookNode) -> list[Problem]:
    """What arena cells import is Python, so the kernel must speak it."""
    spec, info = metadata.get("kernelspec"), metadata.get("language_info")
    for source, key in ((spec, "language"), (info, "name")):
        language = source.get(key) if isinstance(source, dict) else None
        if isinstance(language, str) and language and language.lower() not in ("python", "ipython", "python3"):
            return [
                Problem("notebook", f"is written in {language}", "an arena is a Python notebook: choose that kernel")
            ]
    return []


def _unreported(notebook: NotebookNode) -> list[Problem]:
    """A note where the curve that runs would be given up by is named in no cell that could report it."""
    settings = notebook.metadata.get("autoloop")
    prune = settings.get("prune") if isinstance(settings, dict) else None
    name = prune.get("curve") if isinstance(prune, dict) else None
    if not isinstance(name, str):
        return []
    told = re.compile(rf"\b{re.escape(name)}\b")
    cells = [cell for cell in notebook.cells if cell.cell_type == "code" and in_candidate(role_of(cell))]
    if any("report" in cell.source and told.search(cell.source) for cell in cells):
        return []
    what = f"is {name!r}, which no cell seems to report, so that nothing is given up"
    return [Problem("metadata.autoloop.prune.curve", what, f"call report(step, {name}=…), or name what is", "note")]


def _pruner(metadata: NotebookNode) -> list[Problem]:
    settings = metadata.get("autoloop")
    if not isinstance(settings, dict) or not settings.get("prune") or importlib.util.find_spec("optuna") is not None:
        return []
    mend = "pip install optuna, or take it out"
    return [Problem("metadata.autoloop.prune", "needs Optuna, which is not installed", mend)]


def _kernel(metadata: NotebookNode) -> list[Problem]:
    from jupyter_client.kernelspec import KernelSpecManager  # late: only a check that looks for kernels needs it

    name = kernel_of(metadata)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a home folder that cannot be written is not this arena's problem
        installed = sorted(KernelSpecManager().find_kernel_specs())
    listed = ", ".join(installed) or "none"
    problems = []
    if name is None:
        mend = "choose a kernel in Jupyter and save"
        problems.append(Problem("notebook", "names no kernel; python3 is taken", mend, "note"))
        name = "python3"
    if name.lower() not in [kernel.lower() for kernel in installed]:
        meant = near(name, installed)
        mend = (f"did you mean {meant}? " if meant else "choose another kernel in Jupyter, or install it: ") + (
            f"installed are {listed}"
        )
        problems.append(Problem("notebook", f"asks for the kernel {name!r}, which is not installed", mend))
    return problems

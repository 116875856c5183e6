"""Edits to an arena: a candidate's notebook, what a proposal may not do, and what else differs from the arena."""

from __future__ import annotations

import ast
import copy
from collections.abc import Mapping
from typing import Any

import nbformat
from nbformat import NotebookNode

from autoloop_kernel.arena.load import name_of
from autoloop_kernel.arena.notebook import Arena, Unit
from autoloop_kernel.arena.roles import INJECTED, Role, role_of, tags_of
from autoloop_kernel.arena.seeding import only_seeds_differ
from autoloop_kernel.arena.settings import kernel_of
from autoloop_kernel.arena.source import code_key, fault, no_text, seeds
from autoloop_kernel.arena.write import apply
from autoloop_kernel.records import Proposal

__all__ = ["apply", "candidate", "code_key", "path_of", "refusal", "tampered", "tree", "units_of"]

CELLS, FILES, NOTEBOOK = "cells/", "files/", "arena.ipynb"
_MARKS = ("papermill", "execution", "collapsed", "scrolled", "trusted")
_writes: Any = nbformat.writes  # carries no types


def candidate(arena: Arena, units: Mapping[str, str]) -> NotebookNode:
    """A copy of the arena's notebook to be run: `units` (name → source) in its editable cells, outputs cleared.

    Workbench cells and what an earlier run left in the notebook's metadata are left out, a kernel that is not named is
    python3; all else stays as it is. Units that are not given stay as the arena has them; names that are no editable
    cell (files) have no place in a notebook.
    """
    notebook = copy.deepcopy(arena.notebook)
    notebook.cells = [cell for cell in notebook.cells if role_of(cell) is not Role.WORKBENCH]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        if role_of(cell) is Role.EDITABLE:
            cell.source = units.get(name_of(cell), cell.source)
    for key in ("widgets", "papermill"):
        notebook.metadata.pop(key, None)
    notebook.metadata.get("autoloop", {}).pop("result", None)
    _name_kernel(notebook.metadata, arena.rules.kernel)
    return notebook


def _name_kernel(metadata: NotebookNode, kernel: str) -> None:
    """State kernel and language where the notebook leaves them open: papermill runs nothing without them."""
    spec, info = metadata.setdefault("kernelspec", NotebookNode()), metadata.get("language_info", {})
    if not spec.get("name"):
        spec["name"] = kernel
    spec.setdefault("display_name", spec["name"])
    if not spec.get("language") and not info.get("name"):
        spec["language"] = "python"


def refusal(arena: Arena, base: Mapping[str, str], proposal: Proposal) -> str | None:
    """Why `proposal` may not be run, in plain words; None where it may.

    `base` maps every unit of the iteration that it edits to its source. Refused are: anything outside the editable
    surface, what is no text or does not parse, another SEED, and proposals that change no code or seeds alone.
    """
    surface = f"only editable cells and files may change (here: {', '.join(arena.units) or 'none'})"
    proposed: Mapping[str, Any] = proposal.units  # an agent may have put anything there
    for name, source in proposed.items():
        if name not in arena.units:
            return _outside(arena, name, surface)
        if not isinstance(source, str):
            return f"{name}: its new source is no text but {type(source).__name__}"
    full = {name: base.get(name, unit.source) for name, unit in arena.units.items()}
    merged = full | dict(proposal.units)
    changed = [name for name in merged if merged[name] != full[name]]
    if not changed:
        return "the proposal changes nothing: every unit is as in its base"
    for name in changed:
        reason = _unfit(arena, name, merged[name])
        if reason:
            return f"{name}: {reason}"
    reseeded = (seeds(merged) - seeds(full)) + (seeds(full) - seeds(merged))
    if reseeded:
        names = ", ".join(sorted({name for name, _ in reseeded}))
        return f"{names}: constants whose name contains SEED are nobody's to tune, since a lucky seed is no progress"
    if code_key(merged) == code_key(full):
        return "the proposal changes only comments or white space: the code is as in its base"
    if only_seeds_differ(full, merged):
        return "the proposal changes nothing but seeds: a lucky seed is no progress; propose a change of the code"
    return None


def _outside(arena: Arena, name: Any, surface: str) -> str:
    for cell in arena.notebook.cells:
        if name_of(cell) == name and cell.cell_type == "code":
            role = role_of(cell)
            kind = "is locked" if role in (Role.LOCKED, Role.SCORE) else f"is a {role} cell, which is locked"
            return f"cell {name!r} {kind}: {surface}"
        if name_of(cell) == name:
            return f"cell {name!r} is the person's: {surface}"
    if isinstance(name, str) and "\0" not in name and (arena.folder / name).is_file():
        return f"file {name!r} is locked: {surface}"
    return f"there is no editable cell or file {name!r}: {surface}"


def _unfit(arena: Arena, name: str, source: str) -> str | None:
    """Why `source` cannot be the source of the unit `name`: cells may hold magics, other files any text."""
    is_cell = arena.units[name].kind == "cell"
    if is_cell or name.endswith(".py"):
        return fault(source, magics=is_cell)
    return no_text(source)


def tampered(arena: Arena, notebook: NotebookNode) -> list[str]:
    """The names of what in `notebook` differs from the arena beyond the sources of its editable cells; [] if nothing.

    Cells are compared by id: type, source and metadata (tags included) of each, missing and extra ones, their order; of
    the notebook's own metadata what decides a run. What papermill adds (its marks, and a cell that assigns nothing but
    `BUDGET_S` and `SEED`) counts for nothing, nor do workbench cells that were left out. A change of order is named
    "order", one of the notebook's metadata "metadata".
    """
    ours = {str(cell.get("id")): cell for cell in arena.notebook.cells}
    theirs: dict[str, NotebookNode] = {}
    found: dict[str, None] = {}
    for cell in notebook.get("cells", []):
        key = str(cell.get("id"))
        if key in theirs or (key not in ours and not _from_papermill(cell)):
            found[name_of(cell) or key] = None
        theirs[key] = cell
    for key, cell in ours.items():
        if key in theirs:
            same = _same(cell, theirs[key])
        else:
            same = role_of(cell) is Role.WORKBENCH or INJECTED in tags_of(cell)
        if not same:
            found[name_of(cell)] = None
    kept = [key for key in ours if key in theirs]
    if [key for key in theirs if key in ours] != kept:
        found["order"] = None
    if _ruling(arena.notebook) != _ruling(notebook):
        found["metadata"] = None
    return list(found)


def _same(ours: NotebookNode, theirs: NotebookNode) -> bool:
    same_source = role_of(ours) is Role.EDITABLE or ours.source == theirs.get("source")
    if INJECTED in tags_of(ours):
        same_source = ours.source == theirs.get("source") or _from_papermill(theirs)
    return same_source and ours.cell_type == theirs.get("cell_type") and _metadata(ours) == _metadata(theirs)


def _metadata(cell: NotebookNode) -> dict[str, Any]:
    """A cell's metadata without what a run or a look at it leaves there; no tags and an empty list of them are one."""
    metadata: Any = cell.get("metadata", {})
    return {key: value for key, value in metadata.items() if key not in _MARKS and (key, value) != ("tags", [])}


def _ruling(notebook: NotebookNode) -> Any:
    metadata: Any = notebook.get("metadata", {})
    settings = {key: value for key, value in metadata.get("autoloop", {}).items() if key != "result"}
    return settings, kernel_of(metadata) or "python3"


def _from_papermill(cell: NotebookNode) -> bool:
    """Whether an extra cell is harmless: papermill's error marks are markdown, its parameters plain assignments."""
    if cell.get("cell_type") != "code":
        return "papermill-error-cell-tag" in tags_of(cell)
    if tags_of(cell) != (INJECTED,):
        return False
    try:
        statements = ast.parse(cell.source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return all(
        isinstance(statement, ast.Assign)
        and isinstance(statement.value, ast.Constant)
        and [getattr(target, "id", None) for target in statement.targets] in (["BUDGET_S"], ["SEED"])
        for statement in statements
    )


def tree(arena: Arena, units: Mapping[str, str]) -> dict[str, str]:
    """What the lineage stores of an iteration: path → text.

    `cells/NAME.py` for each editable cell, `files/PATH` for each editable file, and `arena.ipynb`, the candidate's
    notebook.
    """
    stored = {}
    for name, unit in arena.units.items():
        stored[path_of(name, unit)] = units.get(name, unit.source)
    stored[NOTEBOOK] = _writes(candidate(arena, units)) + "\n"
    return stored


def path_of(name: str, unit: Unit) -> str:
    """Where `tree` puts a unit."""
    return f"{CELLS}{name}.py" if unit.kind == "cell" else f"{FILES}{name}"


def units_of(tree: Mapping[str, str]) -> dict[str, str]:
    """The units (name → source) in what `tree` made."""
    units = {}
    for path, source in tree.items():
        if path.startswith(CELLS) and path.endswith(".py"):
            units[path[len(CELLS) : -len(".py")]] = source
        elif path.startswith(FILES):
            units[path[len(FILES) :]] = source
    return units

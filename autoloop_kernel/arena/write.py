"""Puts units into an arena's own notebook and files, and leaves everything else there as the person has it."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat

from autoloop_kernel.arena.load import MAJOR, Loaded, load, name_of
from autoloop_kernel.arena.notebook import Arena, read
from autoloop_kernel.arena.roles import Role, role_of
from autoloop_kernel.durable import write_atomic
from autoloop_kernel.records import AutoloopError

_writes: Any = nbformat.writes  # carries no types


def apply(path: Path, units: Mapping[str, str]) -> list[str]:
    """Write `units` (name → source) into the arena at `path` and its editable files; return the names that changed.

    Each file is replaced as a whole or not at all, and only if it changes. In the notebook, only the outputs of changed
    cells are cleared; its other cells, metadata, order of keys and layout stay. Raises ArenaError where there is no
    sound arena, AutoloopError for a unit that it does not have or a file that cannot be written.
    """
    arena = read(path, kernel=False)
    unknown = [name for name in units if name not in arena.units]
    if unknown:
        here = ", ".join(arena.units)
        raise AutoloopError(f"{arena.path.name} has no editable cell or file {unknown[0]!r} (it has: {here})")
    changed = [name for name, unit in arena.units.items() if units.get(name, unit.source) != unit.source]
    cells = {name: units[name] for name in changed if arena.units[name].kind == "cell"}
    try:
        for name in changed:
            if arena.units[name].kind == "file":
                _replace(arena.folder / name, units[name])
        if cells:
            _replace(arena.path, _with(arena, load(arena.path), cells))
    except (OSError, UnicodeEncodeError) as error:
        raise AutoloopError(f"{arena.path.name} could not be changed: {error}") from None
    return changed


def _replace(path: Path, text: str) -> None:
    """Replace a file's content, through a link where it is one, and keep its permissions."""
    target = path.resolve()
    mode = target.stat().st_mode & 0o7777
    write_atomic(target, text)
    target.chmod(mode)


def _with(arena: Arena, loaded: Loaded, cells: Mapping[str, str]) -> str:
    """The notebook file's text with new sources in `cells`. One older than nbformat 4 comes out as 4.5."""
    notebook = loaded.notebook
    if notebook is None or [name_of(cell) for cell in notebook.cells] != [name_of(c) for c in arena.notebook.cells]:
        raise AutoloopError(f"{arena.path.name} was changed by someone else just now: try again")
    old = loaded.raw["nbformat"] < MAJOR
    raw = copy.deepcopy(notebook if old else loaded.raw)
    for node, cell in zip(notebook.cells, raw["cells"], strict=True):
        name = name_of(node)
        if role_of(node) is Role.EDITABLE and name in cells:
            source = cells[name]
            cell["source"] = source if isinstance(cell["source"], str) else source.splitlines(keepends=True)
            cell["outputs"], cell["execution_count"] = [], None
    return str(_writes(raw)) + "\n" if old else _dumped(raw, loaded.text)


def _dumped(raw: Any, before: str) -> str:
    """`raw` as JSON, laid out as the text `before` was: indentation, line ends, escapes, last line."""
    indent = re.search(r"\n([ \t]+)\S", before)
    compact = ('": ' not in before) if indent is None else False
    text = json.dumps(
        raw,
        indent=indent.group(1) if indent else None,
        ensure_ascii=before.isascii() and re.search(r"\\u(?!00[01])", before) is not None,
        separators=(",", ":") if compact else (("," if indent else ", "), ": "),
    )
    text += before[len(before.rstrip()) :].replace("\r\n", "\n")
    return text.replace("\n", "\r\n") if "\r\n" in before else text

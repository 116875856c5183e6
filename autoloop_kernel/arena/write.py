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
                replace(arena.folder / name, units[name])
        if cells:
            loaded = load(arena.path)
            replace(arena.path, _with(arena, loaded, cells), loaded.text)
    except (OSError, UnicodeEncodeError) as error:
        raise AutoloopError(f"{arena.path.name} could not be changed: {error}") from None
    return changed


def replace(path: Path, text: str, before: str | None = None) -> None:
    """Replace a file's content, through a link where it is one, and keep its permissions.

    With `before`, what the file held when `text` was made from it: raises AutoloopError where it holds another by now.
    """
    target = path.resolve()
    mode = target.stat().st_mode & 0o7777
    if before is not None and target.read_bytes() != before.encode():
        raise _changed(path)
    write_atomic(target, text)
    target.chmod(mode)


def _changed(path: Path) -> AutoloopError:
    return AutoloopError(f"{path.name} was changed by someone else just now: try again")


def _with(arena: Arena, loaded: Loaded, cells: Mapping[str, str]) -> str:
    """The notebook file's text with new sources in the editable `cells`; raises where it is another notebook by now."""
    notebook = loaded.notebook
    if notebook is None or [name_of(cell) for cell in notebook.cells] != [name_of(c) for c in arena.notebook.cells]:
        raise _changed(arena.path)
    names = {n: name_of(cell) for n, cell in enumerate(notebook.cells) if role_of(cell) is Role.EDITABLE}
    return with_sources(loaded, {n: cells[name] for n, name in names.items() if name in cells})


def with_sources(loaded: Loaded, sources: Mapping[int, str]) -> str:
    """The text of a notebook file with new `sources` by the cells' places (from 0), and the outputs of those cleared.

    All else stays as `loaded` had it, byte for byte; a notebook older than nbformat 4 comes out as 4.5.
    """
    old = loaded.raw["nbformat"] < MAJOR
    raw: Any = copy.deepcopy(loaded.notebook if old else loaded.raw)
    for place, source in sources.items():
        cell = raw["cells"][place]
        cell["source"] = source if isinstance(cell["source"], str) else source.splitlines(keepends=True)
        if cell["cell_type"] == "code":
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

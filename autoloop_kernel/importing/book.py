"""The notebook of an imported arena: its cells, its metadata, and where it is written."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from autoloop_kernel.durable import write_atomic
from autoloop_kernel.records import AutoloopError, Direction

SKIPPED = ("__pycache__", "node_modules")
MOST_BYTES = 200_000_000
"""More than this is not copied: an import in place, beside the data, costs nothing."""
WORKBENCH = """\
# Nothing here runs in an iteration: controls and notes of your own.
from autoloop_kernel import Workbench

wb = Workbench({name!r})
# wb.check()
# wb.step()
# wb.auto(iterations=12)"""


def cell(kind: str, name: str, source: str, *tags: str) -> dict[str, Any]:
    """A cell of a notebook as JSON, `kind` `code` or `markdown`; `name` is its id."""
    made: dict[str, Any] = {"cell_type": kind, "id": name, "metadata": {}, "source": source.splitlines(keepends=True)}
    if tags:
        made["metadata"]["tags"] = list(tags)
    return made if kind == "markdown" else made | {"outputs": [], "execution_count": None}


def cell_id(text: str, taken: Sequence[str] = ()) -> str:
    """A cell's id that says what `text` says, other than those `taken`."""
    stem = (re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-").lower() or "cell")[:50]
    found, count = stem, 1
    while found in taken:
        count += 1
        found = f"{stem}-{count}"
    return found


def parameters(budget_s: float, seed: int = 0) -> dict[str, Any]:
    """The cell below which the budget and a seed of every run are injected."""
    return cell("code", "parameters", f"BUDGET_S = {float(budget_s)!r}\nSEED = {seed}", "parameters")


def settings(name: str, way: Direction, budget_s: float, **more: Any) -> dict[str, Any]:
    """The notebook's metadata `autoloop`, without what is empty."""
    given = {"metric": {"name": name, "direction": way.value}, "budget_s": budget_s, **more}
    return {key: value for key, value in given.items() if value not in (None, [], ())}


def dumped(
    cells: Sequence[Mapping[str, Any]], about: Mapping[str, Any], kernel: Mapping[str, Any] | None = None
) -> str:
    """The notebook as the text of its file."""
    spec = dict(kernel or {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"})
    metadata = {"kernelspec": spec, "language_info": {"name": "python"}, "autoloop": dict(about)}
    raw = {"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(raw, indent=1, ensure_ascii=False) + "\n"


def refuse_overwriting(out: Path) -> None:
    """Raises `AutoloopError` where `out` cannot be a new arena."""
    if out.suffix != ".ipynb":
        raise AutoloopError(f"an arena is a notebook: {out.name} must end in .ipynb")
    if out.exists() or out.is_symlink():
        raise AutoloopError(f"{out} exists already: name another with -o")
    runs = out.with_name(f"{out.stem}_runs")
    if runs.exists():
        raise AutoloopError(f"{runs} holds the runs of another arena of that name: name another with -o")


def write(out: Path, text: str, origin: Path, names: Sequence[str]) -> list[str]:
    """Write the arena `out`, and copy the files `names` of the folder `origin` beside it where that is another.

    Returns the names of what was copied. Files that lie there with the same content stay. Raises `AutoloopError`, with
    nothing written, where one would be overwritten, or they are too many bytes.
    """
    refuse_overwriting(out)
    folder = out.parent
    if not folder.is_dir():
        raise AutoloopError(f"there is no folder {folder}: make it first, or name another with -o")
    copied = [] if folder.resolve() == origin.resolve() else list(names)
    if sum((origin / name).stat().st_size for name in copied) > MOST_BYTES:
        raise AutoloopError(f"{origin} holds more than {MOST_BYTES // 10**6} MB: import it where it lies, without -o")
    fresh = [name for name in copied if not _same(origin / name, folder / name)]
    for name in fresh:
        if (folder / name).exists():
            raise AutoloopError(f"{folder / name} exists already and is another file: name another folder with -o")
    for name in fresh:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(origin / name, folder / name)
    write_atomic(out, text)
    return fresh


def beside(folder: Path) -> list[str]:
    """The files below `folder` that an arena in it would have beside it, notebooks apart: sorted relative paths."""
    found = []
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        aside = any(part.startswith(".") or part in SKIPPED or part.endswith("_runs") for part in parts)
        if path.is_file() and not aside and path.suffix != ".ipynb":
            found.append("/".join(parts))
    return found


def _same(ours: Path, theirs: Path) -> bool:
    return theirs.is_file() and not theirs.is_symlink() and ours.read_bytes() == theirs.read_bytes()

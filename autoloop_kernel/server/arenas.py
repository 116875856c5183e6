"""The arenas below the server's root: found in a bounded walk, and how each of them stands."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import Any

from autoloop_kernel.records import AutoloopError, to_json
from autoloop_kernel.server.errors import Refused, one_line
from autoloop_kernel.server.opening import Seen, ledger_of, look
from autoloop_kernel.server.paths import below, inside
from autoloop_kernel.server.state import mark
from autoloop_kernel.session import LEDGER
from autoloop_kernel.views import status as views

FOLDERS = 3_000
"""How many folders are looked through."""
NOTEBOOKS = 5_000
"""How many notebooks are looked at."""
DEPTH = 8
"""How deep below the root a folder may lie."""
LARGEST = 64 * 2**20
"""A larger notebook is not looked into, in bytes."""
_SKIPPED = {"node_modules", "__pycache__", "site-packages"}

_known: dict[str, tuple[tuple[int, int], bool]] = {}
_lock = Lock()


def found(root: Path) -> tuple[list[Path], bool]:
    """The notebooks below `root` that call themselves arenas, by path, and whether there was more than was looked at.

    Hidden folders, runs folders, environments and the like are passed over, and no link to a folder is followed.
    """
    notebooks, truncated = _notebooks(root.resolve())
    return [path for path in notebooks if _stays_inside(root, path) and is_arena(path)], truncated


def _stays_inside(root: Path, path: Path) -> bool:
    try:
        return not path.is_symlink() or inside(root, below(root, path)) == path
    except Refused:
        return False


def _notebooks(root: Path) -> tuple[list[Path], bool]:
    notebooks: list[Path] = []
    folders, truncated = [(root, 0)], False
    for seen, (folder, depth) in enumerate(folders):  # grows as it goes: breadth first, so that what is near is found
        if seen >= FOLDERS or len(notebooks) >= NOTEBOOKS:
            return sorted(notebooks)[:NOTEBOOKS], True
        for entry in _entries(folder):
            if entry.name.endswith(".ipynb") and entry.is_file():
                notebooks.append(Path(entry.path))
            elif entry.is_dir(follow_symlinks=False) and not _is_skipped(entry):
                truncated = truncated or depth >= DEPTH
                folders += [(Path(entry.path), depth + 1)] * (depth < DEPTH)
    return sorted(notebooks), truncated


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from (entry for entry in entries if not entry.name.startswith("."))
    except OSError:
        return  # it went away, or may not be read: then nothing in it is for this user


def _is_skipped(entry: os.DirEntry[str]) -> bool:
    return entry.name in _SKIPPED or entry.name.endswith("_runs") or Path(entry.path, "pyvenv.cfg").exists()


def is_arena(path: Path) -> bool:
    """Whether a notebook's metadata names a metric, and it is no export; remembered until the file changes.

    One that is damaged counts as what it was, where it has iterations: who looks for it is to learn what is wrong.
    """
    try:
        about = path.stat()
    except OSError:
        return False
    stamp = (about.st_mtime_ns, about.st_size)
    with _lock:
        known = _known.get(str(path))
    if known is not None and known[0] == stamp:
        return known[1]
    answer = about.st_size <= LARGEST and _names_metric(path)
    with _lock:
        if len(_known) >= 4 * NOTEBOOKS:
            _known.clear()
        _known[str(path)] = (stamp, answer)
    return answer


def _names_metric(path: Path) -> bool:
    has_run = False
    try:
        has_run = (path.with_name(f"{path.stem}_runs") / LEDGER).is_file()
        text = path.read_bytes()
        if b'"autoloop"' not in text and not has_run:
            return False
        settings = json.loads(text)["metadata"]["autoloop"]
        return "metric" in settings and "export" not in settings
    except (ValueError, RecursionError):
        return has_run
    except (OSError, LookupError, TypeError):
        return False


def item(root: Path, path: Path) -> dict[str, Any]:
    """One line of the arena picker (`IArenaItem`); what is wrong with it stands in the line."""
    relative = below(root, path)
    line: dict[str, Any] = {"path": relative, "name": path.stem, "state": "unsound", "iterations": 0, "best": None}
    line |= {"metric": None, "problem": ""}
    try:
        seen = look(root, relative)
        line["problem"] = one_line(seen.problem, root)
        return line | _standing(seen)
    except (AutoloopError, Refused, OSError) as error:
        return line | {"problem": one_line(error, root)}


def _standing(seen: Seen) -> dict[str, Any]:
    metric = seen.arena.rules.metric
    with ledger_of(seen) as ledger:
        status = views.read(ledger, seen.arena.name, metric)
        best = mark(status.best)
        return {
            "state": "unsound" if seen.problem and status.driver is None else status.state,
            "iterations": 0 if ledger is None else ledger.last_number(),
            "best": None if best is None else best["score"],
            "metric": to_json(metric),
        }

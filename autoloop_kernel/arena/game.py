"""The game: a hash of all that makes scores comparable. Where it changes, a new epoch opens."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import platform
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from autoloop_kernel.arena.load import name_of, placed_id
from autoloop_kernel.arena.notebook import Arena
from autoloop_kernel.arena.roles import INJECTED, Role, role_of, tags_of
from autoloop_kernel.arena.surface import matches
from autoloop_kernel.records import SEALED, AutoloopError

_GAME_ROLES = (Role.PARAMETERS, Role.LOCKED, Role.SHARED, Role.SCORE)
_HASH = "sha256:"
CPUS = "logical CPUs"
"""The words by which a class of machines without GPUs is known."""

_WORDS = {
    "cells": "the cells' names, roles or order",
    "files": "the editable files",
    "kernel": "the kernel",
    "hardware": "the hardware",
}


def game(arena: Arena, hardware: str) -> str:
    """The hash (64 hex digits) of the arena's game on `hardware`, as `hardware_class()` names it."""
    return game_of(parts(arena, hardware))


def game_of(named: Mapping[str, str]) -> str:
    """The hash of the game that consists of these parts, as `parts` gives them."""
    return hashlib.sha256(json.dumps(sorted(named.items())).encode()).hexdigest()


def parts(arena: Arena, hardware: str) -> dict[str, str]:
    """What the game consists of, by readable names: small things as they are, cells and files as hashes.

    Sealed and locked files are read through at every call. The strategy, notes, workbench cells, outputs, the metric's
    target, the keep rule, `prune`, `contention`, `answer_s` and `score_timeout_s` are no part of it.
    """
    rules, metric = arena.rules, arena.rules.metric
    found = {
        "metric": " ".join(part for part in (metric.name, metric.direction.value, metric.unit) if part),
        "budget": f"{rules.budget_s:.12g} s",
        "clock": rules.clock,
        "kill_s": "default" if rules.kill_s is None else f"{rules.kill_s:.12g} s",
        "memory_mb": "no limit" if rules.memory_mb is None else f"{rules.memory_mb:.12g} MiB",
        "limits": json.dumps(dict(rules.limits), sort_keys=True),
        "kernel": rules.kernel,
        "hardware": hardware,
        "cells": " ".join(_layout(arena.notebook.cells)),
        "files": " ".join(name for name, unit in arena.units.items() if unit.kind == "file") or "none",
    }
    for cell in arena.notebook.cells:
        role = role_of(cell)
        if cell.cell_type == "code" and role in _GAME_ROLES and INJECTED not in tags_of(cell):
            found[f"{role} cell {name_of(cell)!r}"] = _cell_hash(cell)
    if metric.grade != SEALED:
        found["grade"] = metric.grade
    for name in matches(arena.folder, rules.locked):
        found[f"locked file {name}"] = _file_hash(arena.folder / name, "locked")
    for name in matches(arena.folder, rules.sealed):
        found[f"sealed file {name}"] = _file_hash(arena.folder / name)
    return found


def without_ids(arena: Arena, cells: str) -> dict[str, str]:
    """What the editable cells were called, by their names now, while the notebook's cells had no ids.

    `cells` is that part of the game then. Empty where those were not the same cells: other roles, or another order.
    """
    code = [cell for cell in arena.notebook.cells if cell.cell_type == "code"]
    placed = [NotebookNode({**cell, "id": placed_id("code", place)}) for place, cell in enumerate(code, start=1)]
    if " ".join(_layout(placed)) != cells:
        return {}
    return {name_of(cell): name_of(was) for cell, was in zip(code, placed, strict=True) if name_of(cell) in arena.units}


def _layout(cells: Iterable[NotebookNode]) -> Iterator[str]:
    for cell in cells:
        role = role_of(cell)
        if cell.cell_type == "code" and role is not Role.WORKBENCH and INJECTED not in tags_of(cell):
            yield f"{name_of(cell)}({role})"


def _cell_hash(cell: Any) -> str:
    text = json.dumps([str(role_of(cell)), cell.source, sorted(tags_of(cell))])
    return _HASH + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _file_hash(path: Path, kind: str = "sealed") -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise AutoloopError(f"the {kind} file {path.name} cannot be read ({error.strerror}): mend that") from None
    return _HASH + digest.hexdigest()


def why(old: Mapping[str, str], new: Mapping[str, str]) -> str:
    """What changed from the parts `old` to the parts `new`, in plain words; an empty text where nothing did."""
    said = []
    for name in [*new, *(name for name in old if name not in new)]:
        words = _WORDS.get(name, name)
        if name not in old:
            said.append(f"{words} is new")
        elif name not in new:
            said.append(f"{words} is gone")
        elif old[name] != new[name]:
            long = name == "cells" or old[name].startswith(_HASH) or new[name].startswith(_HASH)
            said.append(f"{words} changed" if long else f"{words}: {old[name]} → {new[name]}")
    return "; ".join(said)


@functools.lru_cache(maxsize=1)
def hardware_class() -> str:
    """This machine's class, such that scores of equal classes may be compared: its GPUs, else its CPUs."""
    gpus = _gpus()
    if gpus:
        counted = {name: gpus.count(name) for name in sorted(set(gpus))}
        return " + ".join(f"{count} x {name}" for name, count in counted.items())
    return f"{_cpu_model()}, {os.cpu_count() or 1} {CPUS}, {platform.machine()}"


def _gpus() -> list[str]:
    """The names of the GPUs, through nvidia-smi: asking torch would cost seconds and start CUDA in this process."""
    command = shutil.which("nvidia-smi")
    if command is None:
        return []
    try:
        query = [command, "--query-gpu=name", "--format=csv,noheader"]
        done = subprocess.run(query, capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL, check=True)
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return []
    return [line.strip() for line in done.stdout.splitlines() if line.strip()]


def _cpu_model() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip().lower() in ("model name", "cpu model", "hardware") and value.strip():
            return " ".join(value.split())
    return platform.processor() or "unknown CPU"

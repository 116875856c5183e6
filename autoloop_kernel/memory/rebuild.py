"""A lost or broken ledger, made anew from the lineage and the executed notebooks."""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pygit2

from autoloop_kernel.memory.database import create, install, iterations_on_disk, set_aside
from autoloop_kernel.memory.filesystem import folder_lock
from autoloop_kernel.memory.ledger import Ledger, LedgerBroken, Lost
from autoloop_kernel.memory.lineage import Lineage
from autoloop_kernel.memory.proposals import on
from autoloop_kernel.memory.receipts import attempts_on_disk, folder_of, merged
from autoloop_kernel.memory.refill import refill
from autoloop_kernel.memory.sharing import SHARED, take_in
from autoloop_kernel.records import AutoloopError

_SHOWN = 10


def rebuild(runs: Path) -> list[str]:
    """Replace the broken or missing `ledger.sqlite` in the folder `runs`; returns what was done, a plain line each.

    The broken file is kept as `ledger.broken-<time>.sqlite`; curves, events and waiting proposals are lost. Folders of
    iterations that no commit tells of are renamed, not removed. Nothing happens (and nothing is returned) when the
    ledger is sound, or was never there. It may be killed at any point and run again; raises `LineageBroken` when the
    lineage cannot be read either.
    """
    runs = runs.absolute()
    path = runs / "ledger.sqlite"
    with folder_lock(runs):
        why = _trouble(path)
        if why is None:
            return []
        stamp = time.strftime("%Y%m%d-%H%M%S")
        lost, lines = _collect(runs)
        new = runs / f".ledger.sqlite.{secrets.token_hex(4)}.tmp"
        create(new)
        head = _first_line(path, why, stamp)
        count = f"{len(lost)} iteration{'' if len(lost) == 1 else 's'}"
        summary = f"a new ledger holds {count}, from lineage.git and the notebooks"
        summary += "; learning curves, past events and waiting proposals are lost"
        lines = [head, summary, *lines, *move_unrecorded(runs, {one.iteration.number for one in lost}, stamp)]
        with Ledger.open(new, create=False) as ledger:
            ledger.restore(lost)
            ledger.set("forks", _forks(runs, lost))
            _exchanges(ledger, Lineage.open(runs / "lineage.git"), lost)
            refill(ledger, Lineage.open(runs / "lineage.git"))
            lines += _taken_in(ledger, Lineage.open(runs / "lineage.git"), runs / SHARED)
            for line in lines:
                ledger.emit("recovered", text=line)
        if path.exists():
            set_aside(path, runs / f"ledger.broken-{stamp}.sqlite")
        install(new, path)
    return lines


def lost_of(lineage: Lineage, runs: Path, number: int) -> Lost | None:
    """An iteration as commit, notes and notebooks tell it; None when its commit cannot be read."""
    lost = lineage.record_of(number)
    if lost is None:
        return None
    attempts = merged(lost.iteration.attempts, attempts_on_disk(runs, number))
    notebook = folder_of(runs, number) / "iteration.ipynb"
    place = f"{runs.name}/{notebook.relative_to(runs).as_posix()}" if notebook.is_file() else ""
    return replace(lost, iteration=replace(lost.iteration, attempts=attempts, notebook=place))


def _trouble(path: Path) -> str | None:
    """Why the ledger must be made anew; None when it need not."""
    if not path.exists():
        return "missing" if iterations_on_disk(path.parent) else None
    try:
        Ledger.open(path, create=False).close()
    except LedgerBroken as error:
        return error.why
    return None


def _first_line(path: Path, why: str, stamp: str) -> str:
    """What was wrong with the ledger, and where the broken file is."""
    if not path.exists():
        return f"{path.name} was missing"
    return f"{path.name} could not be read ({why}); it is kept as ledger.broken-{stamp}.sqlite"


def _collect(runs: Path) -> tuple[list[Lost], list[str]]:
    """The iterations of the lineage, with what their notebooks add, and a line for each that is not whole."""
    lineage = Lineage.open(runs / "lineage.git")
    lost, lines = [], []
    for number in lineage.numbers():
        one = lost_of(lineage, runs, number)
        if one is None:
            lines.append(f"iteration {number} is left out: its commit cannot be read")
            continue
        if not one.iteration.notebook:
            lines.append(f"iteration {number} has no notebook any more: facts and extra numbers are lost")
        lost.append(one)
    if len(lines) > _SHOWN:
        lines = [*lines[:_SHOWN], f"and {len(lines) - _SHOWN} iterations more that are not whole"]
    return lost, lines


def _forks(runs: Path, lost: list[Lost]) -> list[dict[str, Any]]:
    """The iterations that a line went on from, in the order in which that was done."""
    lineage = Lineage.open(runs / "lineage.git")
    found = [
        (when, {"epoch": one.iteration.epoch, "number": one.iteration.number, "after": after, **on(island)})
        for one in lost
        for when, after, island in lineage.forks(one.iteration.number)
    ]
    # By what had run before, first: somebody may have set the clock back between two of them.
    return [fork for _, fork in sorted(found, key=lambda entry: (entry[1]["after"], entry[0]))]


def _exchanges(ledger: Ledger, lineage: Lineage, lost: list[Lost]) -> None:
    """Tell again what was offered to other lines, but for what had not begun: that is lost, and to be offered anew."""
    ran = {one.iteration.proposal for one in lost}
    for one in lost:
        for data in lineage.exchanges(one.iteration.number):
            if not data.get("id") or data["id"] in ran:
                ledger.emit("exchange", one.iteration.number, **data)


def _taken_in(ledger: Ledger, lineage: Lineage, place: Path) -> list[str]:
    """Enter again what others shared, as far as it was fetched, and say so; where it cannot be read it is let be."""
    try:
        count = take_in(ledger, lineage, place).new
    except (AutoloopError, pygit2.GitError) as error:
        return [f"what others shared is lost, pull it again ({error})"]
    return [f"{count} iteration{'' if count == 1 else 's'} of others from shared.git"] if count else []


def move_unrecorded(runs: Path, known: set[int], stamp: str) -> list[str]:
    """Rename the folders of iterations without a verdict, lest a new iteration of that number overwrites them."""
    lines = []
    for folder in sorted(runs.iterdir()):
        if re.fullmatch(r"\d{4,}", folder.name) and folder.is_dir() and int(folder.name) not in known:
            new = f"unrecorded-{folder.name}-{stamp}"
            folder.rename(runs / new)
            lines.append(f"iteration {int(folder.name)} has no verdict on record: its folder is kept as {new}")
    return lines

"""What the runs of an arena take of the disk, and how to have less of it without losing what was learnt.

Sources, numbers, curves and findings lie in the lineage and the ledger, and stay. What goes are outputs: those of
executed notebooks, logs and copies laid out by hand.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from autoloop_kernel.disk import size
from autoloop_kernel.durable import write_atomic
from autoloop_kernel.layout import FOLDER
from autoloop_kernel.records import Iteration, Verdict
from autoloop_kernel.session import Session

LAST = 100
"""How many of the last iterations stay as they are, unless a person says otherwise."""


@dataclass(frozen=True)
class Cleaned:
    """What was (or would be) cleaned: the iterations by number, and how many bytes that is; `left` is what stays."""

    numbers: tuple[int, ...]
    bytes: int
    left: int


def clean(session: Session, last: int = LAST, under: int = 0, dry: bool = False) -> Cleaned:
    """Take the outputs of iterations off the disk, but for the `last` ones, keeps, baselines and what may run again.

    Folders of `under` bytes or less stay as they are. Their notebooks stay, without outputs, with seed and verdict, so
    that each can be opened and run again. With `dry` nothing is changed. A kill leaves some iterations cleaned, each
    wholly or not at all, and the next call goes on.
    """
    runs, numbers, gained = session.arena.runs, [], 0
    for it in _spare(session, last):
        folder = runs / f"{it.number:04d}"
        before = size(folder)
        after = sum(len(text.encode()) for text in _stripped(folder).values()) if before > under else before
        if before <= max(under, after):
            continue
        if not dry:
            _strip(folder)
        numbers.append(it.number)
        gained += before - after
    if numbers and not dry:
        session.ledger.emit("cleaned", iterations=len(numbers), bytes=gained)
    return Cleaned(tuple(numbers), gained, size(runs) - (gained if dry else 0))


def _spare(session: Session, last: int) -> Iterator[Iteration]:
    """The iterations that nothing rests on any more, oldest first."""
    ledger = session.ledger
    newest = ledger.last_number()
    champion = session.champion()
    used = {*ledger.replicates(), *ledger.confirms(), *(it.number for it in ledger.replicating())}
    used |= {champion.number} if champion is not None else set()
    for it in ledger.iterations(with_attempts=False):
        is_kept = it.verdict is Verdict.KEEP or it.base is None
        if it.verdict is not None and not is_kept and it.number <= newest - last and it.number not in used:
            yield it


def _stripped(folder: Path) -> dict[Path, str]:
    """The notebooks of an iteration, as text without outputs; one that cannot be read is left as it is."""
    found = {}
    for path in sorted(folder.glob("*.ipynb")):
        try:
            notebook = json.loads(path.read_text(encoding="utf-8"))
            for cell in notebook["cells"]:
                if cell.get("cell_type") == "code":
                    cell["outputs"], cell["execution_count"] = [], None
            notebook["metadata"].pop("widgets", None)  # what outputs that are gone showed
            notebook["metadata"].setdefault("autoloop", {})["cleaned"] = True
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            continue
        found[path] = json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    return found


def _strip(folder: Path) -> None:
    """Take the outputs out of an iteration's notebooks, and away what else it left."""
    for path, text in _stripped(folder).items():
        write_atomic(path, text)
    for name in (FOLDER, "artifacts"):
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / "log.txt").unlink(missing_ok=True)


__all__ = ["LAST", "Cleaned", "clean"]

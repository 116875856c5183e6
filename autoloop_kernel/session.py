"""An arena together with its memory: what the driver and every face open before they do anything."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from autoloop_kernel.arena.edit import units_of
from autoloop_kernel.arena.notebook import Arena, read
from autoloop_kernel.durable import in_words
from autoloop_kernel.memory.aging import search
from autoloop_kernel.memory.edits import Noticed
from autoloop_kernel.memory.history import History
from autoloop_kernel.memory.ledger import Ledger, LedgerBroken
from autoloop_kernel.memory.lessons import lessons
from autoloop_kernel.memory.lineage import Lineage
from autoloop_kernel.memory.others import others
from autoloop_kernel.memory.rebuild import rebuild
from autoloop_kernel.memory.recall import log_tail
from autoloop_kernel.memory.shared import SHARING
from autoloop_kernel.memory.sharing import origin_of
from autoloop_kernel.records import AutoloopError, Finding, Iteration, Other, Point

LEDGER = "ledger.sqlite"
LINEAGE = "lineage.git"


@dataclass
class Session:
    """An opened arena. `notes` holds plain words about what had to be mended to open it.

    A session is used by one thread at a time: the one that opened it, or those that take turns by a `Baton`.
    """

    path: Path
    arena: Arena
    ledger: Ledger
    lineage: Lineage
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.history = History(self.ledger)

    def reread(self) -> Arena:
        """Read the arena again: the person may edit it at any time. Raises `ArenaError` where it is no longer sound."""
        self.arena = read(self.path, kernel=False)
        return self.arena

    def iteration(self, number: int) -> Iteration:
        """Iteration `number`; raises `AutoloopError` with those that there are."""
        found = self.ledger.iteration(number)
        if found is None:
            last = self.ledger.last_number()
            there = f"there are 1 to {last}" if last else "there are none yet"
            raise AutoloopError(f"there is no iteration {number} of {self.path.name}: {there}")
        return found

    def units(self, number: int) -> dict[str, str]:
        """Give the sources of iteration `number` by unit name; raises `AutoloopError` where the lineage has none."""
        if self.lineage.commit_of(number) is None:
            raise AutoloopError(f"iteration {number} has no sources in {self.arena.runs.name}/{LINEAGE}")
        return units_of(self.lineage.tree(number))

    def log(self, number: int) -> str:
        """Give the end of what iteration `number` printed, with its traceback; raises where there is no such one."""
        return log_tail(self.arena.runs / f"{self.iteration(number).number:04d}")

    def curve(self, number: int) -> list[Point]:
        """Give the learning curve of the last attempt at iteration `number`; raises where there is no such one."""
        attempts = self.iteration(number).attempts
        return self.ledger.curve(number, attempts[-1].attempt if attempts else 1)

    def search(self, text: str, limit: int = 10, last: int | None = None) -> list[Finding]:
        """Find what past iterations (the `last` of them, where given) taught about `text`, the closest first.

        What has expired, since its base has moved far, comes last and says so.
        """
        return search(self.ledger, self.lineage, text, limit, last)

    def noticed(self, epoch: int, base: int | None, units: Mapping[str, str]) -> Noticed | None:
        """Tell what is known of an edit that makes `units` (complete sources) of iteration `base`.

        None of what is no edit, and where the lineage has no sources of the base.
        """
        if base is None or self.lineage.commit_of(base) is None:
            return None
        return self.ledger.noticed(epoch, self.units(base), units)

    def lessons(self, epoch: int) -> tuple[str, ...]:
        """Tell what kinds of edits helped or harmed in this epoch, a line each."""
        return tuple(lessons(self.ledger.tries(epoch, self.arena.rules.metric.direction)))

    def others(self, epoch: int) -> tuple[Other, ...]:
        """Where the lines of others stand that this arena does not know yet; the best of this epoch's game first."""
        arena = self.arena
        return tuple(others(self.ledger, arena.runs, arena.units, arena.rules.metric.direction, epoch))

    def variety(self) -> str:
        """What tells this folder from others, where a driver shares with them; empty where nobody does."""
        return origin_of(self.lineage) if self.ledger.get(SHARING) is not None else ""

    def champion(self) -> Iteration | None:
        """Find the champion of the current epoch, None before a baseline was scored."""
        epoch = self.ledger.current_epoch()
        return None if epoch is None else self.ledger.champion(epoch)

    def applied(self) -> tuple[int | None, int]:
        """Which iteration the notebook was last made equal to, and what the last iteration was then.

        It is the one applied last, else the first one; None where the lineage has no sources of it.
        """
        event = self.ledger.last_event("applied")
        number = 1 if event is None or event.iteration is None else event.iteration
        after = 0 if event is None else int(event.data.get("after", 0))
        return number if self.lineage.commit_of(number) is not None else None, after

    @property
    def mark(self) -> str:
        """The prefix that marks the environment of every process run for this arena's folder."""
        return run_mark(self.arena.runs)

    def close(self) -> None:
        """Close the ledger's connection."""
        self.ledger.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def reopen(arena: Arena) -> Session:
    """Open the memory of an arena that has run and that was read before, without reading the notebook again.

    For threads that follow: they need not parse what the notebook's own thread may be parsing.
    """
    runs = arena.runs
    return Session(arena.path, arena, Ledger.open(runs / LEDGER, create=False), Lineage.open(runs / LINEAGE))


def run_mark(runs: Path) -> str:
    """Give the run-id prefix of the runs folder `runs`: the same after a crash, another for a copy elsewhere."""
    return "autoloop-" + hashlib.sha256(str(runs.resolve()).encode()).hexdigest()[:16]


def open_session(path: Path, create: bool = True, in_turns: bool = False) -> Session:
    """Open the arena at `path` with its ledger and lineage; a lost or broken ledger is rebuilt, and `notes` says so.

    With `create` False, for those who only look, an arena that has never run raises `AutoloopError`, and its kernel
    need not be installed. `in_turns`: several threads use it, one at a time. An arena that `check` finds unsound raises
    `ArenaError`.
    """
    path = Path(path)
    arena = read(path, kernel=create)
    runs = arena.runs
    if not create and not (runs / LEDGER).exists() and not (runs / LINEAGE).exists():
        raise AutoloopError(f"{path.name} has no iterations yet — run: autoloop step {path}")
    notes: list[str] = []
    try:
        runs.mkdir(exist_ok=True)
        if not (runs / LEDGER).exists() and (runs / LINEAGE).exists():
            notes += rebuild(runs)
        try:
            ledger = Ledger.open(runs / LEDGER, create, in_turns=in_turns)
        except LedgerBroken:
            notes += rebuild(runs)
            ledger = Ledger.open(runs / LEDGER, create, in_turns=in_turns)
    except OSError as error:
        raise AutoloopError(in_words(error, runs)) from error
    return Session(path, arena, ledger, Lineage.open(runs / LINEAGE), notes)

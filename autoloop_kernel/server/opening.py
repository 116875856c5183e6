"""From an arena's path to what is known of it: leniently for those who look, since a broken arena has a past, too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from autoloop_kernel.arena.load import load
from autoloop_kernel.arena.notebook import Arena, ArenaError, read
from autoloop_kernel.arena.settings import problems_of, rules_of
from autoloop_kernel.memory.ledger import Ledger, LedgerBroken
from autoloop_kernel.memory.lineage import Lineage
from autoloop_kernel.server.errors import Refused
from autoloop_kernel.server.paths import arena_at, below
from autoloop_kernel.session import LEDGER, LINEAGE, Session, open_session


@dataclass(frozen=True)
class Seen:
    """An arena to look at: its path below the root, and why it cannot run (empty where it can).

    An unsound one has rules but no units: enough to show what was run.
    """

    path: str
    arena: Arena
    problem: str

    @property
    def folder(self) -> str:
        """The folder that it lies in, below the root; "" is the root."""
        return self.path.rpartition("/")[0]

    @property
    def has_run(self) -> bool:
        """Whether it has a memory: a ledger, or a lineage to rebuild it from."""
        return (self.arena.runs / LEDGER).exists() or (self.arena.runs / LINEAGE).exists()


def look(root: Path, relative: str) -> Seen:
    """Read the arena at `relative`; raises `Refused` where there is none, and `ArenaError` where it names no metric."""
    place = arena_at(root, relative)
    path = below(root, place)
    try:
        return Seen(path, read(place, kernel=False), "")
    except ArenaError as error:
        notebook = load(place).notebook
        if notebook is None or any(problem.level == "error" for problem in problems_of(notebook.metadata)):
            raise
        bare = Arena(place, notebook, rules_of(notebook.metadata), "", MappingProxyType({}))
        return Seen(path, bare, str(error))


@contextmanager
def ledger_of(seen: Seen) -> Iterator[Ledger | None]:
    """The ledger of an arena for the length of a block; None where it has not run yet."""
    if not seen.has_run:
        yield None
        return
    with remembered(seen) as session:
        yield session.ledger


@contextmanager
def remembered(seen: Seen) -> Iterator[Session]:
    """The memory of an arena that has run; a lost or broken ledger is rebuilt. Raises `Refused` (404) before that."""
    if not seen.has_run:
        raise Refused(404, f"{seen.path} has no iterations yet: make the first with Step")
    runs = seen.arena.runs
    try:
        ledger = Ledger.open(runs / LEDGER, create=False)
    except LedgerBroken:
        session = open_session(seen.arena.path, create=False)
    else:
        session = Session(seen.arena.path, seen.arena, ledger, Lineage.open(runs / LINEAGE))
    with session:
        yield session


@contextmanager
def opened(root: Path, relative: str) -> Iterator[Session]:
    """The memory of the sound arena at `relative`, for those who act. Raises `ArenaError`, and as `remembered`."""
    seen = look(root, relative)
    if seen.problem:
        raise Refused(409, seen.problem)
    with remembered(seen) as session:
        yield session

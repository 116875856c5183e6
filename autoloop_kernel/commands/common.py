"""What the commands share: the console, the arena argument, and opening an arena's memory."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console, RenderableType

from autoloop_kernel.records import AutoloopError, Iteration

if TYPE_CHECKING:
    from autoloop_kernel.session import Session

ArenaArg = Annotated[Path, typer.Argument(metavar="ARENA", help="The arena: a notebook (.ipynb).", show_default=False)]
JsonOpt = Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")]

WIDE = 120
"""The width of what goes to a pipe or a file, where no terminal says one."""


def console() -> Console:
    """A console on standard output that takes text literally; NO_COLOR and pipes are respected."""
    width = None if sys.stdout.isatty() or os.environ.get("COLUMNS") else WIDE
    return Console(highlight=False, markup=False, emoji=False, width=width)


def say(*parts: RenderableType) -> None:
    """Print to standard output, each part on a line of its own; long lines are left to the terminal."""
    out = console()
    for part in parts:
        out.print(part, soft_wrap=isinstance(part, str))


def raw(text: str) -> None:
    """Print text exactly as it is (JSON)."""
    sys.stdout.write(text + "\n")


def arena_path(path: Path) -> Path:
    """The arena that is meant: `tiny_lm` means `tiny_lm.ipynb` where only that exists."""
    if not path.exists() and path.suffix != ".ipynb":
        longer = path.with_name(path.name + ".ipynb")
        if longer.exists():
            return longer
    return path


def has_run(path: Path) -> bool:
    """Whether the arena at `path` has a memory: a ledger, or a lineage to rebuild it from."""
    runs = path.parent / f"{path.stem}_runs"
    return (runs / "ledger.sqlite").exists() or (runs / "lineage.git").exists()


def opened(path: Path) -> Session:
    """Open the memory of an arena that has run; says what had to be mended, on standard error.

    Raises `AutoloopError` for one that has not run, or that is unsound.
    """
    from autoloop_kernel.session import open_session

    session = open_session(path, create=False)
    for note in session.notes:
        sys.stderr.write(f"{note}\n")
    return session


def champion_of(session: Session) -> Iteration:
    """The champion; raises `AutoloopError` where nothing was kept in the current epoch."""
    champion = session.champion()
    if champion is None:
        raise AutoloopError(
            f"nothing was kept yet on {session.path.name} — run: autoloop auto {session.path}, or name one with -i N"
        )
    return champion


def changes(session: Session, it: Iteration) -> str:
    """The diff of an iteration against its base; empty for a baseline, and where the lineage lacks one of them."""
    from autoloop_kernel.views.diff import unified

    if it.base is None or {session.lineage.commit_of(n) for n in (it.number, it.base)} & {None}:
        return ""
    return unified(session.units(it.base), session.units(it.number), f"iteration {it.base}", f"iteration {it.number}")


def plural(count: int, word: str) -> str:
    """`1 cell`, `2 cells`."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def finished(iterations: Sequence[Iteration]) -> list[Iteration]:
    """Those that have a verdict."""
    return [it for it in iterations if it.verdict is not None]

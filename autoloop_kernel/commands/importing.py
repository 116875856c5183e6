"""The command that makes arenas of other people's work: import."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from autoloop_kernel.commands.arenas import check as check_arena
from autoloop_kernel.commands.common import say
from autoloop_kernel.records import AutoloopError, Direction

if TYPE_CHECKING:
    from autoloop_kernel.importing.checkout import Wishes


def import_(
    origin: Annotated[
        Path,
        typer.Argument(
            metavar="DIR|FILE", help="An autoresearch checkout, a notebook or a script.", show_default=False
        ),
    ],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="OUT.ipynb", help="The arena (default: beside it).")
    ] = None,
    score: Annotated[str, typer.Option("--score", metavar="NAME", help="The number that decides.")] = "",
    direction: Annotated[Direction | None, typer.Option("--direction", help="Which scores are better.")] = None,
    editable: Annotated[
        list[str] | None, typer.Option("--editable", metavar="WHAT", help="What agents may change: files, or cells.")
    ] = None,
    script: Annotated[str, typer.Option("--script", metavar="FILE", help="A checkout's script, if not train.py.")] = "",
    args: Annotated[str, typer.Option("--args", metavar="'…'", help="The script's arguments.")] = "",
    budget: Annotated[
        float | None, typer.Option("--budget", metavar="S", min=0.1, help="Seconds a run may take.")
    ] = None,
) -> None:
    """Make an arena of an autoresearch checkout, a notebook or a script."""
    from autoloop_kernel.importing.checkout import Wishes

    wishes = Wishes(script, score, direction, tuple(editable or ()), args, budget)
    if origin.is_dir():
        path = checkout(origin, out, wishes)
    else:
        raise AutoloopError(f"there is no folder {origin}")
    check_arena(path)
    say(f"next: autoloop step {path}")


def checkout(origin: Path, out: Path | None, wishes: Wishes) -> Path:
    """Import a checkout, and say what was found; returns where its arena lies."""
    from autoloop_kernel.importing import book, selfreported
    from autoloop_kernel.importing.checkout import read

    path = out or origin / f"{origin.resolve().name}.ipynb"
    book.refuse_overwriting(path)
    found = read(origin, wishes)
    done = selfreported.write(found, path)
    way = "lower is better" if found.score.direction is Direction.MIN else "higher is better"
    say(f"{path}: made from {origin}")
    say(f"score    {found.score.name}, {way} ({found.score.why})")
    say(f"editable {', '.join(found.editable)}" + (f"; locked {', '.join(found.locked)}" if found.locked else ""))
    if found.log is not None:
        entries = len(found.log.entries)
        say(f"history  {entries} experiments of {found.log.name}, told in the strategy; autoloop audit has more")
    for line in [*done, *found.notes]:
        say(Text("note     ", style="yellow").append(line, style="default"))
    grade, mend = selfreported.why(found)
    say(Text("grade    ", style="yellow").append(grade, style="default"), f"         {mend}")
    return path

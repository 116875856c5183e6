"""`autoloop clean`: less of the disk for the same knowledge."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from autoloop_kernel.commands.common import ArenaArg, arena_path, opened, plural, say
from autoloop_kernel.records import AutoloopError

UNITS = {"": 1, "k": 1000, "M": 1000**2, "G": 1000**3}


def clean(
    arena: ArenaArg,
    last: Annotated[int, typer.Option(metavar="N", min=0, help="The last N iterations stay as they are.")] = 100,
    under: Annotated[str, typer.Option(metavar="SIZE", help="So do those of SIZE or less: 500k, 2M, 1G.")] = "0",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
) -> None:
    """Take outputs of old iterations off the disk. Sources, numbers, curves and findings stay."""
    from autoloop_kernel import cleaning
    from autoloop_kernel.views.words import bytes_

    most = bytes_in(under)
    with opened(arena_path(arena)) as session:
        done = cleaning.clean(session, last, most, dry_run)
        name = session.arena.runs.name
    what = "would go" if dry_run else "went"
    if not done.numbers:
        say(f"nothing to clean: {name} takes {bytes_(done.left)}")
        return
    say(f"{bytes_(done.bytes)} {what}: outputs of {plural(len(done.numbers), 'iteration')}; {bytes_(done.left)} stay")
    say("their sources, numbers, curves and findings are kept, and each notebook can be run again")


def bytes_in(text: str) -> int:
    """How many bytes `500k`, `2M` or `1G` are; raises `AutoloopError` for what is no size."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kMG]?)B?", text.strip())
    if found is None:
        raise AutoloopError(f"--under {text} is no size: write bytes as a number, or 500k, 2M, 1G")
    return int(float(found[1]) * UNITS[found[2]])

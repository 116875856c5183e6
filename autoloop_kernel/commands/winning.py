"""Commands that bring home what was won: export."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autoloop_kernel.commands.common import ArenaArg, arena_path, opened, say

if TYPE_CHECKING:
    from autoloop_kernel.export import Exported
    from autoloop_kernel.records import Metric


def export(
    arena: ArenaArg,
    out: Annotated[Path, typer.Option("-o", "--out", metavar="OUT.ipynb", help="The notebook to write.")],
    iteration: Annotated[
        int | None, typer.Option("-i", "--iteration", metavar="N", help="Which iteration (default: the champion).")
    ] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Run it afresh, and report both scores.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what is no export.")] = False,
) -> None:
    """Write a winner: a notebook that runs by itself."""
    if not write(arena_path(arena), iteration, out, verify, force):
        raise typer.Exit(1)


def write(path: Path, number: int | None, out: Path, verify: bool, force: bool = False) -> bool:
    """Export, and say where it lies and what it scored; False where the verification failed."""
    from autoloop_kernel.export import export as make

    with opened(path) as session:
        done = make(session, number, out, verify, force)
        metric = session.arena.rules.metric
    say(f"{done.path}: iteration {done.number} of {path.name}" + (f", its files in {done.files}" if done.files else ""))
    if done.failure:
        sys.stderr.write(f"{done.failure}\n")
        return False
    if verify:
        say(both_scores(done, metric))
    return True


def both_scores(done: Exported, metric: Metric) -> str:
    """The score on record and that of the fresh run, on one line."""
    from autoloop_kernel.views.words import decimals, number, signed

    places = decimals([done.score, done.verified_score])
    line = (
        f"{metric.name} {number(done.score, places)} in its iteration, {number(done.verified_score, places)} run afresh"
    )
    if done.score is None or done.verified_score is None:
        return line
    return f"{line} ({signed(done.verified_score - done.score, places)})"

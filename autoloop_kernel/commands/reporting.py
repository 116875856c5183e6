"""The command that tells what the night brought: report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autoloop_kernel.commands.common import ArenaArg, arena_path, opened, say


def report(
    arena: ArenaArg,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o", "--out", metavar="REPORT.ipynb", help="A notebook, or a page: .html (default: NAME_report.ipynb)."
        ),
    ] = None,
    html: Annotated[bool, typer.Option("--html", help="Also a page beside the notebook.")] = False,
    since: Annotated[
        str | None, typer.Option("--since", metavar="HOURS", help="The last so many hours; last: since the last start.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what is no report.")] = False,
) -> None:
    """Say what the night brought: a notebook, or a page."""
    from autoloop_kernel.report import report as make

    path = arena_path(arena)
    with opened(path) as session:
        done = make(session, out, since, html, force, str(path))
    say(*map(str, done.paths), done.headline)

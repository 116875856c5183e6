"""The command that looks at other people's logs: audit."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from autoloop_kernel.commands.common import plural, say
from autoloop_kernel.records import Direction


def audit(
    results: Annotated[
        Path, typer.Argument(metavar="RESULTS.tsv", help="The log: a line an experiment.", show_default=False)
    ],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="OUT.ipynb", help="The notebook to write.")],
    repo: Annotated[
        Path | None,
        typer.Option("--repo", metavar="DIR", help="The git repository: missing commits, each keep's diff."),
    ] = None,
    direction: Annotated[Direction, typer.Option("--direction", help="Which scores are better.")] = Direction.MIN,
    sigma: Annotated[
        float | None, typer.Option("--sigma", metavar="S", help="The noise of one run, where you know it.")
    ] = None,
    score: Annotated[
        str | None, typer.Option("--score", metavar="COLUMN", help="The score's column: a name, or a number from 1.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what is no audit.")] = False,
) -> None:
    """Say what holds of another loop's log: a notebook."""
    from autoloop_kernel.audit import audit as make

    done = make(results, out, repo, direction, sigma, score, force)
    say(f"{done.path}: {plural(done.experiments, 'experiment')} of {results.name}")
    say(done.verdict.split("\n")[0])
    if done.unusable:
        sys.stderr.write(f"{plural(done.unusable, 'line')} could not be used: the notebook says which, and why\n")

"""`autoloop demo`: the main job on a bundled arena, end to end, and where everything lies afterwards."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from autoloop_kernel.commands.common import finished, has_run, opened, plural, say
from autoloop_kernel.records import AutoloopError

ITERATIONS = 12
"""So many iterations of the embedded default end within six minutes on two cores."""


def demo(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where it takes place.")] = Path("demo"),
    template: Annotated[str, typer.Option(metavar="T", help="Which bundled arena.")] = "tiny_lm",
    iterations: Annotated[int, typer.Option(metavar="N", help="How many iterations in all.")] = ITERATIONS,
) -> None:
    """Do the whole job on a bundled arena, end to end."""
    from autoloop_kernel.commands.arenas import sound

    if iterations < 1:
        raise AutoloopError(f"--iterations {iterations} runs nothing: give a whole number of 1 or more")
    path = _arena(template, folder)
    _heading("check")
    say(sound(path))
    _heading("improve")
    trouble = _improve(path, iterations)
    if trouble:
        sys.stderr.write(f"{trouble}\n")
        raise typer.Exit(1)
    picture, winner = folder / "progress.png", folder / "winner.ipynb"
    ran = _bring_home(path, picture, winner)
    _report(path, picture, winner)
    if not ran:
        raise typer.Exit(1)


def _heading(text: str) -> None:
    say("", Text(text, style="bold"))


def _arena(template: str, folder: Path) -> Path:
    """A fresh copy of the template in the folder, or the one that lies there from an earlier demo."""
    from autoloop_kernel.arena.templates import new, templates
    from autoloop_kernel.commands.arenas import text_stood_in

    path = folder / f"{template.removesuffix('.ipynb')}.ipynb"
    known = [one.name for one in templates()]
    if path.exists() and path.stem in known:
        say(f"{path} is there from an earlier demo: it goes on with that one")
        return path
    path = new(template, folder)
    say(f"{path}: a fresh copy of the bundled arena")
    if warning := text_stood_in(path):
        say(warning)
    return path


def _improve(path: Path, iterations: int) -> str:
    """Run as many iterations as are missing to `iterations`; gives what went wrong, empty where nothing did."""
    from autoloop_kernel.commands.running import SEARCH, run
    from autoloop_kernel.driver import Plan

    done = _done(path)
    there = f"{plural(done, 'iteration')} {'is' if done == 1 else 'are'} there already"
    if done >= iterations:
        say(f"{there}: nothing is left to run (a fresh start: remove {path.parent})")
        return ""
    if done:
        say(f"{there}: {iterations - done} more")
    ended = run(path, [SEARCH], Plan(iterations=iterations - done))
    if ended.failed:
        return ended.reason
    return f"stopped; autoloop demo {path.parent} goes on with it" if ended.reason == "stopped" else ""


def _done(path: Path) -> int:
    if not has_run(path):
        return 0
    with opened(path) as session:
        return len(finished(session.ledger.iterations()))


def _bring_home(path: Path, picture: Path, winner: Path) -> bool:
    """Plot and export; False where the winner failed when it was run afresh."""
    from autoloop_kernel.commands.looking import draw
    from autoloop_kernel.commands.winning import write

    _heading("plot")
    say(f"{draw(path, picture)}")
    _heading("export, and run afresh")
    return write(path, None, winner, verify=True)


def _report(path: Path, picture: Path, winner: Path) -> None:
    """The table of iterations, and where each file lies."""
    from autoloop_kernel.views.tables import log

    with opened(path) as session:
        iterations, champion = session.ledger.iterations(), session.champion()
        metric, runs = session.arena.rules.metric, session.arena.runs
    _heading("iterations")
    say(log(iterations, metric, champion.number if champion else None))
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    places = {
        "arena": path,
        "executed notebooks": runs / "NNNN" / "iteration.ipynb",
        "ledger and lineage": runs,
        "progress": picture,
        "winner": winner,
    }
    for what, place in places.items():
        table.add_row(what, str(place.resolve()))
    _heading("where it lies")
    say(table)

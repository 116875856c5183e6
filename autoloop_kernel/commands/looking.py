"""Commands that look at what happened: status, log, show, diff, plot."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from autoloop_kernel.commands.common import (
    ArenaArg,
    JsonOpt,
    arena_path,
    changes,
    finished,
    opened,
    raw,
    say,
)
from autoloop_kernel.commands.glance import glance
from autoloop_kernel.records import AutoloopError

if TYPE_CHECKING:
    from autoloop_kernel.memory.ledger import Ledger
    from autoloop_kernel.session import Session
    from autoloop_kernel.views.tables import Unrun

NumberArg = Annotated[int | None, typer.Argument(metavar="N", help="Iteration (default: the last).", min=1)]
ROWS = 200


def status(arena: ArenaArg, json: JsonOpt = False) -> None:
    """Say how an arena stands: what runs, the best so far."""
    from autoloop_kernel.disk import size
    from autoloop_kernel.views import rows
    from autoloop_kernel.views import status as views

    path = arena_path(arena)
    with glance(path) as seen:
        found = views.read(seen.ledger, seen.name, seen.metric)
    if json:
        raw(rows.dumps(views.row(found)))
    else:
        say(views.text(found, time.time(), size(path.parent / f"{path.stem}_runs")))


def log(
    arena: ArenaArg,
    json: JsonOpt = False,
    everything: Annotated[bool, typer.Option("--all", help="Also proposals that never ran.")] = False,
    last: Annotated[int, typer.Option("--last", metavar="N", min=0, help="Rows of the table; 0: all of them.")] = ROWS,
) -> None:
    """List the iterations, oldest first."""
    from autoloop_kernel.views import rows, tables

    path = arena_path(arena)
    with glance(path) as seen:
        ledger = seen.ledger
        iterations = ledger.iterations() if ledger is not None else []
        unrun = _unrun(ledger) if ledger is not None and everything else []
        if json:
            listed = [(it.time, rows.iteration_row(it)) for it in iterations]
            listed += [(row.time, rows.unrun_row(row)) for row in unrun]
            if unrun:
                listed.sort(key=lambda entry: entry[0])
            raw(rows.dumps([row for _, row in listed]))
            return
        if ledger is None or not (iterations or unrun):
            say(f"{path.name} has no iterations yet: start with autoloop auto {path}")
            return
        epoch = ledger.current_epoch()
        champion = ledger.champion(epoch) if epoch is not None else None
        number = champion.number if champion else None
        driven = ledger.holder() is not None
        say(tables.log(iterations, seen.metric, number, unrun, tables.reasons(ledger), last, driven))


def _unrun(ledger: Ledger) -> list[Unrun]:
    """The proposals that never ran, or have not yet run."""
    from autoloop_kernel.views.tables import Unrun

    found = []
    for status in ("invalid", "duplicate", "skipped", "waiting", "accepted"):
        for row in ledger.proposals(status):
            p = row.proposal
            found.append(Unrun(status, p.title, p.agent, row.reason, row.time, row.epoch, p.base))
    return sorted(found, key=lambda row: row.time)


def show(arena: ArenaArg, number: NumberArg = None, json: JsonOpt = False) -> None:
    """Show one iteration in full, with its diff."""
    from autoloop_kernel.figures import figures
    from autoloop_kernel.views import fresh, rows, tables, words

    with opened(arena_path(arena)) as session:
        it = session.iteration(_last(session) if number is None else number)
        diff = changes(session, it)
        attempt = it.attempts[-1].attempt if it.attempts else 1
        curve = session.ledger.curve(it.number, attempt)
        cost = session.ledger.spent(proposal=it.proposal)
        metric = session.arena.rules.metric
        seen = figures(session.ledger, metric.direction, it)
        if json:
            raw(rows.dumps(rows.show_row(it, diff, curve, cost) | {"fresh": fresh.row(seen)}))
            return
        base = session.ledger.iteration(it.base) if it.base is not None else None
        folder = "" if str(arena.parent) == "." else f"{arena.parent}/"
        told = fresh.lines(seen, words.decimals([it.score]), str(arena))
        say(tables.show(it, metric, base, diff, curve, folder, cost, told))


def _last(session: Session) -> int:
    number = session.ledger.last_number()
    if not number:
        raise AutoloopError(f"{session.path.name} has no iterations yet — run: autoloop step {session.path}")
    return number


def diff(
    arena: ArenaArg,
    number: NumberArg = None,
    other: Annotated[int | None, typer.Argument(metavar="M", help="A second iteration.", min=1)] = None,
) -> None:
    """Show what changed in N, or from N to M."""
    from autoloop_kernel.views.diff import coloured, unified

    with opened(arena_path(arena)) as session:
        new = session.iteration(_last(session) if number is None else number)
        if other is not None:
            session.iteration(other)
            old, to = new.number, other
        elif new.base is None:
            say(f"iteration {new.number} is a baseline: it has no base to differ from")
            return
        else:
            old, to = new.base, new.number
        text = unified(session.units(old), session.units(to), f"iteration {old}", f"iteration {to}")
    say(coloured(text) if text else Text(f"iterations {old} and {to} have the same sources"))


def plot(
    arena: ArenaArg,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="FILE", help="A .png or .svg (default: NAME_progress.png).")
    ] = None,
) -> None:
    """Draw the progress as a picture."""
    path = arena_path(arena)
    say(f"{draw(path, out or path.with_name(f'{path.stem}_progress.png'))}")


def draw(path: Path, out: Path) -> Path:
    """Draw the progress of the arena at `path` into `out`; gives `out`."""
    from autoloop_kernel.views.progress import headline
    from autoloop_kernel.views.progress import plot as write
    from autoloop_kernel.views.status import noise

    with opened(path) as session:
        iterations, metric = finished(session.ledger.iterations()), session.arena.rules.metric
        title = f"{session.arena.name}: {headline(iterations, metric)}" if iterations else ""
        return write(iterations, metric, out, title, noise(session.ledger))

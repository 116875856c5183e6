"""The command that tells which of the kept steps matter: ablate."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from autoloop_kernel.commands.common import ArenaArg, arena_path, opened, plural, say
from autoloop_kernel.records import AutoloopError

if TYPE_CHECKING:
    from autoloop_kernel.ablation import Result
    from autoloop_kernel.driver import Ablated
    from autoloop_kernel.judging.decision import Gain
    from autoloop_kernel.session import Session


def ablate(
    arena: ArenaArg,
    pairs: Annotated[int, typer.Option("--pairs", metavar="K", help="Fresh runs of each version.", min=2)] = 3,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="OUT.ipynb", help="Export the champion with only the steps that matter."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what is no export.")] = False,
) -> None:
    """Run the champion without each kept step, and each alone. That says which matter, and which interact."""
    from autoloop_kernel import driver
    from autoloop_kernel.ablation import ablation
    from autoloop_kernel.commands.running import shown

    path = arena_path(arena)
    with opened(path) as session:
        plan = ablation(session)
        if out is not None:
            _must_be_free(session, out, force)
        if session.ledger.holder() is not None:
            session.ledger.queue_ablation(plan.champion.number, pairs)
            say(f"the driver measures {_versions(len(plan.variants))} between its iterations; then ask again")
            return
    count = sum(map(len, plan.steps))
    together = f" in {len(plan.steps)} groups that changed other lines" if count > len(plan.steps) else ""
    say(f"{plural(count, 'kept step')}{together}, {_versions(len(plan.variants))}: {pairs} fresh runs of each")
    done = shown(path, lambda: driver.ablate(path, pairs, out is not None), str)
    if isinstance(done, str):
        sys.stderr.write(f"{done}\n")
        raise typer.Exit(1)
    say("", *told(done))
    if out is not None and done.over:
        _export(path, done, out, force)
    if not done.over:
        say(f"stopped: it goes on with autoloop ablate {path}")


def _versions(count: int) -> str:
    return f"{count} versions beside champion and baseline"


def _must_be_free(session: Session, out: Path, force: bool) -> None:
    """Refuse before hours of runs what an export would refuse after them."""
    from autoloop_kernel.export import may_write

    may_write(session, out, out.with_name(f"{out.stem}_files"), force)


def told(done: Ablated) -> list[Table | str]:
    """A table of what each step is worth, and what to make of it in sentences."""
    from autoloop_kernel.views.words import plain

    digits = _digits(done.results)
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for name in ("", "step", "in the champion (90 %)", "alone (90 %)", ""):
        table.add_column(name, justify="right" if name.endswith("%)") or not name else "left")
    for result in done.results:
        table.add_row(
            ", ".join(str(step.number) for step in result.steps),
            Text("; ".join(plain(step.title) for step in result.steps), no_wrap=True, overflow="ellipsis"),
            _gain(result.without, digits),
            _gain(result.alone, digits),
            Text(word(result), style="bold" if result.matters else "dim"),
        )
    lines: list[Table | str] = [table]
    for one in done.results:
        if one.why:
            lines.append(f"{' and '.join(str(step.number) for step in one.steps)}: {one.why}")
    return lines


def word(result: Result) -> str:
    """What to make of a step, in a few words."""
    if result.without is None:
        said = "not measured"
    else:
        said = {True: "matters", False: "harms", None: "cannot be told"}[result.matters]
    if result.interacts and result.apart is not None:
        said += ", more with the others" if result.apart.mean > 0 else ", less with the others"
    return said


def _gain(found: Gain | None, digits: int) -> str:
    from autoloop_kernel.views.words import DASH, signed

    if found is None:
        return DASH
    mean, low, high = (signed(value, digits) for value in found)
    return mean if low == high else f"{mean} ({low} … {high})"


def _digits(results: Sequence[Result]) -> int:
    """As many decimals as show the widths of the intervals, or the gains where there are none, with two digits."""
    from autoloop_kernel.views.words import decimals

    gains = [gain for one in results for gain in (one.without, one.alone) if gain is not None]
    widths = [gain.high - gain.low for gain in gains if gain.high - gain.low > 1e-6 * abs(gain.mean)]
    return decimals(widths, 2) if widths else decimals([gain.mean for gain in gains], 4)


def _export(path: Path, done: Ablated, out: Path, force: bool) -> None:
    """Write the version with only what matters, and say what it leaves out and how it compares."""
    from autoloop_kernel.export import export

    if done.only is None:
        raise AutoloopError("the version with only what matters could not be run: nothing was exported")
    with opened(path) as session:
        made = export(session, done.only, out, force=force)
    if not done.left_out:
        say(f"{made.path}: iteration {made.number}, the champion: nothing in it could be left out")
        return
    numbers = ", ".join(str(step.number) for step in done.left_out)
    against = "" if done.against is None else f", {_gain(done.against, _digits(done.results))} against the champion"
    say(f"{made.path}: iteration {made.number}, the champion without {numbers}{against}")

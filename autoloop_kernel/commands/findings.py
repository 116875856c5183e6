"""The command that asks the memory: what was learnt about something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from autoloop_kernel.commands.common import ArenaArg, JsonOpt, arena_path, opened, raw, say

if TYPE_CHECKING:
    from autoloop_kernel.records import Finding

SHOWN = 10


def findings(
    arena: ArenaArg,
    query: Annotated[str, typer.Argument(metavar="QUERY", help="Words to look for (default: the latest).")] = "",
    most: Annotated[int, typer.Option("-n", "--number", metavar="N", min=1, help="How many.")] = SHOWN,
    json: JsonOpt = False,
) -> None:
    """Search what past iterations taught, the closest first."""
    with opened(arena_path(arena)) as session:
        found = session.search(query, most) if query.strip() else session.ledger.findings(most)[::-1]
        name, others = session.path.name, session.ledger.sharing()
    if json:
        from autoloop_kernel.views import rows

        raw(rows.dumps([_row(one) for one in found]))
    elif found:
        say(_table(found))
    elif query.strip():
        say(f"{name} has no finding about {query!r}")
    elif others is not None and others.pulled:
        say(f"{name} has no findings of its own yet; to search the {others.pulled:,} of others, say what about")
    else:
        say(f"{name} has no findings yet")


def _row(finding: Finding) -> dict[str, Any]:
    """A finding as plain values."""
    return {
        "iteration": finding.iteration,
        "origin": finding.origin,
        "text": finding.text,
        "expired": finding.expired,
        "numbers": dict(finding.numbers),
    }


def _table(found: list[Finding]) -> Table:
    """The findings for a terminal: whose, and what they say."""
    from autoloop_kernel.agents import tiers
    from autoloop_kernel.views import words

    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True, justify="right")
    table.add_column(overflow="fold")
    for one in found:
        whose = tiers.named(one)
        text = words.plain(" ".join(one.text.split()))
        table.add_row(whose, f"expired ({words.plain(one.expired)}): {text}" if one.expired else text)
    return table

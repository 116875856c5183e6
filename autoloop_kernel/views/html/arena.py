"""An arena at a glance: what the game is, and how it stands."""

from __future__ import annotations

from typing import Any

from autoloop_kernel.arena.notebook import Arena
from autoloop_kernel.records import to_json
from autoloop_kernel.views import status as views
from autoloop_kernel.views import words
from autoloop_kernel.views.html import page
from autoloop_kernel.views.status import Status

MIME = "application/vnd.autoloop.arena+json"


def bundle(arena: Arena, status: Status, agents: str, now: float) -> dict[str, Any]:
    """The mimebundle of an arena: its game, the first words of its strategy, who proposes, and its status."""
    below = [words.goal(arena.rules.metric), _budget(arena), f"{', '.join(arena.units)} may change", agents]
    told = page.text(views.text(status, now))
    return {
        MIME: page.tidy(
            {
                **views.row(status),
                "strategy": arena.strategy,
                "units": {name: unit.kind for name, unit in arena.units.items()},
                "rules": to_json(arena.rules),
            }
        ),
        "text/html": page.block(
            page.head(arena.name, below), _figures(status), page.note(_said(arena)), _pruning(status), _state(status)
        ),
        "text/plain": page.safe(" · ".join([arena.name, *below])) + "\n" + told,
    }


def _budget(arena: Arena) -> str:
    clock = " of CPU time" if arena.rules.clock == "cpu" else ""
    return f"{arena.rules.budget_s:g} s{clock} an iteration"


def _said(arena: Arena) -> str:
    """The strategy's first line, which is its title as a rule."""
    first = next((line.strip(" #*") for line in arena.strategy.splitlines() if line.strip(" #*")), "")
    return words.shorten(first, 200)


def _figures(status: Status) -> str:
    """The best score, its share since the baseline, and how many iterations; empty before the first."""
    best, baseline, total = status.best, status.baseline, sum(status.counts.values())
    if not total:
        return ""
    items = [(page.esc(words.number(best.score if best else None)), f"best {status.metric.name}{status.metric.doubt}")]
    if best is not None and baseline is not None and best.number != baseline.number:
        items.append((page.esc(words.share(best.score, baseline.score) or words.DASH), "since baseline"))
    counted = ", ".join(f"{count} {verdict}" for verdict, count in status.counts.items())
    return page.figures([*items, (f"{total:,}", f"iterations: {counted}")])


def _pruning(status: Status) -> str:
    """What giving up runs costs and saves, where the arena does."""
    return "" if status.pruning is None else page.note(f"pruning {status.pruning.text}")


def _state(status: Status) -> str:
    """Who drives it, where somebody does."""
    if status.driver is None:
        return ""
    return page.note(f"{status.state}: process {status.driver.pid} on {status.driver.host}; wb.attach() shows it")

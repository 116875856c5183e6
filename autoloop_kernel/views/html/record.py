"""An iteration as plain JSON structures: what renderers and the server read, without drawing anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from autoloop_kernel.records import Point, to_json
from autoloop_kernel.views import fresh, rows, words
from autoloop_kernel.views.detail import Detail
from autoloop_kernel.views.diff import unified
from autoloop_kernel.views.html.page import tidy

POINTS = 1000
"""How many points of a curve the JSON holds; of more, some are left out evenly."""
BESIDE = 300
"""How many of them a curve has that stands beside another."""


def data(detail: Detail) -> dict[str, Any]:
    """What `show N --json` gives, with `changes` (unit, before, after), and what a view holds it against.

    That is `arena`, `metric`, `budget_s` and `clock`, and of the base its score (None across epochs), curve and facts;
    `fresh` is what fresh runs say of it.
    """
    it = detail.iteration
    row = rows.show_row(it, unified_diff(detail), thinned(detail.curve), detail.cost)
    changed = changes(detail.before, detail.after) if missing(detail) == "" else []
    arena = {"arena": detail.arena, "metric": to_json(detail.rules.metric)}
    held = {"fresh": fresh.row(detail.figures)}
    return dict(tidy({**row, "changes": changed, **arena, **_clock(detail), **_base(detail), **held}))


def _clock(detail: Detail) -> dict[str, Any]:
    return {"budget_s": detail.rules.budget_s, "clock": detail.rules.clock}


def _base(detail: Detail) -> dict[str, Any]:
    """What of the base a view sets beside the iteration."""
    base = detail.base
    comparable = base is not None and base.epoch == detail.iteration.epoch
    return {
        "base_score": words.finite(base.score) if base is not None and comparable else None,
        "base_curve": to_json(thinned(detail.base_curve, BESIDE)),
        "base_facts": to_json(base.attempts[-1].facts) if base is not None and base.attempts else {},
    }


def compared(detail: Detail) -> dict[str, Any]:
    """One side of a comparison: its row of the log with the last attempt's facts and curve."""
    attempts = detail.iteration.attempts
    facts = to_json(attempts[-1].facts) if attempts else {}
    curve = to_json(thinned(detail.curve, BESIDE))
    held = {"facts": facts, "curve": curve, "fresh": fresh.row(detail.figures)}
    return {**rows.iteration_row(detail.iteration), **held, **_clock(detail)}


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[dict[str, str | None]]:
    """Each unit that differs with its complete sources; None on the side that does not have it."""
    return [
        {"unit": unit, "before": before.get(unit), "after": after.get(unit)}
        for unit in dict.fromkeys([*before, *after])
        if before.get(unit) != after.get(unit)
    ]


def thinned(curve: Sequence[Point], most: int = POINTS) -> list[Point]:
    """A curve of at most `most` points, evenly chosen, the last one always among them."""
    if len(curve) <= most:
        return list(curve)
    return [curve[-1 - round(k * (len(curve) - 1) / (most - 1))] for k in reversed(range(most))]


def missing(detail: Detail) -> str:
    """Why there is no diff to show, as a sentence; empty where there is one."""
    it = detail.iteration
    if it.base is None:
        return "A baseline: the arena as it stood, with no base to differ from."
    if not detail.after:
        ended = "are not in the lineage" if it.verdict is not None else "are recorded when it ends"
        return f"No diff: the sources of iteration {it.number} {ended}."
    if not detail.before:
        return f"No diff: the sources of its base, iteration {it.base}, are not in the lineage."
    return "" if dict(detail.before) != dict(detail.after) else "No diff: its sources are those of its base."


def unified_diff(detail: Detail) -> str:
    """The diff against its base as text; empty where there is none to show, which `missing` explains."""
    it = detail.iteration
    if missing(detail):
        return ""
    return unified(detail.before, detail.after, f"iteration {it.base}", f"iteration {it.number}")

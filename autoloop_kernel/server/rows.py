"""Iterations as a list shows them (`IRow` of the front end), quick also where there are 10,000 of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from autoloop_kernel.memory.ledger import Ledger
from autoloop_kernel.memory.reading import Which
from autoloop_kernel.records import Iteration, origin_of
from autoloop_kernel.views import words

Row = dict[str, Any]


def page(ledger: Ledger, folder: str, which: Which, before: int | None, limit: int) -> dict[str, Any]:
    """A page of rows (`IPage`): those numbered below `before` that meet `which`, newest first, `limit` at most.

    `folder` is the arena's folder below the server's root.
    """
    found, total = ledger.page(which, before, limit + 1)
    shown = found[:limit]
    return {
        "rows": rows(ledger, folder, shown),
        "total": total,
        "next": shown[-1].number if len(found) > limit else None,
    }


def several(ledger: Ledger, folder: str, numbers: Iterable[int]) -> list[Row]:
    """The rows of some iterations by their numbers, newest first; unknown numbers are left out."""
    return rows(ledger, folder, ledger.several(numbers)[::-1])


def rows(ledger: Ledger, folder: str, iterations: Sequence[Iteration]) -> list[Row]:
    """The rows of these iterations, in their order; their attempts need not have been read."""
    counts = ledger.attempt_counts(it.number for it in iterations)
    bases = ledger.scores({it.base for it in iterations if it.base is not None})
    return [_row(it, folder, counts.get(it.number, 0), bases) for it in iterations]


def _row(it: Iteration, folder: str, attempts: int, bases: dict[int, tuple[int, float | None]]) -> Row:
    epoch, score = bases.get(it.base or 0, (it.epoch, None))
    mine, base = words.finite(it.score), words.finite(score)
    comparable = mine is not None and base is not None and epoch == it.epoch
    return {
        "number": it.number,
        "epoch": it.epoch,
        "base": it.base,
        "verdict": None if it.verdict is None else it.verdict.value,
        "state": it.state,
        "score": mine,
        "difference": mine - base if comparable and mine is not None and base is not None else None,
        "title": it.title,
        "agent": it.agent,
        "reason": it.reason,
        "time": it.time,
        "seconds": it.seconds.total,
        "attempts": attempts,
        "notebook": from_root(folder, it.notebook),
        **({"island": it.island} if it.island else {}),
        **({"origin": origin} if (origin := origin_of(it.proposal)) else {}),
    }


def from_root(folder: str, notebook: str) -> str:
    """The path below the server's root of what the ledger names relative to the arena's folder; "" stays ""."""
    return f"{folder}/{notebook}" if folder and notebook else notebook

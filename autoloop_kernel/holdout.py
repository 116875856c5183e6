"""Runs on data that no selection sees: what of a confirmed gain was won on the search split alone."""

from __future__ import annotations

from autoloop_kernel.attempts import under_way
from autoloop_kernel.loop import Loop, NotAgain
from autoloop_kernel.records import LOST, Iteration, Kind

RUNS = 2
"""How often the champion and the baseline are each run on the holdout; more looks would begin to select by it."""


def held_out(loop: Loop) -> bool:
    """Make one more run on the holdout where one is missing: of a confirmed champion, or of the baseline beside it.

    False where there is none to make, as in an arena whose score cells never ask `held_out()`. Raises as
    `Loop.iterate`.
    """
    session = loop.session
    champion = session.champion()
    if champion is None or champion.state != "confirmed" or not session.arena.has_holdout:
        return False
    for it in (champion, session.ledger.baseline(champion.epoch)):
        if it is None or _made(it) + under_way(it, Kind.HOLDOUT) >= RUNS:
            continue
        try:
            loop.run_again(it.number, Kind.HOLDOUT)
        except NotAgain as error:
            session.ledger.emit("note", it.number, text=f"iteration {it.number} is not run on the holdout: {error}")
            return False
        return True
    return False


def _made(it: Iteration) -> int:
    """How many runs on the holdout ended; those that failed count, so that what cannot run is not tried for ever."""
    return sum(one.kind is Kind.HOLDOUT and one.verdict is not None and one.verdict not in LOST for one in it.attempts)


__all__ = ["RUNS", "held_out"]

"""What the trainer does while no proposal is ready: it runs once more what the next verdicts rest on."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from autoloop_kernel.barring import barred
from autoloop_kernel.confirming import advance, awaiting
from autoloop_kernel.holdout import held_out
from autoloop_kernel.judging.noise import pooled
from autoloop_kernel.judging.retest import chosen
from autoloop_kernel.loop import Loop, NotAgain, NotYet
from autoloop_kernel.rescuing import combined

WORTH = 0.5
"""The share of a run's budget that must be expected to pass before a proposal is ready: a run is not cut short, so that
one which began later would hold up the proposal for longer than it filled the gap."""


AMONG = 1000
"""Among how many of the last iterations a near miss is sought: while that is done nothing else begins."""


def expected_wait_s(earlier: Sequence[float], elapsed: float) -> float:
    """For how many seconds an agent goes on thinking that has thought for `elapsed`, by its `earlier` times.

    By the median of those that were longer; one that has never thought for so long takes as long again.
    """
    longer = [seconds for seconds in earlier if seconds > elapsed]
    return statistics.median(longer) - elapsed if longer else elapsed


def is_worth(wait_s: float, budget_s: float) -> bool:
    """Whether a gap of `wait_s` seconds is worth a run of `budget_s`."""
    return wait_s >= WORTH * budget_s


def fill(loop: Loop) -> bool:
    """Run a keep, its base or a near miss once more with a fresh seed; False where there is nothing left to learn.

    The provisional keeps that the champion rests on, and those of islands, are held against their bases until they are
    confirmed or refuted, the champion first, which is then run on the holdout; the score of a near miss stands beside
    its others, and its verdict stays. Where none is to be run again they are run together, as candidates. A kill loses
    nothing: what was asked for is run at the next start. Raises as `Loop.iterate`.
    """
    ledger = loop.session.ledger
    epoch, champion = ledger.current_epoch(), loop.session.champion()
    if epoch is None or champion is None or ledger.proposals("accepted", 1):
        return False
    if any(_is_advanced(loop, number) for number in awaiting(loop.session)) or held_out(loop):
        return True
    rules = loop.session.arena.rules
    others = (it for it in ledger.iterations(epoch, AMONG) if not barred(rules, it))
    found = chosen(champion, others, rules.metric.direction, pooled(ledger.repeated(epoch).values()))
    if found is None:
        return combined(loop)
    ledger.queue_replicate(found.number, "no proposal is ready yet")
    return loop.replicate()


def _is_advanced(loop: Loop, number: int) -> bool:
    """Whether more is known now of a keep that was not confirmed yet."""
    try:
        seen = advance(loop, number)
    except (NotAgain, NotYet):
        return False
    return seen is None or seen.state != "provisional"

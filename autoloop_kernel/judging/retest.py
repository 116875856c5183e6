"""What to run once more while nothing new is ready: the run on which most rests, or that missed by the least."""

from __future__ import annotations

from collections.abc import Iterable

from autoloop_kernel.records import MEASURED, Direction, Iteration, Verdict

CHAMPION_ATTEMPTS = 2
"""How often the champion is run in all: everything is held against its score, and two runs show the noise."""

MISS_ATTEMPTS = 3
"""How often a near miss is run in all."""


def chosen(
    champion: Iteration, others: Iterable[Iteration], direction: Direction, noise: float | None
) -> Iteration | None:
    """The iteration that is worth one more attempt; None where there is none.

    It is the champion until it has run twice; then, of the discards whose score is within `noise` (one standard
    deviation, None where it is not known) of the champion's, the best that has not run three times. Attempts that
    failed count too, so that what cannot run is not tried for ever.
    """
    if len(champion.attempts) < CHAMPION_ATTEMPTS:
        return champion
    if noise is None or champion.score is None:
        return None
    sign = 1.0 if direction is Direction.MIN else -1.0
    missed = [
        (sign * (one.score - champion.score), one.number, one)
        for one in others
        if one.verdict is Verdict.DISCARD
        and one.score is not None
        and len(one.attempts) < MISS_ATTEMPTS
        and one.agent != MEASURED
    ]
    near = [each for each in missed if each[0] <= noise]
    return min(near)[2] if near else None

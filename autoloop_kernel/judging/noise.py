"""How much a score varies when nothing but the seed changes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence


def pooled(groups: Iterable[Sequence[float]]) -> float | None:
    """One standard deviation of the score, in its unit, from groups of scores of the same code with different seeds.

    The within-group variances are pooled by their degrees of freedom, n − 1 each. None where no group has two scores.
    """
    squares, groups = 0.0, list(groups)
    for scores in groups:
        apart = [score - scores[0] for score in scores]  # of equal scores exactly nothing, whatever a mean rounds to
        mean = math.fsum(apart) / len(apart) if apart else 0.0
        squares += math.fsum((each - mean) ** 2 for each in apart)
    return math.sqrt(squares / freedom(groups)) if freedom(groups) else None


def freedom(groups: Iterable[Sequence[float]]) -> int:
    """By how many degrees of freedom `pooled` knows what it tells: n − 1 of each group."""
    return sum(max(0, len(scores) - 1) for scores in groups)

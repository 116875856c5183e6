"""Whether a keep holds up: fresh runs of it beside fresh runs of its base, by a test that may be looked at after each.

The evidence is a test martingale: the likelihood ratio of "it is better, by about so much" (a half-normal mixture) to
"it is no better". Under the latter it exceeds 1 / ERROR with a chance of at most ERROR however often one looks (Ville's
inequality); the one-sided normal mixture is Robbins's, Annals of Mathematical Statistics 41 (1970), p. 1397.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

from autoloop_kernel.judging.decision import Gain
from autoloop_kernel.records import Direction

ERROR = 0.05
"""How often, at most, a keep that is no better than its base is confirmed, and one that is better refuted."""

PAIRS = 8
"""After how many pairs of fresh runs a keep counts as refuted that has shown no gain at all."""

LEVEL = 0.9
"""The chance that the interval of a gain holds the truth, at every look at once."""

_NORMAL = NormalDist()
_CAUTION = _NORMAL.inv_cdf(0.2)


@dataclass(frozen=True)
class Evidence:
    """What pairs of fresh runs show: `state` is None while they are too few to tell.

    `gain` is their mean improvement (positive is better in either direction, units of the score) with its interval;
    `ratio` the likelihood ratio for a gain. `pairs` is how many there are.
    """

    state: Literal["confirmed", "refuted"] | None
    gain: Gain
    ratio: float
    pairs: int
    reason: str


def weigh(
    candidate: Sequence[float],
    base: Sequence[float],
    direction: Direction,
    noise: tuple[float, int],
    expected: float,
    most: int = PAIRS,
) -> Evidence:
    """Hold fresh scores of a candidate against as many of its base, the first with the first.

    `noise`: one standard deviation of a run and its degrees of freedom (see `judging.noise`), 0.0 where runs do not
    differ. `expected`: about what the candidate gains where it is better. One pair at least.
    """
    sign = -1.0 if direction is Direction.MIN else 1.0
    gains = [sign * (new - old) for new, old in zip(candidate, base, strict=False)]
    if not gains:
        raise ValueError("a test needs a fresh run of the candidate and one of its base")
    n, mean = len(gains), math.fsum(gains) / len(gains)
    sigma = careful(*noise)
    if sigma == 0.0:
        held = mean > 0
        reason = f"{'holds up' if held else 'does not hold up'}: {_words(mean)}, where runs do not differ"
        return Evidence(
            "confirmed" if held else "refuted", Gain(mean, mean, mean), math.inf if held else 0.0, n, reason
        )
    pair = 2 * sigma**2  # of the difference of two runs
    about = max(abs(expected), 0.5 * sigma) ** 2
    radius = _radius(n, pair, about)
    better, worse = _ratio(mean, n, pair, about), _ratio(-mean, n, pair, about)
    gain = Gain(mean, mean - radius, mean + radius)
    interval = f"{_words(gain.low)} … {_words(gain.high)} with {100 * LEVEL:.0f} %"
    seen = f"{_words(mean)} ({interval}) in {n} fresh pair{'s' if n > 1 else ''}"
    if better >= 1 / ERROR:
        return Evidence("confirmed", gain, better, n, f"holds up: {seen}")
    if worse >= 1 / ERROR:
        return Evidence("refuted", gain, better, n, f"is worse than its base: {seen}")
    if n >= most and mean <= 0:
        return Evidence("refuted", gain, better, n, f"shows no gain: {seen}")
    return Evidence(None, gain, better, n, f"not decided yet: {seen}")


def careful(sigma: float, freedom: int) -> float:
    """A standard deviation that four in five estimates of so many degrees of freedom lie below.

    An estimate from few runs is often far too small; the quantile of chi squared is Wilson and Hilferty's (1931).
    """
    if freedom < 1:
        return sigma
    part = 2 / (9 * freedom)
    low = max(0.05, (1 - part + _CAUTION * math.sqrt(part)) ** 3)
    return sigma / math.sqrt(low)


def _ratio(mean: float, n: int, pair: float, about: float) -> float:
    """The likelihood ratio of a half-normal gain (mean square `about`) to none, after n pairs of variance `pair`."""
    total, spread = n * mean, pair + n * about
    log = about * total**2 / (2 * pair * spread) - 0.5 * math.log(spread / pair)
    sided = 2 * _NORMAL.cdf(total * math.sqrt(about / (pair * spread)))
    return math.exp(min(log, 700.0)) * sided


def _radius(n: int, pair: float, about: float) -> float:
    """Half the width of the interval that holds the true gain at all looks at once with a chance of `LEVEL`."""
    spread = pair + n * about
    return math.sqrt(pair * spread / (n**2 * about) * (2 * math.log(1 / (1 - LEVEL)) + math.log(spread / pair)))


def _words(number: float) -> str:
    return f"{number:+.3g}".replace("-", "−")

"""The numbers behind a learning curve: which number, its points as arrays, thinned for drawing, and a robust range."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt

from autoloop_kernel.records import Point

Floats = npt.NDArray[np.float64]

MOST = 1200
"""A line of more points than this is drawn by its stretches: a notebook has fewer pixels across."""
STRETCHES = 300


@dataclass(frozen=True)
class Line:
    """A curve as it is drawn, all float64: `x` and `y` of the line; `low` and `high` bound the faint band behind it.

    The band is what the points of a stretch span; `low` and `high` are empty where every point is drawn as it is.
    """

    x: Floats
    y: Floats
    low: Floats
    high: Floats


def reported(runs: Sequence[Sequence[Point]]) -> str:
    """The number to draw: the first that every run with points reports, else the first that occurs; `""` for none."""
    names = [list(dict.fromkeys(chain.from_iterable(point.numbers for point in points))) for points in runs]
    named = [own for own in names if own]
    if not named:
        return ""
    common = [name for name in named[0] if all(name in own for own in named)]
    return common[0] if common else named[0][0]


def series(points: Sequence[Point], number: str) -> tuple[Floats, Floats]:
    """Seconds (ascending) and values of one number, as two float64 arrays of equal length.

    Points without that number, and those whose time or value is not finite, are left out.
    """
    own = [point for point in points if number in point.numbers]
    x = np.array([point.seconds for point in own], dtype=np.float64)
    y = np.array([point.numbers[number] for point in own], dtype=np.float64)
    good = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    order = good[np.argsort(x[good], kind="stable")]
    return x[order], np.clip(y[order], -1e100, 1e100)


def thinned(x: Floats, y: Floats) -> Line:
    """The points as they are drawn: as they are, or, of more than `MOST`, the medians of at most `STRETCHES` stretches.

    A stretch's lowest and highest value bound the band, so that a short spike is never lost. The line begins at the
    first point's time and ends at the last one's.
    """
    if x.size <= MOST:
        return Line(x, y, np.empty(0), np.empty(0))
    each = -(-x.size // STRETCHES)
    whole = np.pad(np.stack([x, y]), ((0, 0), (-x.size % each, 0)), mode="edge").reshape(2, -1, each)
    times = whole[0, :, each // 2].copy()
    times[0], times[-1] = x[0], x[-1]
    return Line(times, np.median(whole[1], axis=1), whole[1].min(axis=1), whole[1].max(axis=1))


def limits(values: Sequence[Floats]) -> tuple[float, float]:
    """The range of the vertical axis for these curves' values: robust, so that a spike does not flatten the rest.

    Of each curve what lies within five times the distance of its quartiles beyond them is inside, and so is its last
    value, which is what a run comes to, unless it lies more than 100 such ranges away: then the run has diverged, and
    its line leaves the picture. Points farther out (an initial spike, mostly) are beyond the edge: the line leads
    there. Empty arrays are passed over; without any value it is 0 to 1.
    """
    given = [own for own in values if own.size]
    if not given:
        return 0.0, 1.0
    ranges: list[tuple[float, float]] = []
    for own in given:
        first, third = np.percentile(own, [25, 75])
        reach = 5 * (third - first)
        inside = own[(own >= first - reach) & (own <= third + reach)]
        ranges.append((float(inside.min()), float(inside.max())))
    low, high = min(lowest for lowest, _ in ranges), max(highest for _, highest in ranges)
    tall = high - low
    for own in given:
        end = float(own[-1])
        if tall == 0 or low - 100 * tall <= end <= high + 100 * tall:
            low, high = min(low, end), max(high, end)
    room = (high - low) or abs(high) or 1.0
    return low - 0.07 * room, high + 0.07 * room


def within(y: Floats, low: float, high: float) -> Floats:
    """Values so that what is out of sight is not far out: the picture is the same, and pixels stay small numbers."""
    return np.clip(y, low - 20 * (high - low), high + 20 * (high - low))

"""The attempts plot: every attempt's score by iteration, and how sure their means are.

Object-oriented matplotlib only (no pyplot, no global state), so that it may be drawn from any thread.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import fmean, stdev
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, MaxNLocator
from matplotlib.transforms import blended_transform_factory

from autoloop_kernel.records import Attempt, AutoloopError, Direction, Iteration, Kind, Metric, Verdict
from autoloop_kernel.views import words
from autoloop_kernel.views.picture import dress, fit, legend_row, name_scale
from autoloop_kernel.views.progress import HOURGLASS, span

MOST = 60
"""How many iterations one picture holds: more could not be told apart at a notebook's width."""
LEVEL = 0.95
SPREAD = 0.27
"""How far to either side of their iteration's number attempts are drawn, so that equal scores stay apart."""
EDGE = 0.965
"""Where attempts without a place on the scale are drawn, as a share of the height, towards the worse side."""
MARKS: dict[Kind, tuple[Any, bool]] = {
    Kind.SCREEN: ("o", True),
    Kind.REPLICATE: ("o", False),
    Kind.CONFIRM: ("D", False),
    Kind.CALIBRATION: ("s", False),
    Kind.HOLDOUT: ("^", False),
}
"""Each kind's marker, and whether it is filled."""
FAILED: dict[Verdict, tuple[str, Any, str]] = {
    Verdict.CRASH: ("crash", "x", words.CRASH),
    Verdict.TIMEOUT: ("timeout", HOURGLASS, words.WARN),
    Verdict.PRUNED: ("pruned", "v", words.SOFT),
}
"""How an attempt without a score is drawn: word, marker, colour."""
OUTSIDE = "off the scale"


@dataclass(frozen=True)
class Mean:
    """Of an iteration's scores: how many there are, their mean, and half the width of its interval (score units)."""

    count: int
    value: float
    half: float


def draw(iterations: Sequence[Iteration], metric: Metric, champion: int | None = None) -> Figure:
    """Every attempt's score, and the mean with its 95 % interval of each iteration with two or more of them.

    Drawn are the latest `MOST` iterations of the latest epoch, since scores never cross epochs; what is left out is
    said. `champion` is the champion's number (default: the best standing keep of that epoch): its mean is the one blue
    line. A hold-out's score is drawn, but counts in no mean: it is measured on other data. The figure is 7.6 by 3.4
    inches. Raises `AutoloopError` where no attempt has ended in a score or in failure.
    """
    own = [it for it in sorted(iterations, key=lambda it: it.number) if any(map(_tells, it.attempts))]
    if not own:
        raise AutoloopError("no attempts to show yet: no iteration has ended — run `autoloop auto ARENA` first")
    epoch = [it for it in own if it.epoch == own[-1].epoch]
    shown = epoch[-MOST:]
    best = next((it for it in epoch if it.number == champion), None) or words.best(epoch, metric.direction)
    figure = Figure(figsize=(7.6, 3.4), facecolor="white", dpi=110)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.1, 0.245, 0.8, 0.585))
    dress(axes, "iteration")
    axes.set_xlim(shown[0].number - 0.8, shown[-1].number + 0.8)
    whole = MaxNLocator(nbins=12, integer=True, steps=[1, 2, 5, 10])
    axes.xaxis.set_major_locator(whole if len(shown) > 3 else FixedLocator([it.number for it in shown]))
    axes.set_ylim(*_range(shown, best, metric.direction))
    unit = f" ({metric.unit})" if metric.unit else ""
    name_scale(axes, words.plain(metric.name + unit) if any(map(_scores, shown)) else "")
    handles = _points(axes, shown, metric.direction)
    handles += _intervals(axes, shown)
    _champion(axes, best, shown)
    _titles(figure, axes, own, shown, metric)
    left = axes.get_position().x0 - 0.012
    legend_row(figure, handles, ((9, 1.2, left, 1), (9, 0.9, 0.01, 1), (8.5, 1.6, left, 2)))
    return figure


def mean(iteration: Iteration) -> Mean | None:
    """The mean of an iteration's scores with its 95 % interval, Student's t with n−1 degrees of freedom.

    None below two scores. Hold-out scores and numbers that are not finite do not count.
    """
    values = _scores(iteration)
    if len(values) < 2:
        return None
    return Mean(len(values), fmean(values), t_quantile(len(values) - 1) * stdev(values) / math.sqrt(len(values)))


@lru_cache(maxsize=256)
def t_quantile(freedom: int, level: float = LEVEL) -> float:
    """The t that a Student-t variable with `freedom` (1, 2, …) degrees exceeds in size with probability 1 − `level`.

    For whole degrees of freedom its distribution is a finite sum of cosines of θ = atan(t/√ν) (Abramowitz and Stegun,
    Handbook of Mathematical Functions, 26.7.3 and 26.7.4), which rises with θ: halving finds θ to 1e-16.
    """
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, freedom) < level else (low, middle)
    return math.sqrt(freedom) * math.tan((low + high) / 2)


def _within(theta: float, freedom: int) -> float:
    """The probability that a Student-t variable lies within ±√ν tan θ, for ν = `freedom`."""
    sine, cosine = math.sin(theta), math.cos(theta)
    odd = freedom % 2
    term = cosine if odd else 1.0
    total = term if freedom > 1 else 0.0
    for k in range(3 if odd else 2, freedom - 1, 2):
        term *= cosine * cosine * (k - 1) / k
        total += term
    return 2 / math.pi * (theta + sine * total) if odd else sine * total


def _tells(attempt: Attempt) -> bool:
    """Whether an attempt has ended in a score, or in a failure that says something about the idea."""
    return _score(attempt) is not None or attempt.verdict in FAILED


def _score(attempt: Attempt) -> float | None:
    return words.finite(attempt.score) if attempt.verdict is Verdict.SCORED else None


def _scores(iteration: Iteration) -> list[float]:
    """The scores that count in an iteration's mean."""
    found = (_score(attempt) for attempt in iteration.attempts if attempt.kind is not Kind.HOLDOUT)
    return [score for score in found if score is not None]


def _level(iteration: Iteration) -> float | None:
    """The height of an iteration's mean, or its only score, or the score that it was judged by."""
    values = _scores(iteration)
    return fmean(values) if values else words.finite(iteration.score)


def _range(shown: Sequence[Iteration], best: Iteration | None, direction: Direction) -> tuple[float, float]:
    """The range of the score axis: as in the progress plot, with room for intervals: at most half as much more."""
    kept = [score for it in shown if it.verdict is Verdict.KEEP for score in _scores(it)]
    others = [score for it in shown if it.verdict is not Verdict.KEEP for score in _scores(it)]
    if best is not None and (height := _level(best)) is not None:
        kept.append(height)
    low, high = span(kept, others, direction)
    room = 0.25 * (high - low)
    known = [found for found in map(mean, shown) if found is not None and low <= found.value <= high]
    below = min([found.value - 1.05 * found.half for found in known], default=low)
    above = max([found.value + 1.05 * found.half for found in known], default=high)
    return min(low, max(below, low - room)), max(high, min(above, high + room))


def _points(axes: Axes, shown: Sequence[Iteration], direction: Direction) -> list[Line2D]:
    """A mark for every attempt; gives the legend's handles for what occurs."""
    low, high = axes.get_ylim()
    edge = EDGE if direction is Direction.MIN else 1 - EDGE
    rails = blended_transform_factory(axes.transData, axes.transAxes)
    kinds: set[Kind] = set()
    rim: dict[str, list[float]] = {}
    places: dict[tuple[Kind, bool], list[tuple[float, float]]] = {}
    for it in shown:
        ended = [attempt for attempt in it.attempts if _tells(attempt)]
        for index, attempt in enumerate(ended):
            x = it.number + (SPREAD * (2 * index / (len(ended) - 1) - 1) if len(ended) > 1 else 0.0)
            score = _score(attempt)
            if score is not None and low <= score <= high:
                places.setdefault((attempt.kind, words.standing(it)), []).append((x, score))
                kinds.add(attempt.kind)
            else:
                word = FAILED[attempt.verdict][0] if attempt.verdict in FAILED else OUTSIDE
                rim.setdefault(word, []).append(x)
    for (kind, kept), points in places.items():
        xs, ys = zip(*points, strict=True)
        axes.plot(xs, ys, zorder=6 if kept else 4, **_style(kind, kept))
    for word, numbers in rim.items():
        axes.plot(numbers, [edge] * len(numbers), transform=rails, zorder=5, **_rim_style(word, direction))
    handles = [Line2D([], [], label=str(kind), **_style(kind, False, words.SOFT)) for kind in MARKS if kind in kinds]
    if any(kept for _, kept in places):
        handles.insert(0, Line2D([], [], label="of a keep", **_style(Kind.SCREEN, True)))
    handles += [Line2D([], [], label=word, **{**_rim_style(word, direction), "clip_on": True}) for word in rim]
    return handles


def _style(kind: Kind, kept: bool, colour: str = words.DOT) -> dict[str, Any]:
    """matplotlib's words for an attempt's mark; those of a standing keep are green, and larger."""
    marker, filled = MARKS[kind]
    colour, size = (words.KEEP, 5.8) if kept else (colour, 4.6)
    face = colour if filled else "white"
    edge = {"markeredgecolor": colour, "markeredgewidth": 1.1}
    return {"linestyle": "none", "marker": marker, "markersize": size, "markerfacecolor": face, **edge}


def _rim_style(word: str, direction: Direction) -> dict[str, Any]:
    looks = {label: (marker, colour) for label, marker, colour in FAILED.values()}
    marker, colour = looks.get(word, ("^" if direction is Direction.MIN else "v", words.DOT))
    edge = {
        "markerfacecolor": words.DOT if word == OUTSIDE else "none",
        "markeredgecolor": colour,
        "markeredgewidth": 1.2,
    }
    return {"linestyle": "none", "marker": marker, "markersize": 5.5, "clip_on": False, **edge}


def _intervals(axes: Axes, shown: Sequence[Iteration]) -> list[Line2D]:
    """The means on the scale as bars with their intervals; gives the legend's handle where there are any."""
    low, high = axes.get_ylim()
    known = [(it.number, found) for it in shown if (found := mean(it)) is not None and low <= found.value <= high]
    if not known:
        return []
    xs, heights = [number for number, _ in known], [found.value for _, found in known]
    halves = [found.half for _, found in known]
    axes.errorbar(xs, heights, halves, fmt="none", ecolor=words.INK, elinewidth=1.1, capsize=3, capthick=1.1, zorder=3)
    bar: dict[str, Any] = {"linestyle": "none", "marker": "_", "markersize": 11, "markeredgewidth": 2.0}
    axes.plot(xs, heights, color=words.INK, zorder=3, **bar)
    return [Line2D([], [], color=words.INK, label="mean, 95 % interval", **bar)]


def _champion(axes: Axes, best: Iteration | None, shown: Sequence[Iteration]) -> None:
    """The champion's mean as the one blue line from its iteration on, named at its right end."""
    if best is None or (height := _level(best)) is None:
        return
    left, right = axes.get_xlim()
    begin = max(left, best.number) if best.number >= shown[0].number else left
    axes.plot([begin, right], [height, height], color=words.CHAMPION, linewidth=1.6, zorder=2, solid_capstyle="butt")
    place: dict[str, Any] = {"textcoords": "offset points", "va": "center", "annotation_clip": False}
    axes.annotate(f"champion\n{best.number}", (right, height), (4, 0), fontsize=9, color=words.CHAMPION, **place)


def _titles(figure: Figure, axes: Axes, own: Sequence[Iteration], shown: Sequence[Iteration], metric: Metric) -> None:
    """What is drawn, and what is not, above the plot; the left margin as its numbers need it."""
    tight = axes.yaxis.get_tightbbox(figure.canvas.get_renderer())  # type: ignore[attr-defined]
    box = axes.get_position()
    left = box.x0 + (6 - tight.x0) / figure.bbox.width if tight is not None else box.x0
    axes.set_position((left, box.y0, box.x1 - left, box.height))
    count = sum(_tells(attempt) for it in shown for attempt in it.attempts)
    text = f"{count} attempt{'s' * (count != 1)} at {len(shown)} iteration{'s' * (len(shown) != 1)}"
    epoch = [it for it in own if it.epoch == shown[-1].epoch]
    way = "lower" if metric.direction is Direction.MIN else "higher"
    if len(shown) < len(epoch):
        text += f", the latest of {len(epoch)}"
    if len(epoch) < len(own):
        text += f"  ·  epoch {shown[-1].epoch} alone: scores never cross epochs"
    text += f"  ·  {way} is better"
    bold: dict[str, Any] = {"fontsize": 11.5, "fontweight": "bold", "color": words.INK, "parse_math": False}
    fit(figure.text(left, 0.925, "", **bold), words.plain(metric.name), 0.8 * figure.bbox.width, " by attempt")
    figure.text(left, 0.866, text, fontsize=9, color=words.SOFT)

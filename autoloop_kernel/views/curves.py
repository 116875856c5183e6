"""Learning curves: a run's reported number over the seconds of the arena's clock, beside the champion's.

`draw` makes a figure for a record; `LiveCurve` keeps one and redraws it while an iteration runs. Object-oriented
matplotlib only (no pyplot, no global state), so that it may be drawn from any thread.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox

from autoloop_kernel.records import Point
from autoloop_kernel.views import words
from autoloop_kernel.views.picture import AXIS, dress, fit, name_scale, one_line, png
from autoloop_kernel.views.traces import Floats, Line, limits, reported, series, thinned, within

RUN = words.KEEP
"""This run's line is green, as the picture of the house has it: `words.RUN` is a blue too near to the champion's."""
EMPTY = "no curve yet"
LABEL = 26
"""How many characters of a line's name are written."""
SHIFTS = (0, 5, -5, 8, -8, 11, -11, 14, -14, 18, -18, 23, -23, 29, -29, 37, -37)
"""How far up or down, in points, a line's name may stand from the line's end."""


@dataclass(frozen=True)
class Curve:
    """One line: its name, the points of a run in the order of their reporting, its colour (hex) and width (points)."""

    label: str
    points: Sequence[Point]
    colour: str = RUN
    width: float = 1.6


@dataclass(frozen=True)
class _Trace:
    """What is drawn of a curve: seconds (ascending) and values, finite, of equal length, and its place in the pile."""

    curve: Curve
    x: Floats
    y: Floats


def champion(points: Sequence[Point], label: str = "champion") -> Curve:
    """The champion's curve: the one blue line."""
    return Curve(label, points, words.CHAMPION, 1.3)


def draw(
    curves: Sequence[Curve],
    clock: str = "wall",
    budget_s: float | None = None,
    title: str = "",
    number: str | None = None,
) -> Figure:
    """The curves in one picture of 7.6 by 2.9 inches, later ones above earlier ones; `no curve yet` without points.

    `clock` is the arena's (`wall` or `cpu`) and names the unit of time, `budget_s` (seconds) gets a faint vertical
    line, `number` is the reported number to draw (default: see `traces.reported`). Lines are named at their ends, or
    in a legend where there is no room for that. The vertical axis is robust: see `traces.limits`.
    """
    name = number or reported([curve.points for curve in curves])
    traces = [_Trace(curve, *series(curve.points, name)) for curve in curves]
    shown = [trace for trace in traces if trace.x.size]
    figure = Figure(figsize=(7.6, 2.9), facecolor="white", dpi=110)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.09, 0.17, 0.88, 0.66 if title else 0.73))
    dress(axes, _time(clock))
    axes.set_xlim(0, _last([trace.x for trace in shown], budget_s))
    axes.set_ylim(*limits([trace.y for trace in shown]))
    name_scale(axes, words.plain(name) if shown else "")
    if budget_s:
        _budget(axes, budget_s)
    for layer, trace in enumerate(shown, 4):
        _plot(axes, trace, layer)
    if not shown:
        _say(axes, EMPTY)
    _set_margins(figure, axes, shown)
    if title:
        bold: dict[str, Any] = {"fontsize": 11, "fontweight": "bold", "color": words.INK, "parse_math": False}
        left = axes.get_position().x0
        fit(figure.text(left, 0.92, "", **bold), words.plain(title), (0.98 - left) * figure.bbox.width)
    if not _name_ends(axes, shown):
        _legend(axes, shown)
    if missing := [trace.curve.label for trace in traces if trace.curve.points and not trace.x.size and name]:
        _remark(figure, f"{', '.join(missing)}: no {name}")
    return figure


class LiveCurve:
    """The picture of a running iteration: one figure of 640 by 220 pixels that is updated in place, never laid anew.

    `budget_s` and `clock` are the arena's, `champion` the points of the champion's curve (none: it has no line),
    `label` the name of the run. `png` may be called from any thread: one call at a time gets its turn.
    """

    def __init__(self, budget_s: float, clock: str, champion: Sequence[Point] = (), label: str = "") -> None:
        self._budget, self._champion, self._label = budget_s, champion, words.plain(label)
        self._lock = threading.Lock()
        self._name: str | None = None
        self._best_x = self._best_y = np.empty(0)
        self._figure = Figure(figsize=(6.4, 2.2), facecolor="white", dpi=100)
        FigureCanvasAgg(self._figure)
        self._axes = self._figure.add_axes((0.115, 0.21, 0.75, 0.66))
        dress(self._axes, _time(clock))
        self._limit = _budget(self._axes, budget_s)
        self._empty = _say(self._axes, EMPTY)
        self._remark = _remark(self._figure, "")
        (self._blue,) = self._axes.plot([], [], color=words.CHAMPION, linewidth=1.3, zorder=4)
        (self._line,) = self._axes.plot([], [], color=RUN, linewidth=1.8, zorder=5)
        (self._tip,) = self._axes.plot([], [], color=RUN, marker="o", markersize=4.5, zorder=6, clip_on=False)
        start: dict[str, Any] = {"xytext": (0, 3), "textcoords": "offset points", "va": "bottom", "fontsize": 9.5}
        self._head = self._axes.annotate("", (0, 1), xycoords="axes fraction", color=RUN, **start)
        self._head.set_parse_math(False)
        self._at_end = _note(self._axes, "champion", words.CHAMPION)

    def png(self, points: Sequence[Point]) -> bytes:
        """The picture with these points of the run (all of them so far, oldest first), as the bytes of a PNG file."""
        with self._lock:
            self._choose(points)
            x, y = series(points, self._name or "")
            low, high = limits([y, self._best_y])
            self._axes.set_xlim(0, _last([x, self._best_x], self._budget))
            self._axes.set_ylim(low, high)
            some = bool(x.size or self._best_x.size)
            name_scale(self._axes, words.plain(self._name or "") if some else "")
            line, blue = thinned(x, within(y, low, high)), thinned(self._best_x, within(self._best_y, low, high))
            self._line.set_data(line.x, line.y)
            self._tip.set_data(line.x[-1:], np.clip(line.y[-1:], low, high))
            self._tip.set_visible(bool(x.size))
            self._blue.set_data(blue.x, blue.y)
            self._shade([(line, RUN), (blue, words.CHAMPION)])
            self._empty.set_visible(not some)
            self._write(x, y)
            self._make_room()
            return png(self._figure, self._figure.dpi, level=1)

    def _choose(self, points: Sequence[Point]) -> None:
        """Settle on the number to draw: one that both report; until the run has reported, the champion's first."""
        name = reported([points, self._champion])
        if name != self._name:
            self._name = name
            self._best_x, self._best_y = series(self._champion, name)
            lacks = bool(self._champion) and not self._best_x.size and bool(name)
            self._remark.set_text(one_line(f"champion: no {name}", 40) if lacks else "")

    def _shade(self, lines: Sequence[tuple[Line, str]]) -> None:
        for band in list(self._axes.collections):
            band.remove()
        for line, colour in lines:
            _band(self._axes, line, colour)

    def _write(self, x: Floats, y: Floats) -> None:
        """The run's name and latest value above, the champion's name at the end of its line."""
        low, high = self._axes.get_ylim()
        latest = ""
        if x.size:
            places = min(9, max(0, 2 - int(np.floor(np.log10(high - low)))))
            latest = f"{words.number(float(y[-1]), places)} at {words.duration(float(x[-1]))}"
        room = self._limit.get_window_extent().x0 - self._axes.bbox.x0 - 12
        fit(self._head, self._label, room, f"   {latest}" if self._label and latest else latest)
        self._at_end.set_visible(bool(self._best_x.size))
        if self._best_x.size:
            end = _beside(self._axes, float(self._best_x[-1]))
            self._at_end.xy = (end, float(np.clip(self._best_y[-1], low, high)))

    def _make_room(self) -> None:
        """Widen the left margin where the numbers there need it; it never shrinks again, so that nothing jumps."""
        if (lacking := _lacking(self._figure, self._axes)) > 0:
            box, share = self._axes.get_position(), lacking / self._figure.bbox.width
            self._axes.set_position((box.x0 + share, box.y0, box.width - share, box.height))


def _time(clock: str) -> str:
    return "time (CPU s)" if clock == "cpu" else "time (s)"


def _last(times: Sequence[Floats], budget_s: float | None) -> float:
    """The end of the time axis: a little past the budget or the last point, whichever is later."""
    return 1.015 * max([budget_s or 0.0, *(float(x[-1]) for x in times if x.size)]) or 1.0


def _drawn(axes: Axes, trace: _Trace) -> Line:
    return thinned(trace.x, within(trace.y, *axes.get_ylim()))


def _plot(axes: Axes, trace: _Trace, layer: int) -> None:
    """One line; a dot where it is one point only."""
    line = _drawn(axes, trace)
    dot: dict[str, Any] = {"marker": "o", "markersize": 5} if line.x.size == 1 else {}
    axes.plot(line.x, line.y, color=trace.curve.colour, linewidth=trace.curve.width, zorder=layer, **dot)
    _band(axes, line, trace.curve.colour)


def _band(axes: Axes, line: Line, colour: str) -> None:
    """What the points of each stretch span, faintly behind the line."""
    if line.low.size:
        axes.fill_between(line.x, line.low, line.high, color=colour, alpha=0.22, linewidth=0, zorder=3)


def _budget(axes: Axes, budget_s: float) -> Annotation:
    """The budget as a faint vertical line, named above the plot's right end: there the line is, but for overruns."""
    axes.axvline(budget_s, color=AXIS, linewidth=1.0, linestyle=(0, (2, 2)), zorder=2)
    place: dict[str, Any] = {"xytext": (0, 3), "textcoords": "offset points", "ha": "right", "va": "bottom"}
    text = f"budget {budget_s:g} s"
    return axes.annotate(text, (1, 1), xycoords="axes fraction", fontsize=8.5, color=words.SOFT, **place)


def _say(axes: Axes, text: str) -> Text:
    return axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=words.SOFT, fontsize=10)


def _remark(figure: Figure, text: str) -> Text:
    """A word at the lower right, in the line of the horizontal axis's name."""
    place: dict[str, Any] = {"ha": "right", "va": "bottom", "fontsize": 8.5, "color": words.SOFT, "parse_math": False}
    return figure.text(0.985, 0.02, one_line(text, 50), **place)


def _note(axes: Axes, text: str, colour: str, at: tuple[float, float] = (0, 0), up: float = 0.0) -> Annotation:
    """A line's name, to the right of its end at `at`, `up` points higher."""
    place: dict[str, Any] = {"textcoords": "offset points", "va": "center", "annotation_clip": False}
    note: Annotation = axes.annotate(one_line(text, LABEL), at, (5, up), fontsize=9, color=colour, zorder=20, **place)
    note.set_parse_math(False)
    note.update_positions(axes.figure.canvas.get_renderer())  # type: ignore[attr-defined]
    return note


def _set_margins(figure: Figure, axes: Axes, traces: Sequence[_Trace]) -> None:
    """Room on the left for the scale as its numbers are, on the right for the names of lines that end there."""
    lacking = _lacking(figure, axes)
    wide = 0.0
    for trace in traces:
        if trace.curve.label and trace.x[-1] > 0.7 * axes.get_xlim()[1]:
            note = _note(axes, trace.curve.label, trace.curve.colour)
            wide = max(wide, Text.get_window_extent(note).width + 14)
            note.remove()
    box = axes.get_position()
    left = box.x0 + lacking / figure.bbox.width
    axes.set_position((left, box.y0, 0.98 - wide / figure.bbox.width - left, box.height))


def _lacking(figure: Figure, axes: Axes) -> float:
    """How many pixels the scale's numbers and name lack on the left; negative where there is too much room."""
    box = axes.yaxis.get_tightbbox(figure.canvas.get_renderer())  # type: ignore[attr-defined]
    return 5.0 - float(box.x0) if box is not None else 0.0


def _name_ends(axes: Axes, traces: Sequence[_Trace]) -> bool:
    """Name every line at its end where nothing is touched; False, and no names at all, where one finds no place."""
    low, high = axes.get_ylim()
    drawn = [(trace, _drawn(axes, trace)) for trace in traces]
    paths = [axes.transData.transform(np.column_stack([line.x, line.y])) for _, line in drawn]
    placed: list[Annotation] = []
    for trace, line in sorted(drawn, key=lambda pair: float(pair[1].y[-1])):  # from below: above there is more room
        if not trace.curve.label:
            continue
        end = (_beside(axes, float(line.x[-1])), float(np.clip(line.y[-1], low, high)))
        for up in SHIFTS:
            note = _note(axes, trace.curve.label, trace.curve.colour, end, up)
            if _is_free(axes, note, placed, paths):
                placed.append(note)
                break
            note.remove()
        else:
            for note in placed:
                note.remove()
            return False
    return True


def _beside(axes: Axes, end: float) -> float:
    """Where a name begins whose line ends at `end` seconds: outside the plot, where the line ends near its edge."""
    edge = float(axes.get_xlim()[1])
    return edge if end > 0.85 * edge else end


def _is_free(axes: Axes, note: Text, placed: Sequence[Text], paths: Sequence[Floats]) -> bool:
    """Whether a name lies beside the plot or in it, inside the picture, and touches neither names nor lines."""
    box = Text.get_window_extent(note)
    inside = axes.bbox.y0 + 1 < box.y0 and box.y1 < axes.bbox.y1 + 8 and box.x1 < axes.figure.bbox.x1 - 2
    others = [Text.get_window_extent(other) for other in placed]
    return bool(inside and not box.count_overlaps(others) and not any(_meets(box, path) for path in paths))


def _meets(box: Bbox, path: Floats) -> bool:
    """Whether a line (pixels, ascending in x, shape (n, 2)) runs through a box."""
    x, y = path.T
    left, right = max(box.x0, x[0]), min(box.x1, x[-1])
    if left > right:
        return False
    inside = y[(x >= left) & (x <= right)]
    heights = np.concatenate([inside, np.interp([left, right], x, y)])
    return bool(heights.min() <= box.y1 and heights.max() >= box.y0)


def _legend(axes: Axes, traces: Sequence[_Trace]) -> None:
    """The names in the plot's corner that hides least of the lines."""
    for line, trace in zip(axes.lines[-len(traces) :], traces, strict=True):
        line.set_label(one_line(trace.curve.label, LABEL) or "_")
    corner = axes.legend(
        loc="best", frameon=True, framealpha=0.85, edgecolor="none", fontsize=9, labelcolor="linecolor"
    )
    for text in corner.get_texts():
        text.set_parse_math(False)

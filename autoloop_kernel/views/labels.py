"""The names of the kept steps in the progress plot, placed where there is room."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox

from autoloop_kernel.records import Direction, Iteration
from autoloop_kernel.views import words
from autoloop_kernel.views.picture import drawable

Boxes = npt.NDArray[np.float64]
"""Rectangles in pixels, one a row: left, bottom, right, top; shape (n, 4)."""

MOST = 14
"""More labels than this say less, however much room there is."""


def place(figure: Figure, axes: Axes, iterations: Sequence[Iteration], direction: Direction) -> list[Annotation]:
    """Name the keeps that improved on the best so far: title and difference, on the better side of the staircase.

    Nothing is ever better than the best so far, so that side is free of points. The last and the largest steps get
    their place first; a label that would touch another, a point or the frame is tried elsewhere, then left out.
    """
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    inside = axes.get_window_extent(renderer)
    frame = Bbox.from_extents(inside.x0 + 2, inside.y0 + 2, min(figure.bbox.x1 - 6, inside.x1 + 20), inside.y1 - 2)
    taken = np.concatenate([_obstacles(axes, iterations), _rails(axes, iterations, direction)])
    labels: list[Bbox] = []
    placed: list[Annotation] = []
    decimals = words.decimals([it.score for it in iterations])
    for it, gain in improvements(iterations, direction)[:MOST]:
        for offset, side, leader in _places(direction):
            note = _note(axes, it, gain, decimals, offset, side, direction)
            note.update_positions(renderer)
            box = Text.get_window_extent(note, renderer).padded(1.5)  # the words alone, without the leader
            fits = frame.containsx(box.x0) and frame.containsx(box.x1) and frame.containsy(box.y0)
            free = fits and frame.containsy(box.y1) and not box.count_overlaps(labels) and not _touches(box, taken)
            line = _leader(axes, it, box) if leader else []
            if free and not any(label.contains(*point) for label in labels for point in line):
                labels.append(box)
                placed.append(note)
                note.arrow_patch.set_visible(leader)  # type: ignore[union-attr]
                break
            note.remove()
    return placed


def improvements(iterations: Sequence[Iteration], direction: Direction) -> list[tuple[Iteration, float | None]]:
    """The keeps that moved the best so far, each with its gain (None: an epoch's first), the most telling first.

    That is: each epoch's best, then its first, then the others by the size of their gain.
    """
    ranked: list[tuple[float, Iteration, float | None]] = []
    for epoch in words.epochs(iterations):
        top: Iteration | None = None
        own: list[tuple[float, Iteration, float | None]] = []
        for it in iterations:
            if it.epoch != epoch or not words.standing(it) or it.score is None:
                continue
            if top is None:
                own.append((1e300, it, None))
            elif top.score is not None and direction.better(it.score, top.score):
                own.append((abs(it.score - top.score), it, it.score - top.score))
            else:
                continue
            top = it
        if own:
            own[-1] = (math.inf, *own[-1][1:])
        ranked += own
    ranked.sort(key=lambda row: -row[0])
    return [(it, gain) for _, it, gain in ranked]


def _places(direction: Direction) -> list[tuple[tuple[float, float], str, bool]]:
    """Where a label may go, best first: offset in points from the mark, alignment, whether a line leads there."""
    down = -1.0 if direction is Direction.MIN else 1.0
    near = [((-4, 9), "right", False), ((-4, 9), "left", False), ((-10, 9), "center", False)]
    far = [((dx, dy), side, True) for dy in (22, 35, 48, 62, 78) for dx, side in ((-10, "right"), (-2, "left"))]
    return [((dx, down * dy), side, leader) for (dx, dy), side, leader in near + far]


def _note(
    axes: Axes,
    iteration: Iteration,
    gain: float | None,
    places: int,
    offset: tuple[float, float],
    side: str,
    direction: Direction,
) -> Annotation:
    """One label at one place, its leader line drawn but hidden."""
    text = drawable(words.shorten(iteration.title, 34)) or f"iteration {iteration.number}"
    if gain is not None:
        text += f"  {words.signed(gain, places)}"
    note: Annotation = axes.annotate(
        text.replace("$", r"\$"),
        (iteration.number, iteration.score or 0.0),
        xytext=offset,
        textcoords="offset points",
        ha=side,
        va="top" if direction is Direction.MIN else "bottom",
        fontsize=8.5,
        color=words.INK,
        zorder=7,
        arrowprops={"arrowstyle": "-", "color": words.DOT, "linewidth": 0.7, "shrinkA": 1, "shrinkB": 4},
        annotation_clip=False,
    )
    note.arrow_patch.set_visible(False)  # type: ignore[union-attr]
    return note


def _obstacles(axes: Axes, iterations: Sequence[Iteration]) -> Boxes:
    """A small box round every point that is drawn."""
    places = [(it.number, it.score) for it in iterations if it.score is not None and math.isfinite(it.score)]
    if not places:
        return np.empty((0, 4))
    pixels = axes.transData.transform(places)
    return np.hstack([pixels - 5, pixels + 5])


def _rails(axes: Axes, iterations: Sequence[Iteration], direction: Direction) -> Boxes:
    """The staircase as thin boxes: its treads and its risers."""
    found = [np.empty((0, 4))]
    for epoch in words.epochs(iterations):
        corners = words.staircase([it for it in iterations if it.epoch == epoch], direction)
        if len(corners) < 2:
            continue
        x, y = axes.transData.transform(corners).T
        found.append(np.column_stack([x[:-1], y[:-1] - 1, x[1:], y[:-1] + 1]))
        found.append(np.column_stack([x[1:] - 1, np.minimum(y[:-1], y[1:]), x[1:] + 1, np.maximum(y[:-1], y[1:])]))
    return np.concatenate(found)


def _leader(axes: Axes, iteration: Iteration, box: Bbox) -> list[tuple[float, float]]:
    """Points along the line from an iteration's mark to the middle of its label, in pixels."""
    x0, y0 = axes.transData.transform((iteration.number, iteration.score or 0.0))
    x1, y1 = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
    return [(x0 + (x1 - x0) * k / 24, y0 + (y1 - y0) * k / 24) for k in range(25)]


def _touches(box: Bbox, others: Boxes) -> bool:
    x0, y0, x1, y1 = others.T
    return bool(np.any((x0 <= box.x1) & (x1 >= box.x0) & (y0 <= box.y1) & (y1 >= box.y0)))

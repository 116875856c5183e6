"""The progress plot: every iteration by verdict, the best so far as the one blue line, failures marked at the edge.

Object-oriented matplotlib only (no pyplot, no global state), so that it may be drawn from any thread.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, MaxNLocator, ScalarFormatter
from matplotlib.transforms import blended_transform_factory

from autoloop_kernel.durable import write_atomic
from autoloop_kernel.records import AutoloopError, Direction, Iteration, Metric, Verdict
from autoloop_kernel.views import fresh, words
from autoloop_kernel.views.labels import place
from autoloop_kernel.views.picture import drawable, legend_row

FORMATS = {".png": "png", ".svg": "svg"}
FAILED = (Verdict.CRASH, Verdict.TIMEOUT)
EDGE = 0.972
"""Where failures are drawn, as a share of the height, counted towards the worse side."""
RIM = 0.945
"""Nothing but what is drawn at the edge lies beyond this share of the height."""
BAND = 0.16
"""How opaque the noise band is: soft, and still there in a dark theme."""
PANELS = 4
LEGENDS = ((9.5, 1.6, 0.078, 1), (9.0, 1.2, 0.078, 1), (9.0, 1.0, 0.01, 1), (8.3, 1.6, 0.078, 2))
"""How the legend may be set, best first: see `picture.legend_row`."""
BOX = {"left": 0.085, "right": 0.975, "top": 0.855, "bottom": 0.165}


@dataclass(frozen=True)
class Mark:
    """How one kind of iteration is drawn."""

    label: str
    marker: Any
    colour: str
    filled: bool
    size: float
    layer: float


# An hourglass, since the fonts that ship with matplotlib have no such sign.
HOURGLASS = [(-0.8, 1.0), (0.8, 1.0), (-0.8, -1.0), (0.8, -1.0), (-0.8, 1.0)]
MARKS = {
    "confirmed": Mark("confirmed keep", "o", words.KEEP, True, 7, 6),
    "provisional": Mark("provisional keep", "o", words.KEEP, False, 7, 6),
    "discard": Mark("discard", "o", words.DOT, True, 3.6, 3),
    "refuted": Mark("refuted keep", "D", words.DOT, False, 4.6, 3),
    "pruned": Mark("pruned", "v", words.SOFT, False, 5.5, 3),
    "crash": Mark("crash", "x", words.CRASH, False, 5.5, 4),
    "timeout": Mark("timeout", HOURGLASS, words.WARN, False, 7, 4),
    "outside": Mark("off the scale", "^", words.DOT, True, 4.5, 3),
}


def plot(
    iterations: Sequence[Iteration], metric: Metric, path: Path, title: str = "", noise: float | None = None
) -> Path:
    """Draw the progress of these iterations into `path` (`.png` or `.svg`, written atomically); gives the path.

    `noise` is as for `draw`. Raises `AutoloopError` for another suffix, and where no iteration has ended.
    """
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise AutoloopError(f"cannot plot to {path.name}: the name must end in .png or .svg")
    if not path.parent.is_dir():
        raise AutoloopError(f"cannot plot to {path}: there is no folder {path.parent} — make it first, or name another")
    write_atomic(path, render(iterations, metric, kind, title, noise=noise))
    return path


def render(
    iterations: Sequence[Iteration],
    metric: Metric,
    kind: str = "png",
    title: str = "",
    dpi: int = 160,
    noise: float | None = None,
) -> bytes:
    """The progress plot as the bytes of a PNG or SVG file (`kind`: `png` or `svg`); `noise` is as for `draw`."""
    figure = draw(iterations, metric, title, noise)
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, dpi=dpi, metadata={"Date": None} if kind == "svg" else None)
    return buffer.getvalue()


def draw(iterations: Sequence[Iteration], metric: Metric, title: str = "", noise: float | None = None) -> Figure:
    """The progress plot as a matplotlib figure. Raises `AutoloopError` where no iteration has ended.

    Each epoch has a panel with a scale of its own, since scores never cross epochs; the latest `PANELS` are drawn.
    `noise` is one standard deviation of the score when nothing changes but the seed (score units): the latest epoch,
    whose noise it is, gets it as a soft band on either side of the best so far. None, 0 or no number: no band.
    """
    noise = noise if words.finite(noise) and noise is not None and noise > 0 else None
    ended = sorted((it for it in iterations if it.verdict is not None), key=lambda it: it.number)
    if not ended:
        raise AutoloopError("nothing to plot yet: no iteration has ended — run `autoloop auto ARENA` first")
    spans = {epoch: [it for it in ended if it.epoch == epoch] for epoch in words.epochs(ended)[-PANELS:]}
    figure = Figure(figsize=(9.6, 5.4), facecolor="white")
    FigureCanvasAgg(figure)  # measures the labels; saving picks the canvas of the format by itself
    ratios = [max(len(own), 0.16 * len(ended)) for own in spans.values()]
    box = BOX if len(spans) == 1 else {**BOX, "top": BOX["top"] - 0.025}
    grid = figure.add_gridspec(1, len(spans), width_ratios=ratios, wspace=0.2, **box)
    shown: set[str] = set()
    for place_in_row, own in enumerate(spans.values()):
        axes = figure.add_subplot(grid[0, place_in_row])
        last = place_in_row == len(spans) - 1
        shown |= _panel(figure, axes, own, metric, noise if last else None)
        if place_in_row == 0:
            axes.set_ylabel(drawable(words.goal(metric)), color=words.INK, fontsize=10.5, labelpad=7, parse_math=False)
        if len(spans) > 1:
            axes.set_title(f"epoch {own[0].epoch}", loc="left", fontsize=9, color=words.SOFT, pad=4)
    figure.supxlabel("iteration", color=words.INK, fontsize=10.5, x=(BOX["left"] + BOX["right"]) / 2, y=0.075)
    blue = _line_handles(any(words.standing(it) for it in ended), noise)
    _legend(figure, blue, [kind for kind in MARKS if kind in shown])
    bold: dict[str, Any] = {"fontsize": 13, "fontweight": "bold", "color": words.INK, "parse_math": False}
    head = figure.text(BOX["left"], 0.945, drawable(words.plain(title or headline(ended, metric))), **bold)
    room = 0.97 * (BOX["right"] - BOX["left"]) * figure.bbox.width  # letters are a little wider at a low resolution
    head.set_fontsize(13 * min(1.0, room / head.get_window_extent().width))
    figure.text(BOX["left"], 0.9, subtitle(ended), fontsize=9.5, color=words.SOFT)
    return figure


def _panel(
    figure: Figure, axes: Axes, iterations: Sequence[Iteration], metric: Metric, noise: float | None
) -> set[str]:
    """Draw one epoch; gives the kinds of marks that occur."""
    axes.set_ylim(*limits(iterations, metric.direction, noise))
    axes.set_xlim(*_width(iterations))
    _frame(axes, iterations)
    shown = _points(axes, iterations, metric.direction)
    stairs = words.staircase(iterations, metric.direction)
    if stairs:
        xs, ys = zip(*stairs, strict=True)
        axes.step(xs, ys, where="post", color=words.CHAMPION, linewidth=2.0, zorder=5, solid_joinstyle="miter")
        if noise is not None:
            low, high = [y - noise for y in ys], [y + noise for y in ys]
            axes.fill_between(xs, low, high, step="post", color=words.CHAMPION, alpha=BAND, linewidth=0, zorder=1.5)
    place(figure, axes, iterations, metric.direction)
    return shown


def headline(iterations: Sequence[Iteration], metric: Metric) -> str:
    """One line: from the baseline's score to the best of the latest epoch, and what fresh runs say of that."""
    epoch = words.epochs(iterations)[-1]
    own = [it for it in iterations if it.epoch == epoch]
    stands = fresh.standing(own, metric)
    if stands is None:
        return f"{metric.name}: nothing kept yet"
    places = words.decimals([it.score for it in own])
    name = f"{metric.name}{metric.doubt}"
    text = f"{name} {words.number(stands.best.score, places)}"
    if stands.best.number == stands.start.number:
        return text
    first = words.number(stands.start.score, places)
    text = f"{name} {first} {words.ARROW} {words.number(stands.best.score, places)}"
    text += f"  {stands.change}" if stands.change else ""
    proof = stands.proof(places)
    return f"{text}, {proof}" if proof else text


def subtitle(iterations: Sequence[Iteration]) -> str:
    """One line: how many iterations, by verdict, in how many epochs."""
    total, spans = len(iterations), len(words.epochs(iterations))
    text = f"{total} iteration{'s' if total != 1 else ''}: {words.counted(iterations)}"
    if spans > 1:
        text += f"  ·  {spans} epochs, whose scores are not comparable"
    return text if spans <= PANELS else f"{text} (the last {PANELS} are drawn)"


def limits(iterations: Sequence[Iteration], direction: Direction, noise: float | None = None) -> tuple[float, float]:
    """The range of the score axis: every keep, and the discards that are not far worse than all else.

    A discard farther on the worse side than the keeps' range and the middle of the discards call for is drawn at the
    edge, so that one bad idea does not flatten the picture. There is room for the best's band of `noise` too, unless
    that is larger than all the differences there are.
    """
    kept = [it.score for it in iterations if it.verdict is Verdict.KEEP and words.finite(it.score) is not None]
    others = [it.score for it in iterations if it.verdict is not Verdict.KEEP and words.finite(it.score) is not None]
    low, high = span([v for v in kept if v is not None], [v for v in others if v is not None], direction)
    top = words.best(iterations, direction)
    if noise is None or top is None or top.score is None or noise > high - low:
        return low, high
    return min(low, top.score - 1.5 * noise), max(high, top.score + 1.5 * noise)


def span(kept: Sequence[float], others: Sequence[float], direction: Direction) -> tuple[float, float]:
    """The range of an axis that holds all `kept` scores and those `others` that are not far worse; 0 to 1 for none."""
    if not kept and not others:
        return 0.0, 1.0
    sign = 1.0 if direction is Direction.MIN else -1.0
    costs = sorted(sign * v for v in [*kept, *others])  # smaller is better from here on
    anchors = sorted(sign * v for v in kept) or costs
    middle = costs[int(0.75 * (len(costs) - 1))]
    reach = max(anchors[-1], middle) - costs[0]
    worst = max(anchors[-1], min(costs[-1], costs[0] + 2.2 * reach)) if reach > 0 else costs[-1]
    room = (worst - costs[0]) or abs(worst) * 0.02 or 1.0
    best_edge, worst_edge = sign * (costs[0] - 0.16 * room), sign * (worst + 0.12 * room)
    return min(best_edge, worst_edge), max(best_edge, worst_edge)


def _width(iterations: Sequence[Iteration]) -> tuple[float, float]:
    first, last = iterations[0].number, iterations[-1].number
    margin = max(0.6, 0.025 * (last - first))
    return first - margin, last + margin


def _frame(axes: Axes, iterations: Sequence[Iteration]) -> None:
    """Quiet axes: two spines, faint horizontal lines, whole numbers below; no scale where nothing was scored."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(words.LINE)
    axes.tick_params(colors=words.SOFT, length=3, color=words.LINE, labelsize=9.5)
    axes.set_facecolor("white")
    axes.grid(axis="y", color=words.LINE, linewidth=0.7, alpha=0.7)
    axes.set_axisbelow(True)
    plain = ScalarFormatter(useOffset=False)
    plain.set_powerlimits((-4, 6))
    axes.yaxis.set_major_formatter(plain)
    if len(iterations) <= 3:
        axes.xaxis.set_major_locator(FixedLocator([it.number for it in iterations]))
    else:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=12, steps=[1, 2, 5, 10]))
    if all(words.finite(it.score) is None for it in iterations):
        axes.set_yticks([])


def _kind(iteration: Iteration) -> str:
    """Which mark an iteration gets, by its verdict and state."""
    if iteration.verdict is Verdict.KEEP:
        return iteration.state if iteration.state in MARKS else "provisional"
    return iteration.verdict.value if iteration.verdict is not None else "discard"


def _points(axes: Axes, iterations: Sequence[Iteration], direction: Direction) -> set[str]:
    """Draw a mark for every iteration; gives the kinds that were drawn, for the legend."""
    low, high = axes.get_ylim()
    rim = (1 - RIM) * (high - low)
    low, high = (low, high - rim) if direction is Direction.MIN else (low + rim, high)
    edge = EDGE if direction is Direction.MIN else 1 - EDGE
    inside: dict[str, list[tuple[float, float]]] = {}
    at_edge: dict[str, list[float]] = {}
    for it in iterations:
        kind, score = _kind(it), words.finite(it.score)
        if it.verdict in FAILED or score is None:
            at_edge.setdefault(kind, []).append(it.number)
        elif low <= score <= high:
            inside.setdefault(kind, []).append((it.number, score))
        else:
            at_edge.setdefault("outside", []).append(it.number)
    rails = blended_transform_factory(axes.transData, axes.transAxes)
    for kind, places in inside.items():
        xs, ys = zip(*places, strict=True)
        axes.plot(xs, ys, **_style(kind, len(iterations), direction))
    for kind, numbers in at_edge.items():
        axes.plot(numbers, [edge] * len(numbers), transform=rails, **_style(kind, len(iterations), direction))
    return inside.keys() | at_edge.keys()


def _style(kind: str, total: int, direction: Direction = Direction.MIN) -> dict[str, Any]:
    """matplotlib's words for a mark; marks shrink a little where there are many."""
    mark = MARKS[kind]
    scale = 1.0 if total <= 150 else 0.8 if total <= 400 else 0.6
    turned = "v" if kind == "outside" and direction is Direction.MAX else mark.marker
    hollow = "none" if kind == "timeout" else "white"
    return {
        "linestyle": "none",
        "marker": turned,
        "markersize": mark.size * scale,
        "markeredgecolor": mark.colour,
        "markerfacecolor": mark.colour if mark.filled else hollow,
        "markeredgewidth": 1.6 * scale if kind in ("crash", "provisional", "confirmed") else 1.1 * scale,
        "zorder": mark.layer,
        "clip_on": False,
    }


def _line_handles(line: bool, noise: float | None) -> list[Artist]:
    """The legend's entries for the staircase, where there is one, and for the band round it."""
    if not line:
        return []
    handles: list[Artist] = [Line2D([], [], color=words.CHAMPION, linewidth=2.0, label="best so far")]
    if noise is not None:
        size = words.number(noise, words.decimals([noise], 2))
        size = size.rstrip("0") if "." in size and "e" not in size else size
        label = f"noise ± {size} (1 SD)"
        handles.append(Patch(facecolor=words.CHAMPION, alpha=BAND, linewidth=0, label=label))
    return handles


def _legend(figure: Figure, first: Sequence[Artist], shown: Sequence[str]) -> None:
    """The signs that occur, in one row under the plot."""
    marks = [Line2D([], [], label=MARKS[kind].label, **{**_style(kind, 1), "clip_on": True}) for kind in shown]
    legend_row(figure, [*first, *marks], LEGENDS)

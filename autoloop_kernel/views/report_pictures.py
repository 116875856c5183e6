"""The pictures of a report: the progress, what each kept step is worth, and where the time went."""

from __future__ import annotations

from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from autoloop_kernel.reporting.report import Report, Spent, Step
from autoloop_kernel.views import progress, report_words, words
from autoloop_kernel.views.picture import AXIS, dress, legend_row, name_scale, one_line, png

DPI = 110
MOST = 24
"""How many steps the picture of their worth holds: the latest."""
PARTS: tuple[tuple[str, str, str], ...] = (
    ("train", "training", words.RUN),
    ("score", "scoring", "#7fb0de"),
    ("harness", "kernels and notebooks", words.DOT),
    ("failed", "failed runs", words.CRASH),
    ("lost", "interrupted or contended", words.WARN),
    ("between", "between runs", words.LINE),
)
"""Where time goes: the name in `Spent`, in words, and its colour."""


def progress_png(report: Report) -> bytes:
    """The progress plot with the noise as a band, as a PNG; what is of the time of the report lies right of a line."""
    title = report_words.headline(report).replace("`", "")  # the rows have no attempts, so that `draw` knows less
    figure = progress.draw(report.iterations(), report.metric, title, noise=report.noise or None)
    new = next((row[0] for row in report.rows if row[0] > _last_old(report)), None)
    if report.since is not None and new is not None and new != report.rows[0][0]:
        axes = figure.axes[-1]
        axes.axvline(new - 0.5, color=AXIS, linewidth=1.0, linestyle=(0, (3, 3)), zorder=1)
    return png(figure, DPI)


def _last_old(report: Report) -> int:
    """The number of the last iteration before the time of the report."""
    return report.rows[-1 - report.total][0] if report.total < len(report.rows) else 0


def gains_png(report: Report) -> bytes:
    """What each kept step is worth, with its 90 % interval, as a PNG; for a report with a step at least."""
    steps = [step for step in report.steps if step.effect is not None][-MOST:]
    height = 1.0 + 0.27 * len(steps)
    figure = Figure(figsize=(9.6, height), facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.36, 0.72 / height, 0.615, 1 - 0.82 / height))
    unit = f" ({words.plain(report.metric.unit)})" if report.metric.unit else ""
    dress(axes, "")
    name_scale(axes, "")
    axes.xaxis.get_major_formatter().set_powerlimits((-9, 9))  # type: ignore[attr-defined]
    axes.grid(visible=False, axis="y")
    axes.grid(axis="x", color=words.LINE, linewidth=0.7, alpha=0.9)
    axes.axvline(0, color=AXIS, linewidth=1.0, zorder=2)
    axes.set_ylim(len(steps) - 0.4, -0.6)
    axes.set_yticks(range(len(steps)))
    labels = [one_line(f"{step.number}  {step.title}", 46) for step in steps]
    axes.set_yticklabels(labels, fontsize=9, color=words.INK, parse_math=False)
    axes.tick_params(axis="y", length=0, pad=6)
    for place, step in enumerate(steps):
        _mark(axes, place, step)
    gain = one_line(f"gain in {report.metric.name}{unit}, 90 % interval{_power(axes)}", 90)
    axes.set_xlabel(gain, color=words.INK, fontsize=9.5)
    states = [state for state in ("confirmed", "provisional") if any(step.state == state for step in steps)]
    handles = [
        Line2D(
            [],
            [],
            linestyle="none",
            label=f"{state} keep",
            **_style(state, "fresh" if state == "confirmed" else "judge"),
        )
        for state in states
    ]
    if any(_faint(step) for step in steps):
        handles.append(Line2D([], [], color=words.DOT, linewidth=1.4, label="not by fresh runs"))
    legend_row(figure, handles, ((9.0, 1.4, 0.01, 1), (8.5, 1.0, 0.01, 2)))
    return png(figure, DPI)


def _power(axes: Any) -> str:
    """The power of ten that the numbers of the horizontal axis leave out, for its name; "" for none."""
    formatter = axes.xaxis.get_major_formatter()
    formatter.set_locs(list(axes.get_xticks()))
    axes.xaxis.offsetText.set_visible(False)
    power = formatter.get_offset()
    return f" (×{power})" if power else ""


def _faint(step: Step) -> bool:
    return step.effect is not None and step.effect.source != "fresh"


def _mark(axes: Any, place: int, step: Step) -> None:
    effect = step.effect
    assert effect is not None, "only steps with an effect are drawn"
    colour = words.DOT if _faint(step) else words.KEEP
    if effect.low is not None and effect.high is not None:
        axes.plot(
            [effect.low, effect.high], [place, place], color=colour, linewidth=1.6, zorder=3, solid_capstyle="butt"
        )
    axes.plot([effect.mean], [place], linestyle="none", zorder=4, clip_on=False, **_style(step.state, effect.source))


def _style(state: str, source: str) -> dict[str, Any]:
    filled = state == "confirmed"
    return {
        "marker": "o",
        "markersize": 6.5,
        "markeredgecolor": words.KEEP,
        "markeredgewidth": 1.4,
        "markerfacecolor": words.KEEP if filled else "white",
    }


def time_png(spent: Spent) -> bytes:
    """Where the time went, as one bar whose pieces are named below it, as a PNG; for more than no time at all."""
    figure = Figure(figsize=(9.6, 1.15), facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.01, 0.5, 0.98, 0.42))
    axes.axis("off")
    whole = total(spent)
    axes.set_xlim(0, whole)
    axes.set_ylim(0, 1)
    begin, handles = 0.0, []
    for name, word, colour in PARTS:
        seconds = getattr(spent, name)
        if seconds <= 0:
            continue
        axes.barh(0.5, seconds, left=begin, height=1.0, color=colour, edgecolor="white", linewidth=1.0)
        handles.append(Patch(facecolor=colour, label=f"{word} {words.duration(seconds)} ({share(seconds, whole)})"))
        begin += seconds
    legend_row(figure, handles, ((9.0, 1.6, 0.005, 1), (8.5, 1.0, 0.005, 1), (8.3, 1.0, 0.005, 2)))
    return png(figure, DPI)


def share(part: float, whole: float) -> str:
    """A share in per cent; what is there but less than one says so."""
    percent = 100 * part / whole
    return "< 1 %" if percent < 0.5 else f"{percent:.0f} %"


def total(spent: Spent) -> float:
    """All the seconds that are told of."""
    return float(sum(getattr(spent, name) for name, _, _ in PARTS))

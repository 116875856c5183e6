"""The two pictures of an audit: the log's progress in its noise, and how probable it is that each keep is real."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from autoloop_kernel.auditing.audit import Audit
from autoloop_kernel.auditing.chances import LIKELY, REAL, UNLIKELY, Chance
from autoloop_kernel.auditing.story import impossible
from autoloop_kernel.records import Iteration, Metric, Verdict
from autoloop_kernel.views import progress, words
from autoloop_kernel.views.picture import dress, legend_row, png

STYLES: dict[str, dict[str, Any]] = {
    "real": {"marker": "o", "color": words.KEEP, "markerfacecolor": words.KEEP, "markersize": 7},
    "probably real": {"marker": "o", "color": words.KEEP, "markerfacecolor": "white", "markersize": 7},
    "cannot be told": {"marker": "D", "color": words.SOFT, "markerfacecolor": "white", "markersize": 5.5},
    "probably noise": {"marker": "o", "color": words.DOT, "markerfacecolor": words.DOT, "markersize": 5},
    "luck: the same code": {"marker": "x", "color": words.CRASH, "markerfacecolor": "none", "markersize": 6},
}
DPI = 110


def iterations(audit: Audit) -> list[Iteration]:
    """The log as the house's own iterations, each under its line's number; what was never measured has failed.

    A keep so much worse than the others that it would flatten the picture has no score here: it is drawn at the edge.
    """
    false = impossible(audit.log.entries, audit.log.direction)
    standing = [step.score for step in audit.steps if step.stands]
    low, high = progress.span(standing, [s.score for s in audit.steps if not s.kept], audit.log.direction)
    far = {step.entry.line for step in audit.steps if step.kept and not low <= step.score <= high}
    found = []
    begins = {step.entry.line: step.search for step in audit.steps}
    search = 1
    for entry in audit.log.entries:
        search = begins.get(entry.line, search)
        verdict = Verdict.CRASH if entry.line in false else entry.verdict
        score = None if entry.line in false | far else entry.score
        found.append(Iteration(entry.line, search, "", entry.description, "", verdict=verdict, score=score))
    return found


def progress_png(audit: Audit) -> bytes:
    """The progress plot with the noise as a band, as a PNG; for a log with an entry at least."""
    metric = Metric(words.shorten(audit.log.metric, 40), audit.log.direction)
    figure = progress.draw(iterations(audit), metric, noise=audit.noise.sigma)
    box = progress.BOX
    figure.supxlabel("line of the log", color=words.INK, fontsize=10.5, x=(box["left"] + box["right"]) / 2, y=0.075)
    return png(figure, DPI)


def chances_png(audit: Audit) -> bytes:
    """The chance that each keep is real, by its line, with its range over what the noise may be, as a PNG."""
    figure = Figure(figsize=(9.6, 3.4), facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.085, 0.245, 0.89, 0.72))
    dress(axes, "line of the log")
    lines = [entry.line for entry in audit.log.entries]
    margin = max(0.6, 0.025 * (lines[-1] - lines[0]))
    axes.set_xlim(lines[0] - margin, lines[-1] + margin)
    axes.set_ylim(-0.04, 1.04)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
    axes.set_ylabel("chance of a true gain", color=words.INK, fontsize=9.5, labelpad=4)
    axes.axhspan(UNLIKELY, LIKELY, color=words.LINE, alpha=0.45, linewidth=0)
    axes.axhline(REAL, color=words.KEEP, linewidth=0.8, linestyle=(0, (4, 3)))
    small = 1.0 if len(audit.keeps) <= 80 else 0.7
    for keep in audit.keeps:
        _mark(axes, keep, small)
    shown = [word for word in STYLES if any(keep.word == word for keep in audit.keeps)]
    legend_row(
        figure, [_handle(word) for word in shown], ((9.0, 1.4, 0.078, 1), (8.5, 1.0, 0.01, 1), (8.3, 1.6, 0.078, 2))
    )
    return png(figure, DPI)


def _mark(axes: Any, keep: Chance, scale: float) -> None:
    style = STYLES[keep.word]
    line = keep.entry.line
    axes.plot([line, line], [keep.low, keep.high], color=style["color"], linewidth=1.1 * scale, alpha=0.7, zorder=3)
    size = {"markersize": style["markersize"] * scale, "markeredgewidth": 1.4 * scale}
    axes.plot([line], [keep.p], **{**style, **size}, linestyle="none", zorder=4, clip_on=False)


def _handle(word: str) -> Line2D:
    return Line2D([], [], linestyle="none", markeredgewidth=1.4, label=word, **STYLES[word])


def counted(keeps: Sequence[Chance]) -> str:
    """What the picture of the chances shows, in words."""
    several = [f"{sum(keep.word == word for keep in keeps)} {word}" for word in STYLES]
    return "The chance that each keep is a true gain: " + ", ".join(one for one in several if not one.startswith("0 "))

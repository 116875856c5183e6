"""What all figures share: PNG bytes, quiet axes, text that a figure can show.

Without pyplot and its global state, so that it may be used from any thread.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import lru_cache

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator, NullLocator, ScalarFormatter

from autoloop_kernel.views import words

AXIS = "#a8b0b8"
"""Axes and guide lines: quiet, and still there once a dark theme has inverted the picture."""
STEPS = [1, 2, 2.5, 5, 10]
"""What one tick may count, times a power of ten."""
BLANK = "\N{WHITE SQUARE}"
"""Drawn for a character that the font lacks."""


def png(figure: Figure, dpi: float = 110, level: int = 6) -> bytes:
    """The figure as the bytes of a PNG file of exactly its size in inches times `dpi` (dots an inch) pixels.

    `level` is zlib's, 0 (quick) to 9 (small). The settings for saving that a user may have changed (tight boxes, a
    transparent ground) do not count: a picture that replaces another must have its size. A figure belongs to one
    thread at a time: its resolution is changed while this draws.
    """
    canvas = figure.canvas if isinstance(figure.canvas, FigureCanvasAgg) else FigureCanvasAgg(figure)
    before = figure.dpi
    buffer = io.BytesIO()
    try:
        figure.dpi = dpi
        canvas.print_png(buffer, pil_kwargs={"compress_level": level})  # type: ignore[no-untyped-call]
    finally:
        figure.dpi = before
    return buffer.getvalue()


def drawable(text: str) -> str:
    """`text` with a square for each character that the figures' font cannot draw (matplotlib would warn of each)."""
    known = _characters(findfont(FontProperties()))
    return "".join(char if ord(char) in known else BLANK for char in text)


def one_line(text: str, width: int) -> str:
    """Somebody's text as one line of at most `width` characters, all of which can be drawn."""
    return drawable(words.shorten(text, width))


def dress(axes: Axes, across: str) -> None:
    """Quiet axes: two spines, faint horizontal lines, plain numbers; `across` names the horizontal axis and its unit.

    The vertical axis is named by `name_scale`, once its range is known.
    """
    axes.set_facecolor("white")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(AXIS)
    axes.tick_params(colors=words.SOFT, length=3, color=AXIS, labelsize=9)
    axes.grid(axis="y", color=words.LINE, linewidth=0.7, alpha=0.9)
    axes.set_axisbelow(True)
    axes.set_xlabel(across, color=words.INK, fontsize=9.5, labelpad=3)
    for axis, most in ((axes.xaxis, 8), (axes.yaxis, 6)):
        plain = ScalarFormatter(useOffset=False, useMathText=False)
        plain.set_powerlimits((-3, 5))
        axis.set_major_formatter(plain)
        axis.set_major_locator(MaxNLocator(nbins=most, steps=STEPS))
        axis.offsetText.set_visible(False)


def name_scale(axes: Axes, name: str) -> None:
    """Name the vertical axis, with the power of ten that its numbers leave out; `""`: nothing to measure, no scale."""
    if not name:
        axes.yaxis.set_major_locator(NullLocator())
        axes.set_ylabel("")
        return
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=STEPS))
    formatter = axes.yaxis.get_major_formatter()
    formatter.set_locs(list(axes.get_yticks()))
    power = formatter.get_offset()
    place = axes.get_position()
    room = 2 * min(place.y0 + place.y1, 2 - place.y0 - place.y1) / 2 * axes.figure.bbox.height - 6
    label = axes.set_ylabel("", color=words.INK, fontsize=9.5, labelpad=4, parse_math=False)
    fit(label, name, room, f" (×{power})" if power else "")


def fit(text: Text, saying: str, room: float, ending: str = "") -> None:
    """Let `text` say `saying` and `ending`, the former cut where it would be longer than `room` pixels."""
    shown = drawable(saying)
    text.set_text(shown + ending)
    while (long := _length(text)) > room and len(shown) > 1:
        shown = shown[: max(1, min(len(shown) - 1, int(len(shown) * room / long)))].rstrip("… ")
        text.set_text(f"{shown}…{ending}")


def _length(text: Text) -> float:
    box = text.get_window_extent()
    return float(max(box.width, box.height))


def legend_row(figure: Figure, handles: Sequence[Artist], corners: Sequence[tuple[float, float, float, int]]) -> None:
    """The signs that occur, in one row at the lower left of the figure, or in two where one is too long.

    `corners` are font size (points), gap (ems), left edge (share of the width) and rows: the first that fits is taken,
    or the last.
    """
    for corner in corners:
        size, gap, left, rows = corner
        row = figure.legend(
            handles=handles,
            loc="lower left",
            bbox_to_anchor=(left, 0.005),
            ncols=-(-len(handles) // rows),
            frameon=False,
            fontsize=size,
            labelcolor=words.SOFT,
            handletextpad=0.5,
            columnspacing=gap,
            labelspacing=0.15,
            borderpad=0.1,
        )
        if row.get_window_extent().x1 < figure.bbox.x1 - 4 or corner is corners[-1]:
            return
        row.remove()


@lru_cache(maxsize=4)
def _characters(font: str) -> frozenset[int]:
    return frozenset(get_font(font).get_charmap())

"""What all figures share: bytes of a fixed size, text that can be drawn, axes that say what they show."""

import io
import struct
import sys
import warnings

import matplotlib
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from autoloop_kernel.views import words
from autoloop_kernel.views.picture import BLANK, drawable, dress, fit, legend_row, name_scale, one_line, png

# What people with a red-green deficiency see of linear RGB (Machado, Oliveira and Fernandes 2009, severity 1).
DEFICIENT = {
    "deuteranopia": [(0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)],
    "protanopia": [(0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)],
}


def size(data):
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    return struct.unpack(">II", data[16:24])


def overhang(figure):
    """By how many pixels what is drawn stands out over the figure's edges; 0 where nothing is clipped."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    box = figure.get_tightbbox(renderer)
    width, height = figure.get_size_inches()
    return max(0.0, -box.x0, -box.y0, box.x1 - width, box.y1 - height) * figure.dpi


def apart(one, other, kind):
    """How far apart two colours (hex) are for the colour-blind: their distance in CIE Lab."""

    def lab(colour):
        parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        r, g, b = (max(0.0, min(1.0, sum(m * c for m, c in zip(row, linear, strict=True)))) for row in DEFICIENT[kind])
        xyz = (
            (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047,
            0.2126 * r + 0.7152 * g + 0.0722 * b,
            (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883,
        )
        x, y, z = (v ** (1 / 3) if v > 0.008856 else 7.787 * v + 16 / 116 for v in xyz)
        return 116 * y - 16, 500 * (x - y), 200 * (y - z)

    return sum((p - q) ** 2 for p, q in zip(lab(one), lab(other), strict=True)) ** 0.5


def figure_of(width=4.0, height=2.0):
    figure = Figure(figsize=(width, height))
    figure.add_axes((0.2, 0.2, 0.7, 0.7))
    return figure


def test_a_picture_has_the_figures_size_whatever_the_user_set_for_saving():
    with matplotlib.rc_context({"savefig.bbox": "tight", "savefig.dpi": 300}):
        assert size(png(figure_of(), dpi=100)) == (400, 200)
    assert size(png(figure_of(3.0, 1.0))) == (330, 110)


def test_the_figures_own_resolution_stays_and_so_does_its_picture():
    figure = figure_of()
    figure.dpi = 72
    first = png(figure, dpi=100)
    assert figure.dpi == 72
    assert png(figure, dpi=100) == first
    assert len(png(figure, dpi=100, level=0)) > len(first)


def test_text_without_a_glyph_becomes_a_square_and_draws_without_a_warning():
    assert drawable("lr 4e-3 → 6e−3 ±") == "lr 4e-3 → 6e−3 ±"
    assert drawable("fast \U0001f9ea \ud800") == f"fast {BLANK} {BLANK}"
    assert one_line("a\nb\x00c " + "d" * 90, 20) == "a b c " + "d" * 13 + "…"
    figure = figure_of()
    figure.text(0.1, 0.1, drawable("\U0001f9ea \u6f22\u5b57 \x07"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        png(figure)


def test_the_scale_is_named_with_its_power_of_ten():
    figure = figure_of()
    axes = figure.axes[0]
    dress(axes, "time (s)")
    axes.set_ylim(2e-9, 9e-9)
    name_scale(axes, "loss $x")
    assert axes.get_ylabel() == "loss $x (×1e−9)"
    axes.set_ylim(2, 3)
    name_scale(axes, "loss")
    assert axes.get_ylabel() == "loss"
    assert len(axes.get_yticks()) > 2
    name_scale(axes, "")
    assert axes.get_ylabel() == ""
    assert list(axes.get_yticks()) == []
    assert axes.get_xlabel() == "time (s)"


def test_a_long_row_of_signs_is_made_narrower_to_fit():
    ladder = ((12.0, 2.0, 0.2, 1), (8.0, 1.0, 0.01, 1), (6.0, 0.2, 0.0, 2))
    used = []
    for count in (1, 5, 30):
        figure = figure_of(8.0)
        legend_row(figure, [Line2D([], [], label="a kind of mark") for _ in range(count)], ladder)
        assert len(figure.legends) == 1
        used.append(figure.legends[0].get_texts()[0].get_fontsize())
    assert used == [12.0, 8.0, 6.0]


def test_a_text_is_cut_to_the_room_there_is():
    figure = figure_of()
    text = figure.text(0, 0, "")
    for room in (60, 100, 300):
        fit(text, "a name of some length, and then some more \U0001f9ea" * 3, room, " (s)")
        assert room * 0.5 < text.get_window_extent().width <= room
        assert text.get_text().startswith("a ")
        assert text.get_text().endswith("… (s)")
    fit(text, "short", 300, " (s)")
    assert text.get_text() == "short (s)"
    fit(text, "no room at all", 1)
    assert text.get_text() == "n…"


def test_overhang_sees_what_is_clipped():
    figure = figure_of()
    figure.axes[0].set_axis_off()
    assert overhang(figure) == 0
    figure.text(0.9, 0.5, "too long for what is left of the width")
    assert overhang(figure) > 20


@pytest.mark.parametrize("kind", sorted(DEFICIENT))
def test_colours_that_tell_marks_apart_do_so_for_the_colour_blind(kind):
    for one, other in [(words.CHAMPION, words.KEEP), (words.KEEP, words.DOT), (words.KEEP, words.CRASH)]:
        assert apart(one, other, kind) > 20
    assert apart(words.KEEP, words.SOFT, kind) > 10
    assert apart(words.CHAMPION, words.RUN, kind) < 10, "if these grow apart, curves may use words.RUN after all"


def test_no_global_state_is_touched():
    before, loaded = dict(matplotlib.rcParams), "matplotlib.pyplot" in sys.modules
    figure = figure_of()
    dress(figure.axes[0], "x")
    assert io.BytesIO(png(figure)).getbuffer().nbytes > 500
    assert dict(matplotlib.rcParams) == before
    assert ("matplotlib.pyplot" in sys.modules) == loaded

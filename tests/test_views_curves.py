"""Learning curves: what is drawn, where it is named, and one live figure that never changes its size."""

import math
import sys
import threading
import warnings

import matplotlib
import numpy as np
import pytest
from matplotlib.text import Text
from test_views_picture import overhang, size
from test_views_traces import falling

from autoloop_kernel.records import Point
from autoloop_kernel.views import words
from autoloop_kernel.views.curves import EMPTY, RUN, Curve, LiveCurve, champion, draw
from autoloop_kernel.views.picture import png

HOSTILE = "$\\frac{x_1 \U0001f9ea\n\x00<script>alert(1)</script> and so on and on"


def lines(figure, colour):
    return [line for line in figure.axes[0].lines if line.get_color() == colour and len(line.get_xdata())]


def said(figure):
    return [text.get_text() for text in figure.findobj(Text) if text.get_visible() and text.get_text()]


def names(figure):
    """The names at the lines' ends, by their text."""
    return {note.get_text(): note for note in figure.axes[0].texts}


def test_the_champion_is_the_one_blue_line_and_the_run_is_green():
    figure = draw([champion(falling(50)), Curve("48", falling(40, seed=1))], "cpu", 15.0, "Learning curve")
    (blue,), (green,) = lines(figure, words.CHAMPION), lines(figure, RUN)
    assert len(blue.get_xdata()) == 50
    assert len(green.get_xdata()) == 40
    assert green.get_linewidth() > blue.get_linewidth()
    assert "Learning curve" in said(figure)
    assert "budget 15 s" in said(figure)


@pytest.mark.parametrize(("clock", "label"), [("wall", "time (s)"), ("cpu", "time (CPU s)")])
def test_axes_say_what_they_show_and_in_what_unit(clock, label):
    axes = draw([Curve("a", falling(9, name="val_bpb"))], clock, 20.0).axes[0]
    assert axes.get_xlabel() == label
    assert axes.get_ylabel() == "val_bpb"
    assert axes.get_xlim()[0] == 0
    assert 20.0 < axes.get_xlim()[1] < 21.0


def test_lines_are_named_at_their_ends_in_their_colours_and_apart():
    for end in (2.0, 2.25, 2.302, 2.6):
        figure = draw([champion(falling(50), "champion 42"), Curve("48 · softcap", falling(50, end=end))], "wall", 15.0)
        found = names(figure)
        assert found["champion 42"].get_color() == words.CHAMPION
        assert found["48 · softcap"].get_color() == RUN
        one, other = (Text.get_window_extent(found[name]) for name in ("champion 42", "48 · softcap"))
        assert not one.overlaps(other)
        assert (one.y0 > other.y0) == (lines(figure, words.CHAMPION)[0].get_ydata()[-1] > _last(figure))
        assert figure.axes[0].get_legend() is None


def _last(figure):
    return lines(figure, RUN)[0].get_ydata()[-1]


def test_a_line_that_ends_early_is_named_where_no_line_runs():
    figure = draw([champion(falling(150)), Curve("48 · so far", falling(150, end=2.29)[:60])], "wall", 15.0)
    box = Text.get_window_extent(names(figure)["48 · so far"])
    axes = figure.axes[0]
    for line in axes.lines:
        x, y = axes.transData.transform(line.get_xydata()).T
        assert not np.any((x > box.x0) & (x < box.x1) & (y > box.y0) & (y < box.y1))


def test_names_without_room_go_to_a_legend():
    figure = draw([Curve(f"run {k}", falling(40, end=2.3 + k / 1000)) for k in range(14)], "wall", 15.0)
    assert not [name for name in names(figure) if name.startswith("run")]
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == [f"run {k}" for k in range(14)]


def test_no_curve_yet_one_point_and_points_without_use():
    for curves in ([], [Curve("a", [])], [Curve("a", [Point(1, 1.0, {})]), champion([])]):
        figure = draw(curves, "wall", 15.0)
        assert EMPTY in said(figure)
        assert list(figure.axes[0].get_yticks()) == []
    useless = [Point(1, 1.0, {"loss": math.nan}), Point(2, math.inf, {"loss": 1.0})]
    assert EMPTY in said(draw([Curve("a", useless)]))
    figure = draw([Curve("a", [Point(1, 3.0, {"acc": 0.5}), *useless])], "wall", 15.0)
    (line,) = lines(figure, RUN)
    assert line.get_marker() == "o"
    assert EMPTY not in said(figure)


def test_runs_that_report_different_numbers_say_so():
    mine, other = falling(20), falling(20, name="val")
    figure = draw([champion(other, "champion 3"), Curve("48", mine)], number="loss")
    assert figure.axes[0].get_ylabel() == "loss"
    assert "champion 3: no loss" in said(figure)
    assert not lines(figure, words.CHAMPION)
    both = [Point(p.step, p.seconds, {"val": 1.0, **p.numbers}) for p in mine]
    assert draw([champion(mine), Curve("48", both)]).axes[0].get_ylabel() == "loss"


def test_ten_thousand_points_are_drawn_as_a_line_and_a_band():
    figure = draw([champion(falling(10_000)), Curve("48", falling(10_000, seed=1))], "wall", 15.0)
    assert all(len(line.get_xdata()) < 1000 for line in figure.axes[0].lines)
    assert len(figure.axes[0].collections) == 2


AWKWARD = {
    "plain": ([champion(falling(50), "champion 42"), Curve("48 · softcap the logits", falling(50, seed=1))], 15.0),
    "tiny": ([Curve("a", falling(40, start=9e-9, end=2e-9, noise=1e-10))], 15.0),
    "large": ([Curve("a", falling(40, start=1000.006, end=1000.001, noise=1e-4))], 15.0),
    "huge": ([Curve("a", falling(40, start=-9e12, end=-2e12))], 1e6),
    "hostile": ([champion(falling(40, name=HOSTILE), HOSTILE), Curve(HOSTILE * 9, falling(40, name=HOSTILE))], 0.1),
    "diverged": ([Curve("a", [*falling(40, 9.0), *(Point(k, 9 + k, {"loss": 10.0**k}) for k in range(1, 308))])], 15.0),
    "nothing": ([], None),
}


@pytest.mark.parametrize("case", sorted(AWKWARD))
def test_nothing_is_clipped_nor_warned_of(case):
    curves, budget = AWKWARD[case]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = draw(curves, "cpu", budget, HOSTILE * 5)
        assert overhang(figure) == 0
        assert size(png(figure)) == (836, 319)


def live_text(live, points):
    live.png(points)
    return said(live._figure)


def test_the_live_picture_never_changes_its_size_and_reuses_its_figure():
    live = LiveCurve(15.0, "cpu", falling(150), "48 · softcap the logits")
    run = falling(150, seed=1, end=2.2)
    figure, axes = live._figure, live._axes
    pictures = [live.png(run[:count]) for count in (0, 1, 2, 40, 150)]
    assert {size(picture) for picture in pictures} == {(640, 220)}
    assert len(set(pictures)) == 5
    assert live.png(run) == pictures[-1]
    assert (live._figure, live._axes, figure.axes) == (figure, axes, [axes])
    assert len(axes.lines) == 4, "budget, champion, run, tip: nothing is piled up"


def test_the_live_picture_tells_the_latest_value():
    live = LiveCurve(15.0, "wall", falling(50), "48 · softcap")
    assert "48 · softcap" in live_text(live, [])
    assert "48 · softcap   3.50 at 4.0 s" in live_text(
        live, [Point(1, 2.0, {"loss": 4.0}), Point(2, 4.0, {"loss": 3.5})]
    )
    assert "champion" in live_text(live, [])
    alone = LiveCurve(15.0, "wall")
    assert EMPTY in live_text(alone, [])
    assert "champion" not in live_text(alone, falling(3))
    assert EMPTY not in live_text(alone, falling(3))


def test_the_live_picture_draws_what_the_run_reports():
    live = LiveCurve(15.0, "wall", falling(50, name="val"), "48")
    assert "val" in live_text(live, [])
    told = live_text(live, falling(9))
    assert "loss" in told
    assert "champion: no loss" in told
    assert "champion" not in told
    both = [Point(p.step, p.seconds, {**p.numbers, "val": 3.0}) for p in falling(9)]
    assert "val" in live_text(live, both)


@pytest.mark.parametrize("scale", [1e-12, 1e-4, 1.0, 123456.0, -1e9])
def test_nothing_is_clipped_in_the_live_picture(scale):
    run = [Point(p.step, p.seconds, {HOSTILE: scale * p.numbers["loss"]}) for p in falling(60)]
    live = LiveCurve(15.0, "cpu", run, HOSTILE * 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for count in (0, 1, 60):
            live.png(run[:count])
            assert overhang(live._figure) == 0
    head, budget = live._head, next(note for note in live._axes.texts if note.get_text().startswith("budget"))
    assert not Text.get_window_extent(head).overlaps(Text.get_window_extent(budget))


def test_many_threads_may_ask_for_pictures():
    best, run = falling(150), falling(150, seed=1)
    expected = [LiveCurve(15.0, "cpu", best, "48").png(run[:count]) for count in range(50, 151, 50)]
    shared, found, failed = LiveCurve(15.0, "cpu", best, "48"), [], []

    def work():
        own = LiveCurve(15.0, "cpu", best, "48")
        try:
            found.append([own.png(run[:count]) for count in range(50, 151, 50)])
            for count in (20, 90):
                shared.png(run[:count])
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert found == [expected] * 3


def test_no_global_state_is_touched():
    before, loaded = dict(matplotlib.rcParams), "matplotlib.pyplot" in sys.modules
    png(draw([Curve("a", falling(20))]))
    LiveCurve(1.0, "wall").png(falling(5))
    assert dict(matplotlib.rcParams) == before
    assert ("matplotlib.pyplot" in sys.modules) == loaded

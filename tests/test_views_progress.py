"""The progress plot: right about the numbers, legible at every size, and without global state."""

import random
import sys
import warnings

import matplotlib
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from test_views_picture import overhang
from test_views_words import iteration

from autoloop_kernel.records import AutoloopError, Direction, Iteration, Metric, Verdict
from autoloop_kernel.views import words
from autoloop_kernel.views.labels import improvements
from autoloop_kernel.views.progress import draw, limits, plot, render

METRIC = Metric("val_bpb", Direction.MIN, "bits/byte")


def story(count, seed=0, direction=Direction.MIN, epoch=1, start=1):
    """A random but plausible history: keeps improve on the best, one in eight fails."""
    chance = random.Random(seed)
    sign = 1 if direction is Direction.MIN else -1
    found, top = [], 3.0
    for number in range(start, start + count):
        score, verdict = top + sign * chance.gauss(0.02, 0.05), Verdict.DISCARD
        if number == start:
            score, verdict = top, Verdict.KEEP
        elif chance.random() < 0.12:
            score, verdict = None, chance.choice([Verdict.CRASH, Verdict.TIMEOUT])
        elif direction.better(score, top):
            top, verdict = score, Verdict.KEEP
        found.append(iteration(number, score, verdict, epoch=epoch))
    return found


def lines_of(axes, marker):
    return [line for line in axes.lines if line.get_marker() == marker]


def test_png_and_svg_by_the_suffix(tmp_path):
    assert plot(story(12), METRIC, tmp_path / "a.png").read_bytes().startswith(b"\x89PNG\r\n")
    svg = plot(story(12), METRIC, tmp_path / "a.SVG").read_bytes()
    assert b"<svg" in svg
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.SVG", "a.png"]


def test_what_cannot_be_plotted_is_refused_in_one_line(tmp_path):
    for iterations, target, why in [
        (story(3), tmp_path / "a.pdf", r"a\.pdf: the name must end in \.png or \.svg"),
        (story(3), tmp_path / "none" / "a.png", "there is no folder"),
        ([], tmp_path / "a.png", "no iteration has ended"),
        ([iteration(1, verdict=None)], tmp_path / "a.png", "no iteration has ended"),
    ]:
        with pytest.raises(AutoloopError, match=why) as caught:
            plot(iterations, METRIC, target)
        assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("count", [1, 2, 12, 200])
@pytest.mark.parametrize("direction", list(Direction))
def test_every_iteration_is_drawn_once(count, direction):
    its = story(count, 3, direction)
    axes = draw(its, Metric("m", direction)).axes[0]
    marks = [line for line in axes.lines if line.get_linestyle() == "None"]
    assert sum(len(line.get_xdata()) for line in marks) == count


def test_failures_stand_at_the_edge_and_do_not_stretch_the_scale():
    its = [iteration(1, 3.0), iteration(2, None, Verdict.CRASH), iteration(3, 2.9), iteration(4, None, Verdict.TIMEOUT)]
    for direction in Direction:
        axes = draw(its, Metric("m", direction)).axes[0]
        low, high = axes.get_ylim()
        assert 2.8 < low < 2.9
        assert 3.0 < high < 3.1
        crosses = lines_of(axes, "x")
        assert [list(line.get_xdata()) for line in crosses] == [[2]]
        height = crosses[0].get_ydata()[0]  # a share of the axes' height: the worse side
        assert height > 0.9 if direction is Direction.MIN else height < 0.1


def test_one_terrible_discard_does_not_flatten_the_picture():
    its = [iteration(1, 3.0), *(iteration(n, 3.0 + n / 100, Verdict.DISCARD) for n in range(2, 9)), iteration(9, 2.9)]
    low, high = limits([*its, iteration(10, 500.0, Verdict.DISCARD)], Direction.MIN)
    assert high < 4
    axes = draw([*its, iteration(10, 500.0, Verdict.DISCARD)], METRIC).axes[0]
    assert [list(line.get_xdata()) for line in lines_of(axes, "^")] == [[10]]
    low, high = limits([*its, iteration(10, 500.0)], Direction.MIN)
    assert high > 500 > low, "a keep is always inside"


def test_the_best_so_far_is_the_one_blue_line_and_restarts_with_each_epoch():
    its = [*story(10), *story(6, 5, epoch=2, start=11)]
    figure = draw(its, METRIC)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["epoch 1", "epoch 2"]
    for axes, epoch in zip(figure.axes, (1, 2), strict=True):
        blue = [line for line in axes.lines if line.get_color() == words.CHAMPION]
        own = words.staircase([it for it in its if it.epoch == epoch], Direction.MIN)
        assert [list(zip(line.get_xdata(), line.get_ydata(), strict=True)) for line in blue] == [own]
    assert "not comparable" in "".join(text.get_text() for text in figure.texts)


def test_all_crashed_and_a_lone_iteration_can_be_drawn():
    crashed = [Iteration(n, 1, "", "t", "a", verdict=Verdict.CRASH) for n in (1, 2, 3)]
    figure = draw(crashed, METRIC)
    assert list(figure.axes[0].get_yticks()) == []
    assert any("nothing kept yet" in text.get_text() for text in figure.texts)
    assert render(crashed, METRIC).startswith(b"\x89PNG")
    assert render([iteration(1, 3.0)], METRIC, "svg").lstrip().startswith(b"<?xml")


def test_axes_name_the_metric_its_unit_and_direction():
    figure = draw(story(12), METRIC)
    assert figure.axes[0].get_ylabel() == "val_bpb (bits/byte, lower is better)"
    assert figure._supxlabel.get_text() == "iteration"


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("direction", list(Direction))
def test_labels_touch_neither_each_other_nor_the_frame(seed, direction):
    figure = draw(story(60, seed, direction), Metric("m", direction))
    renderer = FigureCanvasAgg(figure).get_renderer()
    notes = figure.axes[0].texts
    boxes = [Text.get_window_extent(note, renderer) for note in notes]
    assert boxes, "the baseline and the best have their names"
    for index, box in enumerate(boxes):
        assert not box.count_overlaps(boxes[index + 1 :])
        assert box.x0 >= 0
        assert box.x1 <= figure.bbox.x1
        assert box.y0 >= 0


def test_the_best_and_the_first_are_named_before_all_others():
    its = [iteration(1, 3.0), iteration(2, 2.0), iteration(3, 1.9), iteration(4, 1.0), iteration(5, 0.99)]
    ranked = improvements(its, Direction.MIN)
    assert [it.number for it, _ in ranked] == [5, 1, 2, 4, 3]
    assert [gain for _, gain in ranked][1:3] == [None, -1.0]


def test_a_title_with_mathematics_is_text():
    its = [iteration(1, 3.0), Iteration(2, 1, "p", "x_1 $\\frac", "a", 1, verdict=Verdict.KEEP, score=2.0)]
    assert render(its, METRIC).startswith(b"\x89PNG")


def test_ten_thousand_iterations_are_all_drawn():
    its = story(10_000, 4)
    axes = draw(its, METRIC).axes[0]
    marks = [line for line in axes.lines if line.get_linestyle() == "None"]
    assert sum(len(line.get_xdata()) for line in marks) == 10_000
    assert axes.texts, "the best is named here too"


def bands(axes):
    return axes.collections


def test_the_noise_is_a_band_round_the_best_so_far():
    its = story(20, 3)
    axes = draw(its, METRIC, noise=0.03).axes[0]
    (band,) = bands(axes)
    corners = band.get_paths()[0].vertices
    for number, best in words.staircase(its, Direction.MIN):
        heights = corners[corners[:, 0] == number][:, 1]
        assert min(abs(heights - (best - 0.03))) < 1e-9
        assert min(abs(heights - (best + 0.03))) < 1e-9
    assert axes.get_ylim()[0] < words.best(its, Direction.MIN).score - 0.03
    assert bands(draw(its, METRIC).axes[0])[:] == []


@pytest.mark.parametrize(("noise", "text"), [(0.004, "0.004"), (0.0123, "0.012"), (130.0, "130"), (2e-12, "2.000e−12")])
def test_the_noise_is_in_the_legend_with_what_it_is(noise, text):
    figure = draw(story(20, 3), METRIC, noise=noise)
    assert f"noise ± {text} (1 SD)" in [entry.get_text() for entry in figure.legends[0].get_texts()]
    assert overhang(figure) == 0


def test_noise_that_is_none_has_no_band():
    crashed = [iteration(1, None, Verdict.CRASH)]
    for its, noise in [(story(9), None), (story(9), 0.0), (story(9), float("nan")), (crashed, 0.1)]:
        figure = draw(its, METRIC, noise=noise)
        assert bands(figure.axes[0])[:] == []
        assert not any("noise" in entry.get_text() for entry in figure.legends[0].get_texts())


def test_noise_belongs_to_the_latest_epoch_and_does_not_flatten_it():
    its = [*story(10), *story(6, 5, epoch=2, start=11)]
    first, second = draw(its, METRIC, noise=0.02).axes
    assert bands(first)[:] == []
    assert len(bands(second)) == 1
    assert draw(its, METRIC, noise=1e6).axes[1].get_ylim() == draw(its, METRIC).axes[1].get_ylim()


def test_nothing_is_clipped_with_every_sign_in_the_legend():
    its = story(40, 7)
    its[1] = iteration(2, 3.1, Verdict.PRUNED)
    its[2] = iteration(3, 2.99, state="refuted")
    its[3] = iteration(4, 90.0, Verdict.DISCARD)
    its[4], its[5] = iteration(5, None, Verdict.CRASH), iteration(6, None, Verdict.TIMEOUT)
    its[0] = iteration(1, 3.0, state="confirmed")
    figure = draw(its, METRIC, noise=0.0041)
    assert len(figure.legends[0].get_texts()) == 10
    assert overhang(figure) == 0
    below = figure._supxlabel.get_window_extent()
    assert not any(entry.get_window_extent().overlaps(below) for entry in figure.legends[0].get_texts())
    assert overhang(draw(its, METRIC)) == 0


def test_titles_of_any_characters_are_drawn_without_a_warning():
    its = [iteration(1, 3.0), Iteration(2, 1, "p", "\U0001f9ea\ud800 $x", "a", 1, verdict=Verdict.KEEP, score=2.0)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert render(its, Metric("$\U0001f9ea", Direction.MIN), title="a $\nb \U0001f9ea").startswith(b"\x89PNG")


def test_no_global_state_is_touched():
    before = dict(matplotlib.rcParams)
    loaded = "matplotlib.pyplot" in sys.modules
    render(story(12), METRIC)
    assert dict(matplotlib.rcParams) == before
    assert ("matplotlib.pyplot" in sys.modules) == loaded

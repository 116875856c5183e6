"""The attempts plot: every attempt once, means with Student's intervals, nothing across epochs, nothing clipped."""

import dataclasses
import math
import random
import sys
import warnings

import matplotlib
import pytest
from matplotlib.text import Text
from test_views_picture import overhang, size
from test_views_progress import story

from autoloop_kernel.records import Attempt, AutoloopError, Direction, Kind, Metric, Verdict
from autoloop_kernel.views import words
from autoloop_kernel.views.attempts import MOST, draw, mean, t_quantile
from autoloop_kernel.views.picture import png
from autoloop_kernel.views.progress import span

METRIC = Metric("val_bpb", Direction.MIN, "bits/byte")


def attempt(number, score=None, kind=Kind.SCREEN, verdict=Verdict.SCORED):
    return Attempt(number, number, kind, verdict, score)


def tried(iterations, seed=0, most=5):
    """The same iterations with one to `most` attempts each."""
    chance, kinds = random.Random(seed), [Kind.REPLICATE, Kind.CONFIRM, Kind.CALIBRATION]
    found = []
    for it in iterations:
        own = [attempt(1, it.score, verdict=Verdict.SCORED if it.score is not None else it.verdict)]
        if it.score is not None:
            rest = range(2, chance.randint(1, most) + 1)
            own += [attempt(k, it.score + chance.gauss(0, 0.02), chance.choice(kinds)) for k in rest]
        found.append(dataclasses.replace(it, attempts=tuple(own)))
    return found


def marks(figure):
    """Every attempt's mark as (x, y, marker); the means and the champion's line are none."""
    found = []
    for line in figure.axes[0].lines:
        if line.get_linestyle() == "None" and line.get_marker() not in ("_", 2, 3):
            found += [(x, y, line.get_marker()) for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)]
    return found


def said(figure):
    return " | ".join(text.get_text() for text in figure.findobj(Text) if text.get_text())


@pytest.mark.parametrize(
    ("freedom", "expected"),
    [(1, 12.7062), (2, 4.3027), (3, 3.1824), (4, 2.7764), (5, 2.5706), (9, 2.2622), (10, 2.2281), (29, 2.0452),
     (30, 2.0423), (60, 2.0003), (120, 1.9799)],
)  # fmt: skip
def test_quantiles_are_those_of_the_printed_tables(freedom, expected):
    assert t_quantile(freedom) == pytest.approx(expected, abs=6e-5)


def test_other_levels_and_the_way_to_the_normal_distribution():
    assert t_quantile(7, 0.99) == pytest.approx(3.4995, abs=6e-5)
    assert t_quantile(1, 0.5) == pytest.approx(1.0)
    assert t_quantile(2000) == pytest.approx(1.9612, abs=1e-4)
    assert all(t_quantile(n) > t_quantile(n + 1) > 1.96 for n in range(1, 60))


def test_the_interval_holds_the_true_mean_as_often_as_it_says():
    chance, held = random.Random(5), 0
    for _ in range(4000):
        own = tuple(attempt(k, chance.gauss(3.0, 0.1)) for k in range(3))
        found = mean(dataclasses.replace(story(1)[0], attempts=own))
        held += abs(found.value - 3.0) <= found.half
    assert held / 4000 == pytest.approx(0.95, abs=0.012)


def test_a_mean_needs_two_scores_of_the_arenas_own_questions():
    base = story(1)[0]

    def of(*own):
        return mean(dataclasses.replace(base, attempts=own))

    assert of(attempt(1, 3.0)) is None
    assert of(attempt(1, 3.0), attempt(2, 9.0, Kind.HOLDOUT)) is None
    assert of(attempt(1, 3.0), attempt(2, math.nan), attempt(3, None, verdict=Verdict.CRASH)) is None
    assert of(attempt(1, 3.0), attempt(2, 5.0, verdict=Verdict.CONTENDED)) is None
    found = of(attempt(1, 3.0), attempt(2, 5.0, Kind.CONFIRM), attempt(3, 9.0, Kind.HOLDOUT))
    assert (found.count, found.value) == (2, 4.0)
    assert found.half == pytest.approx(12.7062 * math.sqrt(2) / math.sqrt(2), rel=1e-5)


@pytest.mark.parametrize("direction", list(Direction))
@pytest.mark.parametrize("count", [1, 2, 20, MOST])
def test_every_attempt_is_drawn_once_near_its_iteration(count, direction):
    its = tried(story(count, 3, direction))
    figure = draw(its, Metric("m", direction))
    found = marks(figure)
    assert sorted(round(x) for x, _, _ in found) == sorted(it.number for it in its for _ in it.attempts)
    several = [it for it in its if len([a for a in it.attempts if a.score is not None]) > 1]
    bars = [line for line in figure.axes[0].lines if line.get_marker() == "_" and line.get_markersize() > 10]
    assert [x for line in bars for x in line.get_xdata()] == [it.number for it in several]


def test_kinds_and_failures_have_marks_and_names_of_their_own():
    base, worse, broken = story(3, 1)[:3]
    kinds = [attempt(k, 3.0 + k / 100, kind) for k, kind in enumerate(Kind)]
    failures = [attempt(k, None, verdict=v) for k, v in enumerate([Verdict.CRASH, Verdict.TIMEOUT, Verdict.PRUNED])]
    its = [
        dataclasses.replace(base, attempts=tuple(kinds)),
        dataclasses.replace(worse, attempts=(attempt(1, 3.1), attempt(2, 900.0)), verdict=Verdict.DISCARD),
        dataclasses.replace(broken, attempts=tuple(failures)),
    ]
    figure = draw(its, METRIC)
    assert len({str(marker) for _, _, marker in marks(figure)}) >= 6
    for word in [*map(str, Kind), "crash", "timeout", "pruned", "off the scale", "of a keep", "mean, 95 % interval"]:
        assert word in said(figure)
    assert figure.axes[0].get_ylim()[1] < 4
    bars = [line for line in figure.axes[0].lines if line.get_marker() == "_" and line.get_markersize() > 10]
    assert [list(bar.get_xdata()) for bar in bars] == [[1]], "the mean of 3.1 and 900 is off the scale"
    assert overhang(figure) == 0
    below = figure.axes[0].xaxis.label.get_window_extent()
    assert not figure.legends[0].get_window_extent().overlaps(below)


def test_attempts_that_say_nothing_are_not_drawn():
    base = story(1)[0]
    own = (attempt(1, 3.0), attempt(2, None, verdict=Verdict.INTERRUPTED), attempt(3, None, verdict=None))
    assert len(marks(draw([dataclasses.replace(base, attempts=own)], METRIC))) == 1
    for nothing in ([], story(3), [dataclasses.replace(base, attempts=own[1:])]):
        with pytest.raises(AutoloopError, match="no attempts to show yet") as caught:
            draw(nothing, METRIC)
        assert "\n" not in str(caught.value)


def test_of_many_iterations_the_latest_are_drawn_and_it_says_so():
    figure = draw(tried(story(MOST + 90, 2)), METRIC)
    assert {round(x) for x, _, _ in marks(figure)} == set(range(91, MOST + 91))
    assert f"at {MOST} iterations, the latest of {MOST + 90}" in said(figure)
    assert "the latest of" not in said(draw(tried(story(MOST, 2)), METRIC))


def test_scores_never_cross_epochs():
    its = [*tried(story(8)), *tried(story(5, 5, epoch=2, start=9))]
    figure = draw(its, METRIC)
    assert {round(x) for x, _, _ in marks(figure)} == set(range(9, 14))
    assert "epoch 2 alone" in said(figure)
    best = words.best([it for it in its if it.epoch == 2], Direction.MIN)
    assert f"champion\n{best.number}" in said(figure)


def test_the_champion_is_the_blue_line_at_its_mean():
    its = tried(story(90, 4), most=3)
    best = words.best(its, Direction.MIN)
    for number in (None, 1, best.number):
        held = next(it for it in its if it.number == (number or best.number))
        figure = draw(its, METRIC, champion=number)
        (blue,) = [line for line in figure.axes[0].lines if line.get_color() == words.CHAMPION]
        found = mean(held)
        assert blue.get_ydata()[0] == pytest.approx(found.value if found else held.score)
        assert figure.axes[0].get_ylim()[0] < blue.get_ydata()[0] < figure.axes[0].get_ylim()[1]
        assert f"champion\n{held.number}" in said(figure)


def test_a_history_without_a_keep_has_no_champion_and_no_scale():
    crashed = [dataclasses.replace(it, verdict=Verdict.CRASH, score=None, state=None) for it in story(4)]
    figure = draw(tried(crashed), METRIC)
    assert "champion" not in said(figure)
    assert list(figure.axes[0].get_yticks()) == []
    assert overhang(figure) == 0


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e7])
@pytest.mark.parametrize("count", [1, 3, 12, 400])
def test_nothing_is_clipped_nor_warned_of(count, scale):
    its = [
        dataclasses.replace(
            it,
            number=it.number + 99_000,
            score=it.score and it.score * scale,
            attempts=tuple(dataclasses.replace(a, score=a.score and a.score * scale) for a in it.attempts),
        )
        for it in tried(story(count, 6))
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = draw(its, Metric("$a metric \U0001f9ea with a very long name indeed", Direction.MIN, "bits per byte"))
        assert overhang(figure) == 0
        assert size(png(figure)) == (836, 374)


def test_axes_name_the_metric_its_unit_and_direction():
    figure = draw(tried(story(5)), METRIC)
    assert figure.axes[0].get_ylabel() == "val_bpb (bits/byte)"
    assert figure.axes[0].get_xlabel() == "iteration"
    assert "lower is better" in said(figure)
    assert "higher is better" in said(draw(tried(story(5)), Metric("m", Direction.MAX)))


def test_an_interval_widens_the_scale_by_no_more_than_half():
    its = tried(story(6, 2), most=1)
    wide = dataclasses.replace(its[1], attempts=(attempt(1, 2.9), attempt(2, 3.1)))
    values = [it.score for it in its if it.score is not None]
    low, high = span(values, [], Direction.MIN)
    bottom, top = draw([its[0], wide, *its[2:]], METRIC).axes[0].get_ylim()
    assert top - bottom <= 1.6 * (high - low + 0.2)


def test_no_global_state_is_touched():
    before, loaded = dict(matplotlib.rcParams), "matplotlib.pyplot" in sys.modules
    png(draw(tried(story(9)), METRIC))
    assert dict(matplotlib.rcParams) == before
    assert ("matplotlib.pyplot" in sys.modules) == loaded

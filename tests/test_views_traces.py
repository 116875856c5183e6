"""The numbers behind a learning curve: chosen, ordered, thinned, and a range that no spike stretches."""

import math
import random

import numpy as np
import pytest

from autoloop_kernel.records import Point
from autoloop_kernel.views.traces import MOST, STRETCHES, limits, reported, series, thinned


def falling(count, seconds=15.0, start=5.5, end=2.3, seed=0, noise=0.02, name="loss"):
    """A plausible curve: it falls to `end`, with a little noise; one point every `seconds / count`."""
    chance = random.Random(seed)
    return [
        Point(
            k,
            seconds * (k + 1) / count,
            {name: end + (start - end) * math.exp(-8 * k / count) + chance.gauss(0, noise)},
        )
        for k in range(count)
    ]


def values(points, name="loss"):
    return np.array([point.numbers[name] for point in points])


def test_the_number_is_the_first_that_all_report_else_the_first_of_all():
    loss, both = [Point(1, 1.0, {"loss": 1.0})], [Point(1, 1.0, {}), Point(2, 2.0, {"val": 2.0, "loss": 1.0})]
    assert reported([both]) == "val"
    assert reported([both, loss]) == "loss"
    assert reported([both, loss, []]) == "loss"
    assert reported([loss, [Point(1, 1.0, {"val": 1.0})]]) == "loss"
    assert reported([[], [Point(1, 1.0, {})]]) == ""
    assert reported([]) == ""


def test_a_series_leaves_out_what_is_missing_or_not_finite_and_is_in_the_order_of_time():
    nan, inf = math.nan, math.inf
    rows = [(2.0, 1.0), (1.0, 3.0), (3.0, nan), (4.0, inf), (nan, 1.0), (inf, 1.0), (5.0, -inf), (6.0, 0.5)]
    points = [Point(k, seconds, {"loss": value}) for k, (seconds, value) in enumerate(rows)]
    x, y = series([*points, Point(9, 7.0, {"other": 1.0}), Point(9, 8.0, {})], "loss")
    assert x.tolist() == [1.0, 2.0, 6.0]
    assert y.tolist() == [3.0, 1.0, 0.5]
    assert [part.size for part in series(points, "nothing")] == [0, 0]
    assert [part.size for part in series([], "loss")] == [0, 0]


def test_a_short_curve_is_drawn_point_by_point():
    x, y = series(falling(MOST), "loss")
    line = thinned(x, y)
    assert line.x is x
    assert line.y is y
    assert line.low.size == line.high.size == 0


@pytest.mark.parametrize("count", [MOST + 1, 10_000, 19_999])
def test_a_long_curve_is_drawn_by_its_stretches_and_loses_no_spike(count):
    x, y = series(falling(count), "loss")
    y[count // 3], y[count // 2] = 50.0, -50.0
    line = thinned(x, y)
    assert line.x.size == line.y.size == line.low.size == line.high.size
    assert STRETCHES * 0.7 < line.x.size <= STRETCHES
    assert (line.x[0], line.x[-1]) == (x[0], x[-1])
    assert np.all(np.diff(line.x) > 0)
    assert np.all((line.low <= line.y) & (line.y <= line.high))
    assert (line.high.max(), line.low.min()) == (50.0, -50.0)
    assert line.y.max() < 6
    assert line.y.min() > 2
    assert abs(line.y[-1] - 2.3) < 0.05, "the end is not one noisy point"


@pytest.mark.parametrize("spike", [1e3, 1e9, 1e100])
def test_a_spike_at_the_start_does_not_flatten_the_rest(spike):
    own = values(falling(150))
    calm = limits([own])
    own[0] = spike
    low, high = limits([own])
    assert high < 6
    assert high - low < 1.2 * (calm[1] - calm[0])
    assert low < 2.3 < high


def test_the_end_of_every_curve_is_inside_even_after_a_late_fall():
    chance = random.Random(3)
    late = np.array([5 + chance.gauss(0, 0.01) for _ in range(90)] + [1.0] * 4)
    low, high = limits([late, values(falling(50))])
    assert low < 1.0 < 5.0 < high


def test_a_run_that_diverged_leaves_the_picture():
    own = np.concatenate([values(falling(100)), np.array([1e5, 1e15, 1e30])])
    assert limits([own])[1] < 10


def test_ranges_of_little():
    assert limits([]) == (0.0, 1.0)
    assert limits([np.empty(0)]) == (0.0, 1.0)
    for only in (3.0, -3.0, 0.0, 1e100):
        low, high = limits([np.array([only])])
        assert low < only < high
        assert math.isfinite(high - low)
    low, high = limits([np.array([1.0, 2.0]), np.array([5.0])])
    assert low < 1 < 5 < high

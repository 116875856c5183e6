"""What a step is worth, by the best evidence that there is."""

from dataclasses import replace

import pytest
from test_views_words import iteration

from autoloop_kernel.records import Attempt, Direction, Kind, Metric, Verdict
from autoloop_kernel.reporting.effects import Noise, worth

LOW = Metric("loss", Direction.MIN)
NOISE = Noise(0.1, 8)


def ran(number, *scores, confirm=()):
    attempts = [Attempt(n, n, Kind.SCREEN, Verdict.SCORED, score) for n, score in enumerate(scores, 1)]
    attempts += [Attempt(n, n, Kind.CONFIRM, Verdict.SCORED, score) for n, score in enumerate(confirm, 9)]
    return replace(iteration(number, sum(scores) / len(scores)), attempts=tuple(attempts))


def test_fresh_runs_come_before_belief_and_belief_before_the_runs_it_was_kept_for():
    believed = {"effect": {"gain": [0.3, 0.1, 0.5]}}
    mine, base = ran(2, 1.0, confirm=(1.4, 1.6)), ran(1, 2.0, confirm=(2.0, 2.0))
    found = worth(mine, base, LOW, NOISE, believed)
    assert (found.source, found.runs) == ("fresh", 2)
    assert found.mean == pytest.approx(0.5)
    assert found.low < 0.5 < found.high
    assert worth(ran(2, 1.0), base, LOW, NOISE, believed).source == "judge"
    assert worth(ran(2, 1.0), base, LOW, NOISE, {"effect": {"gain": [float("nan"), 0, 1]}}).source == "runs"


def test_the_difference_of_the_runs_has_students_interval():
    found = worth(ran(2, 1.0, 1.2), ran(1, 2.0), LOW, NOISE, {})
    assert found.mean == pytest.approx(0.9)
    half = 1.859548 * 0.1 * (1 / 2 + 1) ** 0.5  # t for 8 degrees of freedom and 90 %
    assert (found.low, found.high) == (pytest.approx(0.9 - half), pytest.approx(0.9 + half))


def test_where_the_noise_is_not_known_there_is_no_interval_and_without_a_score_nothing():
    found = worth(ran(2, 1.0), ran(1, 2.0), Metric("acc", Direction.MAX), Noise(None, 0), {})
    assert (found.mean, found.low, found.source) == (-1.0, None, "run")
    assert worth(iteration(2, None, Verdict.CRASH), ran(1, 2.0), LOW, NOISE, {}) is None

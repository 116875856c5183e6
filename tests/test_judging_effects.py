import math

import numpy as np
import pytest

from autoloop_kernel.judging.effects import half, log_cdf, log_mills
from autoloop_kernel.judging.hypotheses import Hypotheses, Level


@pytest.mark.parametrize("z", [-36.0, -12.3, -3.3, -0.5, 0.0, 0.7, 4.0, 7.9, 8.1, 20.0])
def test_the_table_of_the_normal_distribution_is_right(z):
    exact = math.log(0.5 * math.erfc(-z / math.sqrt(2)))
    assert float(log_cdf(z)) == pytest.approx(exact, abs=2e-5)


def test_the_series_goes_on_where_the_table_ends():
    for z in (-37.0, 8.0):
        around = log_mills(np.array([z - 1e-4, z + 1e-4]))
        assert abs(around[0] - around[1]) < 2e-3


@pytest.mark.parametrize("r", [-6.0, -1.0, 0.0, 0.4, 3.0, 30.0])
@pytest.mark.parametrize("scale", [0.1, 1.0, 20.0])
def test_what_is_believed_of_an_effect_is_what_integration_finds(r, scale):
    variance = 0.8
    x = np.linspace(0, 80, 400_001)
    log = -x / scale - math.log(scale) - 0.5 * (r - x) ** 2 / variance - 0.5 * math.log(2 * math.pi * variance)
    density = np.exp(log - log.max())
    found = half(np.array([[r]]), np.array([[variance]]), np.array([scale]))
    total = density.sum() * (x[1] - x[0])
    assert float(found.weight[0, 0]) == pytest.approx(math.log(total) + log.max(), abs=0.02)
    assert float(found.first[0, 0]) == pytest.approx((density * x).sum() / density.sum(), rel=0.02)
    mean = (density * x).sum() / density.sum()
    assert float(found.variance[0, 0]) == pytest.approx((density * (x - mean) ** 2).sum() / density.sum(), rel=0.05)


@pytest.mark.parametrize("score", [-4.0, 0.0, 1.5, 6.0])
def test_chances_and_bounds_agree_with_each_other(score):
    hypotheses = Hypotheses(1.0)
    count = hypotheses.sigma.size
    effect = hypotheses.effect(np.array([score]), Level(np.zeros(count), np.full(count, 0.3)))
    low, high = effect.interval()
    assert low < effect.mean < high
    assert effect.beyond([low, high]) == pytest.approx([0.95, 0.05], abs=0.01)
    assert float(effect.beyond(0.0)[0]) == pytest.approx(effect.p_better, abs=0.02)
    assert effect.noise_share.sum() == pytest.approx(1.0)


def test_effects_many_times_the_noise_keep_their_chances():
    hypotheses = Hypotheses(1e-9)
    level = Level(np.zeros(hypotheses.sigma.size), np.full(hypotheses.sigma.size, 1e-18))
    for score in (1e3, -1e3):
        effect = hypotheses.effect(np.array([score]), level)
        assert effect.p_better == pytest.approx(float(score > 0), abs=1e-6)
        assert effect.mean == pytest.approx(score, rel=1e-3)

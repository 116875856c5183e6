"""The noise of a score, from groups of scores that differ by the seed alone."""

import numpy as np
import pytest

from autoloop_kernel.judging.noise import pooled


def test_one_group_has_its_standard_deviation():
    assert pooled([[1.0, 2.0, 4.0]]) == pytest.approx(np.std([1.0, 2.0, 4.0], ddof=1))


def test_groups_with_other_means_are_pooled_by_their_degrees_of_freedom():
    groups = [[10.0, 12.0], [0.0, 1.0, 5.0], [7.0]]
    expected = (np.var(groups[0], ddof=1) * 1 + np.var(groups[1], ddof=1) * 2) / 3
    assert pooled(groups) == pytest.approx(expected**0.5)


@pytest.mark.parametrize("groups", [[], [[]], [[1.0], [2.0]]])
def test_without_a_repetition_it_is_not_known(groups):
    assert pooled(groups) is None


def test_it_finds_the_noise_that_scores_were_drawn_with():
    rng = np.random.default_rng(0)
    groups = [list(mean + 0.03 * rng.standard_normal(3)) for mean in rng.standard_normal(400)]
    assert pooled(groups) == pytest.approx(0.03, rel=0.06)


def test_equal_scores_have_no_noise_whatever_their_mean_rounds_to():
    assert pooled([[8.826375], [1.3412] * 3, [0.1] * 3, [0.7] * 7]) == 0.0

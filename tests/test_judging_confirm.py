"""A test that may be looked at after every pair of runs: how often it errs, and how soon it sees what is there."""

import math
import random

import pytest

from autoloop_kernel.judging.confirm import ERROR, LEVEL, PAIRS, careful, weigh
from autoloop_kernel.records import Direction

KNOWN = (1.0, 0)
"""A noise of 1 that is no estimate."""


def search(effect, seed, most=PAIRS, noise=KNOWN, expected=1.0):
    """What is said at each look, until it is decided."""
    rng = random.Random(f"confirm:{effect}:{seed}")
    new, old, looks = [], [], []
    while len(new) < most:
        new.append(10 - effect + rng.gauss(0, 1))
        old.append(10 + rng.gauss(0, 1))
        looks.append(weigh(new, old, Direction.MIN, noise, expected, most))
        if looks[-1].state is not None:
            break
    return looks


def share(state, effect, **more):
    return sum(search(effect, seed, **more)[-1].state == state for seed in range(400)) / 400


def test_what_is_no_better_is_seldom_confirmed_however_often_one_looks():
    assert share("confirmed", 0.0, most=60) <= ERROR + 3 * math.sqrt(ERROR * (1 - ERROR) / 400)
    assert share("confirmed", -0.5) <= ERROR


def test_what_is_better_is_seldom_refuted_and_mostly_confirmed():
    assert share("refuted", 2.0) <= 0.02
    assert share("confirmed", 2.0) > 0.6
    assert share("confirmed", 4.0) > 0.97


def test_what_is_worse_is_refuted():
    assert share("refuted", -2.0) > 0.9


def test_the_interval_holds_the_truth_at_all_looks_at_once():
    held = sum(
        all(look.gain.low <= 0.7 <= look.gain.high for look in search(0.7, seed, most=30)) for seed in range(400)
    )
    assert held / 400 >= LEVEL


@pytest.mark.parametrize(("new", "state"), [(2.0, "confirmed"), (3.0, "refuted"), (4.0, "refuted")])
def test_where_runs_do_not_differ_one_pair_is_enough(new, state):
    seen = weigh([new], [3.0], Direction.MIN, (0.0, 3), 0.0)
    assert (seen.state, seen.pairs, seen.gain.mean) == (state, 1, 3.0 - new)
    assert "do not differ" in seen.reason


def test_more_is_better_where_the_metric_says_so():
    assert weigh([9.0] * 2, [1.0] * 2, Direction.MAX, (0.5, 10), 8.0).state == "confirmed"
    assert weigh([9.0] * 2, [1.0] * 2, Direction.MIN, (0.5, 10), 8.0).state == "refuted"


def test_only_pairs_count_and_one_at_least_is_needed():
    assert weigh([1.0, 2.0], [3.0], Direction.MIN, KNOWN, 1.0).pairs == 1
    with pytest.raises(ValueError, match="a fresh run of the candidate and one of its base"):
        weigh([1.0], [], Direction.MIN, KNOWN, 1.0)


def test_the_less_is_known_of_the_noise_the_more_careful_it_is_taken():
    factors = [careful(1.0, freedom) for freedom in (2, 5, 20, 1000)]
    assert factors == sorted(factors, reverse=True)
    assert factors[-1] == pytest.approx(1.0, abs=0.03)
    # The 20 % quantiles of chi squared with 2 and 5 degrees of freedom are 0.446 and 2.343 (any table).
    assert factors[0] == pytest.approx(math.sqrt(2 / 0.446), rel=0.03)
    assert factors[1] == pytest.approx(math.sqrt(5 / 2.343), rel=0.01)
    assert careful(0.0, 5) == 0.0

"""What is worth one more attempt."""

import pytest

from autoloop_kernel.judging.retest import chosen
from autoloop_kernel.records import Attempt, Direction, Iteration, Kind, Verdict


def iteration(number, score, attempts=1, verdict=Verdict.DISCARD):
    tried = tuple(Attempt(n + 1, n, Kind.SCREEN, Verdict.SCORED, score) for n in range(attempts))
    return Iteration(number, 1, f"p{number}", f"idea {number}", "a", verdict=verdict, score=score, attempts=tried)


def kept(score, attempts=1):
    return iteration(1, score, attempts, Verdict.KEEP)


def test_the_champion_is_run_twice_first():
    near = iteration(2, 1.01)
    assert chosen(kept(1.0), [near], Direction.MIN, 0.1).number == 1
    assert chosen(kept(1.0, 2), [near], Direction.MIN, 0.1).number == 2


@pytest.mark.parametrize("direction", list(Direction))
def test_of_the_near_misses_the_best_comes_first_and_each_runs_three_times(direction):
    sign = 1 if direction is Direction.MIN else -1
    champion = kept(sign * 1.0, 2)
    misses = [iteration(2, sign * 1.08), iteration(3, sign * 1.02), iteration(4, sign * 1.2)]
    assert chosen(champion, misses, direction, 0.1).number == 3
    misses[1] = iteration(3, sign * 1.02, 3)
    assert chosen(champion, misses, direction, 0.1).number == 2
    misses[0] = iteration(2, sign * 1.08, 3)
    assert chosen(champion, misses, direction, 0.1) is None


def test_what_has_no_score_or_was_kept_is_no_near_miss():
    others = [iteration(2, None, verdict=Verdict.CRASH), iteration(3, 1.0, verdict=Verdict.KEEP)]
    assert chosen(kept(1.0, 2), others, Direction.MIN, 0.1) is None


def test_without_known_noise_nothing_is_near():
    assert chosen(kept(1.0, 2), [iteration(2, 1.0)], Direction.MIN, None) is None

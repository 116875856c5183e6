"""What counts as far behind, and what giving such runs up would have lost."""

from __future__ import annotations

import random
import sys

import pytest

from autoloop_kernel.judging.pruning import (
    LATEST,
    SPARED,
    STARTUP,
    WORSE,
    Behind,
    Curve,
    Finished,
    Manner,
    Measure,
    Run,
    Seen,
    Slices,
    manner_of,
    measure_of,
    measured,
    sliced,
)
from autoloop_kernel.records import AutoloopError, Direction, Metric, Rules

DOWN = Manner("loss", Direction.MIN, 20.0)
UP = Manner("accuracy", Direction.MAX, 20.0)
MADE = Rules(Metric("score", Direction.MAX), 20.0)


def flat(value: float, manner: Manner = DOWN) -> Curve:
    return sliced([(0.5, value)], manner.budget_s)


def field(*values: float, manner: Manner = DOWN) -> Finished:
    found = Finished(manner.direction, WORSE, STARTUP)
    for value in values:
        found.add(flat(value, manner))
    return found


def given_up(values: dict[int, float], champion: float, others: Finished, manner: Manner = DOWN) -> Behind | None:
    """Run with one point in the middle of each named slice (of 20, one second each)."""
    run = Run(manner, [flat(champion, manner)], others)
    for at, value in values.items():
        if (behind := run.take(at - 0.5, value)) is not None:
            return behind
    return None


def steady(value: float) -> dict[int, float]:
    return dict.fromkeys(range(1, 21), value)


def test_a_slice_has_the_median_of_its_points_and_one_without_that_before_it():
    slices = Slices(20.0)
    assert [slices.take(at, value) for at, value in [(0.1, 9.0), (0.5, 7.0), (0.9, 1.0)]] == [None, None, None]
    assert slices.take(3.5, 4.0) == 3
    assert slices.curve == {1: 7.0, 2: 7.0, 3: 7.0}
    assert slices.end() == {**slices.curve, **dict.fromkeys(range(4, 21), 4.0)}


def test_points_past_the_budget_belong_to_its_last_slice():
    assert sliced([(19.5, 2.0), (23.0, 1.0), (24.0, 0.5)], 20.0)[20] == 1.0


def test_what_is_whole_does_not_depend_on_where_the_points_were_cut():
    rng = random.Random(1)
    points = sorted((rng.uniform(0, 20), rng.random()) for _ in range(300))
    slices = Slices(20.0)
    for seconds, value in points:
        before = dict(slices.curve)
        slices.take(seconds, value)
        assert before.items() <= slices.curve.items()
    assert slices.end() == sliced(points, 20.0)


def test_one_far_behind_champion_and_field_is_given_up_after_the_warm_up_and_twice():
    behind = given_up(steady(9.0), 2.0, field(2.0, 3.0, 4.0, 5.0, 6.0))
    assert behind == Behind(share=0.3, value=9.0, champion=2.0, reached=0.05, worse=5, others=5)
    assert behind.text == (
        "9 after 30 % of the budget, where the champion had 2 and had been there after 5 %; "
        "5 of 5 finished runs were better"
    )


@pytest.mark.parametrize(
    ("value", "champion", "others"),
    [
        (5.9, 2.0, (2.0, 3.0, 4.0, 5.0, 6.0, 6.0, 6.0)),  # a third of the field is no better
        (9.0, 9.5, (2.0, 3.0, 4.0, 5.0, 6.0)),  # ahead of the champion
        (9.0, 2.0, (2.0, 3.0, 4.0, 5.0)),  # too few have finished
    ],
)
def test_who_is_behind_only_one_of_them_goes_on(value, champion, others):
    assert given_up(steady(value), champion, field(*others)) is None


def test_nothing_is_given_up_without_a_run_of_the_champion():
    run = Run(DOWN, [], field(2.0, 3.0, 4.0, 5.0, 6.0))
    assert [run.take(at - 0.5, 9.0) for at in range(1, 21)] == [None] * 20


def test_those_whose_first_report_came_late_are_compared_from_there_on():
    others = field(2.0, 3.0, 4.0, 5.0, 6.0, 7.0)
    others.add(sliced([(19.5, 1.0)], 20.0))
    run = Run(DOWN, [sliced([(4.5, 2.0)], 20.0)], others)
    found = [behind for at in range(3, 9) if (behind := run.take(at - 0.5, 9.0)) is not None]
    assert found[0] == Behind(share=0.3, value=9.0, champion=2.0, reached=0.25, worse=6, others=7)
    never = Run(DOWN, [sliced([(19.5, 2.0)], 20.0)], others)
    assert [never.take(at - 0.5, 9.0) for at in range(1, 20)] == [None] * 19


def test_a_slow_start_is_forgiven_and_so_is_one_bad_slice():
    others = field(2.0, 3.0, 4.0, 5.0, 6.0)
    assert given_up({**steady(1.0), **dict.fromkeys(range(1, 6), 9.0)}, 2.0, others) is None
    # what counts is the best so far: one that was good once is not given up for what came after it
    assert given_up({**steady(9.0), 1: 1.0}, 2.0, others) is None


def test_nothing_is_given_up_at_the_end():
    late = {**dict.fromkeys(range(1, int(LATEST * 20)), 1.0)}
    others = field(2.0, 3.0, 4.0, 5.0, 6.0)
    run = Run(DOWN, [flat(0.5)], others)
    assert [run.take(at - 0.5, value) for at, value in late.items()] == [None] * len(late)
    slow = Run(Manner("loss", Direction.MIN, 20.0, warmup=0.9), [flat(0.5)], others)
    assert [slow.take(at - 0.5, 9.0) for at in range(1, 21)] == [None] * 20


def test_where_more_is_better_less_is_behind():
    others = field(0.5, 0.6, 0.7, 0.8, 0.9, manner=UP)
    assert given_up(steady(0.95), 0.9, others, UP) is None
    behind = given_up(steady(0.1), 0.9, others, UP)
    assert (behind.share, behind.value, behind.champion, behind.worse) == (0.3, 0.1, 0.9, 5)


def test_the_champion_counts_by_the_worst_of_its_runs():
    others = field(2.0, 3.0, 4.0, 5.0, 6.0)
    run = Run(DOWN, [flat(2.0), flat(9.0)], others)
    assert [run.take(at - 0.5, 8.0) for at in range(1, 21)] == [None] * 20


def test_the_manner_is_the_arenas_with_the_metrics_direction():
    assert manner_of(MADE) is None
    told = Rules(Metric("score", Direction.MAX), 20.0, prune={"curve": "accuracy"})
    assert manner_of(told) == Manner("accuracy", Direction.MAX, 20.0, 0.25, 0.05)
    told = Rules(told.metric, 20.0, prune={"curve": "loss", "direction": "min", "warmup": 0.5, "bound": 0})
    assert manner_of(told) == Manner("loss", Direction.MIN, 20.0, 0.5, 0.0)


def seen(gained=False, pruned=False, would=None, spared=False, seconds=10.0) -> Seen:
    return Seen(gained, pruned, would, spared, seconds)


def test_one_that_was_spared_stands_for_ten():
    kept, late = seen(gained=True), seen(gained=True, would=0.3, spared=True)
    found = measured([kept] * 9 + [late])
    assert (found.gained, found.killed) == (9 + SPARED, SPARED)
    assert found.share == SPARED / (9 + SPARED)
    assert not found.on


def test_what_it_would_have_ended_before_it_was_on_counts_once():
    found = measured([seen(gained=True)] * 19 + [seen(gained=True, would=0.3)])
    assert (found.gained, found.killed, found.share, found.on) == (20, 1, 0.05, True)
    assert not measured([seen(gained=True)] * 18 + [seen(gained=True, would=0.3)]).on


def test_the_seconds_that_it_saves_are_those_of_the_usual_run():
    runs = [seen(seconds=10.0), seen(seconds=12.0, would=0.5), seen(seconds=11.0)]
    found = measured([*runs, seen(pruned=True, seconds=4.0), seen(pruned=True, seconds=12.0)])
    assert (found.finished, found.pruned, found.saved_s) == (3, 2, 7.0)
    assert (found.would, found.would_save_s) == (1, 6.0)


def test_a_measure_says_what_it_knows_and_comes_back_from_json():
    assert "no improvement yet" in Measure().text
    found = measured([seen(gained=True)] * 3 + [seen(gained=True, would=0.3), seen(pruned=True, seconds=4.0)])
    assert found.text == (
        "off: it would have ended 1 of 4 true improvements (25 %, above the bound of 5 %), by 4 finished runs; "
        "1 given up, which saved about 6 s"
    )
    assert measure_of(found.to_json()) == found
    assert found.to_json()["on"] is False
    assert measure_of({"epoch": 1}) is None


def test_none_of_few_is_no_proof():
    assert measured([seen(gained=True)] * 4).text.startswith(
        "on: it would have ended none of 4 true improvements (53 % cannot be excluded by so few; the bound is 5 %)"
    )
    assert "excluded" not in measured([seen(gained=True)] * 60).text


def test_without_optuna_one_line_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(AutoloopError, match='pip install optuna, or take "prune" out') as raised:
        Finished(Direction.MIN, WORSE, STARTUP)
    assert "\n" not in str(raised.value)

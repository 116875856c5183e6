"""Signs, numbers and counts, as every face writes them."""

import math

import pytest

from autoloop_kernel.records import Cost, Direction, Iteration, Metric, Verdict
from autoloop_kernel.views import words


def iteration(number, score=None, verdict=Verdict.KEEP, state="provisional", epoch=1, base=None):
    state = state if verdict is Verdict.KEEP else None
    return Iteration(number, epoch, "p", f"t{number}", "a", base, verdict=verdict, state=state, score=score)


@pytest.mark.parametrize(
    ("verdict", "state", "sign"),
    [
        (Verdict.KEEP, "confirmed", "●"),
        (Verdict.KEEP, "provisional", "○"),
        (Verdict.KEEP, None, "○"),
        (Verdict.DISCARD, None, "·"),
        (Verdict.PRUNED, None, "▽"),
        (Verdict.CRASH, None, "×"),
        (Verdict.TIMEOUT, None, "⧖"),
        (Verdict.CONTENDED, None, "◌"),
        (Verdict.INTERRUPTED, None, "◌"),
        (None, None, "◐"),
    ],
)
def test_every_verdict_has_the_house_s_sign(verdict, state, sign):
    assert words.look(verdict, state).sign == sign


def test_every_verdict_that_there_is_has_a_look():
    for verdict in Verdict:
        assert words.look(verdict).word


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        (2.9137, 3, "2.914"),
        (-0.5, 2, "−0.50"),
        (None, 3, "–"),
        (math.nan, 3, "–"),
        (math.inf, 3, "–"),
        (0.0, 3, "0.000"),
        (1.25e-7, None, "1.250e−07"),
        (12345.678, None, "12346"),
    ],
)
def test_numbers(value, places, text):
    assert words.number(value, places) == text


def test_differences_never_read_as_zero_and_always_have_a_sign():
    assert words.signed(0.25, 3) == "+0.250"
    assert words.signed(-0.25, 3) == "−0.250"
    assert words.signed(-0.0004, 3) == "−0.0004"
    assert words.signed(0.0, 3) == "+0.000"
    assert (words.number(-0.0, 3), words.signed(-0.0, 3)) == ("0.000", "+0.000")


def test_shares_and_durations():
    assert words.share(2.7, 3.0) == "−10.0 %"
    assert words.share(2.7, 0.0) == ""
    assert words.share(None, 3.0) == ""
    assert words.duration(14.83) == "14.8 s"
    assert words.duration(185) == "3 min 05 s"
    assert words.duration(7800) == "2 h 10 min"
    assert words.duration(119.97) == "2 min 00 s"


def test_titles_cannot_steer_a_terminal():
    assert words.plain("a\x1b[31mb\nc\u2028d") == "a [31mb c d"
    assert words.shorten("a long title", 7) == "a long…"
    assert words.shorten("short", 7) == "short"


def test_differences_stay_inside_an_epoch_and_need_two_scores():
    found = words.differences(
        [
            iteration(1, 3.0),
            iteration(2, 2.0, base=1),
            iteration(3, None, Verdict.CRASH, base=1),
            iteration(4, 1.0, base=9),
        ]
    )
    assert found == {2: -1.0}
    assert words.differences([iteration(1, 3.0), iteration(2, 2.0, epoch=2, base=1)]) == {}


def test_the_best_is_a_standing_keep_in_the_arena_s_direction():
    its = [
        iteration(1, 3.0),
        iteration(2, 1.0, state="refuted"),
        iteration(3, 2.0),
        iteration(4, 0.5, Verdict.DISCARD),
        iteration(5, math.nan),
    ]
    assert words.best(its, Direction.MIN).number == 3
    assert words.best(its, Direction.MAX).number == 1
    assert words.best([], Direction.MIN) is None


def test_the_staircase_starts_at_the_first_keep_and_never_gets_worse():
    its = [iteration(1, None, Verdict.CRASH), iteration(2, 3.0), iteration(3, 4.0, Verdict.DISCARD), iteration(4, 2.0)]
    assert words.staircase(its, Direction.MIN) == [(2, 3.0), (3, 3.0), (4, 2.0)]
    assert words.staircase(its, Direction.MAX) == [(2, 3.0), (3, 3.0), (4, 3.0)]


def test_counts_in_words():
    its = [
        iteration(1, 1.0),
        iteration(2, None, Verdict.CRASH),
        iteration(3, None, Verdict.CRASH),
        iteration(4, verdict=None),
    ]
    assert words.counts(its) == {"keep": 1, "crash": 2}
    assert words.counted(its) == "1 keep, 2 crashes"


def test_the_goal_names_unit_and_direction():
    assert words.goal(Metric("acc", Direction.MAX)) == "acc (higher is better)"
    assert words.goal(Metric("val_bpb", Direction.MIN, "bits/byte")) == "val_bpb (bits/byte, lower is better)"


@pytest.mark.parametrize(
    ("cost", "said"),
    [
        (Cost(), ""),
        (Cost("m", 1, 200, 50, dollars=0.01234), "$0.0123; 1 request: 200 tokens read, 50 written"),
        (
            Cost("m", 2, 100, 5000, 800, 100, 1234.5),
            "$1,234.50; 2 requests: 1,000 tokens read (80 % of them from the cache), 5,000 written",
        ),
        (Cost("m", 3, 1, 1, unpriced=3), "price unknown; 3 requests: 1 tokens read, 1 written"),
        (Cost("m", 3, 1, 1, dollars=2, unpriced=1), "$2.00; 3 requests, 1 without a price: 1 tokens read, 1 written"),
    ],
)
def test_what_requests_cost(cost, said):
    assert words.money(cost) == said


@pytest.mark.parametrize(
    ("cost", "most", "said"),
    [
        (Cost(), None, ""),
        (Cost(), 5.0, "$0.00 of $5.00"),
        (Cost("m", 1, dollars=0.0123), None, "$0.0123"),
        (Cost("m", 9, dollars=1.239), 5.0, "$1.24 of $5.00"),
        (Cost("m", 9, dollars=1234.5), 2000.5, "$1,234.50 of $2,000.50"),
        (Cost("m", 1, dollars=0.02), 0.5, "$0.02 of $0.50"),
        (Cost("m", 1, unpriced=1), None, "price unknown"),
    ],
)
def test_what_was_spent_of_what_may_be(cost, most, said):
    assert words.bill(cost, most) == said

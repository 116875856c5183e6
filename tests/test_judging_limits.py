import pytest

from autoloop_kernel.judging.limits import excesses
from autoloop_kernel.records import HARNESS

LIMITS = {"memory": {"max": 8000}}


def test_what_meets_its_limits_exceeds_nothing():
    assert excesses({}, {}, {}) == []
    assert excesses(LIMITS, {}, {"memory": 8000}) == []
    assert excesses({"acc": {"min": 0.5, "max": 1}}, {"acc": 0.5}, {}) == []


@pytest.mark.parametrize(
    ("limits", "value", "share", "text"),
    [
        (LIMITS, 10000, 0.25, "memory is 10000, above its limit of 8000"),
        ({"memory": {"min": 10}}, 5, 0.5, "memory is 5, below its limit of 10"),
        ({"memory": {"max": 0}}, 5, 1.0, "memory is 5, above its limit of 0"),
    ],
)
def test_what_does_not_is_named_with_by_how_much(limits, value, share, text):
    (found,) = excesses(limits, {"memory": value}, {})
    assert (found.name, found.share, found.soft, found.text) == ("memory", pytest.approx(share), False, text)


def test_the_referees_word_comes_before_the_harnesss_and_that_before_the_candidates():
    lie = {"memory": 1}
    assert excesses(LIMITS, {}, lie) == []
    (measured,) = excesses(LIMITS, {}, {**lie, HARNESS: {"memory": 9000}})
    assert "9000" in measured.text
    assert excesses(LIMITS, {"memory": 7000}, {**lie, HARNESS: {"memory": 9000}}) == []


@pytest.mark.parametrize("value", [None, "8000", True, float("nan"), float("inf")])
def test_what_nobody_told_a_number_for_breaks_its_limit(value):
    (found,) = excesses(LIMITS, {}, {} if value is None else {"memory": value})
    assert found.text == "memory is limited, and the run told no number for it"


def test_a_soft_limit_says_so():
    (found,) = excesses({"memory": {"max": 8000, "soft": True}}, {"memory": 8800}, {})
    assert (found.soft, found.share) == (True, pytest.approx(0.1))

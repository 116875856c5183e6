from autoloop_kernel.judging.greedy import decide
from autoloop_kernel.records import Direction, Verdict


def test_a_baseline_is_kept():
    assert decide(3.0, None, Direction.MIN).verdict is Verdict.KEEP


def test_lower_wins_where_lower_is_better():
    assert decide(2.9, 3.0, Direction.MIN).verdict is Verdict.KEEP
    assert decide(3.1, 3.0, Direction.MIN).verdict is Verdict.DISCARD


def test_higher_wins_where_higher_is_better():
    assert decide(3.1, 3.0, Direction.MAX).verdict is Verdict.KEEP
    assert decide(2.9, 3.0, Direction.MAX).verdict is Verdict.DISCARD


def test_a_tie_is_discarded_and_the_reason_names_the_difference():
    decision = decide(3.0, 3.0, Direction.MIN)
    assert decision.verdict is Verdict.DISCARD
    assert "+0 against the champion's 3" in decision.reason

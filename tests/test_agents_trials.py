import pytest

from autoloop_kernel.agents.base import Context
from autoloop_kernel.agents.trials import RECENT, trials, typical_gain
from autoloop_kernel.records import AutoloopError, Direction, Iteration, Metric, Rules, Verdict


def context(rows, sources, direction=Direction.MIN, base=1):
    """A context of iterations (number, base, verdict, score) with these sources of the cell `model`."""
    rules = Rules(Metric("m", direction), 10.0)
    history = tuple(
        Iteration(number, 1, f"p{number}", "t", "a", above, verdict=verdict, score=score)
        for number, above, verdict, score in rows
    )
    units = {number: {"model": source} for number, source in sources.items()}

    def of(number):
        if number not in units:
            raise AutoloopError("its sources are lost")
        return units[number]

    return Context("", rules.metric, rules, base, units[base], history=history, sources=of)


ROWS = [
    (1, None, Verdict.KEEP, 2.0),
    (2, 1, Verdict.KEEP, 1.75),
    (3, 2, Verdict.DISCARD, 2.25),
    (4, 2, Verdict.CRASH, None),
    (5, 2, None, None),
    (6, 2, Verdict.DISCARD, 1.875),
    (7, 99, Verdict.DISCARD, 3.0),
    (8, 2, Verdict.DISCARD, float("nan")),
    (9, 2, Verdict.DISCARD, 1.5),
]
SOURCES = {
    1: "A = 1.0\nB = 4",
    2: "A = 2.0\nB = 4",
    3: "A = 4.0\nB = 5",
    4: "A = 9.0\nB = 4",
    5: "A = 3.0\nB = 4",
    6: "A = 2.0\nB = 5\nprint(B)",
    7: "A = 2.0\nB = 4",
    8: "A = 1.5\nB = 4",
}
A, B = ("model", "A"), ("model", "B")


@pytest.mark.parametrize("direction", list(Direction))
def test_each_iteration_is_a_trial(direction):
    found = {trial.number: trial for trial in trials(context(ROWS, SOURCES, direction))}
    sign = -1 if direction is Direction.MIN else 1
    assert list(found) == [1, 2, 3, 4, 5, 6, 7, 8]  # the sources of 9 are lost
    assert found[1].merit == sign * 2.0
    assert found[2].changed == {A: (1.0, 2.0)}
    assert found[2].gain == sign * -0.25
    assert found[3].changed == {A: (2.0, 4.0), B: (4, 5)}
    assert (found[4].failed, found[4].merit, found[4].gain) == (True, None, None)
    assert (found[5].failed, found[5].merit) == (False, None)
    assert [trial.code for trial in found.values()] == [False] * 5 + [True, False, False]
    assert (found[7].changed, found[7].gain) == ({}, None)
    assert found[8].merit is None


def test_typical_gain():
    assert typical_gain(trials(context(ROWS, SOURCES))) == 0.25
    assert typical_gain([]) == 0.0


def test_a_long_history_is_read_in_part_and_the_champion_always():
    rows = [(number, 1, Verdict.DISCARD, float(number)) for number in range(1, 1001)]
    found = trials(context(rows, {number: f"A = {number}.0" for number in range(1, 1001)}, base=3))
    assert [trial.number for trial in found] == [3, *range(1001 - RECENT, 1001)]

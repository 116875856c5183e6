from random import Random

import pytest

from autoloop_kernel.agents.constants import find
from autoloop_kernel.agents.moves import importance, moves, probes, stepped, stride
from autoloop_kernel.agents.trials import Trial


def space(source):
    return {("m", constant.name): constant for constant in find(source)}


def listed(source, *past, seed=1):
    """The moves from a champion with this source; each past trial is (changes, gain), gain None for a failure."""
    found = [Trial(1, {}, 0.0)]
    for number, (changes, gain) in enumerate(past, start=2):
        changed = {("m", name): pair for name, pair in changes.items()}
        found.append(Trial(number, {}, gain, gain is None, changed, gain))
    return moves(space(source), found, Random(seed))


def values(move):
    return {name: value for (_, name), value in move.values.items()}


def test_untried_constants_come_one_by_one_the_weighty_first():
    found = listed('EPS = 1e-8\nLR = 1e-3\nACT = "a"  # a | b\nBATCH = 32')
    assert [list(values(move)) for move in found] == [["LR"], ["BATCH"], ["ACT"], ["EPS"]]
    assert values(found[0]) == {"LR": 2e-3}
    assert values(found[1]) == {"BATCH": 16}
    assert "not been tried on its own" in found[0].why
    assert len({tuple(values(listed("X = 1.0", seed=seed)[0]).items()) for seed in range(20)}) == 2  # either way


def test_what_paid_is_followed_further():
    found = listed("LR = 2e-3\nBATCH = 32", ({"LR": (1e-3, 2e-3)}, 0.041))
    assert values(found[0]) == {"LR": 4e-3}
    assert found[0].why == "LR 2e-3 gained 0.041 in iteration 2; further in that direction"


def test_two_gains_say_how_far():
    growing = listed("LR = 4e-3", ({"LR": (1e-3, 2e-3)}, 0.1), ({"LR": (2e-3, 4e-3)}, 0.1))
    assert values(growing[0]) == {"LR": 1.6e-2}  # no end in sight: twice as far
    slowing = listed("LR = 4e-3", ({"LR": (1e-3, 2e-3)}, 0.1), ({"LR": (2e-3, 4e-3)}, 0.05))
    assert 4e-3 < values(slowing[0])["LR"] <= 1.2e-2
    over = listed("LR = 4e-3", ({"LR": (1e-3, 2e-3)}, 0.1), ({"LR": (2e-3, 4e-3)}, 0.01))
    assert all("further" not in move.why for move in over)


def test_after_a_loss_the_other_way():
    found = listed("X = 1.0\nY = 1.0", ({"X": (1.0, 2.0)}, -0.1), ({"Y": (1.0, 0.5)}, None))
    assert len(found) == 2
    by_name = {tuple(values(move)): move for move in found}
    assert values(by_name["X",]) == {"X": 0.5}
    assert values(by_name["Y",]) == {"Y": 2.0}
    assert by_name["X",].why == "X 2.0 lost 0.1 in iteration 2; the other way"
    assert by_name["Y",].why == "Y 0.5 failed in iteration 3; the other way"


def test_between_two_losses_the_peak_of_the_parabola():
    found = listed("X = 1.0", ({"X": (1.0, 2.0)}, -0.01), ({"X": (1.0, 0.5)}, -0.1))
    (peak,) = [move for move in found if "peaks" in move.why]
    # in powers of two the parabola through (-1, -0.1), (0, 0), (1, -0.01) peaks at 0.41
    assert values(peak)["X"] == pytest.approx(2**0.41, abs=0.01)
    level = listed("X = 1.0", ({"X": (1.0, 2.0)}, -0.1), ({"X": (1.0, 0.5)}, -0.1))
    assert all("peaks" not in move.why for move in level)  # the champion is the peak


def test_once_both_ways_are_known_smaller_steps_remain():
    found = listed("X = 1.0", ({"X": (1.0, 2.0)}, -0.1), ({"X": (1.0, 0.5)}, None))
    assert [values(move)["X"] for move in found] == [1.41, 0.707]  # the way that failed comes last
    assert listed("X = 1.0", ({"X": (1.0, 2.0)}, -0.1))[0].why.endswith("the other way")


def test_near_winners_are_combined():
    past = ({"X": (1.0, 2.0)}, 0.02), ({"N": (4, 5)}, -0.005), ({"B": (True, False)}, -0.5)
    found = listed("X = 1.0\nN = 4\nB = True", *past)
    both = [values(move) for move in found if len(move.values) > 1]
    assert both == [{"X": 2.0, "N": 5}]
    past = ({"X": (1.0, 2.0)}, 0.02), ({"N": (4, 5)}, None)
    assert all(len(move.values) == 1 for move in listed("X = 1.0\nN = 4", *past))


def test_numbers_in_a_list_are_followed_further_too():
    source = "A = 64  # 32 | 48 | 64 | 96 | 128"
    assert values(listed(source, ({"A": (96, 64)}, 0.1))[0]) == {"A": 48}
    assert values(listed(source, ({"A": (64, 96)}, -0.1))[0]) == {"A": 48}


def test_choices_are_tried_once_each():
    source = 'ACT = "a"  # a | b | c'
    assert [values(move)["ACT"] for move in listed(source)] == ["b", "c"]
    assert [values(move)["ACT"] for move in listed(source, ({"ACT": ("a", "b")}, -0.1))] == ["c"]


@pytest.mark.parametrize(
    ("source", "up", "down"),
    [
        ("A = 1e-3", 2e-3, 5e-4),
        ("A = 3e-4  # 1e-5..1e-2 log", 6e-4, 1.5e-4),
        ("A = 64", 128, 32),
        ("A = 64  # 16..64", None, 32),
        ("A = 4  # 2..8", 6, 2),
        ("A = 2  # 1..2", None, 1),
        ("A = 0.0  # 0..0.4", 0.1, None),
        ("A = 0.9", 0.95, 0.8),
        ("A = 64  # 32 | 64 | 96 | 192", 96, 32),
        ("A = 192  # 32 | 64 | 96 | 192", None, 96),
        ("A = 48  # 32 | 64 | 96", 64, 32),
        ("A = 0.5  # 0.25 | 0.5", None, 0.25),
        ("A = 1", 2, None),
        ("A = 9  # 2..8", None, 7),
        ("A = 1.0  # 2..8", 2.5, None),
    ],
)
def test_steps_stay_in_range_and_keep_the_type(source, up, down):
    (constant,) = find(source)
    for way, expected in ((1, up), (-1, down)):
        found = stepped(constant, way * stride(constant))
        assert found == expected
        assert found is None or type(found) is type(constant.value)


def test_importance_knows_common_names():
    weights = {
        constant.name: importance(constant) for constant in find("LR = 1.0\nWEIGHT_DECAY = 0.1\nEPS = 1e-8\nX = 1.0")
    }
    assert weights["LR"] > weights["WEIGHT_DECAY"] >= weights["X"] > weights["EPS"]
    (stated,), (plain,) = find("X = 1.0  # 0..2"), find("X = 1.0")
    assert importance(stated) > importance(plain)


def test_probes_are_single_changes_of_nothing_else():
    one = {("m", "X"): (1.0, 2.0)}
    two = {**one, ("m", "Y"): (1, 2)}
    past = [
        Trial(1, {}),
        Trial(2, {}, 1.0, changed=one, gain=0.5),
        Trial(3, {}, changed=two),
        Trial(4, {}, changed=one, code=True),
    ]
    ((key, (probe,)),) = probes(past).items()
    assert (key, probe.number, probe.old, probe.new, probe.gain) == (("m", "X"), 2, 1.0, 2.0, 0.5)

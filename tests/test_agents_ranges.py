import pytest

from autoloop_kernel.agents.ranges import LINEAR, LISTED, LOG, NEAR_ONE, Range, range_of


def stated(low, high, scale=LINEAR):
    return Range(low, high, scale, stated=True)


@pytest.mark.parametrize(
    ("value", "comment", "expected"),
    [
        (4, "# 2..8", stated(2, 8)),
        (4, "# 2..8 layers", stated(2, 8)),
        (4, "#2 .. 8", stated(2, 8)),
        (4, "# layers: 2..8, more is slower", stated(2, 8)),
        (4, "# 1_000..2_000", stated(1000, 2000)),
        (64, "# 16..256 log", stated(16, 256, LOG)),
        (3e-4, "# 1e-5..1e-2 log", stated(1e-5, 1e-2, LOG)),
        (3e-4, "# 1e-5..1e-2, log scale", stated(1e-5, 1e-2, LOG)),
        (0.1, "# 0..0.5", stated(0, 0.5)),
        (0.1, "# -.5...5", stated(-0.5, 0.5)),
        (0.1, "# logits 0..1", stated(0, 1)),
        (4, "# 8..2", stated(2, 8)),  # the wrong way round: read the right way
        (0.1, "# 0..1 log", stated(0, 1)),  # no logarithm of 0: linear
        (4, "# 1.5..8.5", stated(2, 8)),
        (9, "# 2..8", stated(2, 8)),  # outside: proposals go inside
        ("gelu", "# gelu | relu | silu", Range(choices=("gelu", "relu", "silu"), stated=True)),
        ("gelu", "# 'gelu'|\"relu 6\" | silu  an activation", Range(choices=("gelu", "relu 6", "silu"), stated=True)),
        (64, "# 32 | 64 | 128", Range(32, 128, LISTED, (32, 64, 128), stated=True)),
        (64, "# 128 | 64 | 32", Range(32, 128, LISTED, (32, 64, 128), stated=True)),
        (0.5, "# 0.5 | 1", Range(0.5, 1, LISTED, (0.5, 1.0), stated=True)),
        (0.95, "# 0.9..0.999", stated(0.9, 0.999, NEAR_ONE)),
        (True, "# 0..1", Range(choices=(False, True))),
    ],
)
def test_stated_ranges(value, comment, expected):
    found = range_of("NAME", value, comment)
    assert found == expected
    assert [type(choice) for choice in found.choices] == [type(value)] * len(found.choices)


@pytest.mark.parametrize(
    ("name", "value", "low", "high", "scale"),
    [
        ("LR", 1e-3, 2.5e-4, 4e-3, LOG),
        ("WIDTH", 64, 32, 128, LOG),
        ("DEPTH", 4, 2, 8, LINEAR),
        ("N", 1, 1, 4, LINEAR),
        ("N", 0, 0, 3, LINEAR),
        ("N", -2, -6, 2, LINEAR),
        ("X", -1.5, -4.5, 1.5, LINEAR),
        ("X", 0.0, -1.0, 1.0, LINEAR),
        ("DROPOUT", 0.0, 0.0, 0.5, LINEAR),
        ("WEIGHT_DECAY", 0.0, 0.0, 0.1, LINEAR),
        ("SCALE", 0.5, 0.125, 2.0, LOG),
    ],
)
@pytest.mark.parametrize(
    "comment",
    [
        "",
        "# the usual",
        "# see 3..",
        "# nan..inf",
        "# 0..1e300",
        "# 1 | 1" + "0" * 400,
        "# 0..1e999",
        "# 0.5..0.7 |",
        "# a | b",
    ],
)
def test_a_sensible_range_without_a_stated_one(name, value, low, high, scale, comment):
    if comment == "# 0.5..0.7 |" or (comment == "# a | b" and isinstance(value, str)):
        comment = "# 0.5..."
    found = range_of(name, value, comment)
    assert (found.low, found.high, found.scale, found.stated) == (pytest.approx(low), pytest.approx(high), scale, False)


@pytest.mark.parametrize("value", [0.9, 0.95, 0.99, 0.999])
def test_a_momentum_stays_below_one(value):
    found = range_of("BETA2", value, "")
    assert found.scale == NEAR_ONE
    assert 0 < found.low < value < found.high < 1
    assert range_of("DROPOUT", 0.3, "").high < 1


@pytest.mark.parametrize(
    ("value", "comment"), [("gelu", ""), ("gelu", "# an activation"), ("a", "# a | a"), (4, "# 4..4"), (4, "# 4 | 4")]
)
def test_nothing_to_choose_from(value, comment):
    assert range_of("NAME", value, comment) is None


@pytest.mark.parametrize("bounds", [Range(1e-5, 1e-2, LOG), Range(-3, 5), Range(0.5, 0.99, NEAR_ONE)])
def test_place_and_at_are_inverse(bounds):
    for share in (0.0, 0.3, 1.0):
        number = bounds.low + share * (bounds.high - bounds.low)
        assert bounds.at(bounds.place(number)) == pytest.approx(number)
    assert bounds.span > 0


def test_a_list_of_numbers_is_stepped_through():
    listed = Range(32, 128, LISTED, (32, 64, 128))
    assert listed.ordered
    assert [listed.place(value) for value in (16, 32, 48, 64, 128, 256)] == [-0.5, 0, 0.5, 1, 2, 2.5]
    assert [listed.at(place) for place in (-1, 0, 1, 1.7, 9)] == [32, 32, 64, 128, 128]
    assert not Range(choices=("a", "b")).ordered


def test_including_widens_where_the_scale_allows():
    assert Range(1.0, 2.0, LOG).including(4.0).high == 4.0
    assert Range(1.0, 2.0, LOG).including(0.0) == Range(1.0, 2.0, LOG)
    assert Range(0.5, 0.9, NEAR_ONE).including(1.0).high == 0.9
    assert Range(1.0, 2.0).including(-1.0).low == -1.0

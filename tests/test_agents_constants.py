import ast
import random

import pytest

from autoloop_kernel.agents.constants import constants, find, literal, read, rewrite, show

CELL = '''%matplotlib inline
"""A model. LR = 5 in words."""
# é: a comment
LR = 3e-4  # 1e-5..1e-2 log é
é = 3; WIDTH: int = 64   # wide
N_STEPS=1_000
ACT = "gelu"  # gelu | relu | silu
NEG = -1.5
USE_BIAS = True
MASK = 0xFF  # 0..0xFF
!ls -l "it's \\
  all there
found = !ls
Y = (1
  % 3)
LR?
P = (0.3)  # 0.1..0.5
\tif_not = 3
'''.replace("\tif_not = 3\n", "def f():\n    INNER = 3\n")


def by_name(source):
    return {constant.name: constant for constant in find(source)}


def test_what_is_found_and_where():
    found = by_name(CELL)
    assert list(found) == ["LR", "WIDTH", "N_STEPS", "ACT", "NEG", "USE_BIAS", "MASK", "P"]
    assert found["LR"].value == 3e-4
    assert found["WIDTH"].value == 64
    assert found["NEG"].value == -1.5
    for constant in found.values():
        assert CELL[constant.start : constant.end] == constant.text
        assert ast.literal_eval(constant.text) == constant.value


def test_only_the_literals_change():
    values = {"LR": 6e-4, "WIDTH": 128, "N_STEPS": 2000, "ACT": "relu", "NEG": 0.5, "USE_BIAS": False, "P": 0.25}
    written = rewrite({"model": CELL}, {("model", name): value for name, value in values.items()})["model"]
    expected = CELL
    for old, new in [
        ("LR = 3e-4", "LR = 6e-4"),
        ("int = 64", "int = 128"),
        ("=1_000", "=2_000"),
        ('"gelu"', '"relu"'),
        ("-1.5", "0.5"),
        ("USE_BIAS = True", "USE_BIAS = False"),
        ("(0.3)", "(0.25)"),
    ]:
        assert expected.count(old) == 1
        expected = expected.replace(old, new)
    assert written == expected


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_other_newlines_and_no_newline_at_the_end(newline):
    source = f"# one{newline}A = 1.0{newline}{newline}B = 2.0"
    changed = rewrite({"u": source}, {("u", "A"): 3.0, ("u", "B"): 4.0})
    assert changed == {"u": source.replace("1.0", "3.0").replace("2.0", "4.0")}


@pytest.mark.parametrize(
    "source",
    [
        "lr = 3",
        "A, B = 1, 2",
        "A = B = 3",
        "A = f()",
        "A = 1 + 2",
        "A = None",
        "A = b'x'",
        "A = 1j",
        "A = f'{x}'",
        "A = 1e999",
        "A = 1e200",
        "A = 1e-200",
        "A = 1" + "0" * 400,
        "A = -True",
        "A = 'text'",
        "A: int",
        "if x:\n    A = 3",
        "x.A = 3",
        "SEED = 3",
        "MY_SEED_2 = 3",
        "BUDGET_S = 3.0",
        "TIME_BUDGET = 3",
        "A = 3 +",
        "A = 3\x00",
        "%%bash\nA=3",
        "%%writefile x.py\nA = 3",
        "",
        "def f(:\n!x",
    ],
)
def test_what_is_no_tunable_constant(source):
    assert find(source) == ()


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("%%time\nA = 3", ["A"]),
        ("\n%%capture out\nA = 3", ["A"]),
        ("%%timeit -n 1\nA = 3", ["A"]),
        ("A = 3\n!echo (\n!echo 'it\"s'\nB = 4", ["A", "B"]),
        ("x = %env HOME\nA = 3", ["A"]),
        ("?print\nA = 3", ["A"]),
        ("for i in x:\n    !ls {i}\nA = 3", ["A"]),
        ("A = 3; B = 4  # 2..8", ["A", "B"]),
        ("_A1 = 3", ["_A1"]),
        ("A = 3\nA = 4", ["A"]),
        ("\ufeffA = 3", ["A"]),
        ("S = '\\d' 'x'  # a | b\nA = 3", ["S", "A"]),
    ],
)
def test_magics_and_odd_layouts(source, names):
    assert [constant.name for constant in find(source)] == names
    name = names[-1]
    value = by_name(source)[name].value
    written = rewrite({"u": source}, {("u", name): value + 2})["u"]
    head, _, tail = source.rpartition(str(value))
    assert written == f"{head}{value + 2}{tail}"


def test_the_comment_belongs_to_the_statement_before_it():
    found = by_name("A = 3; B = 4  # 2..8")
    assert (found["A"].range.stated, found["B"].range.stated) == (False, True)


def test_the_last_assignment_counts():
    assert rewrite({"u": "A = 3\nA = 4"}, {("u", "A"): 5}) == {"u": "A = 3\nA = 5"}


def test_units_and_files():
    units = {"model": "A = 1.0", "train.py": "B = 2.0", "data.yaml": "C = 3.0"}
    assert list(constants(units, ["train.py", "data.yaml"])) == [("model", "A"), ("train.py", "B")]
    assert rewrite(units, {("model", "A"): 1.0}) == {}


@pytest.mark.parametrize(
    ("value", "like", "text"),
    [
        (6e-4, "3e-4", "6e-4"),
        (0.0006, "0.0003", "0.0006"),
        (0.00006, "0.0003", "6e-5"),
        (1.5e-4, "3E-4", "1.5e-4"),
        (0.5, "3e-2", "0.5"),
        (0.012, "3e-3", "1.2e-2"),
        (2e5, "1e5", "2e5"),
        (-6e-4, "-3e-4", "-6e-4"),
        (0.0, "1e-3", "0.0"),
        (3.0, "2.", "3.0"),
        (1e9, "2.0", "1e9"),
        (2000, "1_000", "2_000"),
        (32, "0x10", "0x20"),
        (-8, "4", "-8"),
        (False, "True", "False"),
        ("relu", "'gelu'", "'relu'"),
        ("relu", '"gelu"', '"relu"'),
        ("it's", "'gelu'", '"it\'s"'),
    ],
)
def test_literals_keep_their_style(value, like, text):
    assert literal(value, like) == text
    assert ast.literal_eval(text) == value
    assert type(ast.literal_eval(text)) is type(value)


def test_literals_say_exactly_what_they_should():
    rng = random.Random(1)
    for _ in range(500):
        value = rng.choice((-1, 1)) * 10 ** rng.uniform(-12, 12)
        for like in ("1.0", "1e-3"):
            assert ast.literal_eval(literal(value, like)) == value


@pytest.mark.parametrize(
    ("source", "number", "value"),
    [
        ("A = 64", 100, 128),
        ("A = 64", 90, 64),
        ("A = 64", 33, 32),
        ("A = 64  # 48..96", 96, 64 + 32),  # no other power of two in range: any integer
        ("A = 64  # 16..100", 1000, 64),
        ("A = 4  # 2..8", 5.4, 5),
        ("A = 4  # 2..8", 50, 8),
        ("A = 1e-3", 0.00123456, 0.00123),
        ("A = 0.5  # 0.1234567..1", 0.0, 0.1234567),
        ("A = 0.99", 0.98765432, 0.9877),
    ],
)
def test_near_keeps_type_range_and_powers_of_two(source, number, value):
    (constant,) = find(source)
    found = constant.near(number)
    assert found == value
    assert type(found) is type(constant.value)


def test_show():
    assert [show(value) for value in (3e-4, 0.1, 64, True, "relu", 1.2e-3)] == [
        "3e-4",
        "0.1",
        "64",
        "True",
        "relu",
        "1.2e-3",
    ]


@pytest.mark.parametrize(
    "other",
    [
        CELL,
        CELL.replace("3e-4", "6e-4").replace('gelu"', 'relu"').replace("= True", "= False").replace("64", "1_024"),
        CELL.replace("3e-4", "f(6e-4)"),
        CELL.replace("3e-4", "6e-4 + 1"),
        CELL.replace("3e-4", "3"),
        CELL.replace("3e-4", "nothing"),
        CELL.replace("-1.5", "1.5e-7"),
        CELL.replace('"gelu"', "'it\\'s'"),
        CELL + "\nMORE = 3",
        "X = 1.0\n" + CELL,
        "",
        "broken (",
    ],
)
def test_reading_beside_a_similar_source_is_the_same_as_reading_it_alone(other):
    quick, alone = read(other, CELL), read(other, other)
    assert quick == alone
    assert dict(quick.values) == {constant.name: constant.value for constant in find(other)}
    texts = [constant.text for constant in find(other)]
    pieces = [piece for pair in zip(quick.frame, [*texts, ""], strict=True) for piece in pair]
    assert "".join(pieces) == other

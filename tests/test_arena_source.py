import pytest

from autoloop_kernel.arena.source import calls, code_key, fault, no_text, seeds, syntax_nodes


@pytest.mark.parametrize(
    "source",
    [
        "",
        "x = 1",
        "%matplotlib inline\nx = 1",
        "!ls -l\nfiles = !ls",
        "%%bash\nif [ 1 ]; then echo; fi",
        "len?",
        "await x",
        "    x = 1\n    y = 2",
        "print('\\d')",
        "# nothing",
    ],
)
def test_what_a_kernel_runs_passes_in_cells(source: str) -> None:
    assert fault(source) is None


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("x = (1,", "line 1"),
        ("x = 1\n\nif x\n  y", "line 3"),
        ("return 5", "outside function"),
        ("x = '", "line 1"),
        ("x = 1\0", "NUL"),
        ("x = '\ud800'", "surrogate"),
        ("(" * 5000 + ")" * 5000, "parse"),
        ("x = " + "-" * 20_000 + "1", "parse"),
    ],
)
def test_what_no_kernel_runs_has_a_reason(source: str, said: str) -> None:
    assert said in (fault(source) or "")


def test_files_hold_plain_python() -> None:
    assert fault("%matplotlib inline", magics=False) is not None
    assert fault("x = 1", magics=False) is None
    assert no_text("any text: {") is None
    assert no_text("\0") is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1", "x  =  1  # why\n\n"),
        ("def f(a):\n    return a", "def f( a ):\n\n        return (a)"),
        ("x = [1,\n     2]", "x = [1, 2]"),
        ("x = 'a'", 'x = "a"'),
        ("%time x = 1  \ny=2", "%time x = 1\ny = 2"),
    ],
)
def test_white_space_and_comments_do_not_count(one: str, other: str) -> None:
    assert code_key({"cell": one}) == code_key({"cell": other})
    assert code_key({"a.py": one}) == code_key({"a.py": other}) or "%" in one


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": "x = 1"}, {"a": "x = 2"}),
        ({"a": "x = 1"}, {"b": "x = 1"}),
        ({"a": "x = 1", "b": ""}, {"a": "", "b": "x = 1"}),
        ({"a": "def f():\n    'one'"}, {"a": "def f():\n    'two'"}),
        ({"a": "x = ' #1'"}, {"a": "x = ' #2'"}),
        ({"a": "if x:\n    y()\n    z()"}, {"a": "if x:\n    y()\nz()"}),
        ({"a": "%time x"}, {"a": "%time y"}),
        ({"a.txt": "# one"}, {"a.txt": "# two"}),
        ({"a.txt": "a\n  b"}, {"a.txt": "a\nb"}),
        ({"a": "x = 1.0"}, {"a": "x = 1"}),
    ],
)
def test_what_counts(one: dict[str, str], other: dict[str, str]) -> None:
    assert code_key(one) != code_key(other)


def test_other_text_is_held_line_by_line() -> None:
    assert code_key({"a.txt": "one  \n\n\ntwo\n\n"}) == code_key({"a.txt": "\none\n\ntwo"})
    assert code_key({"a": "x = (", "b": "y"}) == code_key({"b": "y ", "a": "x = (  \n"})


def test_order_of_units_does_not_count() -> None:
    assert code_key({"a": "1", "b": "2"}) == code_key({"b": "2", "a": "1"})


@pytest.mark.parametrize(
    ("less", "more"),
    [
        ("x = 1", "x = 1 + 1"),
        ("x = a", "x = -a"),
        ("if a:\n    b()", "if a:\n    b()\nelse:\n    c()"),
        ("f(x)", "f(x, key=y)"),
        ("!ls", "!ls\nx = 1"),
    ],
)
def test_more_code_has_more_syntax_nodes(less: str, more: str) -> None:
    assert 0 < syntax_nodes({"cell": less}) < syntax_nodes({"cell": more})


@pytest.mark.parametrize(
    ("one", "other"),
    [("x = 1", "x = -1"), ("x = 1", "# why\n\nx   =  1"), ("def f(): pass", "def f():\n    'What.'\n    pass")],
)
def test_signs_comments_and_docstrings_make_no_code_longer(one: str, other: str) -> None:
    assert syntax_nodes({"cell": one}) == syntax_nodes({"cell": other})


def test_what_is_no_python_has_no_syntax_nodes() -> None:
    assert syntax_nodes({"notes.txt": "x = 1", "cell": "def ("}) == 0
    assert syntax_nodes({"a.py": "x = 1", "b": "x = 1"}) == 2 * syntax_nodes({"b": "x = 1"})


def test_calls() -> None:
    assert calls("score(1)", "score")
    assert calls("x = cells.score(1)", "score")
    assert calls("%time score(1)\nscore(2)", "score")
    assert calls("broken (", "score")
    assert not calls("score = 5\n# score(1)\nprint('score(1)')", "score")


def test_seeds_are_found_wherever_they_hide() -> None:
    found = seeds({"a": "SEED = 1\nINIT_SEED: int = 2\nif x:\n    SEED += 1\nA, B_SEED = 3, 4\nseed = 5\nLR = 6"})
    assert dict(found) == {("SEED", "1"): 2, ("INIT_SEED", "2"): 1, ("B_SEED", "4"): 1}
    assert dict(seeds({"a.py": "[A, SEEDS] = f()", "b.txt": "SEED = 1", "c": "SEED = ("})) == {("SEEDS", "f()"): 1}

"""Syntax colours: classes by line, and never another text than the source."""

import re

import pytest

from autoloop_kernel.views.html.syntax import COLOURS, MOST_TOKENS, MOST_WIDTH, STYLE, highlight


def text_of(lines):
    return ["".join(text for _, text in pieces) for pieces in lines]


def kinds(name, *lines):
    return {text.strip(): kind for pieces in highlight(name, lines) for kind, text in pieces if text.strip()}


def test_cells_are_python():
    found = kinds("model", "@jit", "def f(x):", "    return len(x) + 3.5  # why", "    s = 'text' if z else self.a")
    assert found["@jit"] == "al-o"
    assert found["def"] == found["return"] == found["if"] == "al-k"
    assert found["f"] == "al-f"
    assert found["len"] == "al-b"
    assert found["3.5"] == "al-m"
    assert found["'text'"] == "al-s"
    assert found["# why"] == "al-c"
    assert found["self.a"] == ""


def test_strings_go_on_over_lines():
    found = highlight("model", ['"""one', "", 'two"""', "x"])
    assert found == [[("al-s", '"""one')], [], [("al-s", 'two"""')], [("", "x")]]


@pytest.mark.parametrize(
    ("name", "line", "word"), [("lib/net.py", "import os", "import"), ("c/run.toml", "on = true", "true")]
)
def test_files_by_their_extension(name, line, word):
    assert kinds(name, line)[word] == "al-k"


def test_unknown_files_are_plain():
    assert highlight("notes.unknown", ["def f():", ""]) == [[("", "def f():")], []]


@pytest.mark.parametrize("name", ["model", "a.py", "a.md", "a.json", "a.html", "a.c", "a.unknown"])
def test_the_text_stays_what_it_was(name):
    lines = [
        "",
        "\tif x:\t'",
        "%matplotlib inline",
        '</style>"""',
        "  trailing  ",
        "\ufeffé\u2028z",
        "",
        "",
        "f'{a!r:>{b}}'",
        "",
    ]
    assert text_of(highlight(name, lines)) == lines


def test_no_lines():
    assert highlight("model", []) == []


def test_much_and_wide_text_stays_plain():
    lines = ["a = b + c"] * (MOST_TOKENS // 5)
    found = highlight("model", lines)
    assert text_of(found) == lines
    assert len(found[0]) > 1
    assert found[-1] == [("", "a = b + c")]
    wide = "x = '" + "a" * MOST_WIDTH + "'"
    assert highlight("model", ["import os", wide]) == [[("", "import os")], [("", wide)]]


def test_every_colour_follows_the_editor_and_has_one_of_its_own():
    for name in COLOURS:
        assert re.search(
            rf"\.al-diff \.{name} {{ color: var\(--jp-mirror-editor-[a-z]+-color, var\(--al-\w+\)\);", STYLE
        )

"""Diffs that read by + and -, with colour or without."""

import io
import random
from itertools import pairwise

import pytest
from rich.console import Console

from autoloop_kernel.views.diff import changed, coloured, counts, lines, opcodes, unified, visible

BEFORE = {"model": "a = 1\nb = 2\nc = 3\n", "train": "x = 1\n", "same": "s\n"}
AFTER = {"model": "a = 1\nb = 5\nc = 3\n", "same": "s\n", "lib/new.py": "y = 2\n"}


def test_one_part_a_unit_with_what_the_two_sides_are():
    text = unified(BEFORE, AFTER, "iteration 1", "iteration 2")
    assert text.splitlines()[:6] == [
        "--- model\titeration 1",
        "+++ model\titeration 2",
        "@@ -1,3 +1,3 @@",
        " a = 1",
        "-b = 2",
        "+b = 5",
    ]
    assert "--- train\titeration 1\n+++ /dev/null\n" in text
    assert "--- /dev/null\n+++ lib/new.py\titeration 2\n" in text
    assert "same" not in text


def test_nothing_changed_is_empty():
    assert unified(BEFORE, BEFORE) == ""
    assert changed(BEFORE, BEFORE) == (0, 0)
    assert changed(BEFORE, AFTER) == (2, 2)


def printed(**options):
    out = io.StringIO()
    Console(file=out, width=40, **options).print(coloured(unified(BEFORE, AFTER)), soft_wrap=True)
    return out.getvalue()


def test_colour_is_an_addition_only():
    plain = printed(force_terminal=False)
    assert "\x1b" not in plain
    assert "-b = 2\n+b = 5\n" in plain
    lit = printed(force_terminal=True, color_system="standard")
    assert "\x1b[31m-b = 2" in lit
    assert "\x1b[32m+b = 5" in lit
    assert "\x1b[3" not in printed(force_terminal=True, no_color=True)


def test_sources_cannot_steer_the_terminal():
    assert visible("a\x1b[2Jb\tc\x9b") == "a\\x1b[2Jb\tc\\x9b"
    text = coloured(unified({"m": "x"}, {"m": "\x1b]0;title\x07y"})).plain
    assert "\x1b" not in text
    assert "\\x1b]0;title\\x07y" in text


def test_markup_in_sources_is_text():
    assert "+[bold]x[/bold]" in coloured(unified({"m": "x"}, {"m": "[bold]x[/bold]"})).plain


def test_lines_end_where_editors_say():
    assert lines("a\r\nb\rc\n\nd\x0ce\u2028f") == ["a", "b", "c", "", "d\x0ce\u2028f"]
    assert lines("") == []
    assert lines("\n") == [""]


def test_counts_are_of_lines_and_not_of_what_they_hold():
    assert counts("-- a\n++ b\nc\n", "c\n") == (0, 2)
    assert counts("a", "a\n") == (0, 0)
    assert counts("", "a\n\n") == (2, 0)
    assert changed({"m": "--- x\n"}, {"m": "+++ x\n"}) == (1, 1)


@pytest.mark.parametrize("letters", ["abc", "abcdefghijklmnopqrstuvwxyz"])
@pytest.mark.parametrize("long", [0, 3000])
@pytest.mark.parametrize("seed", range(10))
def test_steps_cover_both_sides(monkeypatch, seed, long, letters):
    monkeypatch.setattr("autoloop_kernel.views.diff.LONG", long)
    dice = random.Random(seed)
    a, b = ([dice.choice(letters) for _ in range(dice.randrange(20))] for _ in range(2))
    steps = opcodes(a, b)
    assert [a[i] for _, i1, i2, _, _ in steps for i in range(i1, i2)] == a
    assert [b[j] for _, _, _, j1, j2 in steps for j in range(j1, j2)] == b
    for tag, i1, i2, j1, j2 in steps:
        assert (a[i1:i2] == b[j1:j2]) is (tag == "equal")
        assert tag == "equal" or tag == {(1, 1): "replace", (1, 0): "delete", (0, 1): "insert"}[i1 < i2, j1 < j2]
    kinds = [step[0] == "equal" for step in steps]
    assert all(x != y for x, y in pairwise(kinds))


def test_long_texts_are_cut_at_lines_that_both_hold_once():
    a = [f"x = {i}" for i in range(4000)]
    b = [f"{line} + 1" if i % 2 else line for i, line in enumerate(a)]
    steps = opcodes(a, [*b[:50], *b[60:], *b[50:60]])
    assert sum(i2 - i1 for tag, i1, i2, _, _ in steps if tag == "equal") == 2000 - 5
    assert counts("\n".join(a), "\n".join(b)) == (2000, 2000)


def test_common_lines_are_anchors_unless_there_are_too_many():
    few = ["x"] * 300
    assert [step[0] for step in opcodes(["a", *few, "b"], ["c", *few, "d"])] == ["replace", "equal", "replace"]
    many = ["x"] * 1500
    assert [step[0] for step in opcodes(["a", *many, "b"], ["c", *many, "d"])] == ["replace"]


def test_what_hides_or_reorders_text_is_written_out():
    assert visible("a\u202eb\u200bc\ufeffd\ud800e\U000e0041f") == "a\\u202eb\\u200bc\\ufeffd\\ud800e\\U000e0041f"
    assert visible("é 漢\t👩\u200d🔬") == "é 漢\t👩\u200d🔬"

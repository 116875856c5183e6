"""Diffs that read by + and -, with colour or without."""

import io

from rich.console import Console

from autoloop_kernel.views.diff import changed, coloured, unified, visible

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

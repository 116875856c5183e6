import pytest

from autoloop_kernel.escapes import without_escapes


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("\x1b[31mred\x1b[0m and \x1b[1;38;5;208mloud\x1b[m", "red and loud"),
        ("\x1b[2K\x1b[1A\x1b[?25lstep 3\x1b[?25h\x1b[0 q", "step 3"),
        ("\x1b]0;a title\x07why", "why"),
        ("see \x1b]8;;http://a/?b=[c]\x1b\\here\x1b]8;;\x1b\\.", "see here."),
        ("cut off \x1b[38;5", "cut off "),
        ("cut off \x1b[", "cut off "),
        ("cut off \x1b", "cut off "),
        ("cut off \x1b]0;a title\x1b", "cut off "),
        ("\x1b]0;never ended", "0;never ended"),
        ("\x1b]0;never ended\nValueError: no good\nrang\x07", "0;never ended\nValueError: no good\nrang\x07"),
        ("\x1b]0;never ended \x1b[31mred\x1b[0m", "0;never ended red"),
        ("a\tb\r\nc [31m ]0; x[0] é 学", "a\tb\r\nc [31m ]0; x[0] é 学"),
        ("", ""),
    ],
)
def test_what_steers_a_terminal_goes_and_words_stay(text, plain):
    assert without_escapes(text) == plain

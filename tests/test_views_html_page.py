import json
import math
import re

import pytest
from html_kit import HOSTILE, bare, sound
from rich.table import Table
from rich.text import Text

from autoloop_kernel.views import words
from autoloop_kernel.views.html import page

PNG = b"\x89PNG\r\n\x1a\n..."


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("a < b & \"c\" 'd'", "a &lt; b &amp; &quot;c&quot; &#x27;d&#x27;"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("\x00\x1b[31m\x7f\x9b", "\\x00\\x1b[31m\\x7f\\x9b"),
        ("if a:\u202e # safe", "if a:\\u202e # safe"),
        ("lone \ud800 surrogate", "lone \ufffd surrogate"),
        (3, "3"),
    ],
)
def test_text_is_escaped_and_what_hides_in_it_is_written_out(given, wanted):
    assert page.esc(given) == wanted


def test_a_line_is_one_short_line():
    assert page.line("a\nb  <c>") == "a b  &lt;c&gt;"
    assert page.line("x" * 400).endswith("x…")
    assert len(page.line("x" * 400, 50)) == 50


def test_console_output_loses_its_colours_but_keeps_its_words():
    assert page.console("\x1b]0;title\x07\x1b[1;31mred\x1b[0m\x1b[K <b>") == "red &lt;b&gt;"


def test_json_holds_no_nan_no_surrogate_and_nothing_foreign():
    found = page.tidy({"a": math.nan, "b": [1, (2.5, math.inf)], "c\ud800": {"d": "\udfff"}, "e": {1, 2} and object})
    json.dumps(found, allow_nan=False, ensure_ascii=False).encode("utf-8")
    assert found["a"] is None
    assert found["b"] == [1, [2.5, None]]
    assert found["c\ufffd"] == {"d": "\ufffd"}
    assert isinstance(found["e"], str)


def test_plain_text_has_no_colours_and_no_trailing_blanks():
    table = Table("a", "b", box=None)
    table.add_row("[red]1[/red]", "2" * 200)
    text = page.text(table)
    assert "\x1b" not in text
    assert page.text(Text("a\x9b\u202e\ud800")) == "a\\x9b\\u202e\ufffd"
    assert all(len(each) <= page.WIDTH and each == each.rstrip() for each in text.split("\n"))


def test_the_frame_carries_the_style_and_leaves_empty_parts_out():
    html = page.block("<p>one</p>", "", "<p>two</p>")
    sound(html)
    assert html.count("<style>") == 1
    assert ".al-block" in html
    assert "<p>one</p>\n<p>two</p>" in html
    from autoloop_kernel.views.html.diff import STYLE

    assert STYLE.strip() in html


def test_every_colour_of_the_style_is_a_variable_with_a_fallback():
    uses = re.findall(r"(?:color|background|border[a-z-]*):([^;}]+)", page.STYLE)
    assert uses
    allowed = re.compile(r"var\(--al-[a-z]+\)|1px solid var\(--al-line\)|none|inherit|0|6px|collapse")
    assert [use for use in uses if not allowed.fullmatch(use.strip())] == []
    for jupyter in re.findall(r"var\(--(?:jp|vscode)-[^()]*", page.STYLE):
        assert "," in jupyter, f"{jupyter} has no fallback"


def test_every_variable_that_is_used_is_defined_in_light_and_dark():
    used = set(re.findall(r"var\((--al-[a-z]+)", page.STYLE))
    for palette in (page.LIGHT, page.DARK):
        assert used <= set(re.findall(r"(--al-[a-z]+):", palette))


def test_every_rule_stays_inside_the_block():
    rules = re.sub(r"@media[^{]*\{", "", page.STYLE)
    for selectors in re.findall(r"([^{}]+)\{", rules):
        assert all(".al-" in one for one in selectors.split(",")), selectors


def test_a_picture_is_inside_the_page_and_says_what_it_shows():
    html = page.picture(PNG, 'curve "of"\n<7>', 640)
    (tag, attributes), *_ = sound(html).tags
    assert tag == "img"
    assert attributes["src"].startswith("data:image/png;base64,iVBORw0KGgouLi4=")
    assert attributes["alt"] == 'curve "of" <7>'
    assert attributes["width"] == "640"


def test_pairs_read_without_style_and_are_bounded():
    html = page.pairs({"steps": 1234567, "loss": 0.00012345, "<b>": "x\ny", "nan": math.nan, "on": True}, "facts")
    assert sound(bare(html)).text.strip() == ("facts steps 1,234,567 · loss 0.0001234 · <b> x y · nan – · on True")
    assert page.pairs({}) == ""
    assert "and 940 more" in page.pairs({f"k{n}": n for n in range(1000)})


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        (4, 8, "+4"),
        (1_000_004, 4, "−1,000,000"),
        (1.0, 1.5, "+0.500"),
        (2, 2, ""),
        (None, 2, ""),
        (True, 2, ""),
        (math.nan, 2.0, ""),
        ("a", 2, ""),
    ],
)
def test_a_fact_says_by_how_much_it_changed(old, new, wanted):
    assert page.moved(old, new) == wanted


def test_a_whole_number_of_any_length_is_cut_short_and_fails_no_view():
    huge = 2**4000
    assert len(page.value(huge)) == 200
    assert page.value(huge).endswith("…")
    assert page.moved(huge, 1.5) == page.moved(1.5, -huge) == ""
    assert page.moved(huge, huge + 4) == "+4"


@pytest.mark.parametrize("look", words.LOOKS.values(), ids=words.LOOKS.keys())
def test_a_sign_stands_before_its_word(look):
    assert sound(page.sign(look)).text == f"{look.sign} {look.word}"


def test_a_table_has_heads_and_marked_rows():
    html = page.table(["", "what"], [["1", "<i>x</i>"], ["2", "y"]], ["al-num", ""], ["", "al-champion"])
    tags = sound(html).tags
    assert sum(tag == "td" for tag, _ in tags) == 4
    assert ("tr", {"class": "al-champion"}) in tags


def test_hostile_text_does_not_run_anywhere():
    html = page.block(
        page.head(HOSTILE, [HOSTILE]),
        page.figures([(page.esc(HOSTILE), HOSTILE)]),
        page.pairs({HOSTILE: HOSTILE}, "facts"),
        page.note(HOSTILE),
        page.prose(f"{HOSTILE}\n\n{HOSTILE}"),
        page.fold(HOSTILE, f"<pre>{page.console(HOSTILE)}</pre>"),
        page.picture(PNG, HOSTILE),
        page.table([HOSTILE], [[page.line(HOSTILE)]], [""]),
    )
    assert sound(html).text.count("<script>alert(1)</script></style>") == 13


def test_prose_keeps_paragraphs_and_cuts_what_is_endless():
    assert page.prose("one\ntwo\n\n three ") == (
        '<p class="al-hypothesis">one two</p>\n<p class="al-hypothesis">three</p>'
    )
    assert page.prose(" \n ") == ""
    assert len(page.prose("x" * 100_000)) < 4100


def test_a_fold_opens_without_a_script():
    assert ("details", {"class": "al-fold"}) in sound(page.fold("log", "<p>x</p>")).tags
    assert ("details", {"class": "al-fold", "open": None}) in sound(page.fold("log", "<p>x</p>", shown=True)).tags

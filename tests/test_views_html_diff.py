"""Diffs as HTML: complete as text, coloured by style, safe with any source."""

import re
from html.parser import HTMLParser

import pytest

from autoloop_kernel.views.diff import counts
from autoloop_kernel.views.html.diff import LONG_RUN, PLAIN_FOLD, SPLIT_LINES, STYLE, diff

VOID = {"br", "img"}
BEFORE = "import torch\n\n\ndef f(x):\n    y = x + 1\n    return y\n"
AFTER = "import torch\n\n\ndef f(x, scale=2):\n    # scaled\n    y = x + scale\n    return y\n"


class Page(HTMLParser):
    """The text, the tags and the classes of a fragment; fails where tags do not match."""

    def __init__(self, fragment):
        super().__init__()
        self.text, self.tags, self.classes, self.open, self.marks = "", [], set(), [], []
        self.feed(fragment)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.classes |= set((dict(attrs).get("class") or "").split())
        assert not {name for name, _ in attrs} - {"class", "colspan"}
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data
        if self.open and self.open[-1] in ("ins", "del"):
            self.marks.append((self.open[-1], data))


def shown(before, after, name="model", old="iteration 3", new="iteration 4"):
    return Page(diff(before if isinstance(before, dict) else {name: before}, {name: after}, old, new))


def unified(fragment):
    return Page(re.search(r'<div class="al-unified">.*?</div></div>', fragment, re.DOTALL)[0])


def test_it_reads_by_its_text_alone():
    page = unified(diff({"model": BEFORE}, {"model": AFTER}, "a", "b"))
    assert page.text == (
        "   1    import torch\n"
        "   2    \n"
        "   3    \n"
        "   4 -  def f(x):\n"
        "   5 -      y = x + 1\n"
        "   4 +  def f(x, scale=2):\n"
        "   5 +      # scaled\n"
        "   6 +      y = x + scale\n"
        "   7        return y\n"
    )
    assert page.marks == [("del", "1"), ("ins", ", scale=2"), ("ins", "scale")]


def test_the_head_says_what_changed_and_how_much():
    page = shown(BEFORE, AFTER)
    assert page.text.startswith("cell model +3 −2 iteration 3 → iteration 4")
    assert shown(BEFORE, AFTER, "model/net.py").text.startswith("file model/net.py +3 −2 ")
    assert counts(BEFORE, AFTER) == (3, 2)


def test_code_and_gutter_are_apart_so_that_code_can_be_copied():
    fragment = diff({"m": "a\n"}, {"m": "\tb\n"}, "a", "b")
    assert '<span class="al-g">   1 <b>+</b>  </span>' in fragment
    assert re.search(r"\.al-g \{[^}]*[^-]user-select: none", STYLE)
    copied = re.sub(r'<span class="al-g">.*?</span>', "", fragment)
    assert "\tb" in Page(copied).text
    assert "1" not in unified(copied).text


def split(fragment):
    return re.search(r'<details class="al-split">.*</details>', fragment, re.DOTALL)[0]


def test_side_by_side_is_closed_and_complete():
    beside = split(diff({"m": BEFORE}, {"m": AFTER}, "iteration 3", "iteration 4"))
    assert beside.startswith('<details class="al-split"><summary>Side by side</summary>')
    cells = [Page(cell).text for cell in re.findall(r"<t[dh] [^>]*>(.*?)</t[dh]>", beside, re.DOTALL)]
    assert list(zip(cells[::2], cells[1::2], strict=True)) == [
        ("iteration 3", "iteration 4"),
        ("   1    import torch\n   2    \n   3    \n", "   1    import torch\n   2    \n   3    \n"),
        ("   4 -  def f(x):\n", "   4 +  def f(x, scale=2):\n"),
        ("", "   5 +      # scaled\n"),
        ("   5 -      y = x + 1\n", "   6 +      y = x + scale\n"),
        ("   6        return y\n", "   7        return y\n"),
    ]


@pytest.mark.parametrize("picture", [unified, lambda fragment: Page(split(fragment))])
def test_both_pictures_hold_every_line_of_both_sides(picture):
    a = "".join(f"a{i} = {i}\n" for i in range(60))
    b = a.replace("a30 = 30\n", "").replace("a31 = 31", "a31 = 0").replace("a50", "extra = 1\na50")
    text = picture(diff({"m": a}, {"m": b}, "a", "b")).text
    for sign, only in (("-", {"a30 = 30", "a31 = 31"}), ("+", {"a31 = 0", "extra = 1"}), (" ", set())):
        source = {"-": only, "+": only, " ": set(a.splitlines()) & set(b.splitlines())}[sign]
        assert all(f" {sign}  {line}\n" in text for line in source)


def test_unchanged_runs_can_be_opened():
    a = [f"x{i} = {i}" for i in range(20)]
    page = shown("\n".join(a), "\n".join([*a[:10], "new", *a[10:]]))
    assert page.text.count("… 7 unchanged lines") == 4
    assert page.tags.count("summary") == page.tags.count("details") == 5
    assert "   1    x0 = 0\n" in page.text


def test_one_line_is_singular():
    added = "\n".join(str(i) for i in range(LONG_RUN + 1))
    assert f"… {LONG_RUN - 39} more added lines" in shown({}, added).text


@pytest.mark.parametrize(
    ("before", "after", "head"), [({}, "a = 1\n", "new +1"), ({"m": "a = 1\n"}, None, "removed −1")]
)
def test_whole_units(before, after, head):
    page = Page(diff(before, {} if after is None else {"m": after}, "a", "b"))
    assert page.text.startswith(f"cell m {head} a → b")
    assert "   1 {}  a = 1\n".format(head.split()[1][0].replace("−", "-")) in page.text
    assert "table" not in page.tags


def test_only_changed_units_in_their_order():
    before, after = {"b": "1", "same": "s", "a": "1"}, {"a": "2", "same": "s", "b": "2", "z": "3"}
    heads = re.findall(r"<b>(\w+)</b></span>", diff(before, after, "x", "y"))
    assert heads == ["b", "a", "z"]


def test_nothing_differs():
    page = Page(diff({"a": "1"}, {"a": "1"}, "iteration <3>", "iteration 4"))
    assert page.text == "Nothing differs between iteration <3> and iteration 4."


@pytest.mark.parametrize(
    ("before", "after", "note"),
    [
        ("x = 1", "x = 1\n", "Only the newline at its end differs."),
        ("x = 1\ny = 1\n", "x = 1\r\ny = 1\r\n", "Line ends: LF → CR LF."),
        ("x = 1\r\ny = 1\nz", "x = 1\ny = 1\r\nz", "Only line ends differ."),
        ("x = 1\r\ny = 1\r\n", "x = 2\ny = 1\n", "Line ends: CR LF → LF."),
        (None, "", "It has no lines."),
    ],
)
def test_what_lines_do_not_show_is_said(before, after, note):
    page = shown({} if before is None else before, after)
    assert note in page.text
    assert "\r" not in page.text


def test_a_newline_at_the_end_is_not_worth_a_word_beside_a_change():
    assert "newline" not in shown("x = 1", "x = 2\n").text


def test_emptied_and_filled_sources():
    assert "   1 -  x = 1\n" in shown("x = 1", "").text
    assert "   1 +  x = 1\n" in shown("", "x = 1").text


TAGS = {"div", "span", "b", "p", "pre", "details", "summary", "table", "thead", "tbody", "tr", "th", "td", "ins", "del"}
HOSTILE = """</pre></details></style><script>alert("1")</script><img src=x onerror='y'>&lt;&amp;"""


def test_hostile_text_is_text():
    page = Page(diff({HOSTILE: "a"}, {HOSTILE: HOSTILE}, HOSTILE, HOSTILE))
    assert set(page.tags) <= TAGS
    assert page.text.count(HOSTILE) >= 4
    words = shown(f"s = {HOSTILE}", f"s = x{HOSTILE}y")
    assert f"s = x{HOSTILE}y\n" in words.text
    assert "script" not in words.tags


def test_what_cannot_be_seen_is_written_out():
    fragment = diff({"m": "x = 1"}, {"m": "x = '\x1b[2J\x00\u202e\u200b\ud800\x0c'\t# z"}, "a\x1b\nb", "c")
    assert "x = '\\x1b[2J\\x00\\u202e\\u200b\\ud800\\x0c'\t# z\n" in Page(fragment).text
    assert "a b →" in Page(fragment).text
    assert not re.search(r"[\x00-\x08\x0b-\x1f\u202e\u200b\ud800]", fragment)
    fragment.encode()


def test_long_lines_are_cut():
    page = shown("a", "x" * 1_000_000)
    assert "x … 996,000 more characters\n" in page.text
    assert len(page.text) < 20_000


def test_large_changes_are_carried_once():
    a = [f"x{i} = {i}" for i in range(SPLIT_LINES)]
    page = shown("\n".join(a), "\n".join(f"{line} + 1" for line in a))
    assert "table" not in page.tags
    assert f"   1 -  {a[0]}\n" in page.text
    assert f"{SPLIT_LINES:>4} +  {a[-1]} + 1\n" in page.text


def test_a_long_fold_is_carried_once_and_plain():
    a = [f"x{i} = None" for i in range(PLAIN_FOLD + 10)]
    fragment = diff({"m": "\n".join(a)}, {"m": "\n".join(["import os", *a])}, "a", "b")
    assert fragment.count("x100 = None\n") == 1
    assert fragment.count("307 unchanged lines") == 2
    assert fragment.count("None</span>") == 3 + 2 * 3


def test_numbers_beyond_four_digits_keep_the_columns():
    a = ["pass"] * 10_000
    text = shown("\n".join(a), "\n".join([*a, "end"])).text
    assert " 9998    pass\n" in text
    assert "10001 +  end\n" in text


def test_removed_lines_of_a_long_source_have_colours_of_their_own():
    a = [f"x{i} = {i}" for i in range(3000)]
    b = [line if i != 1500 else "import os" for i, line in enumerate(a)]
    fragment = diff({"m": "\n".join(b)}, {"m": "\n".join(a)}, "a", "b")
    assert '<span class="al-k">import' in fragment


def test_every_class_is_ours_and_has_its_rule():
    big = "\n".join(f"y{i} = {i}" for i in range(LONG_RUN + 1))
    fragment = diff({"m": BEFORE, "gone": "x", "n": "1"}, {"m": AFTER, "b": big, "n": "1\n"}, "a", "b")
    classes = Page(fragment).classes
    assert all(name.startswith("al-") for name in classes)
    assert {name for name in classes if f".{name} " not in STYLE and f".{name}." not in STYLE} <= {
        "al-state",
        "al-b",
        "al-unit",
    }


def test_colours_come_from_themes():
    body = re.sub(r"--al-[\w-]+: [^;]+;", "", STYLE)
    assert not re.search(r"#[0-9a-f]{3,8}\b(?![^(]*\))", body)
    assert 'body[data-jp-theme-light="false"] .al-diff' in STYLE
    assert "body:not([data-jp-theme-light])" in STYLE
    assert STYLE.count("{") == STYLE.count("}")
    assert "</" not in STYLE

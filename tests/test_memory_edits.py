"""What an edit is made of, when two are nearly the same, and how far a base has moved."""

import random

import pytest

from autoloop_kernel.memory.edits import SKETCHED, Noticed, edit_of, fresh, gone, is_telling, moved, rounded, similar

MODEL = """\
LR = 0.02  # the rate
DEPTH = 4

def forward(x):
    return x * DEPTH
"""


def edited(**texts: str):
    """The edit of `MODEL` that replaces texts in it: NAME="its new value"."""
    source = MODEL
    for name, value in texts.items():
        old = next(line for line in MODEL.splitlines() if line.startswith(name))
        source = source.replace(old, f"{name} = {value}")
    return edit_of({"model": MODEL}, {"model": source})


def test_an_edit_is_its_lines_without_comments_and_white_space():
    other = MODEL.replace("  # the rate", "   # another word").replace("\n\n", "\n\n\n").replace("4", "8")
    edit = edit_of({"model": MODEL, "a.txt": "same"}, {"model": other, "a.txt": "same"})
    assert (edit.added, edit.removed) == ((("model", "DEPTH = 8"),), (("model", "DEPTH = 4"),))
    assert (edit.units, edit.names) == (("model",), ("DEPTH",))
    assert edit_of({"model": MODEL}, {"model": MODEL + "\n# nothing\n"}).added == ()


def test_what_lines_assign_or_define_names_them():
    source = "def step(self, x):\n    pass\nclass Net(Base):\n    width: int = 3\nself.lr += 0.1\nw[0] = 2\nx == 3\n"
    assert edit_of({}, {"model": source}).names == ("step", "Net", "width", "self.lr", "w")


@pytest.mark.parametrize(
    ("one", "other", "near"),
    [
        ("0.03", "0.03001", True),
        ("0.03", "3e-2", True),
        ("0.03", "0.04", False),
        ("0.03", "LR_MAX", False),
    ],
)
def test_numbers_count_to_about_two_percent(one, other, near):
    assert (similar(edited(LR=one).sketch, edited(LR=other).sketch) == 1.0) is near


def test_a_long_edit_with_one_line_varied_is_nearly_the_same_and_another_idea_is_not():
    block = [f"layer_{n} = make(width={n}00)" for n in range(20)]
    varied = [*block[:7], "layer_7 = make(width=7000)", *block[8:]]
    one = edit_of({"model": MODEL}, {"model": MODEL + "\n".join(block)})
    two = edit_of({"model": MODEL}, {"model": MODEL + "\n".join(varied)})
    assert similar(one.sketch, two.sketch) == pytest.approx(19 / 21)
    assert similar(one.sketch, edited(LR="0.5").sketch) == 0.0
    assert similar((), ()) == 0.0


def test_the_sketch_of_a_long_edit_estimates_what_is_common():
    rng = random.Random(3)
    lines = [f"v{n} = f({rng.random()})" for n in range(2000)]
    errors = []
    for cut in range(0, 1000, 250):
        one = edit_of({}, {"model": "\n".join(lines[:1000])})
        two = edit_of({}, {"model": "\n".join(lines[cut : cut + 1000])})
        assert len(one.sketch) == len(two.sketch) == SKETCHED
        errors.append(similar(one.sketch, two.sketch) - (1000 - cut) / (1000 + cut))
    assert max(map(abs, errors)) < 0.15
    assert abs(sum(errors) / len(errors)) < 0.09


def test_lines_that_left_and_lines_that_came_back():
    after = MODEL.replace("LR = 0.02", "LR = 0.05")
    step = edit_of({"model": MODEL}, {"model": after})
    assert gone(step, {"model": after}) == [("model", "LR = 0.02")]
    back = edit_of({"model": after}, {"model": MODEL})
    assert fresh(back, {"model": after}) == [("model", "LR = 0.02")]
    doubled = edit_of({"model": MODEL}, {"model": MODEL + "LR = 0.02\n"})
    assert doubled.added == (("model", "LR = 0.02"),)
    assert fresh(doubled, {"model": MODEL}) == [], "it was there all the time"


@pytest.mark.parametrize("line", ["else:", "return x", "pass", ")", "import os", "try:"])
def test_lines_that_may_come_back_at_any_time_say_nothing(line):
    assert not is_telling(line)


def test_how_far_a_unit_has_moved():
    half = MODEL.replace("LR = 0.02", "LR = 1").replace("DEPTH = 4", "DEPTH = 5")
    assert moved({"model": MODEL}, {"model": MODEL}, ["model"]) == 0.0
    assert moved({"model": MODEL}, {"model": half}, ["model"]) == pytest.approx(0.5)
    assert moved({"model": MODEL}, {}, ["model"]) == 1.0
    assert moved({"model": MODEL}, {"model": half}, ["another"]) == 0.0


def test_numbers_within_names_stay():
    assert rounded("x1 = y2 + 3") == f"x1 = y2 + {rounded('3')}"
    assert rounded("0") == rounded("0.0") == "#0"


def test_what_is_said_of_an_edit():
    edit = edited(LR="0.03")
    assert Noticed(edit).notes() == ()
    lines = [("model", f"A{n} = {n}") for n in range(5)]
    near, again = Noticed(edit, 7, 0.9, "discard, 3.1", {4: lines}).notes()
    assert near == "nearly the same edit as iteration 7 (discard, 3.1): 90% of its lines"
    assert again.startswith("it adds again what iteration 4, a kept step, took out: A0 = 0 (model); A1")
    assert again.endswith("and 2 more")

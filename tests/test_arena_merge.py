"""Two edits of one text: what comes out has both, or nothing comes out."""

import random

import pytest

from autoloop_kernel.arena.merge import merge3, merge_units

TEXT = "import numpy as np\n\nLR = 0.1\nDEPTH = 4\n\n\ndef step(x):\n    return x\n\n\nWIDTH = 8\nsubmit(step)"


def lines(rng: random.Random, count: int) -> list[str]:
    """Lines of which many are alike, as in code."""
    return [rng.choice(["", "    pass", "x = 1", f"y = {rng.random():.3f}"]) for _ in range(count)]


def edited(rng: random.Random, text: list[str], start: int, stop: int) -> list[str]:
    """`text` with one to four lines of start:stop replaced, removed or added to."""
    at = rng.randrange(start, stop)
    until = min(stop, at + rng.randrange(0, 4))
    fresh = [f"new {rng.random()}" for _ in range(rng.randrange(0 if until > at else 1, 4))]
    return text[:at] + fresh + text[until:]


@pytest.mark.parametrize("seed", range(60))
def test_edits_of_different_places_both_come_through(seed):
    rng = random.Random(seed)
    top, bottom = lines(rng, rng.randrange(2, 20)), lines(rng, rng.randrange(2, 20))
    between = [f"kept {n}" for n in range(4)]
    end = rng.choice(["", "\n", "\r\n"])
    newline = "\r\n" if end == "\r\n" else "\n"

    def text(*parts: list[str]) -> str:
        return newline.join(line for part in parts for line in part) + end

    ours, theirs = edited(rng, top, 0, len(top)), edited(rng, bottom, 0, len(bottom))
    base = text(top, between, bottom)
    both = text(ours, between, theirs)
    assert merge3(base, text(ours, between, bottom), text(top, between, theirs)) == both
    assert merge3(base, text(top, between, theirs), text(ours, between, bottom)) == both


@pytest.mark.parametrize("seed", range(40))
def test_what_comes_out_has_every_new_line_of_both_and_none_that_either_removed(seed):
    rng = random.Random(1000 + seed)
    base = [f"line {n}" for n in range(rng.randrange(1, 30))]
    ours, theirs = (edited(rng, base, 0, len(base)) for _ in range(2))
    merged = merge3("\n".join(base), "\n".join(ours), "\n".join(theirs))
    swapped = merge3("\n".join(base), "\n".join(theirs), "\n".join(ours))
    assert merged == swapped
    if merged is None:
        return
    got = merged.split("\n")
    assert set(got) == ((set(ours) | set(theirs)) - set(base)) | (set(base) & set(ours) & set(theirs))


@pytest.mark.parametrize("seed", range(20))
def test_one_edit_alone_and_the_same_edit_twice_are_that_edit(seed):
    rng = random.Random(2000 + seed)
    base = rng.choice([TEXT, "", "x", "\n".join(lines(rng, 10)), "a\0b\ud800"])
    other = rng.choice(["", base + "\nmore", "\ud800", "\0\r\n"])
    assert merge3(base, other, base) == other
    assert merge3(base, base, other) == other
    assert merge3(base, other, other) == other
    assert merge3(base, base, base) == base


def test_the_same_place_changed_twice_is_a_conflict():
    a, b = TEXT.replace("LR = 0.1", "LR = 0.2"), TEXT.replace("LR = 0.1", "LR = 0.3")
    assert merge3(TEXT, a, b) is None
    assert merge3(TEXT, a, "") is None, "one changed what the other removed"
    assert merge3(TEXT, a, a.replace("WIDTH = 8", "WIDTH = 9")) == a.replace("WIDTH = 8", "WIDTH = 9")


def test_constants_that_stand_line_below_line_may_both_be_tuned():
    a, b = TEXT.replace("LR = 0.1", "LR = 0.2"), TEXT.replace("DEPTH = 4", "DEPTH = 5")
    both = a.replace("DEPTH = 4", "DEPTH = 5")
    assert merge3(TEXT, a, b) == merge3(TEXT, b, a) == both
    longer = b.replace("    return x", "    y = x\n    return y")
    assert merge3(TEXT, a, longer) == merge3(TEXT, longer, a) == longer.replace("LR = 0.1", "LR = 0.2")
    assert merge3("A = 1\nB = 2", "A = 1\nB = 3", "A = 0\nB = 2") == "A = 0\nB = 3"
    same = a.replace("DEPTH = 4", "DEPTH = 7")
    assert merge3(TEXT, same, b.replace("5", "7").replace("8", "9")) == same.replace("WIDTH = 8", "WIDTH = 9")


def test_lines_added_or_removed_right_beside_a_change_are_a_conflict():
    tuned = TEXT.replace("LR = 0.1", "LR = 0.2")
    assert merge3(TEXT, tuned, TEXT.replace("DEPTH = 4", "HEADS = 2\nDEPTH = 4")) is None
    assert merge3(TEXT, tuned, TEXT.replace("DEPTH = 4\n", "")) is None
    assert merge3(TEXT, TEXT.replace("DEPTH", "A = 1\nDEPTH"), TEXT.replace("DEPTH", "B = 1\nDEPTH")) is None
    assert merge3(TEXT, tuned, TEXT.replace("LR = 0.1\nDEPTH = 4", "LR = 0.3\nDEPTH = 5")) is None


def test_a_long_text_is_git_s_alone():
    base = "x = 1\n" * 5000 + "A = 1\nB = 1\n"
    assert merge3(base, base.replace("A = 1", "A = 2"), base.replace("B = 1", "B = 2")) is None


def test_what_git_cannot_read_is_a_conflict_not_a_wreck():
    assert merge3("a\nb\nc\nd", "A\nb\nc\nd", "a\nb\nc\n\0") is None
    assert merge3("a\nb\nc\nd", "A\nb\nc\nd", "a\nb\nc\n\ud800") is None


def test_umlauts_and_a_long_text_go_through():
    base = [f"größe_{n} = {n % 7}" for n in range(20_000)]
    ours, theirs = list(base), list(base)
    ours[3], theirs[19_000] = "unser = 'ä'", "ihr = '→'"
    both = list(ours)
    both[19_000] = theirs[19_000]
    assert merge3("\n".join(base), "\n".join(ours), "\n".join(theirs)) == "\n".join(both)


def test_units_are_merged_each_by_itself():
    base = {"model": "A = 1\n\n\nB = 2", "train.py": "x\n", "same": "s"}
    ours = {"model": "A = 9\n\n\nB = 2", "train.py": "y\n", "same": "s", "new": "ours"}
    theirs = {"model": "A = 1\n\n\nB = 3", "train.py": "z\n", "new": "theirs", "other": "o"}
    merged, conflicts = merge_units(base, ours, theirs)
    assert merged == {"model": "A = 9\n\n\nB = 3", "other": "o"}
    assert conflicts == ["train.py", "new"]
    assert merge_units(base, ours, {}) == ({}, [])

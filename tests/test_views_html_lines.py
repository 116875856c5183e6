"""How two versions lie against each other: blocks, folds, edited lines, words."""

import random

import pytest

from autoloop_kernel.views.html.lines import Block, blocks, fold, words


def cut(line, spans):
    return [line[start:end] for start, end in spans]


def marked(old, new):
    gone, came = words(old, new)
    return cut(old, gone), cut(new, came)


@pytest.mark.parametrize("seed", range(20))
def test_blocks_lead_from_one_text_to_the_other_without_gaps(seed):
    dice = random.Random(seed)
    a = [f"x = {dice.randrange(9)}" for _ in range(dice.randrange(40))]
    b = [line if dice.random() < 0.7 else f"{line}  # {dice.random()}" for line in a if dice.random() < 0.8]
    found = blocks(a, b)
    assert [i for block in found for i in block.old] == list(range(len(a)))
    assert [j for block in found for j in block.new] == list(range(len(b)))
    for block in found:
        old, new = [a[i] for i in block.old], [b[j] for j in block.new]
        assert (old == new) is block.same
        assert all(i in block.old and j in block.new for i, j in block.edits)
        assert all(x[0] < y[0] and x[1] < y[1] for x, y in zip(block.edits, block.edits[1:], strict=False))


def test_no_lines_at_all():
    assert blocks([], []) == []
    assert blocks([], ["a"]) == [Block(False, range(0), range(1))]
    assert blocks(["a"], []) == [Block(False, range(1), range(0))]


def test_an_edited_line_finds_itself_among_new_ones():
    a = ["y = attend(q, k, v, is_causal=True)"]
    b = ["v = v + sigmoid(gate) * v0", "y = attend(q, norm(k), v, is_causal=True)", "return"]
    assert blocks(a, b)[0].edits == ((0, 1),)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("LR = 4e-3", "LR = 0.02  # found by hand, the best of five"),
        ("def f(x):", "def f(batch, width=3, *, depth: int = 7) -> Tensor:"),
        ("self.name = 'a'", "self.name: str = render(title, width)"),
        ("    return x * 2", "        return x * 2"),
    ],
)
def test_what_belongs_together_however_much_of_it_is_new(old, new):
    assert blocks([old], [new])[0].edits == ((0, 0),)


@pytest.mark.parametrize(("old", "new"), [("import math", "x = foo(3)"), ("", "    "), ("foo(a, b)", "bar[c] - d")])
def test_what_does_not_belong_together(old, new):
    assert blocks([old], [new])[0].edits == ()


def test_words_are_names_numbers_and_signs():
    assert marked("lr = 4e-3 * s", "lr = 8e-3 * s") == (["4e-3"], ["8e-3"])
    assert marked("a.warmup_steps = 1", "a.warmdown_steps = 1") == (["warmup_steps"], ["warmdown_steps"])
    assert marked("f(k)", "f(norm(k))") == ([], ["norm(", ")"])
    assert marked("f(a, b, c)", "f(a, c)") == (["b,"], [])


def test_a_phrase_is_one_mark_without_white_space_round_it():
    assert marked("a = 'one two three'", "a = 'six seven three'") == (["one two"], ["six seven"])
    assert marked("return x", "return x * scale") == ([], ["* scale"])


def test_indentation_alone_is_marked_too():
    gone, came = words("x = 1", "    x = 1")
    assert (gone, came) == ((), ((0, 4),))


def test_words_of_endless_lines_are_not_compared():
    assert words("a " * 1000, "a " * 999 + "b") == ((), ())


def test_large_changes_have_no_edits():
    old, new = [f"x{i} = {i}" for i in range(100)], [f"x{i} = {-i}" for i in range(100)]
    assert blocks(old, new)[0].edits == ()
    assert len(blocks(old[1:60], new[1:60])[0].edits) == 59


def test_many_small_changes_stop_being_paired(monkeypatch):
    monkeypatch.setattr("autoloop_kernel.views.html.lines.ALL_PAIRS", 16 * 10)
    old = [f"x = {i}" for i in range(60)]
    new = [line + " + 1" if i % 2 else line for i, line in enumerate(old)]
    assert [bool(block.edits) for block in blocks(old, new) if not block.same] == [True] * 10 + [False] * 20


def sizes(found):
    return [(len(block.old), block.same, block.folded) for block in found]


def test_long_unchanged_runs_are_folded_beside_their_context():
    a = [str(i) for i in range(30)]
    b = [*a[:10], "new", *a[10:20], "newer", *a[20:]]
    found = fold(blocks(a, b))
    assert sizes(found) == [
        (7, True, True),
        (3, True, False),
        (0, False, False),
        (3, True, False),
        (4, True, True),
        (3, True, False),
        (0, False, False),
        (3, True, False),
        (7, True, True),
    ]
    assert [i for block in found for i in block.old] == list(range(30))
    assert [j for block in found for j in block.new] == list(range(32))


def test_a_short_run_is_not_worth_folding():
    a = [str(i) for i in range(9)]
    found = fold(blocks(a, ["x", *a, "y"]))
    assert sizes(found) == [(0, False, False), (9, True, False), (0, False, False)]

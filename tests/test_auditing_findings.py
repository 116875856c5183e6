"""What a log says against itself, on lines that were made to."""

from audit_kit import read_rows

from autoloop_kernel.auditing import findings, story
from autoloop_kernel.records import Direction


def told(rows, direction=Direction.MIN):
    entries = read_rows(rows, direction).entries
    return entries, story.tell(entries, direction)


ROWS = [
    "a1b2c3d 0.9979 keep baseline",
    "b2c3d4e 0.9932 keep lr",
    "c3d4e5f 0.9950 keep worse, and kept",
    "d4e5f6a 0.9901 discard better, and thrown away",
    "e5f6a7b 0.9932 keep as good as the best",
    "c3d4e5f 0.9950 discard Worse, and  kept",
    "f6a7b8c 0.000000 crash out of memory",
    "a7b8c9d nan discard diverged",
    "b8c9d0e 0.0 discard forgot to write",
    "c9d0e1f 1.5 crash slow and dead",
]


def said(found):
    return [(doubt.lines, doubt.said.split(" by ")[0].split(" than ")[0]) for doubt in found]


def test_contradictions_are_worse_keeps_better_discards_and_commits_with_two_verdicts():
    entries, steps = told(ROWS)
    assert said(findings.contradictions(entries, steps)) == [
        ((3,), "kept, though worse"),
        ((3, 6), "the same commit and description, kept here and not there"),
        ((4,), "discarded, though better"),
    ]


def test_the_other_direction_turns_them_round():
    entries, steps = told(["a1b2c3d 0.9 keep x", "b2c3d4e 0.8 keep y", "c3d4e5f 0.95 discard z"], Direction.MAX)
    assert said(findings.contradictions(entries, steps)) == [
        ((2,), "kept, though worse"),
        ((3,), "discarded, though better"),
    ]
    assert not findings.contradictions(entries, steps[:1])


def test_keeps_without_gain_are_the_worse_and_the_equal_ones():
    _, steps = told(ROWS)
    assert said(findings.unimproving(steps)) == [
        ((3,), "worse"),
        ((5,), "as good as line 2 to the last digit"),
    ]


def test_false_minima_are_zeros_of_crashes_and_of_others_and_what_is_no_number():
    entries, steps = told(ROWS)
    assert said(findings.false_minima(entries, steps, Direction.MIN)) == [
        ((7,), "a crash logged as 0, better"),
        ((8,), "a run logged as not a number"),
        ((9,), "a run logged as 0, which stands for no score"),
    ]
    assert [step.entry.line for step in steps] == [1, 2, 3, 4, 5, 6]


def test_a_zero_is_a_score_where_others_come_near_it_and_where_higher_is_better():
    rows = ["a1b2c3d 0.9 keep x", "b2c3d4e 0.1 keep y", "c3d4e5f 0.0 keep z", "d4e5f6a 0.5 discard z"]
    entries, steps = told(rows)
    assert len(steps) == 4
    assert not findings.false_minima(entries, steps, Direction.MIN)
    rows = ["a1b2c3d 0.9 keep x", "b2c3d4e 0.0 crash y", "c3d4e5f 1e300 crash z", "d4e5f6a 9.9 crash z"]
    entries, steps = told(rows, Direction.MAX)
    assert said(findings.false_minima(entries, steps, Direction.MAX)) == [
        ((3,), "a crash logged as infinite"),
        ((4,), "a crash logged as 9.9, better"),
    ]


def test_numbers_that_stand_for_no_score_are_left_out_in_either_direction():
    rows = [
        "a1b2c3d -999.000 keep none",
        "b2c3d4e 1.08 keep first",
        "c3d4e5f 0.7 discard x",
        "d4e5f6a -1 discard failed",
    ]
    entries, steps = told(rows, Direction.MAX)
    assert [step.entry.line for step in steps] == [2, 3]
    assert said(findings.false_minima(entries, steps, Direction.MAX)) == [
        ((1,), "a run logged as -999, which stands for no score"),
        ((4,), "a run logged as -1, which stands for no score"),
    ]
    _, steps = told([*rows, "e5f6a7b -0.4 discard y"], Direction.MAX)
    assert [step.entry.line for step in steps] == [2, 3, 4, 5]


def test_duplicates_share_a_commit_or_a_description_and_blank_ones_share_nothing():
    entries, _ = told(
        [
            "a1b2c3d 0.9979 keep Wider  model",
            "a1b2c3d 0.9979 keep Wider  model",
            "- 0.9971 discard deeper",
            "- 0.9972 discard DEEPER",
            "b2c3d4e 0.99 discard wider model",
            "- 0 crash oom",
            "- 0 crash oom",
        ]
    )
    assert said(findings.duplicates(entries)) == [
        ((1, 2), "the same commit and the same score"),
        ((1, 2, 5), "the same description"),
        ((3, 4), "the same description"),
    ]


def test_equal_scores_of_different_experiments_stand_beside_what_chance_makes_of_them():
    _, steps = told(
        [f"{k:07x} {1 + k / 100:.6f} discard x{k}" for k in range(100)] + ["ffffff1 1.500000 discard copied"]
    )
    found, by_chance = findings.equal_scores(steps)
    assert said(found) == [((51, 101), "the same score to the last digit")]
    assert by_chance < 60  # a grid that is full: every neighbour is taken


def test_chance_explains_equal_scores_where_they_have_few_digits():
    import random

    draw = random.Random(3)
    _, steps = told([f"{k + 9999:07x} {draw.gauss(1, 0.01):.3f} discard x{k}" for k in range(200)])
    found, by_chance = findings.equal_scores(steps)
    pairs = sum(len(doubt.lines) * (len(doubt.lines) - 1) // 2 for doubt in found)
    assert 0.8 * pairs < by_chance < 1.2 * pairs
    _, steps = told([f"{k + 9999:07x} {draw.gauss(1, 0.01):.9f} discard x{k}" for k in range(200)])
    assert findings.equal_scores(steps)[1] < 0.1

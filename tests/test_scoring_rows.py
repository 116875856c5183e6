"""Rows that are asked about: each answered by itself, or the answer is refused."""

import numpy as np
import pytest
from template_kit import foreseen

from autoloop_kernel.scoring import AnswerRefused
from autoloop_kernel.scoring.rows import PART, ask_rows
from autoloop_kernel.scoring.worlds import generator, packed, read_secret

__all__ = ["foreseen"]  # a fixture of every test here

ROWS = {"x": np.linspace(-3, 3, 1001), "of": np.arange(1001)}


def test_the_answer_is_that_of_all_rows_in_their_order():
    asked = []

    def answer(x, of):
        asked.append(len(of))
        return (2 * x).astype(np.float32)

    assert ask_rows(answer, ROWS) == pytest.approx(2 * ROWS["x"])
    assert sorted(asked) == [PART, 1001]
    assert ask_rows(lambda x, of: np.stack([x, of], axis=1), ROWS, 2).shape == (1001, 2)
    one = {name: array[:1] for name, array in ROWS.items()}
    assert ask_rows(lambda x, of: of, one).tolist() == [0.0]
    with pytest.raises(ValueError, match=r"there are no rows to ask about"):
        ask_rows(answer, {name: array[:0] for name, array in ROWS.items()})


def test_sums_in_another_order_of_float32_are_the_same_answer():
    weights = np.random.default_rng(5).normal(size=(1, 300)).astype(np.float32)

    def answer(x, of):
        wide = x.astype(np.float32)[:, None] * weights
        return wide.sum(axis=1) if len(of) == len(ROWS["of"]) else wide[:, ::-1].sum(axis=1)

    ask_rows(answer, ROWS)


@pytest.mark.parametrize(
    "answer",
    [
        lambda x, of: x - x.mean() + x.min(),
        lambda x, of: x.argsort().argsort(),
        lambda x, of: np.arange(len(x)),
        lambda x, of: x + len(x),
        lambda x, of: np.where(of == 0, 1e15, x + len(x)),
        lambda x, of: np.random.default_rng().normal(size=len(x)),
    ],
    ids=["centred", "ranked", "place", "count", "behind one huge answer", "dice"],
)
def test_what_depends_on_more_than_the_row_is_refused(answer):
    for _ in range(10):  # whether the part comes first is secret
        with pytest.raises(AnswerRefused, match=r"each row has to be answered by itself"):
            ask_rows(answer, ROWS)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (lambda x, of: np.nan * x, "NaN or infinite"),
        (lambda x, of: x[:-1], r"shape \((1001|256),\), but is float64 \((1000|255),\)"),
        (lambda x, of: x > 0, "but is bool"),
        (lambda x, of: {"a": x, "b": x}, "but holds a, b"),
    ],
)
def test_what_is_no_row_of_numbers_is_refused(given, says):
    with pytest.raises(AnswerRefused, match=says):
        ask_rows(given, ROWS)


def test_a_secret_has_a_stream_for_every_purpose_and_says_where_it_is_missing(tmp_path):
    purposes = [("a",), ("b",), ("a", 1), ("a", 1, 1), ("a", 11)]
    drawn = {generator("ab", *purpose).integers(1 << 62) for purpose in purposes}
    assert len(drawn | {generator("ac", "a").integers(1 << 62)}) == 6
    assert generator("ab", "a", 1).integers(1 << 62) in drawn
    (tmp_path / "seed.txt").write_text("0af\n")
    assert read_secret(tmp_path / "seed.txt") == "0af"
    (tmp_path / "seed.txt").write_text("mine")
    for name in ("seed.txt", "none.txt"):
        with pytest.raises(ValueError, match=rf"{name} holds no secret: make the arena with `autoloop new`"):
            read_secret(tmp_path / name)
    assert packed({"a": np.arange(3)}) == packed({"a": np.arange(3)})

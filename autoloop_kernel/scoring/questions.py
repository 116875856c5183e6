"""The questions of one scoring, arranged so that a candidate cannot tell which of them are scored.

Beside the scored windows the referee asks
- *order*: a scored window again, in another batch among other rows;
- *future*: a scored window whose tokens after a secret position are replaced;
- *prefix*: the beginning of a scored window alone;
- *twice*: a whole batch again, unchanged, which shows how much honest arithmetic differs from one call to the next.
Order and future questions have the scored ones' shape and stand shuffled among them.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

PICKS = 16  # positions of a row whose whole distributions are compared
COLUMNS = 1024  # tokens of a larger vocabulary whose log-probabilities are compared
PREFIX_ROWS = 16  # rows of a prefix question at most


@dataclass(frozen=True, eq=False)
class Sight:
    """What is kept of an answer: log-probabilities `some` (picks, columns) and `truth` (cut + 1) of the true tokens."""

    some: NDArray[np.float32]
    truth: Floats


@dataclass(eq=False)
class Pair:
    """A scored row and a probe of the same window: up to and with position `cut` the two answers must agree.

    `kind` is order, future, prefix or twice; `picks` the positions to compare; `blind` says that the probe comes before
    the candidate sees what truly follows `cut`. `scored` and `probed` are filled in as the answers come.
    """

    kind: str
    window: int
    cut: int
    picks: Ints
    blind: bool = False
    scored: Sight | None = None
    probed: Sight | None = None


@dataclass(frozen=True, eq=False)
class Row:
    """One row of a question: its tokens, the window that it shows, and the pair that it probes (None: it is scored)."""

    tokens: Ints
    window: int
    pair: Pair | None = None


@dataclass(frozen=True, eq=False)
class Question:
    """One batch to ask, of equally long rows. In a repeated question a None row is asked and not looked at."""

    tokens: Ints
    rows: tuple[Row | None, ...]


@dataclass(frozen=True, eq=False)
class Plan:
    """All questions in the order of asking, all pairs by window, and the columns of the vocabulary to compare."""

    questions: list[Question]
    columns: Ints
    pairs: dict[int, list[Pair]] = field(default_factory=dict)

    def all_pairs(self) -> Iterator[Pair]:
        """Every pair of the plan."""
        for pairs in self.pairs.values():
            yield from pairs


def secret_generator() -> np.random.Generator:
    """A generator that nobody can foresee: seeded by the operating system, never by an arena's `SEED`."""
    return np.random.default_rng(secrets.randbits(128))


def make_plan(inputs: Ints, vocab_size: int, batch: int, probing: bool) -> Plan:
    """Arrange the questions about `inputs` (windows, positions): each window is scored once, in a secret order.

    `batch` is the number of rows of a question at most. With `probing` (windows of two tokens or more) the probes stand
    among them.
    """
    rng = secret_generator()
    rows = [Row(tokens, window) for window, tokens in enumerate(inputs)]
    if not probing:
        return Plan(_batches(rows, batch, rng), np.arange(0))
    again, future = (int(np.clip(len(rows) // part, least, 6 * least)) for part, least in ((16, 8), (4, 32)))
    batch = min(batch, len(rows) + again + future)
    future += -(len(rows) + again + future) % batch  # every batch is full, as a short one would stand out
    rows += [_order_row(inputs, window, rng) for window in _choose(len(inputs), again, rng)]
    rows += [_future_row(inputs, window, vocab_size, rng) for window in _choose(len(inputs), future, rng)]
    questions = _batches(rows, batch, rng)
    _mark_blind(questions)
    _insert_repeats(questions, rng)
    for question in _prefixes(inputs, batch, rng):
        questions.insert(int(rng.integers(len(questions) + 1)), question)
    columns = rng.permutation(vocab_size)[:COLUMNS] if vocab_size > COLUMNS else np.arange(vocab_size)
    plan = Plan(questions, columns)
    for row in (row for question in questions for row in question.rows):
        if row is not None and row.pair is not None:
            plan.pairs.setdefault(row.window, []).append(row.pair)
    return plan


def _choose(count: int, wanted: int, rng: np.random.Generator) -> list[int]:
    """`wanted` window numbers below `count`, each as seldom as possible."""
    rounds = -(-wanted // count)
    return [int(i) for _ in range(rounds) for i in rng.permutation(count)][:wanted]


def _picks(cut: int, rng: np.random.Generator) -> Ints:
    """Positions up to `cut`: those right before it, where a look ahead shows, and some from anywhere earlier."""
    near = np.arange(max(0, cut + 1 - PICKS // 2), cut + 1)
    far = rng.permutation(near[0])[: PICKS - len(near)]
    return np.sort(np.concatenate([far, near])).astype(np.int64)


def _order_row(inputs: Ints, window: int, rng: np.random.Generator) -> Row:
    last = inputs.shape[1] - 1
    picks = np.sort(rng.permutation(last + 1)[:PICKS])
    return Row(inputs[window], window, Pair("order", window, last, picks))


def _future_row(inputs: Ints, window: int, vocab_size: int, rng: np.random.Generator) -> Row:
    """A window whose tokens after a secret position are another window's, or whose next token alone is another."""
    tokens, length = inputs[window].copy(), inputs.shape[1]
    cut = int(rng.integers(length - 1))
    true = tokens[cut + 1]
    tail = inputs[int(rng.integers(len(inputs))), cut + 1 :]
    if rng.random() < 0.7:
        tokens[cut + 1 :] = tail
    if tokens[cut + 1] == true:
        others = inputs[rng.integers(len(inputs), size=16), rng.integers(length, size=16)]
        others = others[others != true]
        tokens[cut + 1] = others[0] if len(others) else (true + 1) % vocab_size
    return Row(tokens, window, Pair("future", window, cut, _picks(cut, rng)))


def _batches(rows: list[Row], batch: int, rng: np.random.Generator) -> list[Question]:
    """Shuffle rows into batches, so that three of four future probes come before the window that they begin like."""
    shuffled = [rows[i] for i in rng.permutation(len(rows))]
    place = {row.window: i for i, row in enumerate(shuffled) if row.pair is None}
    for i, row in enumerate(shuffled):
        scored = place[row.window]
        if row.pair is not None and row.pair.kind == "future" and scored < i and rng.random() < 0.5:
            shuffled[i], shuffled[scored] = shuffled[scored], row
            place[row.window] = i
    groups = [shuffled[i : i + batch] for i in range(0, len(shuffled), batch)]
    return [Question(np.stack([row.tokens for row in group]), tuple(group)) for group in groups]


def _mark_blind(questions: list[Question]) -> None:
    """Mark the future probes that are asked before any question that shows the window as it truly is."""
    shown: set[int] = set()
    for question in questions:
        true = {row.window for row in question.rows if row and (row.pair is None or row.pair.kind == "order")}
        shown |= true
        for row in question.rows:
            if row and row.pair and row.pair.kind == "future" and row.window not in shown:
                row.pair.blind = True


def _insert_repeats(questions: list[Question], rng: np.random.Generator) -> None:
    """Ask two questions again: one at once, one at a secret later time."""
    for late in (False, True):
        number = int(rng.integers(len(questions)))
        rows: list[Row | None] = [None] * len(questions[number].rows)
        scored = [i for i, row in enumerate(questions[number].rows) if row is not None and row.pair is None]
        for i in scored[:PREFIX_ROWS]:
            row = questions[number].rows[i]
            assert row is not None
            pair = Pair("twice", row.window, len(row.tokens) - 1, _picks(len(row.tokens) - 1, rng))
            rows[i] = Row(row.tokens, row.window, pair)
        place = int(rng.integers(number + 1, len(questions) + 1)) if late else number + 1
        questions.insert(place, Question(questions[number].tokens, tuple(rows)))


def _prefixes(inputs: Ints, batch: int, rng: np.random.Generator) -> list[Question]:
    """Three questions with the beginnings of some windows: a short, a middling and a long one, of secret lengths."""
    found = []
    for low, high in ((0.0, 0.25), (0.25, 0.5), (0.5, 1.0)):
        length = int(np.clip(rng.uniform(low, high) * inputs.shape[1], 1, inputs.shape[1] - 1))
        count = int(rng.integers(1, min(batch, PREFIX_ROWS) + 1))
        rows = [
            Row(inputs[window, :length], window, Pair("prefix", window, length - 1, _picks(length - 1, rng)))
            for window in _choose(len(inputs), count, rng)
        ]
        found.append(Question(np.stack([row.tokens for row in rows]), tuple(rows)))
    return found

"""Validation bits per byte of a language model that only answers: the referee holds targets, softmax, byte counts."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoloop_kernel.scoring.answers import AnswerRefused, log_softmax, read_logits
from autoloop_kernel.scoring.probes import Findings, judge, see
from autoloop_kernel.scoring.questions import Floats, Ints, Plan, Question, make_plan

CHUNK = 1 << 21  # elements that are normalised at once: it bounds the memory of the float64 copy


@dataclass(frozen=True)
class Bpb:
    """The result of `val_bpb`.

    `bpb`: bits per byte, lower is better. `stderr`: its standard error over the windows (the choice of text, not the
    training). `windows`, `tokens`, `bytes`: what was scored. `probes`: probe rows compared; `probe_noise`: how far the
    answers to two equal questions differed. `answer_s`: wall-clock seconds that the answers took, and `first_answer_s`
    the first of them alone: a candidate that leaves its training to its first answer shows there.
    """

    bpb: float
    stderr: float
    windows: int
    tokens: int
    bytes: int
    probes: int = 0
    probe_noise: float = 0.0
    answer_s: float = field(default=0.0, compare=False)
    first_answer_s: float = field(default=0.0, compare=False)

    @property
    def extra(self) -> dict[str, float]:
        """All but the number itself, for `score(result.bpb, **result.extra)`."""
        return {name: value for name, value in vars(self).items() if name != "bpb"}


def val_bpb(
    ask: Callable[..., Any],
    tokens: NDArray[Any],
    *,
    window: int,
    vocab_size: int,
    token_bytes: NDArray[Any] | None = None,
    batch: int = 64,
    windows: int | None = None,
    probes: bool = True,
) -> Bpb:
    """Score a language model on held-out text in bits per byte, and probe that it predicts rather than looks.

    `ask(tokens=…)` puts one question: int64 tokens (batch, positions) with at most `window` positions; it returns
    floating logits (batch, positions, vocab_size), where position i predicts the token at i + 1. `tokens` is the
    held-out text, 1-D integers below `vocab_size`, of which `windows` windows are scored, evenly spread (default: as
    many as fit side by side). `token_bytes` (vocab_size integers) gives each token's length in bytes, one each by
    default; tokens of no bytes do not count. `batch` is the number of rows of a question at most. Whatever the
    candidate normalised, it is normalised again. `probes=False` leaves the probes out, for a quick look by hand.

    Raises `AnswerRefused` (a plain line) for a wrong shape or dtype, NaN or infinity, or an answer that a probe finds
    to rest on later tokens, other rows, earlier questions or chance; `ValueError` for unusable arguments.
    """
    text, lengths = _check_arguments(tokens, window, vocab_size, token_bytes, batch, windows)
    starts = _starts(len(text), window, windows)
    grid = text[starts[:, None] + np.arange(window + 1)]
    targets = grid[:, 1:]
    plan = make_plan(grid[:, :-1], vocab_size, batch, probes and window > 1)
    nats = np.zeros(targets.shape)
    took = []
    for question in plan.questions:
        began = time.perf_counter()
        answered = ask(tokens=question.tokens.copy())
        took.append(time.perf_counter() - began)
        answer = read_logits(answered, (*question.tokens.shape, vocab_size))
        _take(question, _normalised(answer), targets, plan, nats)
    result = _result(nats, lengths[targets], plan)
    return replace(result, answer_s=round(sum(took), 3), first_answer_s=round(took[0], 3))


def _check_arguments(
    tokens: NDArray[Any],
    window: int,
    vocab_size: int,
    token_bytes: NDArray[Any] | None,
    batch: int,
    windows: int | None,
) -> tuple[Ints, Ints]:
    """The text and the byte length of each token as int64, or `ValueError` with what is wrong in an arena's call."""
    text = np.asarray(tokens)
    if text.ndim != 1 or not np.issubdtype(text.dtype, np.integer):
        raise ValueError(f"tokens must be a 1-D array of integers, but has {text.ndim} dimensions of {text.dtype}")
    if window < 1 or batch < 1 or vocab_size < 2 or (windows is not None and windows < 1):
        raise ValueError("window, batch and windows must be at least 1, and vocab_size at least 2")
    if len(text) < window + 1:
        raise ValueError(f"a window of {window} tokens and its last target need more than the {len(text)} tokens given")
    if text.min() < 0 or text.max() >= vocab_size:
        raise ValueError(f"tokens must lie in 0..{vocab_size - 1}, but reach from {text.min()} to {text.max()}")
    lengths = np.ones(vocab_size, np.int64) if token_bytes is None else np.asarray(token_bytes)
    if lengths.shape != (vocab_size,) or not np.issubdtype(lengths.dtype, np.integer) or lengths.min() < 0:
        raise ValueError(f"token_bytes must be {vocab_size} integers, none below zero")
    return text.astype(np.int64), lengths.astype(np.int64)


def _starts(length: int, window: int, windows: int | None) -> Ints:
    """Where the scored windows start: the same for every candidate, so that all meet the same text."""
    last = length - window - 1
    count = windows if windows is not None else last // window + 1
    return np.unique(np.linspace(0, last, count).astype(np.int64))


def _normalised(logits: NDArray[Any]) -> Iterator[Floats]:
    """Log-probabilities (positions, vocabulary) row by row, made in pieces of bounded memory."""
    rows = max(1, CHUNK // (logits.shape[1] * logits.shape[2]))
    for first in range(0, len(logits), rows):
        yield from log_softmax(logits[first : first + rows])


def _take(question: Question, answers: Iterator[Floats], targets: Ints, plan: Plan, nats: Floats) -> None:
    """Enter a question's answers: losses of scored rows into `nats` (windows, positions), the rest into the pairs."""
    for row, log_probabilities in zip(question.rows, answers, strict=True):
        if row is None:
            continue
        truth = log_probabilities[np.arange(len(row.tokens)), targets[row.window, : len(row.tokens)]]
        if row.pair is not None:
            row.pair.probed = see(row.pair, log_probabilities, truth, plan.columns)
            continue
        nats[row.window] = -truth
        for pair in plan.pairs.get(row.window, ()):
            pair.scored = see(pair, log_probabilities, truth, plan.columns)


def _result(nats: Floats, lengths: Ints, plan: Plan) -> Bpb:
    """Judge the probes and sum up; `lengths` (windows, positions) are the targets' byte counts."""
    counted = lengths > 0
    if not counted.any():
        raise ValueError("every token of the text has zero bytes by token_bytes: there is nothing to score")
    bits, size = (nats * counted).sum(axis=1) / math.log(2), lengths.sum(axis=1)
    bpb = float(bits.sum() / size.sum())
    if not math.isfinite(bpb):
        raise AnswerRefused("the logits give a true token no probability at all: keep them within a finite range")
    findings = judge(plan, float(nats.mean())) if plan.pairs else Findings(0, 0.0, 0.0)
    residuals = bits - bpb * size  # of a ratio estimate: windows may hold different numbers of bytes
    stderr = float(np.sqrt((residuals**2).sum()) / size.sum())
    return Bpb(bpb, stderr, len(bits), int(counted.sum()), int(size.sum()), findings.rows, findings.noise)

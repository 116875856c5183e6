"""What a candidate's answers to the probes must show: the same knowledge brings the same answer.

A language model may only use what stands before the token that it predicts. Wherever the known tokens of two questions
are the same, the answers must be too. They are compared as log-probabilities, since a constant added to logits means
nothing. How much two honest answers may differ is measured by asking the same question twice, within bounds: a
candidate cannot buy room by being noisy.

Three tests look at averages, which are finer than any single answer. The *leak*: where only later tokens were replaced,
answers may differ by no more than those to a window asked again among other rows do. The *advantage*: what a candidate
gains on a true token when it is shown, against the same question without it, must be nothing. The *blind* test meets a
candidate that remembers the beginnings it was asked before and repeats itself: at places whose true next token it had
not been shown yet, it must do about as well as everywhere. What no question can find is a gain below those bounds, and
a candidate that learns from the windows already asked while it repeats its earlier answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from autoloop_kernel.scoring.answers import AnswerRefused
from autoloop_kernel.scoring.questions import Floats, Ints, Pair, Plan, Sight

FLOOR = 0.1  # differences that arithmetic explains within one shape (most often 0); see `difference` for the scale
CAP = 0.3  # more than this between two equal questions is no arithmetic
LEAST = -12.0  # log-probabilities below this are all the same to us: the tail of a low-precision softmax is noise
ADVANTAGE = 0.002  # nats a token that an average may differ by, beside four standard errors
ADVANTAGE_ERROR = 0.01  # nats: the largest standard error that is granted
LEAK = 1e-4  # mean difference that later tokens may make where arithmetic makes none; honest models show 2e-7 at most
BLIND = 0.25  # nats a token that blind places may be worse by, beside five standard errors
BLIND_LEAST = 16  # blind places that are needed to judge

WRONG = {
    "twice": "the same question asked twice was answered differently (by {d:.2g}): answers must not depend on chance "
    "or on what was asked before",
    "order": "a window asked again among others was answered differently (by {d:.2g} at position {at}): an answer "
    "must depend on its own row alone, not on other rows or on what was asked before",
    "future": "an answer changed (by {d:.2g} at position {at}) when only later tokens were replaced: the model looks "
    "at tokens that it is to predict",
    "prefix": "the beginning of a window alone was answered differently (by {d:.2g} at position {at}) from the same "
    "beginning within its window: an answer must depend on the tokens up to its position alone",
}


@dataclass(frozen=True)
class Findings:
    """What the probes found: how many rows they asked, the noise between equal questions, and the tolerance for it."""

    rows: int
    noise: float
    tolerance: float


def see(pair: Pair, log_probabilities: Floats, truth: Floats, columns: Ints) -> Sight:
    """Keep what is to be compared of a row's log-probabilities (positions, vocabulary); `truth`: of the true tokens."""
    some = log_probabilities[pair.picks][:, columns]
    return Sight(np.maximum(some, LEAST).astype(np.float32), np.maximum(truth[: pair.cut + 1], LEAST))


def difference(a: Floats, b: Floats) -> Floats:
    """How far two arrays of log-probabilities differ, in nats, less where both are small.

    A low-precision logit is off by a share of its size: a token of log-probability -10 may differ three times as much.
    """
    return np.asarray(np.abs(a - b) / (1 + np.maximum(np.abs(a), np.abs(b)) / 5))


@dataclass(frozen=True, eq=False)
class Compared:
    """The answered pairs of a plan by kind, the noise between equal questions, and the tolerance for it.

    Both are in the units of `difference`; `mean_nats` is the mean loss of the scored tokens.
    """

    pairs: Mapping[str, list[Pair]]
    noise: float
    tolerance: float
    mean_nats: float


def judge(plan: Plan, mean_nats: float) -> Findings:
    """Compare all pairs of an answered plan; `mean_nats` is the mean loss of the scored tokens.

    Raises `AnswerRefused` with the first thing found, in plain words.
    """
    by_kind: dict[str, list[Pair]] = {kind: [] for kind in WRONG}
    for pair in plan.all_pairs():
        by_kind[pair.kind].append(pair)
    noise, _ = _worst(by_kind["twice"])
    compared = Compared(by_kind, noise, float(np.clip(4 * noise, FLOOR, CAP)), mean_nats)
    for check in CHECKS.values():
        check(compared)
    return Findings(sum(map(len, by_kind.values())), noise, compared.tolerance)


def _judge_twice(compared: Compared) -> None:
    if compared.noise > CAP:
        raise AnswerRefused(WRONG["twice"].format(d=compared.noise))


def _judge_pairs(kind: str, compared: Compared) -> None:
    """Refuse where a pair of this kind differs by more than equal questions do."""
    found, at = _worst(compared.pairs[kind])
    # A prefix has another shape, and so its arithmetic another order of additions: 0.2 was measured.
    if found > (CAP if kind == "prefix" else compared.tolerance):
        raise AnswerRefused(WRONG[kind].format(d=found, at=at))


def _sights(pair: Pair) -> tuple[Sight, Sight]:
    if pair.scored is None or pair.probed is None:
        raise RuntimeError("a pair of questions was judged before both were answered")
    return pair.scored, pair.probed


def _worst(pairs: Sequence[Pair]) -> tuple[float, int]:
    """The largest difference among these pairs and the position where it stands."""
    worst, at = 0.0, 0
    for pair in pairs:
        scored, probed = _sights(pair)
        some = difference(scored.some.astype(np.float64), probed.some.astype(np.float64)).max(axis=1)
        truth = difference(scored.truth, probed.truth)
        for values, positions in ((some, pair.picks), (truth, np.arange(pair.cut + 1))):
            if values.max() > worst:
                worst, at = float(values.max()), int(positions[values.argmax()])
    return worst, at


def _judge_leak(compared: Compared) -> None:
    """Refuse a candidate whose answers shift with later tokens by more than arithmetic shifts them, however little.

    Arithmetic is what a window shows that is asked again among other rows: the same noise without the same cause.
    """
    leak, noise = (float(np.mean([_mean_shift(pair) for pair in compared.pairs[kind]])) for kind in ("future", "order"))
    if leak > LEAK + 4 * noise:
        raise AnswerRefused(
            f"answers shift (by {leak:.2g} on average) when only later tokens are replaced, and less ({noise:.2g}) "
            "when nothing is: the model looks at tokens that it is to predict"
        )


def _mean_shift(pair: Pair) -> float:
    """How far the two answers of a pair differ on average over what is compared."""
    scored, probed = _sights(pair)
    return float(difference(scored.some.astype(np.float64), probed.some.astype(np.float64)).mean())


def _judge_advantage(compared: Compared) -> None:
    """Refuse a candidate that does better on true tokens when it is shown them."""
    shown = []
    for pair in compared.pairs["future"] + compared.pairs["prefix"]:
        scored, probed = _sights(pair)
        shown.append(float(scored.truth[-1] - probed.truth[-1]))
    gain, room = _mean_and_room(shown)
    if gain > room:
        raise AnswerRefused(
            f"a true token is predicted better (by {gain:.2g} nats on average) where the question shows it: the model "
            "looks at tokens that it is to predict"
        )


def _judge_again(compared: Compared) -> None:
    """Refuse a candidate that does otherwise on average when it is asked again."""
    again = []
    for pair in compared.pairs["order"]:
        scored, probed = _sights(pair)
        again.append(abs(float((scored.truth - probed.truth).mean())))
    change, room = _mean_and_room(again)
    if change > room:
        raise AnswerRefused(
            f"windows asked again are predicted differently (by {change:.2g} nats on average): an answer must depend "
            "on its own row alone, not on other rows or on what was asked before"
        )


def _mean_and_room(values: Sequence[float]) -> tuple[float, float]:
    """The mean, and how large it may be by chance."""
    error = float(np.std(values, ddof=1)) / len(values) ** 0.5 if len(values) > 1 else ADVANTAGE_ERROR
    return float(np.mean(values)), ADVANTAGE + 4 * min(error, ADVANTAGE_ERROR)


def _judge_blind(compared: Compared) -> None:
    """Refuse a candidate that does well only where it could have seen the true next token."""
    losses = [-float(_sights(pair)[1].truth[-1]) for pair in compared.pairs["future"] if pair.blind]
    if len(losses) < BLIND_LEAST:
        return
    error = float(np.std(losses, ddof=1)) / len(losses) ** 0.5
    excess = float(np.mean(losses)) - compared.mean_nats
    if excess > BLIND + 5 * error:
        raise AnswerRefused(
            f"tokens that the questions had not shown yet are predicted far worse (by {excess:.2g} nats) than those "
            "they show: the model looks at tokens that it is to predict"
        )


CHECKS: dict[str, Callable[[Compared], None]] = {
    "twice": _judge_twice,
    **{kind: partial(_judge_pairs, kind) for kind in ("order", "future", "prefix")},
    "leak": _judge_leak,
    "advantage": _judge_advantage,
    "again": _judge_again,
    "blind": _judge_blind,
}
"""What `judge` looks at, by name and in this order."""

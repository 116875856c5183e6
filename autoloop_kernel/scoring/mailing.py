"""A mailing with several variants as a contextual bandit: recipients, a logging policy, and what another is worth.

Only one variant is sent to each recipient, by chance, so that what the others would have brought is never seen. What
another policy would have earned is estimated from such a log: by weights alone (inverse propensity scoring), by weights
that are normalised (SNIPS: Swaminathan and Joachims 2015, "The Self-Normalized Estimator for Counterfactual Learning"),
and doubly robustly (Dudík, Langford and Li 2011, "Doubly Robust Policy Evaluation and Learning").
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoloop_kernel.scoring.answers import AnswerRefused
from autoloop_kernel.scoring.rows import ask_rows
from autoloop_kernel.scoring.worlds import Floats, Ints, generator, packed, sigmoid

VARIANTS, FEATURES = 5, 8
HISTORY = 12_000  # mails in the log that a candidate sees
FLOOR = 0.3  # of all mails were sent at random, so that no propensity is below FLOOR / VARIANTS
FILE = "data/log.npz"
SUM_TOLERANCE = 1e-4  # of a row of probabilities, from one: float32 does far better


@dataclass(frozen=True)
class World:
    """What orders follow from: logits of each variant, plain, by features, and by the products of pairs of features."""

    plain: Floats  # (variants,)
    shared: Floats  # (features,) alike for all variants
    linear: Floats  # (variants, features)
    pairs: Floats  # (variants, features): of each feature with the next
    logging: Floats  # (variants, features) of the policy that sent the logged mails


@dataclass(frozen=True)
class Log:
    """Mails that were sent: recipients (mails, features), which variant each got, and whether an order came of it.

    `propensity` (mails,) is the probability with which the logging policy sent the variant that it did.
    """

    recipient: Floats
    variant: Ints
    propensity: Floats
    ordered: Floats


@dataclass(frozen=True)
class Worth:
    """What a policy would have earned, in orders for each hundred mails, by three estimators, with a standard error.

    `effective` is the number of mails that the weighted log is worth (Kish): the smaller, the less is known.
    """

    doubly_robust: float
    stderr: float
    snips: float
    ips: float
    effective: float

    @property
    def extra(self) -> dict[str, float]:
        """All but the number itself, for `score(worth.doubly_robust, **worth.extra)`."""
        return {name: value for name, value in vars(self).items() if name != "doubly_robust"}


def world(secret: str) -> World:
    """The world of this secret: who likes what is different in every one."""
    rng = generator(secret, "mailing world")
    return World(
        plain=-2.1 + rng.normal(0, 0.12, VARIANTS),
        shared=rng.normal(0, 0.2, FEATURES),
        linear=rng.normal(0, 0.22, (VARIANTS, FEATURES)),
        pairs=rng.normal(0, 0.15, (VARIANTS, FEATURES)),
        logging=rng.normal(0, 0.3, (VARIANTS, FEATURES)),
    )


def recipients(count: int, rng: np.random.Generator) -> Floats:
    """Draw recipients, (count, features): numbers about 0, most of them below 2 either way, some related."""
    common = rng.normal(size=(count, 1))
    numbers: Floats = 0.5 * common + np.sqrt(0.75) * rng.normal(size=(count, FEATURES))
    return np.asarray(numbers.round(2), dtype=np.float64)


def chances(world: World, recipient: Floats) -> Floats:
    """The chance that each recipient orders after each variant, (recipients, variants)."""
    pairs = recipient * np.roll(recipient, -1, axis=1)
    shared = recipient @ world.shared
    return sigmoid(world.plain + shared[:, None] + recipient @ world.linear.T + pairs @ world.pairs.T)


def log(world: World, count: int, rng: np.random.Generator) -> Log:
    """Send `count` mails by the logging policy."""
    recipient = recipients(count, rng)
    logits = recipient @ world.logging.T
    soft = np.exp(logits - logits.max(axis=1, keepdims=True))
    policy = (1 - FLOOR) * soft / soft.sum(axis=1, keepdims=True) + FLOOR / VARIANTS
    variant = (policy.cumsum(axis=1) < rng.random((count, 1))).sum(axis=1).clip(max=VARIANTS - 1)
    sent = np.arange(count), variant
    ordered = rng.random(count) < chances(world, recipient)[sent]
    return Log(recipient, variant, policy[sent], ordered.astype(np.float64))


def data(secret: str) -> dict[str, bytes]:
    """What a candidate may see: one log, with its propensities."""
    seen = log(world(secret), HISTORY, generator(secret, "mailing history"))
    columns: dict[str, NDArray[Any]] = {
        "recipient": seen.recipient.astype(np.float32),
        "variant": seen.variant.astype(np.int8),
        "propensity": seen.propensity.astype(np.float32),
        "ordered": seen.ordered.astype(bool),
    }
    return {FILE: packed(columns)}


def sealed(secret: str, count: int, part: str, seed: int) -> Log:
    """A log of mails that nobody has seen: another for every `part` (search, holdout) and every attempt's `seed`."""
    return log(world(secret), count, generator(secret, f"mailing {part}", seed))


def policy_of(ask: Callable[..., Any], recipient: Floats) -> Floats:
    """Ask with what probability each recipient gets each variant, (recipients, variants), and check the answer.

    Raises `AnswerRefused` where a row is no distribution, and as `ask_rows` does.
    """
    policy = ask_rows(ask, {"recipient": recipient}, VARIANTS)
    sums = policy.sum(axis=1)
    if policy.min(initial=0.0) < 0 or np.abs(sums - 1).max(initial=0.0) > SUM_TOLERANCE:
        row = int(np.where(policy.min(axis=1) < 0, np.inf, np.abs(sums - 1)).argmax())
        raise AnswerRefused(
            f"a recipient's probabilities must be 0 or more and sum to 1, but in one row the least is "
            f"{policy[row].min():.6g} and the sum {sums[row]:.6g}"
        )
    return np.asarray(policy / sums[:, None], dtype=np.float64)


def worth(policy: Floats, log: Log) -> Worth:
    """Estimate what `policy` (mails, variants) would have earned with the recipients of `log`.

    The doubly robust estimate takes a reward model's word and corrects it by the weighted errors that it made; it is
    right if the propensities are. Each half of the log is judged by the model that the other half gives.
    """
    count = len(log.variant)
    sent = np.arange(count), log.variant
    weight = policy[sent] / log.propensity
    half = np.arange(count) % 2 == 0
    expected = np.empty_like(policy)
    for here in (half, ~half):
        expected[here] = _model(log, ~here)(log.recipient[here])
    terms = (policy * expected).sum(axis=1) + weight * (log.ordered - expected[sent])
    return Worth(
        doubly_robust=100 * float(terms.mean()),
        stderr=100 * float(terms.std() / np.sqrt(count)),
        snips=100 * float(weight @ log.ordered / max(weight.sum(), 1e-12)),
        ips=100 * float((weight * log.ordered).mean()),
        effective=float(weight.sum() ** 2 / max((weight**2).sum(), 1e-12)),
    )


def _model(log: Log, rows: NDArray[np.bool_]) -> Callable[[Floats], Floats]:
    """A reward model from these rows: ridge regression of orders on the features, for each variant by itself."""

    def inputs(recipient: Floats) -> Floats:
        return np.concatenate([np.ones((len(recipient), 1)), recipient], axis=1)

    known, ridge = inputs(log.recipient[rows]), 10.0 * np.eye(FEATURES + 1)
    weights = np.empty((FEATURES + 1, VARIANTS))
    for variant in range(VARIANTS):
        x = known[log.variant[rows] == variant]
        weights[:, variant] = np.linalg.solve(x.T @ x + ridge, x.T @ log.ordered[rows][log.variant[rows] == variant])
    return lambda recipient: np.asarray(inputs(recipient) @ weights, dtype=np.float64)

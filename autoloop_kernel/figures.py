"""What fresh runs say of an iteration, beside the one score that it was kept for."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Protocol

from autoloop_kernel.judging.confirm import LEVEL, PAIRS, Evidence, careful, weigh
from autoloop_kernel.judging.decision import Gain
from autoloop_kernel.judging.noise import freedom, pooled
from autoloop_kernel.records import Direction, Iteration, Kind, Verdict

_Z = NormalDist().inv_cdf(0.5 + LEVEL / 2)


@dataclass(frozen=True)
class Figures:
    """What is known of a keep. Gains are positive for an improvement, in units of the score, with 90 % intervals.

    `screened` is the gain over its base by the runs that it was kept for, `gain` that by `pairs` of fresh runs, valid
    at every look, and `optimism` by how much the first is larger. `total` is the gain over the epoch's baseline by
    fresh runs of both; `held_out` the same on data that no selection saw. None: there are no such runs.
    """

    number: int
    state: str | None
    screened: float | None = None
    gain: Gain | None = None
    pairs: int = 0
    total: Gain | None = None
    held_out: Gain | None = None

    @property
    def optimism(self) -> float | None:
        """By how much the screening runs promised more than fresh ones show; None where one of them is missing."""
        return None if self.gain is None or self.screened is None else self.screened - self.gain.mean


class Past(Protocol):
    """Where iterations are found: a ledger, or what was read from one (`Listed`)."""

    def iteration(self, number: int, /) -> Iteration | None:
        """The iteration of this number."""

    def baseline(self, epoch: int, /) -> Iteration | None:
        """The first iteration of this epoch that has no base, has a score, and was not refuted."""

    def repeated(self, epoch: int, /) -> Mapping[int, list[float]]:
        """The scores of every iteration of this epoch that has several, none on the holdout among them."""


class Listed:
    """A past that is at hand: all iterations of the epochs that it is asked about."""

    def __init__(self, iterations: Iterable[Iteration]) -> None:
        self._known = {it.number: it for it in iterations}

    def iteration(self, number: int, /) -> Iteration | None:
        """The iteration of this number."""
        return self._known.get(number)

    def baseline(self, epoch: int, /) -> Iteration | None:
        """The first iteration of this epoch that has no base, has a score, and was not refuted."""
        own = (it for it in self._known.values() if it.epoch == epoch and it.base is None)
        sound = (it for it in own if it.score is not None and it.state != "refuted")
        return min(sound, key=lambda it: it.number, default=None)

    def repeated(self, epoch: int, /) -> Mapping[int, list[float]]:
        """The scores of every iteration of this epoch that has several, none on the holdout among them."""
        found = {it.number: _scores(it) for it in self._known.values() if it.epoch == epoch and len(it.attempts) > 1}
        return {number: several for number, several in found.items() if len(several) > 1}


def _scores(it: Iteration) -> list[float]:
    return [
        one.score
        for one in it.attempts
        if one.verdict is Verdict.SCORED and one.score is not None and one.kind is not Kind.HOLDOUT
    ]


def figures(ledger: Past, direction: Direction, it: Iteration) -> Figures:
    """What fresh runs say of iteration `it`; that of a baseline is empty."""
    base = None if it.base is None else ledger.iteration(it.base)
    if base is None or it.epoch != base.epoch:
        return Figures(it.number, it.state)
    evidence = evidence_of(ledger, direction, it, base)
    baseline = ledger.baseline(it.epoch)
    groups = list(ledger.repeated(it.epoch).values())
    sigma = careful(pooled(groups) or 0.0, freedom(groups))
    start = baseline if baseline is not None and baseline.number != it.number else None
    return Figures(
        it.number,
        it.state,
        _sign(direction) * (it.score - base.score) if it.score is not None and base.score is not None else None,
        None if evidence is None else evidence.gain,
        0 if evidence is None else evidence.pairs,
        None if start is None else between(fresh(it), fresh(start), direction, sigma),
        None if start is None else between(on_holdout(it), on_holdout(start), direction, sigma),
    )


def evidence_of(
    ledger: Past, direction: Direction, it: Iteration, base: Iteration, most: int = PAIRS
) -> Evidence | None:
    """What fresh runs of `it` beside fresh ones of its `base` show; None where there is no pair of them."""
    mine, other = fresh(it), fresh(base)
    if not mine or not other:
        return None
    groups = list(ledger.repeated(it.epoch).values())
    expected = 0.0 if it.score is None or base.score is None else it.score - base.score
    return weigh(mine, other, direction, (pooled(groups) or 0.0, freedom(groups)), expected, most)


def fresh(iteration: Iteration) -> list[float]:
    """The scores of its runs that were made to confirm, in their order."""
    return [
        attempt.score
        for attempt in iteration.attempts
        if attempt.kind is Kind.CONFIRM and attempt.verdict is Verdict.SCORED and attempt.score is not None
    ]


def between(new: Sequence[float], old: Sequence[float], direction: Direction, sigma: float) -> Gain | None:
    """By how much the mean of `new` scores improves on that of `old`, each with noise `sigma`; None without runs."""
    if not new or not old:
        return None
    mean = _sign(direction) * (math.fsum(new) / len(new) - math.fsum(old) / len(old))
    radius = _Z * sigma * math.sqrt(1 / len(new) + 1 / len(old))
    return Gain(mean, mean - radius, mean + radius)


def on_holdout(it: Iteration) -> list[float]:
    """The scores of its runs on the holdout, in their order."""
    return [
        one.score
        for one in it.attempts
        if one.kind is Kind.HOLDOUT and one.verdict is Verdict.SCORED and one.score is not None
    ]


def _sign(direction: Direction) -> float:
    return -1.0 if direction is Direction.MIN else 1.0


__all__ = ["Figures", "Listed", "Past", "between", "figures", "on_holdout"]

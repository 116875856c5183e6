"""What the kept steps are worth, by the best evidence that there is for each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autoloop_kernel.figures import fresh
from autoloop_kernel.judging.confirm import LEVEL, weigh
from autoloop_kernel.judging.decision import Gain
from autoloop_kernel.records import Iteration, Metric
from autoloop_kernel.reporting.report import Effect, gain
from autoloop_kernel.rulings import scores_of
from autoloop_kernel.views.attempts import t_quantile


@dataclass(frozen=True)
class Noise:
    """One standard deviation of a run (units of the score; None: nothing was run twice), by `freedom` degrees."""

    sigma: float | None
    freedom: int


def worth(it: Iteration, base: Iteration, metric: Metric, noise: Noise, believed: Mapping[str, Any]) -> Effect | None:
    """What `it` is worth over `base`; None where one of them has no score.

    Fresh runs of both come first, then what the judge believed when it ruled (`believed`: the numbers of its finding),
    then the difference of all that was run.
    """
    if (told := by_fresh_runs(it, base, metric, noise)) is not None:
        return told
    judged = _judged(believed)
    return judged if judged is not None else by_all_runs(it, base, metric, noise)


def effect(found: Gain | None, source: str, runs: int = 1) -> Effect | None:
    """A gain that was told with an interval as an effect; None for none."""
    return None if found is None else Effect(found.mean, found.low, found.high, source, runs)


def by_fresh_runs(it: Iteration, base: Iteration, metric: Metric, noise: Noise) -> Effect | None:
    """The gain by the runs that were made to confirm, with an interval that holds at all looks; None without a pair."""
    mine, other = fresh(it), fresh(base)
    if not mine or not other:
        return None
    expected = gain(it.score, base.score, metric) or 0.0
    seen = weigh(mine, other, metric.direction, (noise.sigma or 0.0, noise.freedom), expected)
    return effect(seen.gain, "fresh", seen.pairs)


def by_all_runs(it: Iteration, base: Iteration, metric: Metric, noise: Noise) -> Effect | None:
    """The difference of the mean scores; Student's t interval with the pooled noise, none where that is not known."""
    mine, other = scores_of(it), scores_of(base)
    if not mine or not other:
        return None
    mean = gain(math.fsum(mine) / len(mine), math.fsum(other) / len(other), metric)
    if mean is None or noise.sigma is None or noise.freedom < 1:
        return None if mean is None else Effect(mean, None, None, "run", len(mine))
    radius = t_quantile(noise.freedom, LEVEL) * noise.sigma * math.sqrt(1 / len(mine) + 1 / len(other))
    return Effect(mean, mean - radius, mean + radius, "runs", len(mine))


def _judged(believed: Mapping[str, Any]) -> Effect | None:
    """What the keep rule believed of the gain, where the finding holds it."""
    told = believed.get("effect")
    found = told.get("gain") if isinstance(told, Mapping) else None
    if not isinstance(found, list | tuple) or len(found) != 3:
        return None
    if not all(isinstance(one, int | float) and math.isfinite(one) for one in found):
        return None
    return Effect(float(found[0]), float(found[1]), float(found[2]), "judge")

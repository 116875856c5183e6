"""What a keep rule gains that is told the noise, the drift and how effects are distributed, but no true score.

The bound of bound.py is also told the champion's true score, which no rule can have. This rule holds a normal belief
about it, moved by every candidate, and goes by optimal stopping otherwise: where a rule that has to find out all of
the rest stays below it by little, what it lacks is not cleverness.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from keeping.bound import FINES, Stopping
from keeping.worlds import Regime, World

from autoloop_kernel.judging.effects import Half, half

DOUBTS = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 1.0, 1.5)
"""Variances of the belief about the champion, in units of the noise's, between which its lines are interpolated."""

USUAL = 0.35
"""What that variance is when the price of a run is found: about the middle of a search."""

Lines = np.ndarray
"""Of each doubt and number of runs the two lines: dropped below the first, kept from the second on."""


def _posterior(mean: float, variance: float, regime: Regime) -> tuple[float, float]:
    """Mean and variance of an effect of which a difference of `mean`, give or take `variance`, was seen."""

    def sign(r: float, scale: float) -> Half:
        return half(np.array(r), np.array(variance), np.array(scale))

    up, down = sign(mean, regime.gain), sign(-mean, regime.harm)
    odds = float(down.weight - up.weight) + np.log((1 - regime.share) / regime.share)
    helps = 1 / (1 + np.exp(np.clip(odds, -700, 700)))
    first = helps * up.first - (1 - helps) * down.first
    second = helps * (up.variance + (up.first - first) ** 2) + (1 - helps) * (down.variance + (down.first + first) ** 2)
    return float(first), float(second)


def search(regime: Regime, seed: int, lines: Lines) -> World:
    """One search of the informed rule; the baseline is run once, since the noise is known."""
    world, noise = World(regime, seed), regime.sigma**2
    world.begin([world.run()])
    level, doubt = -world.versions[0].screened[0], noise
    for effect in world.effects:
        if world.over:
            break
        scores = [-world.run(effect)]
        world.candidates += 1
        rows = [np.interp(doubt / noise, DOUBTS, lines[:, n, side]) for n in range(lines.shape[1]) for side in (0, 1)]
        below, above = rows[::2], rows[1::2]
        while below[len(scores) - 1] <= np.mean(scores) - level < above[len(scores) - 1] and not world.over:
            scores.append(-world.run(effect))
        surprise, runs = float(np.mean(scores)) - level, noise / len(scores)
        mean, variance = _posterior(surprise, runs + doubt, regime)
        pull, share = doubt / (runs + doubt), runs / (runs + doubt)
        kept = surprise >= above[len(scores) - 1]
        level += pull * surprise + share * mean if kept else pull * (surprise - mean)
        doubt = pull * runs + (share if kept else pull) ** 2 * variance + regime.walk**2 * noise * len(scores)
        if kept:
            world.keep(effect, scores)
    return world


def informed(regime: Regime, seeds: Sequence[int], false: float, attempts: int) -> tuple[float, float] | None:
    """Gain (units of score) and false keeps a search of the informed rule, by the fine that gains most with at most
    `false` of them; None where effects change, noise is not normal, or nothing helps.

    The fine is chosen on the same searches, which flatters it a little.
    """
    if regime.shrink or regime.heavy or not regime.share:
        return None
    candidates = [Stopping(regime, attempts, doubt * regime.sigma**2) for doubt in DOUBTS]
    found = []
    for fine in (regime.sigma * each for each in FINES):
        rate = candidates[DOUBTS.index(USUAL)].rate(fine)
        lines = np.array([candidate.between(rate, fine) for candidate in candidates])
        worlds = [search(regime, seed, lines) for seed in seeds]
        wrong = float(np.mean([sum(effect <= 0 for effect in world.kept) for world in worlds]))
        found.append((float(np.mean([-world.true for world in worlds])), wrong))
    return max((each for each in found if each[1] <= false), default=min(found, key=lambda each: each[1]))

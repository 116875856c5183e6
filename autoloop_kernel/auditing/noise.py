"""How noisy one run of a log is: from runs that were repeated where there are any, and from how all outcomes scatter.

Both speak through `judging.Hypotheses`, the keep rule's own belief: a flat prior on the logarithm of the noise, effects
that help or harm with exponential tails. Repeats tell the noise directly. Outcomes tell it only as far as effects are
shaped as that belief expects, which is a guess, and is called one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autoloop_kernel.auditing.repeats import Repeat, repeats
from autoloop_kernel.auditing.story import Step
from autoloop_kernel.judging.effects import Array
from autoloop_kernel.judging.hypotheses import Hypotheses, Level
from autoloop_kernel.judging.noise import pooled
from autoloop_kernel.records import Direction

LEARNT = 300
"""How many outcomes are learnt from, evenly chosen, the discards between them passed over: a long search changes."""
BEGINNING = 400
"""From so many outcomes the range is found in which the noise lies, before all of them are asked."""
LEAST = 8
"""Fewer outcomes than this say nothing of the noise by their scatter."""
JUDGED = (0.1, 0.3, 0.5, 0.7, 0.9)
"""At which quantiles of the noise keeps are judged."""


@dataclass(frozen=True)
class Noise:
    """One standard deviation of a run, in units of the score: the middle of the belief, and what holds 90 % of it.

    `sigma` is None where the log says nothing about it. `source` is "given", "repeats", "scatter" or "unknown".
    `spread` is the plain pooled deviation of the repeats (None without them), `judged` the values at which keeps are
    judged.
    """

    sigma: float | None
    low: float = 0.0
    high: float = 0.0
    source: str = "unknown"
    repeats: tuple[Repeat, ...] = ()
    spread: float | None = None
    judged: tuple[float, ...] = ()


def estimate(steps: Sequence[Step], direction: Direction, given: float | None = None) -> Noise:
    """The noise of these steps; `given` is what a person knows it to be (units of the score, 0: none)."""
    found = tuple(repeats(steps))
    spread = pooled([repeat.scores for repeat in found])
    if given is not None:
        return Noise(given, given, given, "given", found, spread, (given,))
    sign = -1.0 if direction is Direction.MIN else 1.0
    groups = [sign * np.array(repeat.scores) for repeat in found if not repeat.champion]
    again = {line for repeat in found for line in repeat.lines[1:]}
    measures = {repeat.lines[1] for repeat in found if repeat.champion}
    first = next((place for place, step in enumerate(steps) if step.kept), len(steps))
    story = [step for step in steps[first:] if step.entry.line not in again - measures]
    moves = sorted(abs(step.gain) for step in story[1:] if step.gain)
    if not found and len(moves) < LEAST:
        return Noise(None)
    centre = spread or (moves[len(moves) // 4] / 3 if moves else 0.0)
    if not centre:  # whatever was run again came out the same, to the last digit
        return Noise(0.0, 0.0, 0.0, "repeats", found, spread, (0.0,))
    shares: Array = np.ones(1)
    part = story[:BEGINNING]
    for _ in range(10):
        belief = Hypotheses(centre, memory=1.0)
        shares = _learn(belief, part, groups, measures, sign)
        if max(shares[0], shares[-1]) >= 0.2:
            centre = belief.noise
        elif len(part) < len(story):
            part = story
        else:
            break
    low, *judged, high = _quantiles(belief.sigma, shares, (0.05, *JUDGED, 0.95))
    source = "repeats" if found else "scatter"
    return Noise(judged[len(judged) // 2], low, high, source, found, spread, tuple(judged))


def _learn(
    belief: Hypotheses, story: Sequence[Step], groups: Sequence[Array], measures: set[int], sign: float
) -> Array:
    """Teach the belief the repeats and the outcomes in their order; how probable each of its values of noise is.

    `measures` are the lines that ran the champion again: they are held against what is believed of it, not against the
    score that it was kept for.
    """
    for scores in groups:
        belief.learn_noise(belief.spread(scores))
    start = sign * story[0].score if story else 0.0
    level = Level(np.full_like(belief.sigma, start), belief.sigma**2)
    every = math.ceil(max(1, len(story) - 1) / LEARNT)
    for place, step in enumerate(story[1:]):
        score = np.array([sign * step.score])
        if step.champion is None:  # the baseline of another search
            level = Level(np.full_like(belief.sigma, score[0]), belief.sigma**2)
            continue
        if step.entry.line in measures:
            level = _measured(belief, level, float(score[0]))
            continue
        if place % every and not step.stands:
            continue
        effect = belief.effect(score, level)
        level = belief.moved(level, effect, step.stands)
        if place % every == 0:
            belief.learn(effect)
    # Where nothing is believed of the base, a score says nothing: what comes out is what was believed before it.
    anywhere = np.full_like(belief.sigma, (1e6 * max(belief.sigma[-1], belief.scale[-1])) ** 2)
    return belief.effect(np.zeros(1), Level(np.zeros_like(anywhere), anywhere)).noise_share


def _measured(belief: Hypotheses, level: Level, score: float) -> Level:
    """Take in one more run of what stands at `level`: what it says of the noise, and of the level.

    The run is normal round the level, but for one in thirty that is wild (Cauchy), as in `Hypotheses.spread`.
    """
    variance = level.variance + belief.sigma**2
    gap = (score - level.mean) ** 2
    tame = np.exp(-0.5 * gap / variance) / np.sqrt(2 * np.pi * variance)
    wide = 2 * np.sqrt(variance)
    belief.learn_noise(np.log(tame * 29 / 30 + 1 / 30 / (np.pi * wide * (1 + gap / wide**2))))
    pull = level.variance / variance
    return Level(level.mean + pull * (score - level.mean), level.variance * (1 - pull))


def _quantiles(sigma: Array, shares: Array, wanted: Sequence[float]) -> list[float]:
    """Where the belief reaches these shares: between the grid's values its logarithm is a parabola, as a normal one's.

    The grid is coarse beside what a long log tells: taken as it is, what lies between two values would be lost.
    """
    height = np.log(np.maximum(shares, 1e-200))
    places = np.linspace(0, len(sigma) - 1, 40 * (len(sigma) - 1) + 1)
    near = np.clip(np.rint(places).astype(int), 1, len(sigma) - 2)
    below, here, above = height[near - 1], height[near], height[near + 1]
    off = places - near
    fine = np.exp(here + off * (above - below) / 2 + off**2 * (above - 2 * here + below) / 2 - height.max())
    reached = np.cumsum(fine) / fine.sum()
    found = np.interp(wanted, reached, np.log(sigma[0]) + places * np.log(sigma[1] / sigma[0]))
    return [float(value) for value in np.exp(found)]

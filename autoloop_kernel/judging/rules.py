"""The rules a `Judge` goes by: bayes where runs are noisy, exact where the same code scores the same, greedy as
upstream.

All of them take scores of which a higher one is better; the judge has turned the others round.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Protocol

import numpy as np

from autoloop_kernel.judging.decision import Action, Decision, Gain
from autoloop_kernel.judging.effects import Array, Effect
from autoloop_kernel.judging.greedy import decide as upstream
from autoloop_kernel.judging.hypotheses import Hypotheses, Level
from autoloop_kernel.records import Direction, Verdict

_NORMAL = NormalDist()

_ODD, _SURE = 3.0, 15.0
"""Between how many sigmas a gain, or how far apart two runs lie, is doubted where gains are about the noise: beyond the
second hardly any noise reaches."""
_LARGE_GAINS = math.log(1.4)
"""From where on they are not: the log of how many times the noise a gain seems to be."""


@dataclass(frozen=True)
class Settings:
    """What was tuned by simulation (docs/keep-rule.md), in the order of how much it matters.

    `threshold`: the chance of being better from which a candidate is kept where effects are larger than the noise;
    `lenient`: the same where they are about as large, and `faint` where they are half of it or less, so that hardly
    any chance exceeds it. `price`: how many times what a run is expected to gain a replicate has to be worth.
    `baseline`: attempts of the baseline where the noise is unknown. `memory`: what of the knowledge about noise and
    effects is left after one more candidate. `wander`: by how many sigmas a run the machine may drift. `simpler`: by
    how many sigmas simpler code may be expected to lose where the scores cannot be told apart.
    """

    threshold: float = 0.62
    lenient: float = 0.575
    faint: float = 0.5
    price: float = 1.3
    baseline: int = 3
    memory: float = 0.99
    wander: float = 0.0
    simpler: float = 0.5


class Rule(Protocol):
    """Judges scores (higher is better) against the level of a base, and says what level stands afterwards."""

    @property
    def noise(self) -> float:
        """The noise of one run, in units of the score."""

    def level(self, scores: Array) -> Level:
        """What a version's attempts alone say of its true score."""

    def decide(self, scores: Array, base: Level, complexity_delta: float) -> Decision:
        """What to do with a candidate, given all of its attempts."""

    def settle(self, scores: Array, kept: bool, base: Level) -> Level:
        """Learn from a candidate that is done; the level of what stands: the candidate where kept, else the base."""


def words(number: float) -> str:
    """A signed number with a true minus sign, as in the other faces."""
    return f"{number:+.3g}".replace("-", "−")


@dataclass(frozen=True)
class Greedy:
    """Upstream's rule: the first score alone, better than the score that the champion was kept with."""

    noise: float = 0.0

    def level(self, scores: Array) -> Level:
        """What a version's attempts alone say of its true score."""
        return Level(scores[:1], np.zeros(1))

    def decide(self, scores: Array, base: Level, complexity_delta: float) -> Decision:
        """What to do with a candidate, given all of its attempts."""
        gain = float(scores[0] - base.mean[0])
        kept = upstream(float(scores[0]), float(base.mean[0]), Direction.MAX).verdict is Verdict.KEEP
        reason = f"{'better' if kept else 'not better'} by its one score: {words(gain)}"
        return Decision("keep" if kept else "discard", float(kept), Gain(gain, gain, gain), self.noise, reason)

    def settle(self, scores: Array, kept: bool, base: Level) -> Level:
        """Learn from a candidate that is done; the level of what stands."""
        return self.level(scores) if kept else base


class Exact:
    """Where the same code has always scored the same: any gain is real, and simplicity decides ties.

    `sure`: the person says that there is no noise; else the first two winners are run twice, in case the ties were
    luck.
    """

    noise = 0.0

    def __init__(self, sure: bool) -> None:
        self.checks = 0 if sure else 2

    def level(self, scores: Array) -> Level:
        """What a version's attempts alone say of its true score."""
        return Level(scores[:1], np.zeros(1))

    def decide(self, scores: Array, base: Level, complexity_delta: float) -> Decision:
        """What to do with a candidate, given all of its attempts."""
        gain = float(scores.mean() - base.mean[0])
        action: Action = "keep" if gain > 0 or (gain == 0 and complexity_delta < 0) else "discard"
        reason = (
            f"{'better' if gain > 0 else 'a tie' if gain == 0 else 'worse'} where runs do not differ: {words(gain)}"
        )
        if gain == 0:
            reason += ", kept because it is simpler" if action == "keep" else ", and no simpler"
        if action == "keep" and len(scores) == 1 and self.checks:
            action, reason = "replicate", reason + "; to see whether runs really do not differ"
        return Decision(action, float(gain > 0), Gain(gain, gain, gain), 0.0, reason)

    def settle(self, scores: Array, kept: bool, base: Level) -> Level:
        """Learn from a candidate that is done; the level of what stands."""
        self.checks -= int(len(scores) > 1 and self.checks > 0)
        return self.level(scores) if kept else base


class Bayes:
    """The rule for noisy runs; `centre` is a first guess of the noise, and its value where `known`."""

    def __init__(self, centre: float, known: bool, max_attempts: int, settings: Settings) -> None:
        self.hypotheses = Hypotheses(centre, known, settings.memory)
        self.max_attempts = max_attempts
        self.settings = settings

    @property
    def threshold(self) -> float:
        """The chance from which a candidate is kept, by how large gains seem to be beside the noise.

        It turns from `faint` to `lenient` about where gains are half of the noise, and from that to `threshold` about
        where they are three times the noise (tuned by simulation).
        """
        settings, clearness = self.settings, self.hypotheses.clearness
        clear = 1 / (1 + math.exp(-4 * (clearness - math.log(3))))
        chance = settings.lenient + (settings.threshold - settings.lenient) * clear
        drowned = 1 / (1 + math.exp(10 * (clearness - math.log(0.5))))
        return chance - (chance - settings.faint) * drowned

    @property
    def noise(self) -> float:
        """The noise of one run, in units of the score."""
        return self.hypotheses.noise

    def level(self, scores: Array) -> Level:
        """What a version's attempts alone say of its true score."""
        self.hypotheses.learn_noise(self.hypotheses.spread(scores))
        where = self.hypotheses.centre_of(scores)
        sigma = self.hypotheses.sigma
        return Level(np.full_like(sigma, where), sigma**2 / len(scores))

    def decide(self, scores: Array, base: Level, complexity_delta: float) -> Decision:
        """What to do with a candidate, given all of its attempts."""
        effect = self.hypotheses.effect(scores, base)
        margin = max(complexity_delta, 0.0) * self.noise
        gain = Gain(effect.mean, *effect.interval())
        seen = f"{words(gain.mean)} ({words(gain.low)} … {words(gain.high)} with 90 %), noise {self.noise:.2g}"
        chance = float(effect.beyond(margin)[0]) if margin else effect.p_better
        action: Action = "keep" if chance > self.threshold and gain.mean > margin else "discard"
        asked = f"better by more than the {margin:.2g} that added code or a soft limit asks" if margin else "better"
        reason = f"{asked} with a chance of {chance:.2f}: {seen}"
        if action == "discard" and complexity_delta < 0 and self._alike(effect):
            action, reason = "keep", f"simpler, at scores that cannot be told apart: {seen}"
        elif len(scores) < self.max_attempts and self._worth_a_run(effect, margin):
            action, reason = "replicate", f"{reason}; one more run may change that, and is worth it"
        elif action == "keep" and len(scores) < self.max_attempts and self._is_odd(scores, effect):
            action, reason = "replicate", f"{reason}; once more, since it is far out of the ordinary"
        return Decision(action, min(max(effect.p_better, 0.0), 1.0), gain, self.noise, reason)

    def _is_odd(self, scores: Array, effect: Effect) -> bool:
        """Whether what wins looks like an outlier: noise with heavy tails makes most of its false keeps by them."""
        if self.hypotheses.clearness > _LARGE_GAINS:
            return False
        far = float(effect.noise_share @ effect.surprise) if len(scores) == 1 else float(np.ptp(scores))
        return _ODD * self.noise < far < _SURE * self.noise

    def _alike(self, effect: Effect) -> bool:
        """Whether candidate and base cannot be told apart, and the candidate is not expected to cost much."""
        share = effect.noise_share
        apart = abs(float(share @ effect.surprise))
        error = math.sqrt(float(share @ effect.difference_variance))
        return apart <= error and effect.mean >= -self.settings.simpler * self.noise

    def _worth_a_run(self, effect: Effect, margin: float) -> bool:
        """Whether what one more run may teach is worth more than a fresh candidate in its place.

        A run moves the expected gain by `reach` either way; it is worth something only where that can cross the line
        between keep and discard. In its place a fresh candidate gains `rate` on average, by all that is known of this
        arena.
        """
        reach = effect.one_more()
        if not reach > 0:
            return False
        line = margin + _NORMAL.inv_cdf(self.threshold) * effect.deviation
        steps = abs(effect.mean - line) / reach
        worth = reach * (_NORMAL.pdf(steps) - steps * _NORMAL.cdf(-steps))
        return worth > self.settings.price * self.hypotheses.rate

    def settle(self, scores: Array, kept: bool, base: Level) -> Level:
        """Learn from a candidate that is done; the level of what stands."""
        effect = self.hypotheses.effect(scores, base)
        level = self.hypotheses.moved(base, effect, kept)
        level.variance = level.variance + (self.settings.wander * self.hypotheses.sigma) ** 2 * len(scores)
        self.hypotheses.learn(effect)
        return level

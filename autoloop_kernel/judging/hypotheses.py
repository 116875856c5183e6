"""What is not known about an arena: its noise, how large effects are, and how many of them help; a belief over a grid.

Every settled candidate reweighs the grid. The prior is the one that simulations chose (effects of one to two sigmas,
one in seven helpful), but wide, so that an arena whose effects are fifty times its noise is found out within a few
candidates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from autoloop_kernel.judging.effects import Array, Effect, half

# The noise: eleven values, a factor 1.45 apart, around what the baseline shows.
_NOISE_STEP, _NOISE_BELOW, _NOISE_COUNT = 1.45, 3, 11
# The mean effects: a factor 2.5 apart, from an eighth of the noise to two hundred times it.
_SCALES = 0.125 * 2.5 ** np.arange(9)
_SHARES = np.array([0.01, 0.05, 0.15, 0.35])
_SHARE_PRIOR = np.array([0.17, 0.28, 0.35, 0.2])
# Of the log of a ratio to sigma: mean harm 2 sigma, mean gain 0.75 of the mean harm, each within a factor of about
# three.
_HARM, _HARM_WIDTH = np.log(2.0), 1.2
_GAIN, _GAIN_WIDTH = np.log(0.75), 0.7
# One run in thirty is an outlier with tails so heavy (Cauchy's) that however wild it is, it hardly moves the noise.
_WILD_SHARE, _WILD_FACTOR = 1 / 30, 2.0
# Two equal scores are rounded ones: they lie apart by this share of the smallest difference that was seen.
_TIE = 0.3
# One candidate cannot outvote all others: at most 4.6 nats, so that a training run that diverged is not what is learnt.
_ODD = 0.01
# Beyond so many sigmas a difference is just large: more would drown the champion's own level in rounding.
_LARGE = 1e13
_ROOT_2PI = np.sqrt(2 * np.pi)


@dataclass
class Level:
    """What is believed of the true score of one version, for each value of the noise: normal, `mean` and `variance`."""

    mean: Array
    variance: Array

    def copy(self) -> Level:
        """The same belief, to go its own way."""
        return Level(self.mean.copy(), self.variance.copy())


class Hypotheses:
    """The grid and its weights. `centre` is a first guess of the noise, in units of the score, above 0.

    `fixed`: the noise is known to be `centre`.
    """

    def __init__(self, centre: float, fixed: bool = False, memory: float = 0.99) -> None:
        steps = np.zeros(1) if fixed else np.arange(_NOISE_COUNT) - float(_NOISE_BELOW)
        self.sigma: Array = np.asarray(centre * np.power(_NOISE_STEP, steps), dtype=np.float64)
        self.scale: Array = np.asarray(centre * _SCALES, dtype=np.float64)
        self.memory = memory
        self.resolution = centre
        sigma, gain, harm = np.ix_(self.sigma, self.scale, self.scale)
        shape = -0.5 * ((np.log(harm / sigma) - _HARM) / _HARM_WIDTH) ** 2
        shape = shape - 0.5 * ((np.log(gain / harm) - _GAIN) / _GAIN_WIDTH) ** 2
        shape = shape - np.log(np.exp(shape).sum(axis=(1, 2), keepdims=True))
        self._prior: Array = shape[..., None] + np.log(_SHARE_PRIOR)
        self._noise_log: Array = np.zeros_like(self.sigma)
        # What of a mean gain a search reaps with one run a candidate, read off simulated searches.
        clear = (self.scale / self.sigma[:, None])[:, :, None] ** 2
        self._log_yield: Array = np.log(self.scale[:, None] * clear / (clear + 0.25 / (_SHARES + 0.03)))
        self._log: Array = self._prior.copy()
        self._gather()

    def _gather(self) -> None:
        """Sum the weights to what decisions need: by noise and mean gain, and by noise and mean harm."""
        log = self._log + self._noise_log[:, None, None, None]
        weight = np.exp(log - log.max())
        weight /= weight.sum()
        helpful = weight.sum(2) * _SHARES
        self._helpful: Array = helpful.sum(2)
        self._harmful: Array = (weight @ (1 - _SHARES)).sum(1)
        noise = self._helpful.sum(1) + self._harmful.sum(1)
        self.noise: float = float(np.exp(noise @ np.log(self.sigma)))
        self.edge: float = float(max(noise[0], noise[-1])) if noise.size > 1 else 0.0
        gains = self._helpful / self._helpful.sum()
        self.clearness: float = float((gains * np.log(self.scale / self.sigma[:, None])).sum())
        # The geometric mean over what scales may be: a few guesses of huge effects would else forbid replicates.
        share = float(helpful.sum())
        self.rate: float = share * float(np.exp((helpful * self._log_yield).sum() / share))

    def spread(self, scores: Array) -> Array:
        """Log likelihood, for each value of the noise, of how far the attempts of one version lie apart."""
        total = np.zeros_like(self.sigma)
        apart = np.diff(np.sort(scores))
        if (apart > 0).any():
            self.resolution = min(self.resolution, float(apart[apart > 0].min()))
        for n in range(1, len(scores)):
            gap = (scores[n] - scores[:n].mean()) ** 2 / (1 + 1 / n) or (_TIE * self.resolution) ** 2
            tame = (1 - _WILD_SHARE) * np.exp(-0.5 * gap / self.sigma**2) / (self.sigma * _ROOT_2PI)
            wide = _WILD_FACTOR * self.sigma
            total += np.log(tame + _WILD_SHARE / (np.pi * wide * (1 + gap / wide**2)))
        return total

    def effect(self, scores: Array, level: Level) -> Effect:
        """What `scores` (positive is better) say of a candidate on a base at `level`."""
        runs = (self.sigma**2 / len(scores))[:, None]
        variance = runs + level.variance[:, None]
        large = _LARGE * float(self.sigma[0])
        surprise = np.clip(self.centre_of(scores) - level.mean[:, None], -large, large)
        up, down = half(surprise, variance, self.scale), half(-surprise, variance, self.scale)
        apart = self.spread(scores)[:, None]
        log_up = up.weight + apart + np.log(self._helpful + 1e-300)
        log_down = down.weight + apart + np.log(self._harmful + 1e-300)
        top = max(log_up.max(), log_down.max())
        up_share, down_share = np.exp(log_up - top), np.exp(log_down - top)
        total = up_share.sum() + down_share.sum()
        return Effect(
            up=up,
            down=down,
            up_share=up_share / total,
            down_share=down_share / total,
            apart=apart[:, 0],
            surprise=surprise[:, 0],
            difference_variance=variance[:, 0],
            run_variance=runs[:, 0],
            noise_variance=self.sigma**2,
        )

    def centre_of(self, scores: Array) -> float:
        """Where the attempts of one version lie: their mean, with what is far from their median pulled in."""
        if len(scores) < 3:
            return float(scores.mean())
        middle = float(np.median(scores))
        return float(np.clip(scores, middle - 3 * self.noise, middle + 3 * self.noise).mean())

    def learn_noise(self, apart: Array) -> None:
        """Take in how far the attempts of one version lay apart (see `spread`)."""
        self._noise_log = self._noise_log + apart
        self._gather()

    def learn(self, effect: Effect) -> None:
        """Take in a settled candidate; older ones count for less, since effects shrink and noise moves."""
        top = max(effect.up.weight.max(), effect.down.weight.max())  # so that no likelihood is too small for a double
        likely = np.exp(effect.up.weight - top)[:, :, None, None] * _SHARES + np.exp(effect.down.weight - top)[
            :, None, :, None
        ] * (1 - _SHARES)
        log = np.log(likely + _ODD * likely.max())
        self._log = self.memory * self._log + (1 - self.memory) * self._prior + log
        self._noise_log = self.memory * self._noise_log + effect.apart
        self._gather()

    def moved(self, level: Level, effect: Effect, kept: bool) -> Level:
        """The belief about what stands after a candidate settled: the candidate where kept, else its base."""
        mean, variance = effect.by_noise
        total, runs = effect.difference_variance, effect.run_variance
        pull = level.variance / total
        rest = level.variance * runs / total
        share = runs / total
        if kept:
            return Level(level.mean + pull * effect.surprise + share * mean, rest + share**2 * variance)
        return Level(level.mean + pull * (effect.surprise - mean), rest + pull**2 * variance)

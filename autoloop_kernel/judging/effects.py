"""What one measured difference says of an effect, where effects are helpful or harmful with exponential tails.

A helpful effect is d = +x, a harmful one d = −x, with x exponential. What is seen is r = d + noise, the noise
Gaussian. Given r, each of the two is a normal distribution cut off at zero, so all that a keep rule asks has a closed
form. Everything here is elementwise on numpy arrays.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)
# Below −37 erfc leaves the range of doubles, above 8 Φ is 1 to the last digit: a table between, series beyond.
_FROM, _TO, _STEP = -37.0, 8.0, 0.004
_Z = np.arange(_FROM, _TO + _STEP, _STEP)
_LOG_CDF = np.array([math.log(0.5 * math.erfc(-z / math.sqrt(2))) for z in _Z.tolist()])
_LOG_MILLS = _LOG_CDF + 0.5 * _Z**2 + _HALF_LOG_2PI


def log_mills(z: Any) -> Array:
    """log(Φ(z) / φ(z)) of the standard normal distribution, with an error below 1e-5 everywhere."""
    z = np.asarray(z, dtype=np.float64)
    found: Array = np.interp(z, _Z, _LOG_MILLS)
    if z.size and z.max() > _TO:
        found = np.where(z > _TO, 0.5 * z * z + _HALF_LOG_2PI, found)
    if z.size and z.min() < _FROM:
        low = np.minimum(z, _FROM)
        found = np.where(z < _FROM, -np.log(-low) - 1.0 / (low * low), found)
    return found


def log_cdf(z: Any) -> Array:
    """log Φ(z) of the standard normal distribution."""
    z = np.asarray(z, dtype=np.float64)
    return np.asarray(log_mills(z) - 0.5 * z * z - _HALF_LOG_2PI)


@dataclass(frozen=True)
class Half:
    """One sign of effect after a difference was seen: x is normal with (`mean`, `spread`), cut off below zero.

    `weight` is log of the likelihood of the difference, `first` is E[x], `variance` is Var[x].
    """

    weight: Array
    mean: Array
    spread: Array
    first: Array
    variance: Array

    def beyond(self, t: Array) -> Array:
        """P(x > t) for t ≥ 0."""
        reach = log_cdf((self.mean - t) / self.spread) - log_cdf(self.mean / self.spread)
        return np.asarray(np.exp(np.minimum(reach, 0.0)))


def half(r: Array, variance: Array, scale: Array) -> Half:
    """The posterior of x ~ exponential(mean `scale`) after r = x + noise of `variance` was seen."""
    spread = np.sqrt(variance)
    z = r / spread - spread / scale
    mills = log_mills(z)
    # The two squares cancel where the effect is many times the noise: there the exponential tail stands alone.
    tail = 0.5 * variance / scale**2 - r / scale
    weight = np.where(z > _TO, tail, mills - 0.5 * r * r / variance - _HALF_LOG_2PI) - np.log(scale)
    rate = np.exp(-mills)
    # Far out (z ≪ 0) the differences below cancel: there x is exponential again, with mean spread / |z|.
    far = z < -10.0
    safe = np.where(far, -z, 10.0)
    first = np.where(far, 1.0 / safe - 2.0 / safe**3, rate + z)
    narrow = np.where(far, 1.0 / safe**2 - 6.0 / safe**4, 1.0 - rate * (rate + z))
    return Half(weight, spread * z, spread, spread * first, variance * narrow)


@dataclass(frozen=True)
class Effect:
    """The belief about one candidate's effect d, over the noise (rows) and the mean effects (columns).

    `up` and `down`: the effect where it helps and where it harms; `up_share` and `down_share`: their probabilities,
    which sum to 1. For each value of the noise: `apart`, the log likelihood of how far the attempts lie apart;
    `surprise`, the candidate's scores less the base's level; the variance of that difference, the part of it that the
    candidate's runs make, and the variance of one run.
    """

    up: Half
    down: Half
    up_share: Array
    down_share: Array
    apart: Array
    surprise: Array
    difference_variance: Array
    run_variance: Array
    noise_variance: Array

    @cached_property
    def p_better(self) -> float:
        """P(d > 0)."""
        return float(self.up_share.sum())

    @cached_property
    def noise_share(self) -> Array:
        """The probability of each value of the noise."""
        return np.asarray(self.up_share.sum(1) + self.down_share.sum(1))

    @cached_property
    def by_noise(self) -> tuple[Array, Array]:
        """E[d] and Var[d] for each value of the noise."""
        rows = self.noise_share + 1e-300
        mean = ((self.up_share * self.up.first).sum(1) - (self.down_share * self.down.first).sum(1)) / rows
        # Not as E[d²] − E[d]²: a score that ran off to infinity would leave nothing but rounding of it.
        up = self.up_share * (self.up.variance + (self.up.first - mean[:, None]) ** 2)
        down = self.down_share * (self.down.variance + (self.down.first + mean[:, None]) ** 2)
        return mean, (up.sum(1) + down.sum(1)) / rows

    @cached_property
    def mean(self) -> float:
        """E[d]."""
        return float(self.noise_share @ self.by_noise[0])

    @cached_property
    def deviation(self) -> float:
        """The standard deviation of d."""
        mean, variance = self.by_noise
        return math.sqrt(float(self.noise_share @ (variance + (mean - self.mean) ** 2)))

    def one_more(self) -> float:
        """The standard deviation by which one more run would move E[d]: what a replicate can teach."""
        variance = self.by_noise[1]
        own = self.run_variance / self.difference_variance  # how much of a surprise is the candidate's own noise
        base = self.difference_variance - self.run_variance
        predicted = variance * own**2 + base * own + self.noise_variance
        return float(self.noise_share @ (variance * own)) / math.sqrt(float(self.noise_share @ predicted) + 1e-300)

    @cached_property
    def _likely(self) -> tuple[Array, Array, Array, Array]:
        """Of both signs the pieces that matter: sign, probability, mean and spread. A few dozen instead of hundreds."""
        share = np.concatenate([self.up_share.ravel(), self.down_share.ravel()])
        sign = np.repeat([1.0, -1.0], self.up_share.size)
        mean = np.concatenate([self.up.mean.ravel(), self.down.mean.ravel()])
        spread = np.tile(np.broadcast_to(self.up.spread, self.up_share.shape).ravel(), 2)
        large = share > 1e-3 * share.max()
        return sign[large], share[large] / share[large].sum(), mean[large], spread[large]

    def beyond(self, t: Any) -> Array:
        """P(d > t) for each of the thresholds `t`."""
        t = np.atleast_1d(np.asarray(t, dtype=np.float64))[:, None]
        sign, share, mean, spread = self._likely
        reach = np.maximum(sign * t, 0.0)
        inside = np.minimum(log_cdf((mean - reach) / spread) - log_cdf(mean / spread), 0.0)
        further = np.exp(inside)  # P(x > reach)
        chance = np.where(sign > 0, further, np.where(t < 0, 1.0 - further, 0.0))
        return np.asarray(chance @ share)

    def interval(self, inside: float = 0.9) -> tuple[float, float]:
        """The bounds that hold `inside` of the belief about d, the rest shared equally by both sides."""
        tails = (1 - inside) / 2
        points = self.mean + self.deviation * np.linspace(-6.0, 6.0, 61)
        below = 1.0 - self.beyond(points)
        low, high = np.interp([tails, 1 - tails], below, points)
        return float(low), float(high)

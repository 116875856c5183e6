"""The simulated searches of keep_rule.py: what proposals are worth, and what the machine makes of their scores.

Twenty regimes: noise from 2e-4 to 4e-3 (which no rule is told), helpful share 0 to 0.3, mean gain 1e-4 to 2e-3, mean
harm 5e-4 to 2e-3, exponential; also effects that shrink, a machine that drifts and noise with heavy tails.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

RUNS = 125
# The settings were tuned on seeds from 0: tables are made of searches that they have never seen.
FRESH = 1000


@dataclass(frozen=True)
class Regime:
    """How proposals and machine behave, in units of the score; `walk` is a drift in sigmas a root of a run."""

    name: str
    sigma: float
    share: float
    gain: float
    harm: float
    shrink: float = 0.0
    walk: float = 0.0
    heavy: bool = False

    @property
    def noisy(self) -> bool:
        """Whether the noise is about as large as the effects, or larger."""
        return self.sigma >= self.gain

    def effects(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """What so many proposals truly gain (positive) or harm, before anything shrinks."""
        helps = rng.random(count) < self.share
        return np.where(helps, rng.exponential(self.gain, count), -rng.exponential(self.harm, count))

    def deviates(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """The noise of so many runs, in sigmas, where the machine does not drift."""
        return rng.standard_t(3, count) if self.heavy else rng.normal(size=count)


REGIMES = (
    Regime("clear", 2e-4, 0.15, 2e-3, 2e-3),
    Regime("clear-rare", 2e-4, 0.05, 2e-3, 2e-3),
    Regime("clear-rich", 2e-4, 0.3, 1e-3, 1e-3),
    Regime("clear-small", 2e-4, 0.1, 5e-4, 1e-3),
    Regime("fine", 5e-4, 0.15, 2e-3, 1e-3),
    Regime("fine-rare", 5e-4, 0.05, 1e-3, 2e-3),
    Regime("middling", 1e-3, 0.15, 2e-3, 2e-3),
    Regime("even", 1e-3, 0.15, 1e-3, 1e-3),
    Regime("even-rare", 1e-3, 0.05, 1e-3, 2e-3),
    Regime("even-rich", 1e-3, 0.3, 1e-3, 1e-3),
    Regime("even-small", 1e-3, 0.1, 5e-4, 5e-4),
    Regime("noisy", 2e-3, 0.15, 1e-3, 2e-3),
    Regime("noisy-rich", 2e-3, 0.3, 5e-4, 1e-3),
    Regime("noisy-large", 2e-3, 0.1, 2e-3, 2e-3),
    Regime("drowned", 4e-3, 0.15, 1e-3, 2e-3),
    Regime("drowned-small", 4e-3, 0.1, 1e-4, 5e-4),
    Regime("barren", 1e-3, 0.0, 1e-3, 1e-3),
    Regime("shrinking", 1e-3, 0.15, 2e-3, 2e-3, shrink=0.015),
    Regime("drifting", 1e-3, 0.15, 1e-3, 1e-3, walk=0.15),
    Regime("heavy-tails", 1e-3, 0.15, 1e-3, 1e-3, heavy=True),
)


@dataclass
class Version:
    """What stood as champion once: its true score less the first one's, on what it was made, the runs of its search.

    `effect` is what it truly gains on `base` (an index, None for the baseline); `fresh` are runs made to confirm.
    """

    true: float
    effect: float
    base: int | None
    screened: list[float]
    fresh: list[float] = field(default_factory=list)
    state: str | None = None


class World:
    """The proposals of one search and the noise of its runs, the same for every rule.

    `versions` holds the baseline and every keep; `repeated` the scores of whatever else was run more than once.
    """

    def __init__(self, regime: Regime, seed: int) -> None:
        sizes = regime.effects(np.random.default_rng([FRESH + seed, 1]), RUNS)
        self.effects = (sizes * np.exp(-regime.shrink * np.arange(RUNS))).tolist()
        rng = np.random.default_rng([FRESH + seed, 2])
        noise = regime.deviates(rng, RUNS)
        drift = regime.walk * np.cumsum(rng.normal(size=RUNS))
        self.noise = (regime.sigma * (noise + drift)).tolist()
        self.true, self.runs, self.kept, self.candidates = 0.0, 0, list[float](), 0
        self.versions, self.repeated = list[Version](), list[list[float]]()
        self._regime, self._drift = regime, float(drift[-1])
        self._later = np.random.default_rng([FRESH + seed, 3])

    @property
    def over(self) -> bool:
        return self.runs >= RUNS

    def run(self, effect: float = 0.0) -> float:
        """One run of the champion with a change of this effect; lower is better, so a gain lowers the score."""
        self.runs += 1
        return float(1.0 + self.true - effect + self.noise[self.runs - 1])

    def rerun(self, version: Version) -> float:
        """One run after the search, of what stood once: the machine goes on as it did."""
        noise = self._later.standard_t(3) if self._regime.heavy else self._later.normal()
        self._drift += self._regime.walk * self._later.normal()
        version.fresh.append(float(1.0 + version.true + self._regime.sigma * (noise + self._drift)))
        return version.fresh[-1]

    def begin(self, scores: list[float]) -> None:
        """Take these runs of the baseline for the first version."""
        self.versions = [Version(0.0, 0.0, None, scores)]

    def keep(self, effect: float, scores: list[float]) -> None:
        self.true -= effect
        self.kept.append(effect)
        self.versions.append(Version(self.true, effect, len(self.versions) - 1, scores))

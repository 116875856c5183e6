"""What no keep rule can exceed: a bound on the true gain of 125 runs, by optimal stopping.

Suppose a rule were told all that real ones have to find out: the noise, how the machine drifts, how effects are
distributed, and the champion's true score. A candidate is then a stopping problem of its own: after each run keep it,
drop it, or run it once more. Let a run cost `rate`, and let a false keep cost `fine`; dynamic programming over the mean
of the runs so far (which says all that they say) gives what a candidate is worth at best. At the rate where that is
nothing, no rule gains more than `rate` a run, in whatever order it runs its candidates, since each of them then costs
at least what it brings. That is Lagrange's bound, and with F false keeps allowed the gain is at most
125 · rate + fine · F, for every fine.

It holds where effects keep their distribution and noise is normal; for other regimes none is given.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from keeping.worlds import RUNS, Regime

ATTEMPTS = 8
"""How often the rule that knows all may run one candidate; more gains it nothing that shows."""

MEANS, SIZES = 700, 500
"""Points of the grids: of the mean of a candidate's runs, and of each sign of effect (by equal probability)."""

FINES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.2, 2.0)
"""What a false keep may cost, in units of sigma; the best of these bounds holds."""

Array = np.ndarray


@dataclass
class Stopping:
    """One candidate of a regime, seen by a rule that knows all but the candidate's effect.

    `doubt` is the variance of what it knows of the champion's score, in units of the score, squared. Of n runs' mean
    beside that, a row each: `seen` is its density, `worth` that times the expected effect, `false` that times the
    chance that the effect is no gain. `back` leads from the mean of n + 1 runs to that of the first n of them.
    """

    regime: Regime
    attempts: int = ATTEMPTS
    doubt: float = 0.0
    means: Array = field(init=False)
    step: float = field(init=False)
    seen: Array = field(init=False)
    worth: Array = field(init=False)
    false: Array = field(init=False)
    back: list[Array] = field(init=False)

    def __post_init__(self) -> None:
        regime, sigma = self.regime, self.regime.sigma
        tail = -np.log1p(-(np.arange(SIZES) + 0.5) / SIZES)
        effects = np.concatenate([regime.gain * tail, -regime.harm * tail])
        chance = np.repeat([regime.share / SIZES, (1 - regime.share) / SIZES], SIZES)
        self.means = means = np.linspace(-8 * regime.harm - 6 * sigma, 10 * regime.gain + 6 * sigma, MEANS)
        self.step = float(means[1] - means[0])
        variance = sigma**2 / np.arange(1, self.attempts + 1)[:, None, None] + self.doubt
        density = np.exp(-0.5 * (means[:, None] - effects) ** 2 / variance) / np.sqrt(2 * np.pi * variance)
        self.seen, self.worth = density @ chance, density @ (chance * effects)
        self.false = density @ (chance * (effects <= 0))
        self.back = []
        for n in range(1, self.attempts):
            # Given the mean of n + 1 runs, that of the first n is normal about it, whatever the effect.
            width = sigma / np.sqrt(n * (n + 1))
            kernel = np.exp(-0.5 * ((means[:, None] - means) / width) ** 2)
            self.back.append(kernel / np.maximum(kernel.sum(0), 1e-300))

    def value(self, rate: float, fine: float) -> float:
        """What one candidate is worth at best, where a run costs `rate` and a false keep `fine`, in units of score."""
        return float(self._best(rate, fine)[0].sum() * self.step - rate)

    def _best(self, rate: float, fine: float) -> tuple[Array, list[Array]]:
        """What the first run's mean is worth at best, and of every number of runs what one more adds."""
        keep = np.maximum(0.0, self.worth - fine * self.false)
        best, more = keep[-1], [np.full(MEANS, -1.0)]
        for n in range(self.attempts - 2, -1, -1):
            further = self.back[n] @ best - rate * self.seen[n]
            best = np.maximum(keep[n], further)
            more.insert(0, further - keep[n])
        return best, more

    def between(self, rate: float, fine: float) -> list[tuple[float, float]]:
        """After each number of runs, below which mean a candidate is dropped and from which on it is kept.

        Equal where one more run is never worth it, infinite where no mean makes up for the fine.
        """
        lines = []
        for n, more in enumerate(self._best(rate, fine)[1]):
            again = self.means[more > 0]
            pays = self.worth[n] > fine * self.false[n]
            line = float(self.means[int(np.argmax(pays))]) if pays.any() else np.inf
            lines.append((float(again[0]), float(again[-1])) if again.size else (line, line))
        return lines

    def rate(self, fine: float) -> float:
        """The most that a run can bring on average, in units of score."""
        low, high = 0.0, self.regime.share * self.regime.gain
        for _ in range(30):
            middle = (low + high) / 2
            low, high = (middle, high) if self.value(middle, fine) > 0 else (low, middle)
        return high


def bound(regime: Regime, false: float, attempts: int = ATTEMPTS, runs: int = RUNS) -> float | None:
    """The most that any rule gains in `runs` runs with at most `false` false keeps on average, in units of score.

    It may run a candidate `attempts` times. None where effects or noise are not what it holds for, and where nothing
    helps.
    """
    if regime.shrink or regime.heavy or not regime.share:
        return None
    candidate = Stopping(regime, attempts)
    return min(runs * candidate.rate(fine * regime.sigma) + fine * regime.sigma * false for fine in FINES)

"""What the agents of a simulated swarm propose, and what it is truly worth: a finite pool of ideas, some more popular.

An idea is a value for one of a number of places in the code (a constant, a layer, a schedule). How much it truly gains
on the baseline is drawn as in keeping/worlds.py; an idea for a place that the champion changed already takes the
other's stead, so that gains run out by themselves. Which idea an agent comes up with follows Zipf's law, whatever it is
worth: duplicates arise of themselves, and the more the more agents there are. With the figures below about 30 % of 125
draws repeat an earlier one, the share of added lines that evolving agents had deleted before (docs/swarm.md).
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from keeping.worlds import Regime

POOL, PLACES, ZIPF = 20_000, 100, 1.05


@dataclass(frozen=True)
class Code:
    """One version of the code: the idea at each place that was changed, its true gain on the baseline, and its hash."""

    ideas: Mapping[int, int]
    value: float
    mark: int

    @property
    def key(self) -> str:
        """The hash, as a ledger keeps it."""
        return f"{self.mark:016x}"


class Ideas:
    """The pool of one simulated arena. Places, effects and popularity follow from `seed`."""

    def __init__(self, regime: Regime, seed: int, pool: int = POOL, places: int = PLACES, zipf: float = ZIPF) -> None:
        rng = np.random.default_rng([seed, 1])
        self.effects: list[float] = regime.effects(rng, pool).tolist()
        self.places: list[int] = rng.integers(0, places, pool).tolist()
        weights = np.arange(1, pool + 1) ** -zipf
        self._marks: list[int] = rng.integers(0, 1 << 63, pool).tolist()
        self._popular: list[float] = np.cumsum(weights / weights.sum()).tolist()

    def baseline(self) -> Code:
        """The code that nobody changed yet."""
        return Code({}, 0.0, 0)

    def drawn(self, chance: float) -> int:
        """The idea that comes with a number drawn evenly between 0 and 1."""
        return min(bisect(self._popular, chance), len(self.effects) - 1)

    def edited(self, code: Code, ideas: Iterable[int]) -> Code:
        """The code with these ideas put in, each at its place; a later one takes the stead of an earlier one."""
        found, value, mark = dict(code.ideas), code.value, code.mark
        for idea in ideas:
            place = self.places[idea]
            before = found.get(place)
            if before is not None:
                value, mark = value - self.effects[before], mark ^ self._marks[before]
            value, mark = value + self.effects[idea], mark ^ self._marks[idea]
            found[place] = idea
        return Code(found, value, mark)

    def clash(self, base: Code, now: Code, ideas: Iterable[int]) -> bool:
        """Whether one of these ideas, put into `base`, is for a place that differs in `now`: no merge brings both."""
        return any(base.ideas.get(place) != now.ideas.get(place) for place in (self.places[idea] for idea in ideas))

"""What runs at once, and what becomes of a keep whose base was overtaken meanwhile: plain decisions, no I/O.

The driver asks it, and so does the simulation of a swarm, with other clocks and the same answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import TypeVar

TOGETHER = 10
"""How many edits that were overtaken run as one at most (docs/swarm.md): of more, one that harms is too likely."""

Edit = TypeVar("Edit")


class Fate(str, Enum):
    """What becomes of a candidate that was judged against the champion of the time when it began."""

    KEEP = "keep"
    DISCARD = "discard"
    COMBINE = "combine"
    """Better than what it was held against, which is no longer the champion: both edits are to run together first."""


def fate(kept: bool, against: int | None, champion: int | None) -> Fate:
    """What becomes of a candidate that was held against iteration `against`, where `champion` is the champion now.

    A baseline is held against nothing. One that is not better than what was the champion then is not better than what
    has taken its place.
    """
    if not kept:
        return Fate.DISCARD
    return Fate.KEEP if against is None or champion is None or against == champion else Fate.COMBINE


def together(waiting: Iterable[Edit], gain: Callable[[Edit], float], fits: Callable[[Edit], bool]) -> list[Edit]:
    """Which of the overtaken edits that wait run as one, those that promise the largest gain first.

    `fits` takes one in beside those before it, and is False for what cannot be merged with them.
    """
    chosen: list[Edit] = []
    for one in sorted(waiting, key=gain, reverse=True):
        if len(chosen) < TOGETHER and fits(one):
            chosen.append(one)
    return chosen


@dataclass(frozen=True)
class Running:
    """One iteration that is being run: the hash of its code, what it is held against, and on which worker."""

    key: str
    against: int | None
    worker: str = ""


class Claimed(Exception):
    """Code that is being run already, as iteration `number`."""

    def __init__(self, number: int) -> None:
        super().__init__(f"this code is being run, as iteration {number}")
        self.number = number


class Board:
    """Who runs what. No two workers run the same code at once: it is claimed from its begin to its verdict.

    Whoever asks sees to it that nobody else does at the same time. `aside` is whether a worker runs something that
    rests on the run before it, as an ablation does: one at a time.
    """

    def __init__(self) -> None:
        self.aside = False
        self._running: dict[int, Running] = {}
        self._claims: dict[str, int] = {}

    @property
    def running(self) -> Mapping[int, Running]:
        """What is being run, by iteration."""
        return MappingProxyType(self._running)

    def claimed(self, key: str) -> int | None:
        """The iteration that runs this code now, None where none does."""
        return self._claims.get(key)

    def begin(self, number: int, key: str, against: int | None, worker: str = "") -> None:
        """Note that `worker` runs iteration `number`; raises `Claimed` where another iteration runs its code."""
        other = self._claims.setdefault(key, number)
        if other != number:
            raise Claimed(other)
        self._running[number] = Running(key, against, worker)

    def end(self, number: int) -> None:
        """Note that it is run no longer, with a verdict or without; what does not run changes nothing."""
        ended = self._running.pop(number, None)
        if ended is not None:
            del self._claims[ended.key]


__all__ = ["Board", "Claimed", "Fate", "Running", "fate", "together"]

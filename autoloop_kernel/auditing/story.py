"""A log as a story: each scored experiment with what was the champion when it was run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from autoloop_kernel.auditing.log import Entry
from autoloop_kernel.records import Direction, Verdict


@dataclass(frozen=True)
class Step:
    """A scored experiment. `champion` is the best of the keeps before it, the last of equals; None for the first.

    `score` and `gain` are in the log's unit; `gain` is positive where the score is better than the champion's.
    """

    entry: Entry
    score: float
    champion: Entry | None
    gain: float

    @property
    def kept(self) -> bool:
        """Whether the log says that it was kept."""
        return self.entry.verdict is Verdict.KEEP

    @property
    def stands(self) -> bool:
        """Whether it is the champion from now on: kept, and not for a worse score."""
        return self.kept and self.gain >= 0


def impossible(entries: Sequence[Entry], direction: Direction) -> set[int]:
    """The lines whose zero is no measurement: where lower is better and all else lies far above it."""
    zeros = {e.line for e in entries if e.score == 0}
    others = [e.score for e in entries if e.score is not None and e.score != 0]
    if direction is not Direction.MIN or not zeros or len(others) < 3:
        return set()
    return zeros if min(others) > 0.5 * median(others) > 0 else set()


def tell(entries: Sequence[Entry], direction: Direction) -> list[Step]:
    """The steps of a log in its order. The first that was kept is the baseline; what was discarded before has none."""
    false = impossible(entries, direction)
    sign = -1.0 if direction is Direction.MIN else 1.0
    champion: Entry | None = None
    steps: list[Step] = []
    for entry in entries:
        score = entry.score
        if score is None or entry.line in false:
            continue
        base = champion.score if champion is not None else None
        steps.append(Step(entry, score, champion, sign * (score - base) if base is not None else 0.0))
        if steps[-1].stands:
            champion = entry
    return steps

"""A log as a story: each scored experiment with what was the champion when it was run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from autoloop_kernel.auditing.log import Entry
from autoloop_kernel.records import Direction, Verdict

NINES = re.compile(r"9{3,}\.0+|9{4,}\.9+")
"""What programs write for a score that they do not have."""
BASELINE = re.compile(r"\bbaseline\b", re.I)
DENIED = re.compile(
    r"\b(vs|versus|than|from|over|against|to|of|below|above|beats?|the|match\w*) (the )?baseline\b"
    r"|\bseeds?\b|\bagain\b|\bre-?r[ua]n|\brepeat",
    re.I,
)
"""What of a description that names a baseline says that it is held against one, or is one that was run again."""


@dataclass(frozen=True)
class Step:
    """A scored experiment. `champion` is the best of the keeps before it, the last of equals; None for a baseline.

    `score` and `gain` are in the log's unit; `gain` is positive where the score is better than the champion's.
    `search` counts from 1: a worse keep that calls itself a baseline begins a new one, whose scores do not compare.
    """

    entry: Entry
    score: float
    champion: Entry | None
    gain: float
    search: int = 1

    @property
    def kept(self) -> bool:
        """Whether the log says that it was kept."""
        return self.entry.verdict is Verdict.KEEP

    @property
    def stands(self) -> bool:
        """Whether it is the champion from now on: kept, and not for a worse score."""
        return self.kept and self.gain >= 0


def impossible(entries: Sequence[Entry], direction: Direction) -> set[int]:
    """The lines whose number stands for a failure.

    That is a zero where lower is better and all else lies far above it, 999 and the like, and −1 where all else is
    above zero.
    """
    nines = {e.line for e in entries if e.score is not None and NINES.fullmatch(f"{abs(e.score):.6f}")}
    rest = [entry for entry in entries if entry.line not in nines]
    below = {e.line for e in rest if e.score == -1}
    if any(e.score is not None and e.score <= 0 and e.line not in below for e in rest):
        below = set()
    return nines | below | _zeros([entry for entry in rest if entry.line not in below], direction)


def _zeros(entries: Sequence[Entry], direction: Direction) -> set[int]:
    zeros = {e.line for e in entries if e.score == 0}
    others = [e.score for e in entries if e.score is not None and e.score != 0]
    if direction is not Direction.MIN or not zeros or len(others) < 3:
        return set()
    return zeros if min(others) > 0.5 * median(others) > 0 else set()


def _begins(entry: Entry) -> bool:
    """Whether a keep that is worse than the best before it says that it is a new baseline."""
    said = entry.description
    return entry.verdict is Verdict.KEEP and bool(BASELINE.search(said)) and not DENIED.search(said)


def tell(entries: Sequence[Entry], direction: Direction) -> list[Step]:
    """The steps of a log in its order. The first that was kept is the baseline; what was discarded before has none.

    A kept line that is worse than the champion and says that it is a baseline is one, too.
    """
    false = impossible(entries, direction)
    sign = -1.0 if direction is Direction.MIN else 1.0
    champion: Entry | None = None
    search = 1
    steps: list[Step] = []
    for entry in entries:
        score = entry.score
        if score is None or entry.line in false:
            continue
        base = champion.score if champion is not None else None
        if base is not None and sign * (score - base) < 0 and _begins(entry):
            champion, base, search = None, None, search + 1
        gain = sign * (score - base) if base is not None else 0.0
        steps.append(Step(entry, score, champion, gain, search))
        if steps[-1].stands:
            champion = entry
    return steps

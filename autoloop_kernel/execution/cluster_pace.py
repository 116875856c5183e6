"""Which workers are far slower than the others, by what runs tell of themselves."""

from __future__ import annotations

import statistics
from collections import defaultdict

from autoloop_kernel.records import Outcome, Verdict

RUNS = 3
"""How many runs of a worker have to be known before it is compared."""

SLOW = 2 / 3
"""The part of the others' pace below which a worker is called slow."""


class Pace:
    """Notes the pace of every worker's runs: steps a second of their curves where they have one, else runs an hour."""

    def __init__(self) -> None:
        self._steps: dict[str, list[float]] = defaultdict(list)
        self._runs: dict[str, list[float]] = defaultdict(list)
        self._said: set[str] = set()

    def told(self, worker: str, outcome: Outcome) -> str:
        """A line that says that `worker`, whose run has just ended, is slow; "" where it is not, or was said before."""
        if outcome.verdict is not Verdict.SCORED or not worker:
            return ""
        if len(outcome.curve) > 1 and outcome.curve[-1].seconds > outcome.curve[0].seconds:
            first, last = outcome.curve[0], outcome.curve[-1]
            self._steps[worker].append((last.step - first.step) / (last.seconds - first.seconds))
        if outcome.seconds.total > 0:
            self._runs[worker].append(3600 / outcome.seconds.total)
        for paces, what in ((self._steps, "steps a second"), (self._runs, "runs an hour")):
            if worker not in self._said and (text := _slow(worker, paces, what)):
                self._said.add(worker)
                return text
        return ""


def _slow(worker: str, paces: dict[str, list[float]], what: str) -> str:
    others = [statistics.median(found) for name, found in paces.items() if name != worker and len(found) >= RUNS]
    if len(paces[worker]) < RUNS or not others:
        return ""
    mine, theirs = statistics.median(paces[worker]), statistics.median(others)
    if theirs <= 0 or mine > SLOW * theirs:
        return ""
    return f"{worker} is slow: {mine:.3g} {what} where the others make {theirs:.3g}"

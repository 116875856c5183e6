"""All that an audit finds in one log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autoloop_kernel.auditing import findings, noise, story
from autoloop_kernel.auditing.chances import Chance, judge
from autoloop_kernel.auditing.findings import Doubt
from autoloop_kernel.auditing.log import FAILED, Log, from_data
from autoloop_kernel.auditing.noise import Noise
from autoloop_kernel.auditing.story import Step


@dataclass(frozen=True)
class Audit:
    """A log, its story, its noise, the chances of its keeps (not the baseline's), and what speaks against it.

    `retests` are the discards within the noise, the likeliest gain first; `by_chance` is how many pairs of equal scores
    one would expect of different experiments.
    """

    log: Log
    steps: Sequence[Step]
    noise: Noise
    keeps: Sequence[Chance]
    retests: Sequence[Chance]
    contradictions: Sequence[Doubt]
    unimproving: Sequence[Doubt]
    duplicates: Sequence[Doubt]
    equal_scores: Sequence[Doubt]
    by_chance: float
    false_minima: Sequence[Doubt]
    missing: Sequence[Doubt]

    @property
    def baseline(self) -> Step | None:
        """The first keep of the last search, which the others are held against."""
        return next((step for step in self.steps if step.kept and step.search == self.searches), None)

    @property
    def searches(self) -> int:
        """How many searches the log holds, one after the other."""
        return self.steps[-1].search if self.steps else 1

    @property
    def champion(self) -> Step | None:
        """The best of what the last search kept, by its logged score."""
        kept = [step for step in self.steps if step.kept and step.search == self.searches]
        if not kept:
            return None
        return min(kept, key=lambda step: step.score if self.log.direction.better(0, 1) else -step.score)

    @property
    def failed(self) -> int:
        """How many experiments crashed or ran out of time."""
        return sum(entry.verdict in FAILED for entry in self.log.entries)


def audit(data: Mapping[str, Any] | Log, sigma: float | None = None) -> Audit:
    """Audit a log, or what `log.to_data` made of one; `sigma` is the noise of one run where it is known (0: none)."""
    log = data if isinstance(data, Log) else from_data(data)
    steps = story.tell(log.entries, log.direction)
    found = noise.estimate(steps, log.direction, sigma)
    keeps, retests = judge(steps, log.direction, found)
    equal, by_chance = findings.equal_scores(steps)
    gone = [Doubt((line,), "the repository has no such commit") for line in log.missing]
    return Audit(
        log,
        steps,
        found,
        keeps,
        retests,
        findings.contradictions(log.entries, steps),
        findings.unimproving(steps),
        findings.duplicates(log.entries),
        equal,
        by_chance,
        findings.false_minima(log.entries, steps, log.direction),
        gone,
    )

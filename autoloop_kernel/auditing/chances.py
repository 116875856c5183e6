"""How probable it is that each keep of a log is a true gain, by the house's own keep rule told the log's noise.

The judge goes through the log as it happened, once for each value that the noise may have, and takes every verdict as
it stands, but for keeps of a worse score: the champion stays what it was. A chance is that of truly being better than
the champion before it, whose own logged score was the luckiest of many and is believed accordingly less.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from autoloop_kernel.auditing.log import Entry
from autoloop_kernel.auditing.noise import Noise
from autoloop_kernel.auditing.repeats import same_code
from autoloop_kernel.auditing.story import Step
from autoloop_kernel.judging import Decision, Gain, Judge
from autoloop_kernel.records import Direction

REAL, LIKELY, UNLIKELY = 0.95, 0.62, 0.38
"""From which chance on a keep is called real and probably real (the keep rule's own line), below which noise."""
FULL, LESS = 1_000, 2_000
"""Logs with more scored lines are judged at three values of the noise, those with more yet at one."""
CLOSE = 2**0.5
"""A discard within so many deviations of the best is within the noise: two runs differ by that, one deviation each."""


@dataclass(frozen=True)
class Chance:
    """What is believed of one step's gain over its champion.

    `p` is the chance that it is a true gain, averaged over what the noise may be, `low` and `high` its least and most;
    `logged` and `gain` are in units of the score, positive for better, the interval wide enough for any of these.
    `each` are the chances at each of them. `luck`: the code is the champion's own, so that nothing can be gained.
    """

    entry: Entry
    champion: Entry
    logged: float
    p: float
    low: float
    high: float
    gain: Gain
    each: tuple[float, ...]
    luck: bool = False

    @property
    def word(self) -> str:
        """The chance in words."""
        if self.luck:
            return "luck: the same code"
        if self.p >= REAL:
            return "real"
        return "probably real" if self.p >= LIKELY else "cannot be told" if self.p > UNLIKELY else "probably noise"


def judge(steps: Sequence[Step], direction: Direction, noise: Noise) -> tuple[list[Chance], list[Chance]]:
    """The chances of the keeps after the baseline, and of the discards that lie within the noise, likeliest first.

    Both empty where the noise is unknown.
    """
    first = next((place for place, step in enumerate(steps) if step.kept), len(steps))
    story = steps[first:]
    if noise.sigma is None or len(story) < 2:
        return [], []
    near = -CLOSE * noise.sigma
    asked = [k for k, step in enumerate(story) if step.champion is not None and (step.kept or step.gain >= near)]
    said = [_decisions(story, set(asked), direction, sigma) for sigma in _values(noise, len(story))]
    runs: dict[int, set[int]] = defaultdict(set)
    for which, repeat in enumerate(noise.repeats):
        for line in repeat.lines:
            runs[line].add(which)
    found = [_chance(story[k], [one[k] for one in said], _same_code(story[k], runs)) for k in asked]
    discards = [chance for k, chance in zip(asked, found, strict=True) if not story[k].kept and not chance.luck]
    keeps = [chance for k, chance in zip(asked, found, strict=True) if story[k].kept]
    return keeps, sorted(discards, key=lambda chance: -chance.p)


def _values(noise: Noise, count: int) -> tuple[float, ...]:
    values = noise.judged
    if count > LESS or len(values) < 3:
        return values[len(values) // 2 : len(values) // 2 + 1]
    return values if count <= FULL else (values[0], values[len(values) // 2], values[-1])


def _decisions(story: Sequence[Step], asked: set[int], direction: Direction, sigma: float) -> dict[int, Decision]:
    """What the judge says of the steps that are asked for, each as it stood when it was run."""
    judge = Judge(direction.value, max_attempts=1, sigma=sigma)
    found = {}
    for place, step in enumerate(story):
        if step.champion is None:
            judge.baseline([step.score])
            continue
        if place in asked:
            found[place] = judge.decide([step.score])
        judge.settle([step.score], step.stands)
    return found


def _same_code(step: Step, runs: Mapping[int, set[int]]) -> bool:
    """Whether a step ran its champion's code; `runs` tells by line which repeats it belongs to."""
    assert step.champion is not None
    shared = runs.get(step.entry.line, set()) & runs.get(step.champion.line, set())
    return bool(shared) or same_code(step.entry, step.champion)


def _chance(step: Step, said: Sequence[Decision], luck: bool) -> Chance:
    assert step.champion is not None
    if luck:
        none = tuple(0.0 for _ in said)
        return Chance(step.entry, step.champion, step.gain, 0.0, 0.0, 0.0, Gain(0.0, 0.0, 0.0), none, luck=True)
    each = tuple(one.p_better for one in said)
    low, high = min(one.gain.low for one in said), max(one.gain.high for one in said)
    gain = Gain(fmean(one.gain.mean for one in said), low, high)
    return Chance(step.entry, step.champion, step.gain, fmean(each), min(each), max(each), gain, each)


def how_many(keeps: Sequence[Chance]) -> tuple[float, int, int]:
    """How many keeps are true gains: the expected number, and the least and most that hold 90 % of the belief.

    Given the noise, keeps are true or not each by itself (a Poisson binomial distribution); what the noise may be is
    averaged over.
    """
    if not keeps:
        return 0.0, 0, 0
    total = [0.0] * (len(keeps) + 1)
    values = len(keeps[0].each)
    for which in range(values):
        mass = [1.0]
        for keep in keeps:
            p = keep.each[which]
            mass = [a * (1 - p) + b * p for a, b in zip([*mass, 0.0], [0.0, *mass], strict=True)]
        total = [a + b / values for a, b in zip(total, mass, strict=True)]
    reached = 0.0
    low, high = 0, len(keeps)
    for count, share in enumerate(total):
        if reached < 0.05 <= reached + share:
            low = count
        if reached < 0.95 <= reached + share:
            high = count
        reached += share
    return sum(keep.p for keep in keeps), low, high

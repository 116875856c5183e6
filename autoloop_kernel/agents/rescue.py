"""The agent that gives near misses another chance: together, on what became the champion, or as they were.

It has no ideas of its own, needs no key, and remembers nothing: each call reads the history again.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

from autoloop_kernel.agents.base import Context, NothingNew
from autoloop_kernel.arena.merge import merge_units
from autoloop_kernel.records import (
    MEASURED,
    RESCUE,
    AutoloopError,
    Direction,
    Iteration,
    Kind,
    Proposal,
    Verdict,
)

RECENT = 200
"""Among how many of the latest iterations near misses are sought, so that a long history costs no more than a short."""
MISSES = 8
"""How many near misses are tried in pairs: the best."""
WITHIN = math.sqrt(2)
"""How many standard deviations of a run a near miss may lie behind its base: so far apart lie two runs of one code."""

_CHANCE = re.compile(r"^iterations? \d+( and \d+ together| on iteration \d+| again): ")

Units = Mapping[str, str]


@dataclass(frozen=True)
class _Miss:
    """A discard that nearly made it: its gain over its base by all runs, and the base that it edits."""

    iteration: Iteration
    gain: float
    base: int


@dataclass(frozen=True)
class _Chance:
    """A version that may be proposed: its complete units, how it is called, why, and how much speaks for it."""

    units: Units
    title: str
    why: str
    weight: float


class RescueAgent:
    """Proposes near misses of this epoch once more, best first, as edits of the champion, by three-way merge.

    A near miss is a discard whose mean score lies no more than `WITHIN` standard deviations of a run behind its base's,
    and that broke no hard limit.
    """

    name = RESCUE
    quick = True

    def propose(self, context: Context) -> Proposal:
        """Give the most promising version that has not run; raises `NothingNew` where there is none left."""
        if context.base is None:
            raise NothingNew("rescue has nothing to do before the baseline has run")
        sigma = _noise(context)
        if sigma is None:
            raise NothingNew("rescue does not know how noisy a run is: nothing has run twice (autoloop replicate)")
        refused = [{**context.units, **proposal.units} for proposal in context.refused]
        for chance in sorted(_chances(context, sigma), key=lambda one: -one.weight):
            full = {**context.units, **chance.units}
            known = context.is_known(full)
            if full == dict(context.units) or full in refused or (known is not None and not _won(context, known)):
                continue
            units = {name: text for name, text in full.items() if text != context.units.get(name)}
            return Proposal(chance.title, units, chance.why, self.name, context.base, context.proposal_id)
        raise NothingNew("it has tried every near miss that there is, alone and in pairs")


class SecondChance:
    """Proposes one discard of the champion's once more, as it was."""

    name = RESCUE
    quick = True

    def __init__(self, it: Iteration) -> None:
        self._it = it

    def propose(self, context: Context) -> Proposal:
        """Give the code of that iteration as an edit of the champion; raises `NothingNew` where it may not run."""
        if context.refusal is not None:
            raise NothingNew(context.refusal)
        source = context.sources(self._it.number)
        units = {name: text for name, text in source.items() if text != context.units.get(name)}
        title, why = again(self._it), "It won by all of its runs once it was run again; its fresh runs decide."
        return Proposal(title, units, why, self.name, context.base, context.proposal_id)


def again(it: Iteration) -> str:
    """How an iteration is called that is run as a candidate once more."""
    return f"iteration {it.number} again: {_named(it)}"


def _chances(context: Context, sigma: float) -> Iterator[_Chance]:
    """The near misses one by one over the champion, then in pairs; what conflicts is left out."""
    misses = sorted(_misses(context, sigma), key=lambda miss: (-miss.gain, miss.iteration.number))[:MISSES]
    laid: dict[int, Units] = {}
    for miss in misses:
        units = _over(context, miss, context.units)
        if units is None:
            continue
        laid[miss.iteration.number] = units
        yield _alone(context, miss, units)
    for one, other in combinations(misses, 2):
        first, second = one.iteration, other.iteration
        if first.number in laid and (both := _over(context, other, laid.get(first.number, {}))) is not None:
            numbers = " and ".join(str(number) for number in sorted((first.number, second.number)))
            titles = "; ".join(_named(it) for it in sorted((first, second), key=lambda it: it.number))
            why = (
                f"Near misses that may be worth more together: {one.gain:+.3g} and {other.gain:+.3g} over their bases."
            )
            yield _Chance(both, f"iterations {numbers} together: {titles}", why, one.gain + other.gain)


def _alone(context: Context, miss: _Miss, units: Units) -> _Chance:
    """One near miss: as it was, where its base is the champion still, else laid over the champion."""
    it, runs = miss.iteration, len(_scores(miss.iteration))
    several = f"{runs} run{'s' if runs != 1 else ''}"
    seen = f"{miss.gain:+.3g} over iteration {miss.base} in {several}"
    if miss.base == context.base:
        return _Chance(units, again(it), f"Run again, it won: {seen}.", miss.gain)
    title = f"iteration {it.number} on iteration {context.base}: {_named(it)}"
    return _Chance(units, title, f"A near miss on another champion: {seen}.", miss.gain)


def _named(it: Iteration) -> str:
    """What an iteration tried, without what this agent said of whose second chance it was."""
    return _CHANCE.sub("", it.title)


def _over(context: Context, miss: _Miss, units: Units) -> Units | None:
    """The edit of a near miss laid over `units`, complete; None where it conflicts, or its sources are lost."""
    try:
        base, mine = context.sources(miss.base), context.sources(miss.iteration.number)
    except (AutoloopError, LookupError):
        return None
    merged, conflicts = merge_units(base, units, mine)
    return None if conflicts else {**units, **{name: merged[name] for name in merged if name in units}}


def _misses(context: Context, sigma: float) -> Iterator[_Miss]:
    scores = {it.number: mean for it in context.history if (mean := _mean(it)) is not None}
    sign = -1.0 if context.metric.direction is Direction.MIN else 1.0
    for it in context.history[-RECENT:]:
        if it.verdict is not Verdict.DISCARD or it.agent == MEASURED or it.base is None or context.barred(it):
            continue
        if it.number in scores and it.base in scores:
            gain = sign * (scores[it.number] - scores[it.base])
            if gain >= -WITHIN * sigma:
                yield _Miss(it, gain, it.base)


def _won(context: Context, number: int) -> bool:
    """Whether an iteration that ran already deserves a second one, and has none yet."""
    it = next((one for one in context.history if one.number == number), None)
    champion = next((one for one in context.history if one.number == context.base), None)
    said = f"iteration {number} again: "
    is_new = not any(one.agent == RESCUE and one.title.startswith(said) for one in context.history)
    return is_new and it is not None and champion is not None and won(it, champion, context.metric.direction)


def won(it: Iteration, champion: Iteration, direction: Direction) -> bool:
    """Whether a discard that edits the champion is better than it by all runs of both; it must have run several times.

    One score that did not do stays what it is.
    """
    mean, other = _mean(it), _mean(champion)
    if it.verdict is not Verdict.DISCARD or it.base != champion.number or len(_scores(it)) < 2:
        return False
    return mean is not None and other is not None and direction.better(mean, other)


def _scores(it: Iteration) -> list[float]:
    return [
        one.score
        for one in it.attempts
        if one.verdict is Verdict.SCORED and one.score is not None and one.kind is not Kind.HOLDOUT
    ]


def _mean(it: Iteration) -> float | None:
    scores = _scores(it) or ([it.score] if it.score is not None else [])
    return math.fsum(scores) / len(scores) if scores else None


def _noise(context: Context) -> float | None:
    """One standard deviation of a run, pooled over the recent iterations that ran several times; None for none."""
    squares, freedom = 0.0, 0
    for it in context.history[-RECENT:]:
        scores = _scores(it)
        if len(scores) > 1:
            mean = math.fsum(scores) / len(scores)
            squares += math.fsum((score - mean) ** 2 for score in scores)
            freedom += len(scores) - 1
    return math.sqrt(squares / freedom) if freedom else None

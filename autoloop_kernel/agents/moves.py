"""The next steps worth a run, each with a weight: one constant further, the other way, between, or several at once.

Everything here is read off the trials; nothing is remembered between calls.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from random import Random

from autoloop_kernel.agents.constants import Constant, Key, Value, show
from autoloop_kernel.agents.ranges import LINEAR, LISTED
from autoloop_kernel.agents.trials import Trial, typical_gain

# What to try first, and which way, where training time is short: more learning per second, more steps per second.
_HABITS: tuple[tuple[str, float, int], ...] = (
    (r"WARM|COOL|FINAL", 0.55, -1),
    (r"DECAY|DROP", 0.6, 0),
    (r"(?:^|_)(?:LR|LEARNING_RATE|RATE|STEP_SIZE)(?:_|$)", 1.0, 1),
    (r"BATCH|ACCUM", 0.9, -1),
    (r"SEQ|LENGTH|CONTEXT|BLOCK_SIZE", 0.85, -1),
    (r"HEAD", 0.55, 0),
    (r"DEPTH|LAYERS?|BLOCKS?", 0.75, 0),
    (r"WIDTH|DIM|HIDDEN|CHANNELS|EMBD", 0.75, 0),
    (r"BETA|MOMENT|SCALE|STD|CLIP", 0.6, 0),
    (r"EPS|DEBUG|VERBOSE|LOG|PRINT|EVERY|INTERVAL", 0.3, 0),
)

FURTHER, OPPOSITE, BETWEEN, COMBINE, DWINDLING, FINER = 2.0, 0.62, 0.5, 0.55, 0.4, 0.4


class Step(Enum):
    """What sort of step a move is."""

    NEW = "what was never changed"
    ON = "on from what was tried"
    SEVERAL = "several at once"


@dataclass(frozen=True)
class Move:
    """New values for some constants, what speaks for them in words, and how much (the heaviest is tried first).

    `kind` says what sort of step it is.
    """

    values: Mapping[Key, Value]
    why: str
    weight: float
    kind: Step


@dataclass(frozen=True)
class Probe:
    """What one change of one constant brought: from the value `old` to `new` in iteration `number`."""

    number: int
    old: Value
    new: Value
    gain: float | None
    failed: bool


def probes(past: list[Trial]) -> dict[Key, list[Probe]]:
    """Every change of a single constant and nothing else, by constant, oldest first."""
    found: dict[Key, list[Probe]] = {}
    for trial in past:
        if len(trial.changed) == 1 and not trial.code:
            ((key, (old, new)),) = trial.changed.items()
            found.setdefault(key, []).append(Probe(trial.number, old, new, trial.gain, trial.failed))
    return found


def _usable(space: Mapping[Key, Constant], seen: Mapping[Key, list[Probe]]) -> dict[Key, list[Probe]]:
    """The probes of constants that are still there, and still of the type that was probed."""
    return {
        key: kept
        for key, constant in space.items()
        if (kept := [p for p in seen.get(key, []) if type(p.old) is type(p.new) is type(constant.value)])
    }


def importance(constant: Constant) -> float:
    """How much a change of this constant is expected to matter, 0 to 1, by its name and its stated range."""
    weight = next((weight for pattern, weight, _ in _HABITS if re.search(pattern, constant.name)), 0.6)
    return min(1.0, weight + (0.05 if constant.range.stated else 0.0))


def moves(space: Mapping[Key, Constant], past: list[Trial], rng: Random) -> list[Move]:
    """Every single step and combination that the trials suggest from the champion's values, heaviest first."""
    seen, usual = _usable(space, probes(past)), typical_gain(past)
    found: list[Move] = []
    for key, constant in space.items():
        jitter = 1.0 + 0.1 * rng.random()
        lean = rng.random()
        tried = seen.get(key, [])
        steps = (
            _numbers(key, constant, tried, lean, usual) if constant.range.ordered else _choices(key, constant, tried)
        )
        found += [replace(step, weight=step.weight * jitter) for step in steps]
    found += _combinations(space, seen, usual)
    return sorted(found, key=lambda move: -move.weight)


def _choices(key: Key, constant: Constant, tried: list[Probe]) -> Iterator[Move]:
    """The choices that have not been tried yet: the first of a constant counts for more than those after it."""
    used = {probe.new for probe in tried} | {constant.value}
    weight = importance(constant) * (0.8 if not tried else 0.5)
    for choice in constant.range.choices:
        if choice not in used:
            yield Move({key: choice}, f"{constant.name} {show(choice)} has not been tried", weight, Step.NEW)
            weight *= 0.9


def stride(constant: Constant) -> float:
    """A sizeable step, in the units of the range's scale: a doubling, a quarter of a linear range, the next choice."""
    bounds = constant.range
    if bounds.scale == LISTED:
        return 1.0
    if constant.powers or bounds.scale != LINEAR:
        return math.log(2.0) if bounds.scale != LINEAR else float(constant.value)
    step = bounds.span / 4
    return max(1.0, round(step)) if isinstance(constant.value, int) else step


def stepped(constant: Constant, step: float) -> Value | None:
    """The value `step` further on the range's scale (downwards where negative); None where that is no change."""
    if constant.powers:
        number = float(constant.value) * (2.0 if step > 0 else 0.5)
    else:
        bounds = constant.range
        place = bounds.place(float(constant.value))
        limit = bounds.place(bounds.high if step > 0 else bounds.low)
        if (limit - place) * step <= 0:
            return None
        if bounds.scale == LISTED:
            start = math.floor(place) if step > 0 else math.ceil(place)  # a value between two choices goes to the next
            number = bounds.at(start + math.copysign(max(1, round(abs(step))), step))
        else:
            number = bounds.at(place + step)
    value = constant.near(number)
    return None if value == constant.value else value


def _numbers(key: Key, constant: Constant, tried: list[Probe], lean: float, usual: float) -> Iterator[Move]:
    """The steps of a number: further, first, the other way, between. `lean` (0 to 1) settles an open direction."""
    if not tried:
        yield from _first(key, constant, lean)
        return
    last = tried[-1]
    if last.new == constant.value and (last.gain or 0.0) > 0:
        yield from _further(key, constant, tried, usual)
    ways = {way: [probe for probe in tried if _way(probe) == way] for way in (-1, 1)}
    for way in (-1, 1):
        if ways[way] or any((probe.gain or 0.0) > 0 for probe in ways[-way]):
            continue
        value = stepped(constant, way * stride(constant))
        if value is not None:
            lost = -(ways[-way][-1].gain or 0.0)
            force = 1.0 if usual <= 0 or lost <= 0 else min(max(lost / usual, 0.4), 1.5)
            why = f"{_said(constant, ways[-way][-1])}; the other way"
            yield Move({key: value}, why, OPPOSITE * importance(constant) * force, Step.ON)
    yield from _between(key, constant, tried, usual)
    if all(ways[way] or stepped(constant, way * stride(constant)) is None for way in (-1, 1)):
        yield from _finer(key, constant, tried, lean)


def _finer(key: Key, constant: Constant, tried: list[Probe], lean: float) -> Iterator[Move]:
    """A smaller step than those before it, either way: the other constants may have moved since."""
    gains = {-1: 0.0, 1: 0.0}
    for way in gains:
        mine = [-math.inf if probe.failed else probe.gain or 0.0 for probe in tried if _way(probe) == way]
        gains[way] = max(mine, default=0.0)
    likelier = 1 if gains[1] > gains[-1] else -1 if gains[1] < gains[-1] else 1 if lean > 0.5 else -1
    size = stride(constant) * max(0.5 ** (len(tried) / 2), 0.15)
    for way, share in ((likelier, 1.0), (-likelier, 0.8)):
        value = stepped(constant, way * size)
        if value is not None:
            why = (
                f"{constant.name} was last changed in iteration {tried[-1].number}; a smaller step from where it is now"
            )
            weight = FINER * share * importance(constant) / (1 + 0.25 * len(tried))
            yield Move({key: value}, why, weight, Step.ON)


def _way(probe: Probe) -> int:
    return 1 if float(probe.new) > float(probe.old) else -1


def _first(key: Key, constant: Constant, lean: float) -> Iterator[Move]:
    """The first step of a constant that was never changed; where no habit says which way, likelier to more room."""
    habit = next((way for pattern, _, way in _HABITS if re.search(pattern, constant.name)), 0)
    bounds = constant.range
    below = bounds.place(float(constant.value)) - bounds.place(bounds.low)
    toward = habit or (-1 if bounds.span > 0 and lean < below / bounds.span else 1)
    for way in (toward, -toward):
        value = stepped(constant, way * stride(constant))
        if value is not None:
            yield Move(
                {key: value}, f"{constant.name} has not been tried on its own yet", importance(constant), Step.NEW
            )
            return


def _further(key: Key, constant: Constant, tried: list[Probe], usual: float) -> Iterator[Move]:
    """Once more in the direction that paid: as far again, or to where the last two gains say that it ends."""
    last, place = tried[-1], constant.range.place
    step = place(float(last.new)) - place(float(last.old))
    weight = FURTHER if (last.gain or 0.0) >= 0.3 * usual else DWINDLING
    before = tried[-2] if len(tried) > 1 else None
    if before is not None and before.new == last.old and _way(before) == _way(last) and (before.gain or 0.0) > 0:
        former = place(float(before.new)) - place(float(before.old))
        slope, slope_before = (last.gain or 0.0) / step, (before.gain or 0.0) / former
        bend = (slope - slope_before) / ((step + former) / 2)
        left = -(slope + bend * step / 2) / bend / step if bend * step < 0 else 2.0
        if left < 0.25:
            return
        step *= min(max(left, 0.5), 2.0)
    value = stepped(constant, step)
    if value is not None:
        yield Move({key: value}, f"{_said(constant, last)}; further in that direction", weight, Step.ON)


def _between(key: Key, constant: Constant, tried: list[Probe], usual: float) -> Iterator[Move]:
    """The peak of the parabola through the champion's value and its measured neighbours on both sides."""
    bounds, here = constant.range, constant.value
    sides: dict[int, tuple[float, float]] = {}
    for probe in tried:
        if probe.gain is None or here not in (probe.old, probe.new):
            continue
        other, gain = (probe.new, probe.gain) if probe.old == here else (probe.old, -probe.gain)
        offset = bounds.place(float(other)) - bounds.place(float(here))
        way = 1 if offset > 0 else -1
        if offset and (way not in sides or abs(offset) <= abs(sides[way][0])):
            sides[way] = (offset, gain)
    if len(sides) < 2:
        return
    (left, low), (right, high) = sides[-1], sides[1]
    bend = (high / right - low / left) / (right - left)
    if bend >= 0:
        return
    slope = low / left - bend * left
    shift = min(max(-slope / (2 * bend), left / 2), right / 2)
    expected = slope * shift + bend * shift**2
    value = constant.near(bounds.at(bounds.place(float(here)) + shift))
    if abs(shift) > 0.2 * min(right, -left) and expected > 0.05 * usual and value != here:
        why = f"the curve through {constant.name} {show(here)} and its two neighbours peaks here, {expected:.3g} higher"
        weight = BETWEEN * importance(constant) * min(max(expected / usual, 0.5), 2.0)
        yield Move({key: value}, why, weight, Step.ON)


def _combinations(space: Mapping[Key, Constant], seen: Mapping[Key, list[Probe]], usual: float) -> Iterator[Move]:
    """Pairs of single changes that won, or nearly did, and are not in the champion."""
    near: list[tuple[float, Key, Probe]] = []
    for key, tried in seen.items():
        best = max((p for p in tried if p.gain is not None), key=lambda p: p.gain or 0.0, default=None)
        constant = space[key]
        if best is None or best.gain is None or best.new == constant.value:
            continue
        if best.old == constant.value and best.gain > -0.5 * usual and _allowed(constant, best.new):
            near.append((best.gain, key, best))
    near.sort(key=lambda item: -item[0])
    for index, (gain, key, probe) in enumerate(near[:4]):
        for other, name, second in near[index + 1 : 5]:
            both = f"{_said(space[key], probe)}, {_said(space[name], second)}; both at once"
            weight = COMBINE if gain + other > 0 else COMBINE * 0.7
            yield Move({key: probe.new, name: second.new}, both, weight, Step.SEVERAL)


def _allowed(constant: Constant, value: Value) -> bool:
    bounds = constant.range
    if bounds.choices:
        return value in bounds.choices
    return not bounds.stated or bounds.low <= float(value) <= bounds.high


def _said(constant: Constant, probe: Probe) -> str:
    """What a probe showed, in words: "LR 6e-4 gained 0.041 in iteration 4"."""
    head = f"{constant.name} {show(probe.new)}"
    if probe.failed:
        return f"{head} failed in iteration {probe.number}"
    if probe.gain is None:
        return f"{head} is running as iteration {probe.number}"
    if probe.gain == 0:
        return f"{head} changed nothing in iteration {probe.number}"
    return f"{head} {'gained' if probe.gain > 0 else 'lost'} {abs(probe.gain):.3g} in iteration {probe.number}"

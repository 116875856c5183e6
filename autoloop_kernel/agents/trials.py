"""What past iterations say about the constants: one trial each, read from the ledger's history and the lineage."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field

from autoloop_kernel.agents.base import Context
from autoloop_kernel.agents.constants import Key, Value, read
from autoloop_kernel.records import AutoloopError, Direction, Verdict

RECENT = 150
FAILED = (Verdict.CRASH, Verdict.TIMEOUT, Verdict.PRUNED)


@dataclass(frozen=True)
class Trial:
    """One iteration as the search sees it.

    `merit` is the score turned so that more is better, None without one; `failed` for a crash, timeout or pruned run.
    `changed` maps each constant that differs from the base to (value there, value here); `gain` is how much merit that
    brought, None where it cannot be said. `code` when something else than constants differs from the base as well.
    """

    number: int
    values: Mapping[Key, Value]
    merit: float | None = None
    failed: bool = False
    changed: Mapping[Key, tuple[Value, Value]] = field(default_factory=dict)
    gain: float | None = None
    code: bool = False


def trials(context: Context) -> list[Trial]:
    """The champion and the recent iterations whose sources can be read, oldest first.

    Those in flight count as unscored. Only `RECENT` are read, so that a long history costs no more than a short one.
    """
    found: dict[int, Trial] = {}
    frames: dict[int, Mapping[str, tuple[str, ...]]] = {}
    sign = -1.0 if context.metric.direction is Direction.MIN else 1.0
    older, recent = context.history[:-RECENT], context.history[-RECENT:]
    for iteration in (*(one for one in older if one.number == context.base), *recent):
        number, score = iteration.number, iteration.score
        try:
            values, frames[number] = _read(context, context.sources(number))
        except (AutoloopError, LookupError):
            continue
        failed = iteration.verdict in FAILED
        merit = sign * score if score is not None and math.isfinite(score) and not failed else None
        base = found.get(iteration.base) if iteration.base is not None else None
        if base is None:
            found[number] = Trial(number, values, merit, failed)
            continue
        changed = {key: (base.values[key], now) for key, now in values.items() if base.values.get(key, now) != now}
        gain = None if merit is None or base.merit is None else merit - base.merit
        found[number] = Trial(number, values, merit, failed, changed, gain, frames[number] != frames[base.number])
    return list(found.values())


def _read(context: Context, units: Mapping[str, str]) -> tuple[dict[Key, Value], dict[str, tuple[str, ...]]]:
    """The constants of these units, and of every unit the text around them (all of it where none is looked for)."""
    values: dict[Key, Value] = {}
    frames: dict[str, tuple[str, ...]] = {}
    for unit, source in units.items():
        if unit in context.files and not unit.endswith(".py"):
            frames[unit] = (source,)
            continue
        reading = read(source, context.units.get(unit, source))
        frames[unit] = reading.frame
        values |= {(unit, name): value for name, value in reading.values.items()}
    return values, frames


def typical_gain(past: list[Trial]) -> float:
    """The size of a usual effect: the median distance in merit between an iteration and its base; 0 where unknown.

    At least a tenth of the largest gain, so that a tail of dwindling gains does not come to look usual.
    """
    gains = [trial.gain for trial in past if trial.gain is not None and trial.gain != 0]
    return max(statistics.median(map(abs, gains)), 0.1 * max(gains)) if gains else 0.0

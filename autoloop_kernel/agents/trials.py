"""What past iterations say about the constants: one trial each, read from the ledger's history and the lineage."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field

from autoloop_kernel.agents.base import Context
from autoloop_kernel.agents.constants import Key, Value, constants, rewrite
from autoloop_kernel.records import AutoloopError, Direction, Verdict

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
    """Every iteration of the history whose sources can be read, oldest first; those in flight count as unscored."""
    found: dict[int, Trial] = {}
    sources: dict[int, Mapping[str, str]] = {}
    sign = -1.0 if context.metric.direction is Direction.MIN else 1.0
    for iteration in context.history:
        number, score = iteration.number, iteration.score
        try:
            units = context.sources(number)
        except (AutoloopError, LookupError):
            continue
        sources[number] = units
        values = {key: constant.value for key, constant in constants(units, context.files).items()}
        failed = iteration.verdict in FAILED
        merit = sign * score if score is not None and math.isfinite(score) and not failed else None
        base = found.get(iteration.base) if iteration.base is not None else None
        if base is None:
            found[number] = Trial(number, values, merit, failed)
            continue
        changed = {key: (base.values[key], now) for key, now in values.items() if base.values.get(key, now) != now}
        gain = None if merit is None or base.merit is None else merit - base.merit
        here = sources[base.number]
        same = {**here, **rewrite(here, {key: now for key, (_, now) in changed.items()})}
        code = same != dict(units)
        found[number] = Trial(number, values, merit, failed, changed, gain, code)
    return list(found.values())


def typical_gain(past: list[Trial]) -> float:
    """The size of a usual effect: the median distance in merit between an iteration and its base; 0 where unknown.

    At least a tenth of the largest gain, so that a tail of dwindling gains does not come to look usual.
    """
    gains = [trial.gain for trial in past if trial.gain is not None and trial.gain != 0]
    return max(statistics.median(map(abs, gains)), 0.1 * max(gains)) if gains else 0.0

"""Bounds on numbers beside the score: what may not be exceeded at all, and what has to be paid for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autoloop_kernel.records import HARNESS


@dataclass(frozen=True)
class Excess:
    """A bound that a run does not meet. `share` is by how much of the bound it is exceeded, 0 where nothing was told.

    `soft`: it may be, where the score pays for it. `text` says it in words.
    """

    name: str
    share: float
    soft: bool
    text: str


def excesses(limits: Mapping[str, Any], extra: Mapping[str, Any], facts: Mapping[str, Any]) -> list[Excess]:
    """Which of an arena's `limits` (name → {"max": …, "min": …, "soft": …}) a run does not meet, in their order.

    A number counts as the referee's score cells told it (`extra`), else as the harness measured it, else as the
    candidate itself reported it (`facts`). One that nobody told breaks its limit.
    """
    told = {**facts, **dict(facts.get(HARNESS) or {}), **extra}
    found = []
    for name, bounds in limits.items():
        value, soft = told.get(name), bool(bounds.get("soft", False))
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            found.append(Excess(name, 0.0, soft, f"{name} is limited, and the run told no number for it"))
            continue
        for side, bound in (("max", bounds.get("max")), ("min", bounds.get("min"))):
            if bound is None or (value <= bound if side == "max" else value >= bound):
                continue
            share = abs(value - bound) / abs(bound) if bound else 1.0
            way = "above" if side == "max" else "below"
            found.append(Excess(name, share, soft, f"{name} is {value:.6g}, {way} its limit of {bound:.6g}"))
    return found

"""What simulated swarms come to: shares and rates, tokens and dollars, and on paper where the driver runs out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from swarming.costs import Costs
from swarming.simulation import Found, Setting

from autoloop_kernel.agents.claude.agent import MODEL
from autoloop_kernel.agents.claude.prices import cost_of, price_of, total
from autoloop_kernel.messages import POINTS_EVERY_S
from autoloop_kernel.records import Cost

REQUESTS, GROWTH, OUTPUT = 8, 1000, 4000
"""Of one proposal: requests, tokens that each adds to the conversation, tokens that are written in all. Assumed."""


@dataclass(frozen=True)
class Limit:
    """Up to how many workers something does, and what runs out there."""

    workers: float
    what: str


def limits(costs: Costs, setting: Setting) -> list[Limit]:
    """Where agents, curves and the driver run out on paper, the fewest workers first."""
    once = costs.check + costs.begin + costs.end
    crowd = costs.running + 2 * 0.5 * costs.waiting  # half as many as there are workers wait, and are looked at twice
    cycle = setting.run_s + once

    def most(points: float) -> float:
        """The root of W (once + crowd W) / cycle + W points / every = 1."""
        linear, square = once / cycle + points / POINTS_EVERY_S, crowd / cycle
        return (math.sqrt(linear**2 + 4 * square) - linear) / (2 * square) if square else 1 / linear

    found = [
        Limit(setting.run_s / setting.think_s, "one agent at a time: it thinks so long"),
        Limit(most(costs.points), "the driver, by iterations and curves"),
        Limit(POINTS_EVERY_S / costs.points, "the driver, by curves alone"),
        Limit(most(0.0), "the driver, by iterations alone"),
        Limit(1 / costs.idle, "the driver, by slots that wait for an agent"),
    ]
    return sorted(found, key=lambda limit: limit.workers)


def bill(costs: Costs) -> Cost:
    """The tokens and dollars of one proposal of `claude`, whose first request writes the prompt to the cache."""
    price, prompt = price_of(MODEL), round(costs.tokens)
    bills = []
    for nth in range(REQUESTS):
        read, new = (0, prompt) if nth == 0 else (prompt + (nth - 1) * GROWTH, GROWTH)
        bills.append(cost_of(Cost(MODEL, 1, 0, OUTPUT // REQUESTS, read, new), price))
    return total(MODEL, bills)


def share(part: float, whole: float) -> float:
    """A share; NaN of nothing."""
    return part / whole if whole else math.nan


def utilisation(one: Found) -> float:
    """The share of the workers' time in which something ran."""
    return one.run_s / (one.seconds * one.setting.workers)


def wanted(one: Found, costs: Costs) -> float:
    """The share of its time that the driver would need for all that is asked of it; above 1 there is none left."""
    points = one.run_s / POINTS_EVERY_S * costs.points if one.setting.curves else 0.0
    return (one.busy_s + points + one.idle_s * costs.idle) / one.seconds


def rate(one: Found) -> float:
    """Iterations an hour."""
    return 3600 * one.iterations / one.seconds


def gain_after(one: Found, evaluations: int) -> float:
    """The true gain of the champion after so many evaluations."""
    return next((gain for _, count, gain in reversed(one.trajectory) if count <= evaluations), 0.0)


def mean(found: Sequence[Found], what: Callable[[Found], float]) -> float:
    """The mean over swarms, without those of which there is nothing to tell."""
    values = [value for one in found if not math.isnan(value := what(one))]
    return float(np.mean(values)) if values else math.nan


def spread(values: Sequence[float], digits: int = 1) -> str:
    """The mean, and twice its standard error where there is more than one value."""
    if len(values) < 2:
        return f"{values[0]:.{digits}f}" if values else "–"
    error = 2 * float(np.std(values, ddof=1)) / math.sqrt(len(values))
    return f"{float(np.mean(values)):.{digits}f} ± {error:.{digits}f}"


def percent(value: float) -> str:
    """A share in percent."""
    return "–" if math.isnan(value) else f"{100 * value:.0f} %" if value >= 0.0995 else f"{100 * value:.1f} %"

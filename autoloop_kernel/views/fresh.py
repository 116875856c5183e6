"""What fresh runs say of a keep, in words and as plain values: the same in every face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from autoloop_kernel.figures import Figures, Listed, figures
from autoloop_kernel.judging.confirm import LEVEL
from autoloop_kernel.judging.decision import Gain
from autoloop_kernel.records import Iteration, Metric
from autoloop_kernel.views import words


@dataclass(frozen=True)
class Standing:
    """Where an epoch stands: its best keep, the keep that it began with, and what fresh runs say of the best."""

    best: Iteration
    start: Iteration
    figures: Figures

    @property
    def change(self) -> str:
        """By what share the score changed since the start, by the runs that were judged: `(−3.2 %)`, "" for none."""
        share = words.share(self.best.score, self.start.score) if self.best.number != self.start.number else ""
        return f"({share})" if share else ""

    def proof(self, places: int) -> str:
        """What stands behind that: fresh runs with their interval, or that there are none yet; "" for the start."""
        if self.best.number == self.start.number:
            return ""
        if self.figures.total is not None:
            return f"by fresh runs {gain(self.figures.total, places, level=False)}"
        if self.figures.gain is not None:
            return f"{gain(self.figures.gain, places, level=False)} over iteration {self.best.base} by fresh runs"
        return self.figures.state or ""


def standing(own: Sequence[Iteration], metric: Metric) -> Standing | None:
    """Where one epoch stands, of which `own` are all iterations that have ended; None where nothing was kept."""
    top = words.best(own, metric.direction)
    if top is None:
        return None
    start = next(it for it in own if words.standing(it))
    return Standing(top, start, figures(Listed(own), metric.direction, top))


def lines(found: Figures, places: int | None = None, arena: str = "") -> list[str]:
    """A few sentences on a keep, the most important first; none on a baseline. `places`: decimals of its scores.

    Where it was not confirmed, they say with which command it can be, on `arena`.
    """
    if found.screened is None and found.gain is None:
        return []
    told = [line for line in (_state(found, places, arena),) if line]
    if found.total is not None:
        told.append(f"Over the baseline, by fresh runs of both, it gains {gain(found.total, places)}.")
    if found.held_out is not None:
        told.append(f"On the holdout, which no selection saw: {gain(found.held_out, places)} over the baseline.")
    return told


def _state(found: Figures, places: int | None, arena: str) -> str:
    screened = f"the runs that it was kept for showed {words.signed(found.screened, places)}"
    if found.gain is None:
        how = f": autoloop confirm {arena}" if arena else ""
        return f"Provisional: no fresh run has confirmed it yet{how}." if found.state == "provisional" else ""
    pairs = f"{found.pairs} fresh pair{'s' if found.pairs != 1 else ''} of runs"
    lead = {"confirmed": "Confirmed", "refuted": "Refuted"}.get(found.state or "", "Not decided yet")
    return f"{lead}: it gains {gain(found.gain, places)} over its base in {pairs}; {screened}."


def gain(found: Gain, places: int | None = None, level: bool = True) -> str:
    """A gain with its interval: `+0.104 (+0.081 … +0.127 with 90 %)`, positive for an improvement.

    Without `level` the interval stands alone.
    """
    low, high = words.signed(found.low, places), words.signed(found.high, places)
    if found.low == found.high:
        return words.signed(found.mean, places)
    chance = f" with {100 * LEVEL:.0f} %" if level else ""
    return f"{words.signed(found.mean, places)} ({low} … {high}{chance})"


def row(found: Figures | None) -> dict[str, Any]:
    """The same as plain values: `state`, `screened`, `pairs` and the gains as `{mean, low, high}` or None."""
    if found is None:
        return {}
    gains = {"gain": found.gain, "total": found.total, "held_out": found.held_out}
    return {
        "state": found.state,
        "screened": words.finite(found.screened),
        "pairs": found.pairs,
        **{name: None if one is None else one._asdict() for name, one in gains.items()},
    }

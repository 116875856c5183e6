"""The greedy keep rule: one number better than the champion's is a keep."""

from __future__ import annotations

from dataclasses import dataclass

from autoloop_kernel.records import Direction, Verdict


@dataclass(frozen=True)
class Decision:
    """What the rule says of a scored iteration, and why in plain words."""

    verdict: Verdict
    reason: str


def decide(score: float, champion: float | None, direction: Direction) -> Decision:
    """Judge `score` against the champion's (None: this is a baseline, which is always kept).

    Both scores must belong to the same game; ties are discarded, since a change that gains nothing is not worth having.
    """
    if champion is None:
        return Decision(Verdict.KEEP, "baseline")
    difference = f"{score - champion:+.4g} against the champion's {champion:.4g}".replace("-", "−")
    if direction.better(score, champion):
        return Decision(Verdict.KEEP, f"better: {difference}")
    return Decision(Verdict.DISCARD, f"not better: {difference}")

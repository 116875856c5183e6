"""What the attempts at one iteration amount to: which of them counts, and which notebook is the iteration's."""

from __future__ import annotations

from pathlib import Path

from autoloop_kernel.durable import write_atomic
from autoloop_kernel.records import LOST, Iteration, Kind, Outcome, Verdict


def contended(iteration: Iteration | None) -> int:
    """How many of the last attempts at it were contended, since one that counted."""
    found = 0
    for attempt in reversed(iteration.attempts if iteration else ()):
        if attempt.verdict is not None and attempt.verdict not in LOST:
            break
        found += attempt.verdict is Verdict.CONTENDED
    return found


def show_counted(target: Path, iteration: Iteration | None) -> None:
    """Make the notebook of the first attempt that counted the iteration's, where earlier ones were contended."""
    counted = [a.attempt for a in (iteration.attempts if iteration else ()) if a.verdict not in (None, *LOST)]
    executed = target / f"attempt-{counted[0]}.ipynb" if counted else target
    if executed.is_file():
        write_atomic(target / "iteration.ipynb", executed.read_bytes())


def under_way(iteration: Iteration, kind: Kind) -> int:
    """How many attempts of this kind at it are being run."""
    return sum(attempt.verdict is None and attempt.kind is kind for attempt in iteration.attempts)


def ended_before(iteration: Iteration) -> list[Outcome]:
    """What its attempts brought that had run before the driver was stopped, in their order, and were not yet judged."""
    return [
        Outcome(a.verdict, a.reason, a.score, a.extra, a.facts, seconds=a.seconds)
        for a in iteration.attempts
        if a.verdict is not None and a.verdict not in LOST
    ]

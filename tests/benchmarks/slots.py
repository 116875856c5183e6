"""How many iterations an hour one, two and four slots of this machine run, where a candidate sleeps most of its budget.

    python tests/benchmarks/slots.py [--budget 5] [--iterations 8] [--slots 1 2 4]

The same arena, the same agent (asked on the spot) and the real driver with real kernels, once for each number of slots
in one run. The candidate leaves the CPU idle, as one that computes on a card does, so that slots do not compete for
it. An hour's iterations are counted from the first proposal's start to the last verdict; the aim is that two slots run
at least 1.9 times as many as one. What the harness takes is the time that a slot had beyond run and score, for each
iteration: with one slot the driver's own thread works, with several each has a thread and they take turns at ledger
and lineage; the difference is what that adds (aim: at most 0.15 s). Whatever else the machine does lengthens both: the
load average stands beside the figures.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from busy import Thinker, arena

from autoloop_kernel.driver import Plan, drive, open_session


class Prompt(Thinker):
    """Proposes another constant each time, at once."""

    quick = True

    def __init__(self) -> None:
        super().__init__(0.0)


@dataclass(frozen=True)
class Rate:
    """What `slots` slots did: iterations an hour, and the harness's seconds for each iteration."""

    slots: int
    hourly: float
    harness_s: float


def rate(slots: int, budget_s: float, iterations: int) -> Rate:
    """Run so many iterations after the baseline on so many slots."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sleeps.ipynb"
        arena(path, budget_s)
        ended = drive(path, [Prompt()], Plan(iterations=iterations + 1, workers=str(slots)))
        assert ended.ran == iterations + 1, ended.reason
        with open_session(path, create=False) as session:
            events = session.ledger.events(kinds=["iteration.start", "iteration.end"])
            rows = session.ledger.iterations()[1:]
        began = min(event.time for event in events if event.kind == "iteration.start" and event.iteration == 2)
        over = max(event.time for event in events if event.kind == "iteration.end")
    worked = sum(row.seconds.run + row.seconds.score for row in rows)
    return Rate(slots, 3600 * iterations / (over - began), ((over - began) * slots - worked) / iterations)


def main() -> None:
    """Measure each number of slots and print them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--budget", type=float, default=5.0)
    parser.add_argument("--iterations", type=int, default=8, help="after the baseline; a multiple of the slots")
    parser.add_argument("--slots", type=int, nargs="+", default=[1, 2, 4])
    options = parser.parse_args()
    print(f"budget {options.budget:g} s, slept through; {options.iterations} iterations; {os.cpu_count()} CPUs")
    print(f"load average before {os.getloadavg()[0]:.1f}")
    first: Rate | None = None
    for slots in options.slots:
        found = rate(slots, options.budget, options.iterations)
        first = first or found
        beside = f"{found.hourly / first.hourly:5.2f} times, harness {found.harness_s - first.harness_s:+.3f} s"
        print(f"{slots} slot{'s' if slots > 1 else ' '}  {found.hourly:7.0f} iterations an hour ({beside}),", end=" ")
        print(f"the harness takes {found.harness_s:.3f} s of a slot for each; load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()

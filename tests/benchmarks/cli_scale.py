"""How long `autoloop status`, `log --json` and `findings` take on 10,000 iterations, each beside its limit.

    python tests/benchmarks/cli_scale.py [ITERATIONS]

Whole processes, interpreter included; the median of five, in seconds, beside an interpreter that does nothing.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ledger_scale import fill

from autoloop_kernel.arena.templates import new

LIMITS = {"status --json": 0.5, "log --json": 2.0, "findings --json": 2.0}


def seconds(*arguments: str) -> float:
    """The median wall-clock time of `python ARGUMENTS`."""
    taken = []
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def main(count: int = 10_000) -> None:
    """Fill the ledger of a bundled arena, and time both commands on it."""
    with tempfile.TemporaryDirectory() as folder:
        path = new("function_min", Path(folder))
        fill(path.parent / "function_min_runs" / "ledger.sqlite", count)
        print(f"python -c pass   {seconds('-c', 'pass'):6.2f} s")
        for command, limit in LIMITS.items():
            verb, option = command.split()
            asked = ["smaller step"] if verb == "findings" else []
            took = seconds("-m", "autoloop_kernel.cli", verb, str(path), *asked, option)
            print(f"{command:16} {took:6.2f} s   limit {limit:g} s, ratio {took / limit:.2f}")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))

"""What a Ray cluster adds to a run beside the local executor, both in one run: `python tests/benchmarks/cluster.py`.

The same job runs in turns on this machine and on a fresh Ray cluster of this machine, kernels warm on both. The aim is
at most 150 ms an iteration more. The time is a run's as its driver sees it, less what its kernels took.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from arenas import arena, job

from autoloop_kernel.execution.cluster import open_cluster
from autoloop_kernel.execution.local import LocalExecutor
from autoloop_kernel.records import Verdict

AIM_S = 0.150


def timed(executor: Any, folder: Path, number: int) -> float:
    """Seconds that one run takes, its files brought home; the next is made ready while it is scored, as loops do."""

    def hear(kind: str, data: Mapping[str, Any]) -> str | None:
        if kind == "phase" and data["phase"] == "scoring":
            executor.prepare()
        return None

    began = time.monotonic()
    outcome = executor.run(job(arena(), folder, attempt=number, seed=number), hear, lambda: False)
    assert outcome.verdict is Verdict.SCORED, outcome
    return time.monotonic() - began


def main() -> None:
    """Measure both in turns, and print the difference and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    count = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as top:
        here, there = Path(top, "here"), Path(top, "there")
        here.mkdir()
        there.mkdir()
        local = LocalExecutor("autoloop-benchmark")
        began = time.monotonic()
        workers = open_cluster("ray", f"autoloop-benchmark-{top}", lambda kind, **data: None)
        print(f"a fresh cluster was up after      {time.monotonic() - began:.1f} s")
        first = timed(workers.slots[0].executor, there, 1)
        print(f"the first run on it took          {first:.1f} s, the start of its worker included")
        timed(local, here, 1)
        pairs = [(timed(local, here, n), timed(workers.slots[0].executor, there, n)) for n in range(2, count + 2)]
        workers.close()
        local.close()
    mine, theirs = (statistics.median(each) for each in zip(*pairs, strict=True))
    more = statistics.median(there - here for here, there in pairs)
    print(f"a run by the local executor       {1000 * mine:.0f} ms (median of {count})")
    print(f"a run on the cluster              {1000 * theirs:.0f} ms: ratio {theirs / mine:.2f}")
    aim = f"(aim: {1000 * AIM_S:.0f}): ratio {more / AIM_S:.2f}"
    print(f"the cluster adds                  {1000 * more:.0f} ms an iteration {aim}")


if __name__ == "__main__":
    main()

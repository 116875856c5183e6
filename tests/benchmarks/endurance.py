"""Many iterations in a row by one driver: descriptors, processes, memory and overhead must not grow.

    python tests/benchmarks/endurance.py [--iterations 200]

Printed for the first and the last quarter: medians of the driver's and the zygote's open descriptors, of the driver's
threads, of the processes below it while it asks for a proposal, of the resident memory of both (MB), of the pieces of
memory that Python has handed out in the driver (thousands), of what its C libraries hold, on their heap or mapped, and
of what is free of that heap (MB, with glibc), of the objects that git keeps there (KB), and of the seconds that an
iteration adds to run + score. Beside them how much each grew with every iteration in the last half (a line by least
squares). The arena takes no time, so that the harness is nearly all of it.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import gc
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import nbformat
import psutil
import pygit2
from nbformat.v4 import new_markdown_cell, new_notebook
from overhead import cell

from autoloop_kernel.agents.base import Context
from autoloop_kernel.driver import Plan, drive, open_session
from autoloop_kernel.records import Proposal


@dataclass(frozen=True)
class Sample:
    """What is in use between two iterations."""

    descriptors: int
    zygote_descriptors: int
    threads: int
    processes: int
    memory_mb: float
    zygote_mb: float
    python_blocks: float
    heap_mb: float
    heap_free_mb: float
    git_kb: float


class Heap(ctypes.Structure):
    """What glibc's `mallinfo2` tells, in bytes."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    )


def heap() -> tuple[float, float]:
    """What C holds in this process, on the heap or mapped, and what of the heap is free (MB); 0 without glibc 2.33."""
    tell = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if tell is None:
        return 0.0, 0.0
    tell.restype = Heap
    told = tell()
    return (told.uordblks + told.hblkhd) / 1e6, told.fordblks / 1e6


def sample() -> Sample:
    """Look at this process, and at what runs below it."""
    mine = psutil.Process()
    below = [one for one in mine.children(recursive=True) if one.status() != psutil.STATUS_ZOMBIE]
    handles, memory = 0, 0.0
    for process in below:
        with contextlib.suppress(psutil.Error):
            if any(part.endswith("zygote.py") for part in process.cmdline()) and process.ppid() == mine.pid:
                handles += process.num_fds()
                memory += process.memory_info().rss / 1e6
    gc.collect()
    return Sample(
        mine.num_fds(),
        handles,
        mine.num_threads(),
        len(below),
        mine.memory_info().rss / 1e6,
        memory,
        sys.getallocatedblocks() / 1e3,
        *heap(),
        pygit2.settings.cached_memory[0] / 1e3,
    )


class Counter:
    """An agent that proposes the next number, and looks round each time."""

    name = "counter"

    def __init__(self) -> None:
        self.samples: list[Sample] = []

    def propose(self, context: Context) -> Proposal:
        self.samples.append(sample())
        number = len(self.samples)
        units = {"hyper": f"STEP = {number}"}
        return Proposal(f"STEP {number}", units, "", self.name, context.base, context.proposal_id)


def arena(path: Path) -> None:
    """Write an arena that takes no time, and in which nothing wins."""
    brief = new_markdown_cell("Nothing to win: this arena measures the harness.")
    brief.metadata["tags"] = ["strategy"]
    cells = [
        brief,
        cell("BUDGET_S = 5.0\nSEED = 0", "parameters"),
        cell("import numpy as np\nfrom autoloop_kernel.cells import ask, score, submit", "shared"),
        cell("STEP = 0", "editable", "hyper"),
        cell("submit(lambda x: x + STEP)"),
        cell("score(float(ask(x=np.zeros(1))[0]))", "score", "score"),
    ]
    notebook = new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.metadata["autoloop"] = {"metric": {"name": "step", "direction": "min"}, "budget_s": 5.0, "clock": "wall"}
    notebook.metadata["autoloop"]["keep"] = {"policy": "greedy"}  # one attempt an iteration
    nbformat.write(notebook, path)


def endure(iterations: int) -> tuple[list[Sample], list[float]]:
    """Run so many iterations after the baseline; returns what was in use before each, and what each added (seconds)."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "endurance.ipynb"
        arena(path)
        agent = Counter()
        ended = drive(path, [agent], Plan(iterations=iterations + 1, ahead=0))
        assert ended.ran == iterations + 1, ended.reason
        with open_session(path, create=False) as session:
            rows = session.ledger.iterations()[1:]
    assert {str(row.verdict) for row in rows} == {"discard"}, {row.reason for row in rows}
    spent = [row.seconds.total - row.seconds.run - row.seconds.score - row.seconds.propose for row in rows]
    return agent.samples, spent


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--iterations", type=int, default=200)
    samples, spent = endure(parser.parse_args().iterations)
    quarter = max(1, len(samples) // 4)
    print(f"{len(samples)} iterations           first quarter   last quarter   growth in the last half (an iteration)")
    rows = [(name, [float(getattr(one, name)) for one in samples]) for name in Sample.__dataclass_fields__]
    for name, values in [*rows, ("seconds_added", spent)]:
        first, last = statistics.median(values[:quarter]), statistics.median(values[-quarter:])
        half = values[len(values) // 2 :]
        slope = statistics.linear_regression(range(len(half)), half).slope if len(half) > 1 else 0.0
        unit = f"{1e3 * slope:10.2f} KB" if name.endswith("_mb") else f"{slope:10.4f}"
        print(f"{name:24} {first:13.2f} {last:14.2f}   {unit}")


if __name__ == "__main__":
    main()

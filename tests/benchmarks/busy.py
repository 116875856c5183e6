"""How busy the trainer is in auto mode when the agent thinks for a third of the budget, beside the serial loop.

    python tests/benchmarks/busy.py [--budget 12] [--iterations 6]

The same arena, the same agent and the real driver, twice in one run: with proposals made ahead, and asked one by one.
Busy is the time of run and score (first candidate cell to last answer) over the time from the first proposal's
iteration to the end of the last. The aim is 95 % at budgets of 120 s and of 15 s, where a serial loop has 75 %; a
shorter budget pays relatively more for what the harness does between runs, the parts of which are printed. Whatever
else the machine does lengthens these: the load average stands beside the figures.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbformat.v4 import new_markdown_cell, new_notebook
from overhead import cell

from autoloop_kernel.agents.base import Context
from autoloop_kernel.driver import Plan, drive, open_session
from autoloop_kernel.records import Event, Iteration, Proposal

THINKS = 1 / 3


class Thinker:
    """Proposes another constant each time, after so many seconds of thought."""

    name = "thinker"

    def __init__(self, seconds: float) -> None:
        self.seconds, self.asked = seconds, 0

    def propose(self, context: Context) -> Proposal:
        self.asked += 1
        time.sleep(self.seconds)
        units = {"hyper": f"STEP = {self.asked + 1}"}
        return Proposal(f"STEP {self.asked + 1}", units, "", self.name, context.base, context.proposal_id)


def arena(path: Path, budget_s: float) -> None:
    """Write an arena whose candidate uses its whole budget, and whose later iterations are all as good."""
    brief = new_markdown_cell("Nothing to win: this arena measures the harness.")
    brief.metadata["tags"] = ["strategy"]
    cells = [
        brief,
        cell(f"BUDGET_S = {budget_s}\nSEED = 0", "parameters"),
        cell("import time\nfrom autoloop_kernel.cells import ask, budget, score, submit", "shared"),
        cell("STEP = 1", "editable", "hyper"),
        cell("while budget.remaining() > 0.1:\n    time.sleep(0.05)\nsubmit(lambda x: x + STEP)"),
        cell("import numpy as np\nscore(float(ask(x=np.zeros(1))[0]))", "score", "score"),
    ]
    notebook = new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metric = {"name": "step", "direction": "min"}
    notebook.metadata["autoloop"] = {"metric": metric, "budget_s": budget_s, "clock": "wall", "contention": 1}
    notebook.metadata["autoloop"]["keep"] = {"policy": "greedy"}  # one attempt an iteration
    nbformat.write(notebook, path)


def busy(budget_s: float, iterations: int, ahead: int) -> tuple[float, dict[str, float]]:
    """The trainer's share of the time, 0 to 1, over the iterations after the baseline and the first proposal's wait.

    And the medians of what lies between two runs, in seconds.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "busy.ipynb"
        arena(path, budget_s)
        agent = Thinker(budget_s * THINKS)
        ended = drive(path, [agent], Plan(iterations=iterations + 2, ahead=ahead))
        assert ended.ran == iterations + 2, ended.reason
        with open_session(path, create=False) as session:
            events = session.ledger.events()
            rows = session.ledger.iterations()[2:]
        ends = [event for event in events if event.kind == "iteration.end"]
        worked = sum(row.seconds.run + row.seconds.score for row in rows)
        return worked / (ends[-1].time - ends[1].time), between(events, rows)


def between(events: Sequence[Event], rows: Sequence[Iteration]) -> dict[str, float]:
    """What follows on a run's last answer until the next one trains: the median of each part, in seconds."""
    when = {(event.kind, event.data.get("phase"), event.iteration): event.time for event in events}
    parts: dict[str, list[float]] = {}
    for row, following in itertools.pairwise(rows):
        answered = when["phase", "running", row.number] + row.seconds.run + row.seconds.score
        marks = {
            "notebook written, processes ended": when["attempt.end", None, row.number],
            "verdict in git and ledger": when["iteration.end", None, row.number],
            "next proposal taken": when["attempt.start", None, following.number],
            "kernels forked and ready": when["phase", "running", following.number],
        }
        for name, time_ in marks.items():
            parts.setdefault(name, []).append(time_ - answered)
            answered = time_
    return {name: statistics.median(seconds) for name, seconds in parts.items()}


def main() -> None:
    """Measure both and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--budget", type=float, default=12.0)
    parser.add_argument("--iterations", type=int, default=6)
    options = parser.parse_args()
    thinks = options.budget * THINKS
    print(f"budget {options.budget:g} s, the agent thinks for {thinks:g} s, {options.iterations} iterations")
    serial, _ = busy(options.budget, options.iterations, 0)
    print(f"asked one by one   trainer busy {serial:6.1%}   (a loop without any other cost: {1 / (1 + THINKS):.1%})")
    ahead, parts = busy(options.budget, options.iterations, 2)
    print(f"made ahead         trainer busy {ahead:6.1%}   ({ahead / serial:.2f} times; aim: 95 %)")
    for name, seconds in parts.items():
        print(f"  {name:34} {seconds:6.2f} s")
    print(f"load average {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()

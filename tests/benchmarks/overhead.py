"""What the harness adds to an iteration's run and score, beside papermill and `python train.py` at the same work.

    python tests/benchmarks/overhead.py [--iterations 6]

All import torch and train for the same fixed time. The script pays for its interpreter and imports, papermill for a
kernel besides; an iteration pays for two kernels, papermill, the referee, git and the ledger. The three take turns, so
that what else the machine does meets them alike. Medians, in seconds, in one run. The aim for warm kernels: at most
1 s, and at most a quarter of what the fresh script adds. Memory is the proportional share (PSS), in MB, of the zygote,
which forks the kernels, and of the nursery, which forks the processes of executions.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import psutil
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autoloop_kernel.agents.base import Context
from autoloop_kernel.driver import Plan, drive, open_session
from autoloop_kernel.execution.births import NURSERY
from autoloop_kernel.records import Proposal

BUDGET_S = 3.0
TRAIN = """
weights = torch.zeros(64, 64)
while {remaining} > 0:
    weights = weights + (torch.randn(64, 64) @ torch.randn(64, 64)) * STEP
"""


def cell(source: str, tag: str | None = None, name: str = "") -> nbformat.NotebookNode:
    """A code cell with a role tag and a name."""
    made = new_code_cell(source)
    if tag:
        made.metadata["tags"] = [tag]
    if name:
        made.metadata["autoloop"] = {"name": name}
    return made


def arena(path: Path) -> None:
    """Write an arena that imports torch in both kernels and trains for the whole budget."""
    brief = new_markdown_cell("Nothing to win: this arena measures the harness.")
    brief.metadata["tags"] = ["strategy"]
    cells = [
        brief,
        cell(f"BUDGET_S = {BUDGET_S}\nSEED = 0", "parameters"),
        cell("import torch\nfrom autoloop_kernel.cells import ask, budget, score, submit", "shared"),
        cell("STEP = 0.01  # 0.001..0.1 log", "editable", "hyper"),
        cell(TRAIN.format(remaining="budget.remaining()") + "submit(lambda x: weights.numpy() * 0 + STEP)"),
        cell("import numpy as np\nscore(float(ask(x=np.zeros(1)).mean()))", "score", "score"),
    ]
    notebook = new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metric = {"name": "step", "direction": "min"}
    notebook.metadata["autoloop"] = {"metric": metric, "budget_s": BUDGET_S, "clock": "wall"}
    notebook.metadata["autoloop"]["keep"] = {"policy": "greedy"}  # one attempt an iteration
    nbformat.write(notebook, path)


def script(path: Path) -> None:
    """Write the same work as a plain script."""
    head = f"import time\nimport numpy\nimport torch\nSTEP = 0.01\nend = time.monotonic() + {BUDGET_S}\n"
    path.write_text(head + TRAIN.format(remaining="end - time.monotonic()") + "print(float(weights.mean()))\n")


def plain_notebook(path: Path, train: Path) -> None:
    """Write the script's work as a notebook of one cell."""
    notebook = new_notebook(cells=[new_code_cell(train.read_text())])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, path)


def timed(command: list[str]) -> float:
    """Seconds that a command takes beyond the work itself."""
    began = time.monotonic()
    subprocess.run(command, check=True, capture_output=True)
    return time.monotonic() - began - BUDGET_S


class Turns:
    """An agent that lets the peers run while nothing else does: each is asked for its proposal, after the last run."""

    name = "turns"

    def __init__(self, folder: Path) -> None:
        self.script, self.notebook = folder / "train.py", folder / "plain.ipynb"
        script(self.script)
        plain_notebook(self.notebook, self.script)
        self.scripts: list[float] = []
        self.papermills: list[float] = []
        self.memory: dict[str, list[float]] = {"zygote.py": [], NURSERY: []}

    def propose(self, context: Context) -> Proposal:
        out = str(self.notebook.with_name("out.ipynb"))
        self.scripts.append(timed([sys.executable, str(self.script)]))
        self.papermills.append(timed([sys.executable, "-m", "papermill", str(self.notebook), out]))
        for name, found in self.memory.items():
            found += shares(name)
        units = {"hyper": f"STEP = {len(self.scripts) + 1}"}
        return Proposal(f"STEP {len(self.scripts)}", units, "", self.name, context.base, context.proposal_id)


def shares(name: str) -> list[float]:
    """The proportional share of memory of each child of this process whose command has a word that ends so, in MB."""
    found = []
    for process in psutil.Process().children():
        with contextlib.suppress(psutil.Error):
            if any(part.endswith(name) for part in process.cmdline()):
                found.append(process.memory_full_info().pss / 1e6)
    return found


def main() -> None:
    """Measure both and print the figures with their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--iterations", type=int, default=6)
    count = parser.parse_args().iterations
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "overhead.ipynb"
        arena(path)
        turns = Turns(Path(folder))
        drive(path, [turns], Plan(iterations=count + 1, ahead=0))
        with open_session(path) as session:
            rows = session.ledger.iterations()
    added = [row.seconds.total - row.seconds.run - row.seconds.score - row.seconds.propose for row in rows[1:]]
    warm, fresh, peer = (statistics.median(figures) for figures in (added, turns.scripts, turns.papermills))
    print(f"iterations                   {len(rows)}, verdicts {sorted({str(row.verdict) for row in rows})}")
    print(f"an iteration adds            {warm:.2f} s to run + score (aim: 1 s); of it, until the first")
    print(f"                             editable cell {statistics.median(r.seconds.start for r in rows[1:]):.2f} s")
    print(f"a fresh papermill run adds   {peer:.2f} s: ratio {warm / peer:.2f}")
    print(f"python train.py adds         {fresh:.2f} s: ratio {warm / fresh:.2f} (aim: 0.25)")
    for what, name in (("zygote", "zygote.py"), ("nursery", NURSERY)):
        print(f"{f'the {what} takes':29}{statistics.median(turns.memory[name] or [0.0]):.0f} MB (PSS)")


if __name__ == "__main__":
    main()

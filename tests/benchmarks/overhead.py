"""What the harness adds to an iteration's run and score, beside a plain `python train.py` that does the same work.

    python tests/benchmarks/overhead.py [--iterations 6]

Both import torch and train for the same fixed time; the script pays for its interpreter and imports, an iteration for
two kernels, papermill, the referee, git and the ledger. Medians, in seconds, in one run. The aim for warm kernels, a
later capability: at most 1 s, and at most a quarter of what the fresh script adds.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autoloop_kernel.driver import Plan, drive, open_session

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
    nbformat.write(notebook, path)


def script(path: Path) -> None:
    """Write the same work as a plain script."""
    head = f"import time\nimport numpy\nimport torch\nSTEP = 0.01\nend = time.monotonic() + {BUDGET_S}\n"
    path.write_text(head + TRAIN.format(remaining="end - time.monotonic()") + "print(float(weights.mean()))\n")


def main() -> None:
    """Measure both and print the figures with their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--iterations", type=int, default=6)
    count = parser.parse_args().iterations
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "overhead.ipynb"
        arena(path)
        drive(path, ["search"], Plan(iterations=count))
        with open_session(path) as session:
            rows = session.ledger.iterations()
        script(Path(folder) / "train.py")
        plain = []
        for _ in range(count):
            began = time.monotonic()
            subprocess.run([sys.executable, str(Path(folder) / "train.py")], check=True, capture_output=True)
            plain.append(time.monotonic() - began - BUDGET_S)
    added = [row.seconds.total - row.seconds.run - row.seconds.score - row.seconds.propose for row in rows[1:]]
    print(f"iterations                 {len(rows)}, verdicts {sorted({str(row.verdict) for row in rows})}")
    print(f"an iteration adds          {statistics.median(added):.2f} s to run + score (of it, until the first")
    print(f"                           editable cell {statistics.median(r.seconds.start for r in rows[1:]):.2f} s)")
    print(f"the agent takes            {statistics.median(r.seconds.propose for r in rows[1:]):.2f} s")
    print(f"python train.py adds       {statistics.median(plain):.2f} s to the same work")
    print(f"ratio                      {statistics.median(added) / statistics.median(plain):.2f}")


if __name__ == "__main__":
    main()

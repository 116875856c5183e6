"""The notebook face: how soon a run's first `report` is seen, and how long a workbench on 10,000 iterations takes.

    python tests/benchmarks/workbench.py [--steps 9] [--iterations 10000]

The delay is taken in a real kernel that runs `wb.step()`, by a client that listens as a browser does: from the moment
before the candidate's first `report` (its own clock, same machine) to the message with the first picture of its curve.
What the browser needs to show it comes on top. Opening is `Workbench(path)`, the workbench as a cell's value, and
`wb.plot()` with its picture, as IPython formats them: in a fresh process with all imports, and again in the same one.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.manager import start_new_kernel
from ledger_scale import fill
from nbformat.v4 import new_markdown_cell, new_notebook
from overhead import cell

from autoloop_kernel.arena.templates import new
from autoloop_kernel.session import open_session

SEEN_S, OPEN_S = 0.3, 2.0
BUDGET_S = 2.0
TRAIN = """\
began = time.time()
report(0, distance=abs(X))
step = 0
while budget.remaining() > 0.3:
    time.sleep(0.02)
    step += 1
    report(step, distance=abs(X) + 1 / step)
facts(first_report=began)
submit(lambda at: at * 0 + X)
"""
IMPORTS = """\
import time
import numpy as np
from autoloop_kernel.cells import ask, budget, facts, report, score, submit
"""
OPEN = """\
import json, sys, time
marks = [time.perf_counter()]
from IPython.core.formatters import DisplayFormatter
marks.append(time.perf_counter())
from autoloop_kernel import Workbench
show = DisplayFormatter().format
for _ in range(6):
    wb = Workbench(sys.argv[1])
    show(wb)
    marks.append(time.perf_counter())
    bundle = show(wb.plot())
    marks.append(time.perf_counter())
sizes = [len(part) for part in bundle[0].values() if len(part) > 10_000]
assert sizes, "there was no picture: " + repr(bundle)[:500]
print(json.dumps([later - earlier for earlier, later in zip(marks, marks[1:])]))
"""


def arena(path: Path) -> None:
    """Write an arena that reports from its first moment on, for two seconds."""
    brief = new_markdown_cell("Nothing to win: this arena measures how soon a curve is seen.")
    brief.metadata["tags"] = ["strategy"]
    cells = [
        brief,
        cell(f"BUDGET_S = {BUDGET_S}\nSEED = 0", "parameters"),
        cell(IMPORTS, "shared"),
        cell("X = 3.0  # -5..5", "editable", "x"),
        cell(TRAIN),
        cell("score(abs(float(ask(at=np.zeros(1))[0])))", "score", "score"),
    ]
    notebook = new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metric = {"name": "distance", "direction": "min"}
    notebook.metadata["autoloop"] = {"metric": metric, "budget_s": BUDGET_S, "clock": "wall"}
    notebook.metadata["autoloop"]["keep"] = {"policy": "greedy"}  # one attempt an iteration
    nbformat.write(notebook, path)


def first_curve(client: Any, code: str) -> tuple[int, float, float]:
    """Run `code` in the kernel: the iteration that its first curve is of, when that message was sent, and received."""
    asked, found = client.execute(code), None
    while True:
        message = client.get_iopub_msg(timeout=120)
        now = time.time()
        if message["parent_header"].get("msg_id") != asked:
            continue
        kind, content = message["msg_type"], message["content"]
        if kind == "error":
            raise SystemExit("\n".join(content["traceback"]))
        if kind == "status" and content["execution_state"] == "idle":
            break
        if found is None and kind in ("display_data", "update_display_data"):
            curve = re.search(r"<img[^>]*learning curve of iteration (\d+)", content["data"].get("text/html", ""))
            if curve:
                found = (int(curve[1]), message["header"]["date"].timestamp(), now)
    if found is None:
        raise SystemExit(f"no curve was shown by: {code}")
    return found


def delays(steps: int) -> list[tuple[float, float, float]]:
    """For each of so many steps: seconds from `report` to the ledger, on to the kernel's message, on to the client."""
    taken = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "seen.ipynb"
        arena(path)
        manager, client = start_new_kernel(kernel_name="python3", stderr=subprocess.DEVNULL)
        try:
            first_curve(client, f"from autoloop_kernel import Workbench\nwb = Workbench({str(path)!r})\nwb.step()")
            for _ in range(steps):
                number, sent, received = first_curve(client, "wb.step()")
                with open_session(path, create=False) as session:
                    reported = session.ledger.iteration(number).attempts[-1].facts["first_report"]
                    events = session.ledger.events(kinds=["report"])
                    event = next(event for event in events if event.iteration == number)
                taken.append((event.time - reported, sent - event.time, received - sent))
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)
    return taken


def report_delays(steps: int) -> None:
    """Measure and print the delay, and each part of the way."""
    taken = delays(steps)
    whole = sorted(sum(parts) for parts in taken)
    names = ("report → ledger", "ledger → message", "message → client")
    for name, part in zip(names, zip(*taken, strict=True), strict=True):
        print(f"{name:24} {1000 * statistics.median(part):6.0f} ms")
    middle = statistics.median(whole)
    print(f"first report → client    {1000 * middle:6.0f} ms   median of {steps}, slowest {1000 * whole[-1]:.0f} ms")
    print(f"{'':24} limit {1000 * SEEN_S:.0f} ms, ratio {middle / SEEN_S:.2f}")


def report_opening(count: int, repeats: int = 5) -> None:
    """Measure and print how long it takes to open a workbench on `count` iterations, and to draw its progress."""
    with tempfile.TemporaryDirectory() as folder:
        path = new("function_min", Path(folder))
        fill(path.parent / "function_min_runs" / "ledger.sqlite", count)
        runs = []
        for _ in range(repeats):
            done = subprocess.run(
                [sys.executable, "-c", OPEN, str(path)], check=True, stdout=subprocess.PIPE, encoding="utf-8"
            )
            runs.append(json.loads(done.stdout)[1:])  # a kernel has imported IPython long before
    print(f"{count:,} iterations")
    for what, at in (("in a fresh process", 0), ("once more", 2)):
        opened, drawn = (statistics.median(run[at + part] for run in runs) for part in (0, 1))
        print(f"{what:24} {opened:.2f} s for wb, {drawn:.2f} s for wb.plot(): {opened + drawn:.2f} s")
        print(f"{'':24} limit {OPEN_S:g} s, ratio {(opened + drawn) / OPEN_S:.2f}")


def main() -> None:
    """Print both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=9)
    parser.add_argument("--iterations", type=int, default=10_000)
    chosen = parser.parse_args()
    report_delays(chosen.steps)
    report_opening(chosen.iterations)


if __name__ == "__main__":
    main()

"""Checkouts in the shape of autoresearch, small enough for a CPU: made anew for each test, in numpy alone."""

from __future__ import annotations

from pathlib import Path

PREPARE = '''\
"""What is fixed: the budget, the data, and the evaluation."""
import os

import numpy as np

TIME_BUDGET = 0.5 * 2  # seconds
EVAL_ROWS = 64
CACHE_DIR = os.path.join(os.path.expanduser("~"), ".cache", "tinysearch")


def rows(count, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, 3))
    return x, x @ np.array([1.0, -2.0, 0.5]) + rng.normal(0, 0.1, count)


def evaluate_bpb(predict):
    x, y = rows(EVAL_ROWS, seed=7)
    return float(((predict(x) - y) ** 2).mean())
'''
TRAIN = '''\
"""The only file that is edited."""
import numpy as np
from prepare import TIME_BUDGET, evaluate_bpb, rows

LR = 0.02  # 0.001..0.5 log
STEPS = 20  # 5..60

x, y = rows(128, seed=1)
w = np.zeros(3)
for step in range(STEPS):
    error = x @ w - y
    w -= LR * x.T @ error / len(x)
    print(f"\\rstep {step:05d} ({100 * step / STEPS:.1f}%) | loss: {(error**2).mean():.6f} | dt: 1ms", end="")
print()
val_bpb = evaluate_bpb(lambda inputs: inputs @ w)
print("---")
print(f"val_bpb:          {val_bpb:.6f}")
print(f"training_seconds: {TIME_BUDGET:.1f}")
print("peak_vram_mb:     0.0")
print(f"num_params_M:     {w.size / 1e6:.6f}")
'''
PROGRAM = """\
# tinysearch

Edit `train.py` and nothing else. **The goal is simple: get the lowest val_bpb.** Run it, read `val_bpb`, commit, go on.
"""
RESULTS = """\
commit\tval_bpb\tmemory_gb\tstatus\tdescription
a1b2c3d\t2.100000\t0.1\tkeep\tbaseline
b2c3d4e\t1.900000\t0.1\tkeep\tlarger steps
c3d4e5f\t2.500000\t0.1\tdiscard\tno bias
d4e5f6a\t0.000000\t0.0\tcrash\tall of it at once
"""


def checkout(folder: Path, name: str = "tinysearch", **files: str | None) -> Path:
    """A checkout in `folder / name`. `files`: other content by name (`train_py="…"`), None to leave one out."""
    given = {"prepare_py": PREPARE, "train_py": TRAIN, "program_md": PROGRAM, "results_tsv": RESULTS, **files}
    made = folder / name
    made.mkdir(parents=True)
    for key, content in given.items():
        if content is not None:
            path = made / (key if "." in key else ".".join(key.rsplit("_", 1)))
            path.parent.mkdir(exist_ok=True)
            path.write_text(content, encoding="utf-8")
    return made

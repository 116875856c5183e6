"""How long `autoloop audit` takes on a log of 5,000 lines, beside its limit.

    python tests/benchmarks/audit.py [LINES]

The whole command: reading, a fresh kernel, the notebook executed and written; with one line in fifty that is broken.
"""

from __future__ import annotations

import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LIMIT = 10.0


def log(count: int) -> str:
    """A greedy search as upstream logs it: crashes as zeros, changed seeds, broken lines."""
    draw = random.Random(0)
    true = best = 1.0
    rows = ["commit\tval_bpb\tmemory_gb\tstatus\tdescription"]
    for k in range(count - 1):
        kind = draw.random()
        effect = 0.0 if k % 40 == 7 else draw.choice([1, -1, -1, -1, -1]) * draw.expovariate(1000)
        score = true - effect + draw.gauss(0, 1e-3)
        status = "crash" if kind < 0.05 else "keep" if k == 0 or score < best else "discard"
        written = "0.000000" if status == "crash" else f"{score:.6f}"
        what = f"changed the seed to {k}" if k % 40 == 7 else f"idea {k}: another <b>width</b> and `depth`"
        line = f"{draw.getrandbits(28):07x}\t{written}\t44.0\t{status}\t{what}"
        rows.append(line[:20] if kind > 0.98 else line)
        if status == "keep" and kind <= 0.98:
            true, best = true - effect, score
    return "\n".join(rows) + "\n"


def main(count: int = 5000) -> None:
    """Audit such a log three times."""
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "results.tsv", Path(folder) / "audit.ipynb"
        source.write_text(log(count), encoding="utf-8")
        command = [sys.executable, "-m", "autoloop_kernel.cli", "audit", str(source), "-o", str(out)]
        taken = []
        for _ in range(3):
            began = time.perf_counter()
            said = subprocess.run(command, check=True, capture_output=True, text=True)
            taken.append(time.perf_counter() - began)
        print(said.stdout + said.stderr, end="")
        middle = sorted(taken)[1]
        print(
            f"{count:,} lines {middle:.2f} s (fastest {min(taken):.2f}), limit {LIMIT:g} s: ratio {middle / LIMIT:.2f}"
        )
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        print(f"of it on the CPU {(used.ru_utime + used.ru_stime) / 3:.2f} s, with the kernel's")
        print(f"the notebook: {out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))

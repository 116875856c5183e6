"""Logs for the tests of the audit: five shapes written out by hand, and simulated searches whose truth is known."""

from __future__ import annotations

import random

UPSTREAM = """commit\tval_bpb\tmemory_gb\tstatus\tdescription
a1b2c3d\t0.997900\t44.0\tkeep\tbaseline
b2c3d4e\t0.993200\t44.2\tkeep\tincrease LR to 0.04
c3d4e5f\t1.005000\t44.0\tdiscard\tswitch to GeLU activation
d4e5f6a\t0.000000\t0.0\tcrash\tdouble model width (OOM)
"""
THIRTEEN = """\ufeffiter,time,git_hash,train_loss,val_loss,best_so_far,delta,time_s,peak_mb,params,outcome,notes,seed\r
1,2026-01-01T00:00,0123abc,3.1,3.4021,3.4021,0,301,8000,1200000,kept,"base, as it stands",42\r
# the machine was rebooted here\r
2,2026-01-01T00:06,,3.0,3.3901,3.3901,-0.012,300,8100,1200000,Accepted,"wider, deeper",42\r
3,2026-01-01T00:12,0123abe,2.9,nan,3.3901,,12,8100,1200000,OOM,too wide,42\r
4,2026-01-01T00:18,0123abf,3.2,3.4500,3.3901,0.06,300,8100,1200000,rejected,"tanh, why not",42\r
"""
BARE = """9f8e7d6\t0.8123\tkept\tfirst
\t0.8150\treverted\tsmaller batch
8e7d6c5\t0.8091\timproved\tcosine schedule

7d6c5b4\t-\ttimed out\tten times the depth
6c5b4a3\t0.8099\tno improvement\tcosine with warm-up
"""
TABLE = """Results so far:

| # | experiment | accuracy | kept | sha |
|---|:-----------|---------:|------|-----|
| 1 | start | 0.71 | ✅ yes | aaaa111 |
| 2 | more data | 0.74 | ✅ **KEEP** (new best) | bbbb222 |
| 3 | less data | 0.69 | ❌ | cccc333 |
| 4 | no data | | 💥 | dddd444 |
"""
BROKEN = """# autoresearch, night 2
commit\tval_bpb\tmemory_gb\tstatus\tdescription
a1b2c3d\t0.9979\t44.0\tkeep\tbaseline
b2c3d4e\t0.99
0.9932\t44.2\tkeep\tno commit in front
c3d4e5f\tabout 1\t44.0\tdiscard\tforgot the number
<<<<<<< HEAD
d4e5f6a\t0.9911\t44.0\tkeep\tkept\twith a tab in it
=======
d4e5f6b\t0.9912\t44.0\tmaybe\tundecided
>>>>>>> night-2
e5f6a7b\t\t44.0\tkeep\tno score
just words
commit\tval_bpb\tmemory_gb\tstatus\tdescription
f6a7b8c\t0.9905\t44.0\tkeep\tlast
f6a7b8d\t0.9906\t44.0\t\tno status
"""

SHAPES = {"upstream": UPSTREAM, "thirteen": THIRTEEN, "bare": BARE, "table": TABLE, "broken": BROKEN}


def search(
    seed: int, count: int = 125, sigma: float = 1e-3, helpful: float = 0.15, gain: float = 2e-3
) -> tuple[str, dict]:
    """A greedy search as upstream logs it, and by line of each keep after the baseline its true gain.

    Seed changes are among its experiments: every fifteenth line runs the champion again.
    """
    draw = random.Random(seed)
    rows = ["commit\tval_bpb\tmemory_gb\tstatus\tdescription"]
    true, gains = 1.0, {}
    best = true + draw.gauss(0, sigma)
    rows.append(f"{draw.getrandbits(28):07x}\t{best:.6f}\t44.0\tkeep\tbaseline")
    for k in range(count):
        again = k % 15 == 7
        effect = draw.expovariate(1 / gain) if draw.random() < helpful else -draw.expovariate(1 / gain)
        effect = 0.0 if again else effect
        score = true - effect + draw.gauss(0, sigma)
        kept = score < best
        words = f"changed the seed to {k}" if again else f"idea {k}"
        rows.append(f"{draw.getrandbits(28):07x}\t{score:.6f}\t44.0\t{'keep' if kept else 'discard'}\t{words}")
        if kept:
            gains[len(rows)] = effect
            true, best = true - effect, score
    return "\n".join(rows) + "\n", gains


def read_rows(rows, direction):
    """The log of rows `COMMIT SCORE STATUS DESCRIPTION`, separated by single blanks; its lines count from 1."""
    from autoloop_kernel.auditing.reading import read

    text = "\n".join("\t".join(row.split(" ", 3)) for row in rows)
    return read(text.encode("utf-8"), "results.tsv", direction)

"""Whether the search agent finds real gains on `tiny_lm`: winner against baseline, on seeds that neither has met.

    python tests/benchmarks/tiny_lm_gains.py [--iterations 12] [--seeds 5] [--folder DIR]

Runs the loop on a fresh copy of the bundled arena (in DIR, kept; else in a temporary folder), then baseline and winner
by turns on fresh seeds, and prints both means and their difference with its 95 % interval (Welch). Exit status 0 if the
interval excludes 0 on the good side. About 6 minutes.
"""

from __future__ import annotations

import argparse
import math
import secrets
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

import nbformat

from autoloop_kernel.arena.edit import candidate
from autoloop_kernel.arena.notebook import Arena
from autoloop_kernel.arena.templates import new
from autoloop_kernel.driver import Plan, drive
from autoloop_kernel.execution.local import LocalExecutor
from autoloop_kernel.records import Job, Kind, Verdict
from autoloop_kernel.session import Session, open_session

T_975 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131)
"""The 97.5 % quantile of Student's t for 1, 2, 3… degrees of freedom; beyond them `quantile` is within 0.3 %."""


def quantile(freedom: float) -> float:
    """Student's t at 97.5 % for `freedom` degrees of freedom, rounded down: the interval comes out rather too wide."""
    whole = max(1, math.floor(freedom))
    return T_975[whole - 1] if whole <= len(T_975) else 1.96 + 2.45 / whole


def welch(a: Sequence[float], b: Sequence[float]) -> tuple[float, float]:
    """The difference mean(b) − mean(a) and half of its 95 % interval."""
    parts = [statistics.variance(sample) / len(sample) for sample in (a, b)]
    difference = statistics.mean(b) - statistics.mean(a)
    if not any(parts):
        return difference, 0.0
    freedom = sum(parts) ** 2 / sum(part**2 / (len(s) - 1) for part, s in zip(parts, (a, b), strict=True))
    return difference, quantile(freedom) * math.sqrt(sum(parts))


def table(session: Session) -> None:
    """Print what the loop did."""
    for row in session.ledger.iterations():
        score = "—" if row.score is None else f"{row.score:.4f}"
        print(f"  {row.number:3d}  {row.verdict!s:8s} {score:>8s}  {row.title}")


def measure(executor: LocalExecutor, arena: Arena, units: Mapping[str, str], seed: int, target: Path) -> float:
    """The score of these units with this seed; stops the benchmark where there is none."""
    job = Job(
        iteration=0,
        attempt=1,
        seed=seed,
        kind=Kind.CONFIRM,
        notebook=str(nbformat.writes(candidate(arena, units))),
        files={},
        folder=arena.folder.resolve(),
        target=target,
        rules=arena.rules,
        run_id=f"tiny-lm-gains:{uuid.uuid4().hex[:8]}",
    )
    outcome = executor.run(job, lambda kind, data: None, lambda: False)
    if outcome.verdict is not Verdict.SCORED or outcome.score is None:
        raise SystemExit(f"seed {seed}: {outcome.verdict}: {outcome.reason}")
    return outcome.score


def compare(session: Session, seeds: int, scratch: Path) -> bool:
    """Run baseline and champion by turns on fresh seeds and print both; whether the champion is better for sure."""
    champion = session.champion()
    if champion is None or champion.base is None:
        print("no iteration beat the baseline")
        return False
    rivals = {"baseline": session.units(1), f"winner (iteration {champion.number})": session.units(champion.number)}
    scores: dict[str, list[float]] = {name: [] for name in rivals}
    executor = LocalExecutor()
    try:
        for turn in range(seeds):
            seed = secrets.randbelow(2**31)
            for name, units in rivals.items():
                scores[name].append(
                    measure(executor, session.arena, units, seed, scratch / f"{turn}-{name.split()[0]}")
                )
                print(f"  seed {seed:10d}  {name:24s} {scores[name][-1]:.4f}", flush=True)
    finally:
        executor.close()
    for name, values in scores.items():
        print(f"{name:24s} mean {statistics.mean(values):.4f}  sd {statistics.stdev(values):.4f}  n {len(values)}")
    difference, half = welch(*scores.values())
    better = difference + half < 0
    print(
        f"difference {difference:+.4f} {session.arena.rules.metric.unit}, 95 % interval "
        f"{difference - half:+.4f} … {difference + half:+.4f}: {'excludes' if better else 'DOES NOT exclude'} 0"
    )
    return better


def main() -> int:
    """Run the benchmark; 0 if the gain is real."""
    parser = argparse.ArgumentParser(description="Does the search agent find real gains on tiny_lm?")
    parser.add_argument("--iterations", type=int, default=12, help="of the loop, baseline included")
    parser.add_argument("--seeds", type=int, default=5, help="fresh seeds for baseline and winner each")
    parser.add_argument("--folder", type=Path, help="where to put the arena; it is kept")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tiny-lm-gains-") as scratch:
        path = new("tiny_lm", options.folder or Path(scratch) / "arena")
        began = time.monotonic()
        ended = drive(path, ["search"], Plan(iterations=options.iterations))
        print(f"{ended.ran} iterations in {time.monotonic() - began:.0f} s ({ended.reason})")
        with open_session(path) as session:
            table(session)
            return 0 if compare(session, options.seeds, Path(scratch) / "fresh") else 1


if __name__ == "__main__":
    sys.exit(main())

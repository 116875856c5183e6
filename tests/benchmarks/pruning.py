"""What giving up runs costs and saves: simulated searches, or the finished curves of an arena that has run.

A simulated candidate's loss falls from 5 towards its end as a power of the budget. How low the end is and how fast the
fall are drawn by themselves but for a correlation of one half; one in eight is a late bloomer, whose schedule keeps its
loss up until it falls in the last 40 % of the budget. An improvement is a candidate whose true end is lower than the
champion's, which it replaces. Everything finishes; the rule is replayed beside it and says what it would have ended.

`python tests/benchmarks/pruning.py [--searches N] [--arena ARENA.ipynb --curve NAME]`; it decides no test.
"""

from __future__ import annotations

import argparse
import math
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from autoloop_kernel.judging import pruning as rule
from autoloop_kernel.judging.pruning import Finished, Manner, Run, sliced
from autoloop_kernel.records import Direction, Verdict
from autoloop_kernel.session import open_session

CANDIDATES, POINTS, BUDGET_S = 60, 200, 100.0
WORSE = {"three quarters": 75.0, "two thirds": 200 / 3, "half (median)": 50.0}
WARMUPS = (0.25, 0.5)
LATE = 1 / 8


@dataclass(frozen=True)
class Ended:
    """A run that finished: its points (seconds, value), whether it is an improvement, and which it was made from."""

    points: list[tuple[float, float]]
    gained: bool
    base: int | None
    seconds: float = BUDGET_S


def simulated(seed: int) -> list[Ended]:
    """One search: a champion and what was made from it, in order."""
    rng = random.Random(seed)
    ends, runs, champion = [3.0], [Ended(falling(rng, 3.0, 0.0, False), False, None)], 0
    for _ in range(CANDIDATES):
        quick, own = rng.gauss(0, 1), rng.gauss(0, 1)
        worse = 0.15 * (-0.5 * quick + math.sqrt(0.75) * own) + 0.15
        ends.append(ends[champion] + worse)
        runs.append(Ended(falling(rng, ends[-1], quick, rng.random() < LATE), worse < 0, champion))
        champion = len(ends) - 1 if worse < 0 else champion
    return runs


def falling(rng: random.Random, end: float, quick: float, late: bool) -> list[tuple[float, float]]:
    """A noisy curve that ends at `end`; `quick` of one deviation doubles how fast it falls."""
    found = []
    for point in range(1, POINTS + 1):
        share = point / POINTS
        left = (1 + 40 * 2**quick * share) ** -0.5 - (1 + 40 * 2**quick) ** -0.5
        level = end + (5 - end) * left + (0.4 * min(1.0, (1 - share) / 0.4) if late else 0.0)
        found.append((share * BUDGET_S, level + rng.gauss(0, 0.05)))
    return found


def finished(path: Path, curve: str) -> tuple[list[Ended], Manner]:
    """The candidates of an arena's epoch that finished, with the baseline, and how it would prune."""
    with open_session(path, create=False) as session:
        epoch, rules = session.ledger.current_epoch(), session.arena.rules
        rows = [] if epoch is None else session.ledger.iterations(epoch)
        scored = [row for row in rows if row.attempts and row.attempts[0].verdict is Verdict.SCORED]
        places = {row.number: place for place, row in enumerate(scored)}
        found = [
            Ended(
                [(p.seconds, p.numbers[curve]) for p in session.ledger.curve(row.number) if curve in p.numbers],
                row.verdict is Verdict.KEEP and row.state != "refuted" and row.base is not None,
                None if row.base is None else places.get(row.base),
                row.attempts[0].seconds.run,
            )
            for row in scored
        ]
        manner = rule.manner_of(
            replace(rules, prune={"direction": rules.metric.direction, **rules.prune, "curve": curve})
        )
    assert manner is not None
    return found, manner


def replayed(runs: list[Ended], manner: Manner, worse: float) -> Iterator[tuple[Ended, float | None]]:
    """Each candidate with the share of its budget at which it would have been given up."""
    others = Finished(manner.direction, worse, rule.STARTUP)
    curves = [sliced(run.points, manner.budget_s) if run.points else {} for run in runs]
    for run, curve in zip(runs, curves, strict=True):
        if run.base is not None:
            champion = [curves[run.base]] if curves[run.base] else []
            follow = Run(manner, champion, others)
            yield run, next((b.share for point in run.points if (b := follow.take(*point)) is not None), None)
        if curve:
            others.add(curve)


def row(name: str, seen: Iterable[tuple[Ended, float | None]]) -> str:
    """What one rule does, in a line of the table."""
    seen = list(seen)
    gained = [would for run, would in seen if run.gained]
    killed = sum(would is not None for would in gained)
    total = sum(run.seconds for run, _ in seen)
    saved = sum(run.seconds * (1 - would) for run, would in seen if would is not None)
    ended = sum(would is not None for _, would in seen)
    share = f"{killed / len(gained):.3f}" if gained else "—"
    return f"{name:32s} {ended / len(seen):8.3f} {killed:6d} of {len(gained):5d} = {share}   {saved / total:8.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--searches", type=int, default=40)
    parser.add_argument("--arena", type=Path, help="replay the finished curves of this arena instead")
    parser.add_argument("--curve", default="loss", help="which number of its report (default: loss)")
    asked = parser.parse_args()
    manner = Manner(asked.curve, Direction.MIN, BUDGET_S)
    searches = [] if asked.arena else [simulated(seed) for seed in range(asked.searches)]
    if asked.arena:
        runs, manner = finished(asked.arena, asked.curve)
        searches = [runs]
    print("worse than, warm-up              given up  improvements killed      time saved (shares)")
    for name, worse in WORSE.items():
        for warmup in WARMUPS:
            each = [pair for runs in searches for pair in replayed(runs, replace(manner, warmup=warmup), worse)]
            print(row(f"{name}, {warmup:g}", each), flush=True)


if __name__ == "__main__":
    main()

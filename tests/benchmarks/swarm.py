"""What happens at 10, 100 and 1,000 workers: the driver's real costs measured, and swarms simulated with them.

    python tests/benchmarks/swarm.py [--repeats N] [--hours H] [--workers 1,10,100,1000] [--regime even] [--jobs 2]

First the real loop, ledger, lineage and judge are timed on this machine (swarming/costs.py). Then swarms run in
virtual time with these costs, by the real rulings and scheduling (swarming/simulation.py), over ideas whose worth is
known (swarming/world.py; effects and noise as in keeping/worlds.py). Beside each swarm stand as many independent loops,
the best of which counts, and one loop that was given the same number of evaluations. docs/swarm.md tells what comes of
it.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

from keeping.worlds import REGIMES
from swarming import figures
from swarming.costs import Costs, measure
from swarming.figures import bill, limits, mean, percent, share, spread, utilisation, wanted
from swarming.simulation import Found, Setting, Swarm

REPEATS = {1: 24, 10: 12, 100: 4, 1000: 1}
"""How many swarms of a size (or less) are simulated by default; `--repeats` multiplies it."""

POLICIES: dict[str, dict[str, Any]] = {
    "house": {},
    "each": {"gather": False, "lasting": False},
    "islands": {"islands": 10},
}
"""As the house does it; as it once did, with a combination for each overtaken keep and a judge that is told anew after
it; ten islands of the house."""

THINKERS = (1, 8, None)
"""How many agents think at once, where that is what is looked at; None is as many as it takes."""

Task = tuple[str, Setting, str, int, Costs | None]


def simulated(task: Task) -> Any:
    """A swarm; or the gains of as many loops by themselves; or one loop that goes on for as many evaluations."""
    kind, setting, name, seed, costs = task
    regime = next(one for one in REGIMES if one.name == name)
    one = replace(setting, workers=1, agents=1)
    if kind == "alone":
        return [Swarm(one, regime, seed, costs, salt).run().gain for salt in range(1, setting.workers + 1)]
    if kind == "long":
        evaluations = round(1.1 * setting.workers * 3600 * setting.hours / setting.run_s)
        one = replace(one, hours=1e6, enough=evaluations)
        return replace(Swarm(one, regime, seed, costs).run(), evaluations=[], decisions=[])
    return replace(Swarm(setting, regime, seed, costs).run(), evaluations=[], decisions=[])


def planned(sizes: Sequence[int], regime: str, hours: float, repeats: int, costs: Costs) -> list[Task]:
    """All that is simulated, the largest first, so that no process is left with a large one at the end."""
    tasks: list[Task] = []
    for workers in sorted(sizes, reverse=True):
        times = repeats * next(
            count for size, count in sorted(REPEATS.items()) if size >= workers or size == max(REPEATS)
        )
        for seed in range(times):
            for name, policy in POLICIES.items():
                if policy.get("islands", 1) * 2 <= workers or name == "house" or (name == "each" and workers > 1):
                    tasks.append((name, Setting(workers, hours=hours, **policy), regime, seed, costs))
            tasks += [(kind, Setting(workers, hours=hours), regime, seed, costs) for kind in ("long", "alone")]
        for agents in THINKERS[:-1]:
            tasks.append((f"{agents} thinking", Setting(workers, agents, hours), regime, 0, costs))
    return tasks


def show_costs(costs: dict[int, Costs]) -> None:
    """What the driver's work takes on this machine."""
    print(f"at a load of {os.getloadavg()[0]:.1f}\n")
    print(f"{'of the driver, ms':30s}" + "".join(f"{count:>10,}" for count in costs) + "  iterations before")
    for field in fields(Costs):
        values = [getattr(one, field.name) for one in costs.values()]
        print(f"{field.name:30s}" + "".join(f"{v:10,}" if isinstance(v, int) else f"{1e3 * v:10.3f}" for v in values))
    now = list(costs.values())[-1]
    one = bill(now)
    read = one.cache_read + one.cache_write + one.input
    print(f"a proposal of claude reads {read:,} tokens, writes {one.output:,}, costs ${one.dollars:.3f}")
    print("on paper:")
    for limit in limits(now, Setting(1)):
        print(f"  from {limit.workers:6,.0f} workers on there is not enough of {limit.what}")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows below their head, each column as wide as it has to be, as Markdown reads it."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    for row in [head, ["-" * width for width in widths], *rows]:
        print("| " + " | ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) + " |")


TIME = (
    *("workers", "as", "iterations/h", "of W times one", "trainers busy", "driver asked for", "waits, s (longest)"),
    *("ledger writes/s", "proposals/h", "M tokens/h", "$/h"),
)


def show_time(found: dict[tuple[int, str], list[Found]], costs: Costs) -> None:
    """Who is busy, and what it costs."""
    base = mean(found[(min(size for size, _ in found), "house")], lambda one: figures.rate(one) / one.setting.workers)
    price, rows = bill(costs), []
    tokens = price.input + price.output + price.cache_read + price.cache_write
    for (workers, name), several in found.items():
        rate, asked = mean(several, figures.rate), mean(several, lambda one: 3600 * one.proposals / one.seconds)
        wait, longest = (
            mean(several, lambda one: share(one.waited_s, one.served)),
            mean(several, lambda one: one.longest_s),
        )
        rows.append(
            [
                *(f"{workers:,}", name, f"{rate:,.0f}", f"{rate / base / workers:.2f}"),
                *(percent(mean(several, utilisation)), percent(mean(several, lambda one: wanted(one, costs)))),
                *(f"{wait:.2f} ({longest:.1f})", f"{mean(several, lambda one: one.writes / one.seconds):,.1f}"),
                *(f"{asked:,.0f}", f"{asked * tokens / 1e6:,.1f}", f"{asked * (price.dollars or 0.0):,.0f}"),
            ]
        )
    table(TIME, rows)


SEARCH = (
    *(
        "workers",
        "as",
        "champions/h",
        "overtaken",
        "combined/h",
        "of several",
        "of them held",
        "of the good seen",
        "refused again",
    ),
    *("ideas again", "gain, 1e-3", "for 1000 evaluations", "best of W alone", "one loop, as many"),
)


def show_search(found: dict[tuple[int, str], list[Found]], beside: dict[tuple[int, str], list[Any]]) -> None:
    """What is found, in thousandths of the score, with twice the standard error."""
    rows = []
    for (workers, name), several in found.items():
        if name not in POLICIES:
            continue
        long = [
            1e3 * figures.gain_after(one, mine.evaluated)
            for one, mine in zip(beside[(workers, "long")], several, strict=True)
        ]
        rows.append(
            [
                *(f"{workers:,}", name, f"{mean(several, lambda one: 3600 * one.keeps / one.seconds):.1f}"),
                percent(mean(several, lambda one: share(one.overtaken, one.overtaken + one.keeps))),
                f"{mean(several, lambda one: 3600 * one.combinations / one.seconds):.1f}",
                percent(mean(several, lambda one: share(one.together, one.combinations))),
                percent(mean(several, lambda one: share(one.held, one.combinations))),
                percent(mean(several, lambda one: share(one.seen, one.good))),
                percent(mean(several, lambda one: share(one.duplicates, one.proposals))),
                percent(mean(several, lambda one: share(one.repeated, one.iterations))),
                spread([1e3 * one.gain for one in several]),
                f"{mean(several, lambda one: 1e6 * one.gain / one.evaluated):.1f}",
                *(spread([1e3 * max(gains) for gains in beside[(workers, "alone")]]), spread(long)),
            ]
        )
    table(SEARCH, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=1, help="times as many swarms of each size")
    parser.add_argument("--hours", type=float, default=2.0, help="of virtual time")
    parser.add_argument("--workers", default="1,10,100,1000", help="sizes, with commas")
    parser.add_argument("--regime", default="even", help="one of keeping/worlds.py")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    asked = parser.parse_args()
    if asked.regime not in [one.name for one in REGIMES]:
        raise SystemExit(f"no regime {asked.regime!r}: {', '.join(one.name for one in REGIMES)}")
    began, sizes = time.monotonic(), [int(size) for size in asked.workers.split(",")]
    with tempfile.TemporaryDirectory(prefix="autoloop-bench-") as folder:
        costs = {count: measure(Path(folder), count) for count in (0, 10_000)}
    show_costs(costs)
    tasks = planned(sizes, asked.regime, asked.hours, asked.repeats, costs[10_000])
    found: dict[tuple[int, str], list[Found]] = {}
    beside: dict[tuple[int, str], list[Any]] = {}
    with multiprocessing.get_context("spawn").Pool(asked.jobs) as pool:
        for (kind, setting, *_), came in zip(tasks, pool.imap(simulated, tasks, 1), strict=True):
            (beside if kind in ("alone", "long") else found).setdefault((setting.workers, kind), []).append(came)
    print()
    show_time(dict(sorted(found.items())), costs[10_000])
    print()
    show_search(dict(sorted(found.items())), beside)
    print(f"\nregime {asked.regime}, {asked.hours:g} h of virtual time, {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()

"""Eight agents on four slots with one memory, beside eight loops by themselves with as many evaluations in all.

    python tests/benchmarks/team.py [--seeds 5] [--iterations 200]

The agents draw one of sixty ideas each (see `team_kit`), so that they often propose the same. Loop, ledger, lineage,
judge and driver are the real ones; runs are played, with a seeded noisy score. Printed are: that no code was evaluated
twice; the memory's share of avoided evaluations (proposals that were refused since their code had run, ran or waited,
of all); and the true gain for 100 evaluations, of the team's champion beside the loops' (their mean champion, and the
one with the best score, which somebody would choose). Means over the seeds with 95 % intervals (Student's t); a ratio
above 1 is the team's advantage. No figure rests on time.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from team_kit import Drawing, World, search
from tiny_lm_gains import quantile

AGENTS, SLOTS = 8, 4


def told(values: Sequence[float], form: str = ".3f") -> str:
    """The mean with its 95 % interval."""
    mean = statistics.fmean(values)
    if len(values) < 2:
        return format(mean, form)
    half = quantile(len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))
    return f"{mean:{form}} ({mean - half:{form}} … {mean + half:{form}})"


def main() -> None:
    """Run both for every seed and print them side by side."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--iterations", type=int, default=200, help="of the team; each loop has an eighth of them")
    options = parser.parse_args()
    shares, overtaken, repeated = [], [], []
    gains: dict[str, list[float]] = {"team": [], "mean": [], "best": [], "most": []}
    for seed in range(options.seeds):
        world = World(seed)
        agents = [Drawing(f"agent{number}", seed) for number in range(AGENTS)]
        with tempfile.TemporaryDirectory() as folder:
            team = search(Path(folder) / "team", world, agents, SLOTS, options.iterations)
            loops = [
                search(Path(folder) / f"alone{number}", world, [Drawing(f"agent{number}", seed)], 1, each)
                for number, each in enumerate([options.iterations // AGENTS] * AGENTS)
            ]
        shares.append(team.avoided / (team.avoided + team.ran))
        overtaken.append(float(team.overtaken))
        count = Counter(code for loop in loops for code in loop.codes)
        repeated.append((sum(count.values()) - len(count)) / sum(count.values()))
        evaluations = sum(loop.ran for loop in loops)
        gains["team"].append(100 * team.gain / team.ran)
        gains["mean"].append(100 * statistics.fmean(loop.gain for loop in loops) / evaluations)
        gains["best"].append(100 * max(loops, key=lambda loop: -loop.score).gain / evaluations)
        gains["most"].append(100 * world.most / team.ran)
    print(f"{AGENTS} agents on {SLOTS} slots, {options.iterations} iterations, {options.seeds} seeds")
    print("codes evaluated twice: 0; iterations begun and not ended once: 0")
    print(f"evaluations that the memory avoided    {told(shares)} of all proposals")
    print(f"keeps that were overtaken              {told(overtaken, '.1f')}")
    print(f"gain for 100 evaluations: the team     {told(gains['team'])}   (all there is: {told(gains['most'])})")
    for name, who in (("mean", "mean"), ("best", "best")):
        ratio = [team / alone for team, alone in zip(gains["team"], gains[name], strict=True)]
        print(f"  the {who} of 8 loops by themselves     {told(gains[name])}   the team: {told(ratio, '.2f')} times")
    print(f"evaluations of 8 loops that another had made  {told(repeated)}")
    print(f"load average {os.getloadavg()[0]:.1f}, on which no figure rests")


if __name__ == "__main__":
    main()

"""The search agent beside random search, on a made-up training run: at equal evaluations, who gains more?

The objective is a fast pure function of a cell's constants: a valley in the learning rate that moves with the batch
size, more steps against a bigger model under a fixed budget, weak knobs, dead knobs, runs that fail, and noise.
Run `python tests/benchmarks/search_agent.py`; it prints the gains and their ratio.
"""

from __future__ import annotations

import argparse
import ast
import math
import random
import statistics
import time
from collections.abc import Callable, Mapping

from autoloop_kernel.agents.base import Agent, Context
from autoloop_kernel.agents.constants import constants, rewrite
from autoloop_kernel.agents.search import SearchAgent
from autoloop_kernel.records import Direction, Iteration, Metric, Proposal, Rules, Verdict

BASELINES: dict[str, str] = {
    "timid": "LR = 3e-4  # 1e-5..1e-1 log\nBATCH = 64\nWIDTH = 64\nDEPTH = 4  # 1..8\n",
    "hot": "LR = 2e-2  # 1e-5..1e-1 log\nBATCH = 16\nWIDTH = 128\nDEPTH = 6  # 1..8\n",
    "thin": "LR = 2e-3\nBATCH = 32\nWIDTH = 16\nDEPTH = 2\n",
    "sensible": "LR = 1e-3\nBATCH = 32\nWIDTH = 64\nDEPTH = 4\n",
}
REST = (
    "WEIGHT_DECAY = 0.1\nWARMUP = 0.2  # 0..0.5\nBETA2 = 0.95\nDROPOUT = 0.1  # 0..0.5\n"
    'ACT = "gelu"  # gelu | relu | relu2 | silu\nTIED = True\nEPS = 1e-8\n'
)
RULES = Rules(metric=Metric("loss", Direction.MIN), budget_s=15.0)


def loss(source: str, tilt: random.Random) -> float | None:
    """The true loss of a cell's constants, without noise; None where the run fails. `tilt` varies the task a little."""
    c = {node.targets[0].id: ast.literal_eval(node.value) for node in ast.parse(source).body}  # type: ignore[attr-defined]
    size = c["WIDTH"] ** 2 * c["DEPTH"]
    if c["LR"] > 0.05 or size * c["BATCH"] > 3e7:
        return None
    steps = 3e9 / (c["BATCH"] * (size + 2e4))
    best_lr = math.log(3e-3 * 2 ** tilt.uniform(-1, 1) * math.sqrt(c["BATCH"] / 32) * math.sqrt(64 / c["WIDTH"]))
    value = 2.0 + 1.2 * steps**-0.25 + 6.0 * size**-0.3 + 0.8 / c["BATCH"]
    value += 0.05 * (math.log(c["LR"]) - best_lr) ** 2
    value += 0.02 * (math.log10(max(c["WEIGHT_DECAY"], 1e-4)) + 1 + tilt.uniform(-1, 1)) ** 2
    value += 0.4 * (c["WARMUP"] - tilt.uniform(0.02, 0.3)) ** 2 + 0.3 * c["DROPOUT"] ** 1.2
    value += 0.01 * (math.log(1 - c["BETA2"]) - math.log(0.02)) ** 2
    value += {"gelu": 0.02, "relu": 0.04, "relu2": 0.0, "silu": 0.025}[c["ACT"]] + 0.015 * c["TIED"]
    return value


class RandomAll:
    """Every constant anew, anywhere in its range."""

    name = "random, all"

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)

    def propose(self, context: Context) -> Proposal:
        """Draw one proposal."""
        space = constants(context.units)
        return self.drawn(context, list(space))

    def drawn(self, context: Context, keys: list[tuple[str, str]]) -> Proposal:
        """Draw new values for these constants; again where nothing changes."""
        space = constants(context.units)
        while True:
            values = {}
            for key in keys:
                bounds = space[key].range
                share = bounds.place(bounds.low) + self.rng.random() * bounds.span if not bounds.choices else 0.0
                values[key] = self.rng.choice(bounds.choices) if bounds.choices else space[key].near(bounds.at(share))
            if units := rewrite(context.units, values):
                return Proposal("random", units, base=context.base)


class RandomOne(RandomAll):
    """One constant of the champion anew, anywhere in its range: a random hill climb."""

    name = "random, one"

    def propose(self, context: Context) -> Proposal:
        """Draw one proposal."""
        return self.drawn(context, [self.rng.choice(list(constants(context.units)))])


def climb(agent: Agent, source: str, evaluations: int, noise: float, seed: int, log: bool = False) -> float:
    """Let an agent propose `evaluations` times under a greedy keep rule; the true loss that the champion gained."""
    rng = random.Random(seed)
    sources: dict[int, Mapping[str, str]] = {1: {"model": source}}

    def true(units: Mapping[str, str]) -> float | None:
        return loss(units["model"], random.Random(seed))

    start = true(sources[1])
    assert start is not None
    history = [Iteration(1, 1, "p1", "baseline", "", verdict=Verdict.KEEP, score=start + rng.gauss(0, noise))]
    champion = history[0]
    for number in range(2, evaluations + 2):
        proposal = agent.propose(_context(history, sources, champion.number))
        units = {**sources[champion.number], **proposal.units}
        sources[number], value = units, true(units)
        score = None if value is None else value + rng.gauss(0, noise)
        keep = score is not None and score < (champion.score or 0.0)
        verdict = Verdict.CRASH if score is None else Verdict.KEEP if keep else Verdict.DISCARD
        done = Iteration(number, 1, f"p{number}", proposal.title, agent.name, champion.number, "", verdict, score=score)
        history.append(done)
        if log:
            print(f"{number:3} {verdict:8} {score or math.nan:.4f} {proposal.title}  | {proposal.hypothesis}")
        champion = done if keep else champion
    end = true(sources[champion.number])
    assert end is not None
    return start - end


def _context(history: list[Iteration], sources: dict[int, Mapping[str, str]], champion: int) -> Context:
    known = {frozenset(units.items()): number for number, units in sources.items()}
    return Context(
        strategy="",
        metric=RULES.metric,
        rules=RULES,
        base=champion,
        units=sources[champion],
        history=tuple(history),
        sources=sources.__getitem__,
        proposal_id=f"p{len(history) + 1}",
        is_known=lambda units: known.get(frozenset(units.items())),
    )


AGENTS: tuple[Callable[[int], Agent], ...] = (SearchAgent, RandomAll, RandomOne)


def compare(evaluations: int, noise: float, seeds: int) -> dict[str, dict[str, list[float]]]:
    """Gains of each agent from each baseline, one a seed."""
    return {
        name: {
            make(0).name: [climb(make(seed), head + REST, evaluations, noise, seed) for seed in range(seeds)]
            for make in AGENTS
        }
        for name, head in BASELINES.items()
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--evaluations", type=int, default=11)
    parser.add_argument("--noise", type=float, default=0.006)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--log", help="print one climb from this baseline instead")
    options = parser.parse_args()
    if options.log:
        print(climb(SearchAgent(), BASELINES[options.log] + REST, options.evaluations, options.noise, 0, log=True))
        return
    began = time.perf_counter()
    found = compare(options.evaluations, options.noise, options.seeds)
    totals: dict[str, list[float]] = {}
    for name, gains in found.items():
        for agent, values in gains.items():
            totals.setdefault(agent, []).extend(values)
            worst = sorted(values)[len(values) // 10]
            print(f"{name:10} {agent:12} gain {statistics.mean(values):7.4f}   10th percentile {worst:7.4f}")
    search = statistics.mean(totals["search"])
    for agent, values in totals.items():
        if agent != "search":
            print(f"search gains {search / max(statistics.mean(values), 1e-9):.2f} times what {agent!r} does")
    print(f"({options.evaluations} evaluations, noise {options.noise}, {time.perf_counter() - began:.1f} s)")


if __name__ == "__main__":
    main()

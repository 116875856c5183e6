"""The keep rule beside upstream's greedy one, on simulated searches of 125 runs whose truth is known.

keeping/worlds.py holds the regimes.

Both rules meet the same proposals and the same noise; a run is the currency, so whoever repeats runs sees fewer
proposals. Greedy compares one score with the one that the champion was kept with. Gains are true ones, of what was
kept; a false keep is one that truly gains nothing. The judge's keeps are then confirmed with fresh runs of their own
(keeping/confirmation.py), which the second row of each regime tells of. With `--bound` a third says what no rule can
exceed (keeping/bound.py), and what one comes to that is told more than any real one (keeping/informed.py).

`python tests/benchmarks/keep_rule.py [--repeats N] [--jobs N] [--regime NAME] [--seed N] [--bound] [--frontier]`; each
regime is printed once it is done. It decides no test.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import starmap

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from keeping.bound import bound
from keeping.confirmation import Confirmation, confirm
from keeping.informed import informed
from keeping.worlds import REGIMES, RUNS, Regime, World

from autoloop_kernel.judging import Judge
from autoloop_kernel.judging.rules import Settings

FRONTIER = {
    f"threshold {threshold}, price {price}": (3, Settings(threshold=threshold, lenient=threshold, price=price))
    for threshold in (0.5, 0.55, 0.62, 0.7)
    for price in (0.5, 1.3, 3.0)
} | {"as it is": (3, Settings()), "one attempt": (1, Settings()), "five attempts": (5, Settings())}
ENOUGH = 0.85
FALSE = 0.45
"""What share of greedy's false keeps the judge may make."""


@dataclass(frozen=True)
class Search:
    """What one search of 125 runs came to; `inside` and `width` are of the intervals of its keeps."""

    gain: float
    keeps: int
    false: int
    candidates: int
    inside: int = 0
    width: float = 0.0
    after: Confirmation | None = None


def ended(world: World, inside: int = 0, width: float = 0.0) -> Search:
    """What a search came to, before anything is confirmed."""
    false = sum(effect <= 0 for effect in world.kept)
    return Search(-world.true, len(world.kept), false, world.candidates, inside, width)


def greedy(regime: Regime, seed: int) -> Search:
    """Upstream's rule: keep what came out lower than the champion's score did, once."""
    world = World(regime, seed)
    record = world.run()
    world.begin([record])
    for effect in world.effects:
        if world.over:
            break
        score = world.run(effect)
        world.candidates += 1
        if score < record:
            record = score
            world.keep(effect, [score])
    return ended(world)


def judged(regime: Regime, seed: int, attempts: int, settings: Settings, then: bool = False) -> Search:
    """The judge's rule, by the calling loop of its contract; `then` its keeps are confirmed.

    A candidate that the budget cuts short is not kept.
    """
    world = World(regime, seed)
    judge = Judge(max_attempts=attempts)
    judge.settings = settings
    inside, width = 0, 0.0
    scores = [world.run()]
    while judge.baseline(scores).action == "replicate":
        scores.append(world.run())
    world.begin(scores)
    for effect in world.effects:
        if world.over:
            break
        scores = [world.run(effect)]
        world.candidates += 1
        while (decision := judge.decide(scores)).action == "replicate" and not world.over:
            scores.append(world.run(effect))
        if decision.action == "keep":
            world.keep(effect, scores)
            inside += decision.gain.low <= effect <= decision.gain.high
            width += decision.gain.high - decision.gain.low
        elif len(scores) > 1:
            world.repeated.append(scores)
        judge.settle(scores, decision.action == "keep")
    found = ended(world, inside, width)
    return replace(found, after=confirm(world)) if then else found


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, float, float]:
    """Ratio of the means and its 95 % interval (bootstrap over searches); NaN where theirs is 0 or less."""
    pairs = np.array([ours, theirs])
    rng = np.random.default_rng(0)
    means = pairs[:, rng.integers(0, pairs.shape[1], (2000, pairs.shape[1]))].mean(2)
    with np.errstate(divide="ignore", invalid="ignore"):
        drawn = means[0] / means[1]
    low, high = np.nanpercentile(np.where(means[1] > 0, drawn, np.inf), [2.5, 97.5], method="nearest")
    return (float(pairs[0].mean() / pairs[1].mean()) if pairs[1].mean() > 0 else math.nan), float(low), float(high)


def goals(regime: Regime, gain: float, ours: float, theirs: float, false: float, keeps: float) -> str:
    """Which goals of this regime were missed, in a word each."""
    missed = []
    if theirs <= 0:
        missed += ["gain below greedy's"] * (ours < theirs)
    else:
        missed += ["gain < 0.85 (floor)"] if gain < 0.85 else ["gain < 0.95"] * (gain < 0.95)
        missed += ["gain < 1.5"] * (regime.noisy and gain < 1.5)
    missed += [f"false > {FALSE}"] * (false > FALSE)
    missed += ["keeps > 1"] * (regime.share == 0 and keeps > 1)
    return ", ".join(missed) or "met"


def line(regime: Regime, ours: Sequence[Search], theirs: Sequence[Search]) -> str:
    """One row of the table."""

    def mean(searches: Sequence[Search], what: str) -> float:
        return float(np.mean([getattr(search, what) for search in searches]))

    gain, low, high = ratio([s.gain for s in ours], [s.gain for s in theirs])
    false, _, false_high = ratio([s.false for s in ours], [s.false for s in theirs])
    kept = sum(search.keeps for search in ours)
    inside = sum(search.inside for search in ours) / kept if kept else math.nan
    width = sum(search.width for search in ours) / kept / regime.sigma if kept else math.nan
    missed = goals(regime, gain, mean(ours, "gain"), mean(theirs, "gain"), false, mean(ours, "keeps"))
    return (
        f"{regime.name:13s} {1e3 * mean(theirs, 'gain'):7.2f} {1e3 * mean(ours, 'gain'):7.2f} "
        f"{gain:6.2f} ({low:6.2f} …{high:6.2f}) {mean(theirs, 'false'):6.2f} {mean(ours, 'false'):5.2f} {false:5.2f} "
        f"(…{false_high:5.2f}) {mean(theirs, 'keeps'):6.1f} {mean(ours, 'keeps'):5.1f} {mean(ours, 'candidates'):5.0f} "
        f"{inside:5.2f} {width:6.1f}  {missed}"
    )


HEAD = (
    "              gain, thousandths                  false keeps                 keeps         candidates, intervals\n"
    "regime         greedy   judge   ratio (95 %)     greedy judge ratio (to)   greedy judge  seen cover width/σ  goals"
)


def confirmed_line(regime: Regime, ours: Sequence[Search], theirs: Sequence[Search]) -> str:
    """What the confirmation stage made of the regime's keeps, a search each unless it is a share."""
    stages = [search.after for search in ours if search.after is not None]

    def mean(what: str) -> float:
        return float(np.mean([getattr(stage, what) for stage in stages]))

    held = sum(stage.confirmed for stage in stages)
    inside, false, width = (
        sum(getattr(stage, what) for stage in stages) / held if held else math.nan
        for what in ("inside", "false", "width")
    )
    helped = sum(search.keeps - search.false for search in ours)
    lost = sum(stage.lost for stage in stages) / helped if helped else math.nan
    gain, low, high = ratio([stage.gain for stage in stages], [search.gain for search in theirs])
    return (
        f"    confirmed {mean('confirmed'):5.2f}, refuted {mean('refuted'):4.2f}, undecided {mean('undecided'):5.2f}; "
        f"of the confirmed {false:.3f} false, intervals cover {inside:.3f}, width/σ {width / regime.sigma:.1f}; of "
        f"true gains {lost:.3f} refuted; gain {1e3 * mean('gain'):.2f}, {gain:.2f} ({low:.2f} … {high:.2f}) of "
        f"greedy's; {mean('runs'):.0f} more runs{'; coverage missed' if inside < ENOUGH else ''}"
    )


def bound_line(regime: Regime, seeds: range, theirs: Sequence[Search]) -> str:
    """What no rule can exceed in this regime, with as many false keeps as the judge may make, and what an informed
    one (keeping/informed.py) comes to.
    """
    allowed = FALSE * float(np.mean([search.false for search in theirs]))
    most, peer = bound(regime, allowed), float(np.mean([search.gain for search in theirs]))
    if most is None:
        return "    no bound is known here"
    if peer <= 0:
        return f"    told all but a candidate's effect, no rule gains more than {1e3 * most:.2f}"
    # What the judge's contract allows: three attempts, and the first run is the baseline's.
    ours = bound(regime, allowed, Judge().max_attempts, RUNS - 1) or 0.0
    found = informed(regime, seeds, allowed, Judge().max_attempts)
    gain, false = found if found is not None else (math.nan, math.nan)
    wrong = float(np.mean([search.false for search in theirs]))
    return (
        f"    told all but a candidate's effect, no rule gains more than {1e3 * most:.2f}, {most / peer:.2f} of "
        f"greedy's; in three attempts and after a run of the baseline {ours / peer:.3f}; one that has to find out the "
        f"champion's score too gained {gain / peer:.2f} with {false / wrong:.2f} of greedy's false keeps"
    )


def compare(pool: object, regimes: Sequence[Regime], seeds: range, bounds: bool) -> None:
    """The table of all regimes, greedy beside the judge as it is."""
    print(HEAD)
    for regime in regimes:
        theirs = list(starmap(greedy, [(regime, seed) for seed in seeds]))
        tasks = [(regime, seed, 3, Settings(), True) for seed in seeds]
        ours = pool.starmap(judged, tasks, 4)  # type: ignore[attr-defined]
        print(line(regime, ours, theirs))
        print(confirmed_line(regime, ours, theirs), flush=True)
        if bounds:
            print(bound_line(regime, seeds, theirs), flush=True)


def frontier(pool: object, regimes: Sequence[Regime], seeds: range) -> None:
    """What other settings do: gain against false keeps, each beside greedy's over the sum of the regimes."""
    theirs, repeats = [list(starmap(greedy, [(regime, seed) for seed in seeds])) for regime in regimes], len(seeds)
    print(f"\n{'setting':25s} clear effects: gain, false   noise as large: gain, false (ratios)")
    for name, (attempts, settings) in FRONTIER.items():
        tasks = [(regime, seed, attempts, settings) for regime in regimes for seed in seeds]
        flat = pool.starmap(judged, tasks, 4)  # type: ignore[attr-defined]
        cells = []
        for noisy in (False, True):
            chosen = [i for i, regime in enumerate(regimes) if regime.noisy == noisy]
            ours = [s for i in chosen for s in flat[i * repeats : (i + 1) * repeats]]
            peers = [s for i in chosen for s in theirs[i]]
            for what in ("gain", "false"):
                total = sum(getattr(s, what) for s in peers)
                cells.append(sum(getattr(s, what) for s in ours) / total if total > 0 else math.nan)
        print(f"{name:25s} {cells[0]:19.2f} {cells[1]:6.2f} {cells[2]:21.2f} {cells[3]:6.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=50, help="searches a regime (the published table: 200)")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--regime", help="only the regimes whose name begins so")
    parser.add_argument("--seed", type=int, default=0, help="the first of as many seeds; below 0 those to tune on")
    parser.add_argument("--bound", action="store_true", help="what no rule can exceed too")
    parser.add_argument("--frontier", action="store_true", help="other settings too")
    asked = parser.parse_args()
    regimes = [regime for regime in REGIMES if regime.name.startswith(asked.regime or "")]
    if not regimes:
        raise SystemExit(f"no regime begins with {asked.regime!r}: {', '.join(regime.name for regime in REGIMES)}")
    began = time.monotonic()
    with multiprocessing.Pool(asked.jobs) as pool:
        compare(pool, regimes, range(asked.seed, asked.seed + asked.repeats), asked.bound)
        if asked.frontier:
            frontier(pool, regimes, range(asked.seed, asked.seed + max(asked.repeats // 5, 2)))
    print(f"{asked.repeats} searches of {RUNS} runs a regime and rule, {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()

"""What the keep rules are worth in the real loop: greedy and bayes on noisy copies of the bundled `function_min`.

    python tests/benchmarks/keep_loop.py [--iterations 12] [--copies 1] [--noise 0.5]

Real notebooks, kernels and the search agent. Both rules get the same number of iterations on each copy, and the same
noise for the same iteration and attempt; bayes runs some of them repeatedly, and confirms at its end. True heights are
computed from the points that the referee recorded, by the arena's own function, so that no noise is in them. A false
keep is one that is truly no lower than its base; one that stands is on the way to the last champion.
`--iterations 60 --copies 10` takes about an hour.
"""

from __future__ import annotations

import argparse
import ast
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import mean
from typing import NamedTuple

from autoloop_kernel.arena.notebook import Arena
from autoloop_kernel.arena.templates import new
from autoloop_kernel.driver import Plan, drive, open_session
from autoloop_kernel.records import Iteration, Verdict

RULES = ("greedy", "bayes")


def copy(folder: Path, number: int, rule: str, noise: float) -> Path:
    """A copy of the arena of its own name, on which seeds depend, with this rule and noise."""
    path = new("function_min", folder / rule)
    text = path.read_text(encoding="utf-8").replace("NOISE = 0.0", f"NOISE = {noise}", 1)
    notebook = json.loads(text)
    notebook["metadata"]["autoloop"] |= {"keep": {"policy": rule}, "contention": 1}
    named = path.with_name(f"valley{number}.ipynb")
    named.write_text(json.dumps(notebook), encoding="utf-8")
    path.unlink()
    return named


def heights(arena: Arena) -> Callable[[Iteration], float]:
    """The true height of the point that an iteration reached, by the arena's own function."""
    (source,) = [cell.source for cell in arena.notebook.cells if "def height" in cell.source]
    wanted = (ast.Assign, ast.FunctionDef)
    parts = [node for node in ast.parse(source).body if isinstance(node, wanted) and "ask" not in ast.unparse(node)]
    parts = [node for node in parts if not ast.unparse(node).startswith("noise")]
    space: dict[str, object] = {}
    exec(compile("import numpy as np\n" + "\n".join(map(ast.unparse, parts)), "height", "exec"), space)  # our own arena

    def height(it: Iteration) -> float:
        import numpy as np

        extra = next(attempt.extra for attempt in it.attempts if attempt.score is not None)
        function = space["height"]
        assert callable(function)
        return float(function(np.array([extra["x"], extra["y"]])))

    return height


class Found(NamedTuple):
    """What one search brought: how much lower its champion truly is than the baseline, and how many there were."""

    gain: float
    keeps: int
    false: int
    standing: int
    confirmed: int
    runs: int


def search(path: Path, iterations: int) -> Found:
    """Run one search to its end."""
    ended = drive(path, ["search"], Plan(iterations=iterations))
    assert ended.ran == iterations, ended.reason
    with open_session(path, create=False) as session:
        rows, champion = {it.number: it for it in session.ledger.iterations()}, session.champion()
        height = heights(session.arena)
    assert champion is not None
    kept = [it for it in rows.values() if it.verdict is Verdict.KEEP and it.base is not None]
    false = {it.number for it in kept if it.base is not None and height(it) >= height(rows[it.base])}
    line, at = [], champion
    while at.base is not None:
        line.append(at)
        at = rows[at.base]
    return Found(
        height(rows[1]) - height(champion),
        len(kept),
        len(false),
        sum(it.number in false for it in line),
        sum(it.state == "confirmed" for it in kept),
        sum(len(it.attempts) for it in rows.values()),
    )


def main() -> None:
    """Search with both rules on every copy, and print what came of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--iterations", type=int, default=12)
    parser.add_argument("--copies", type=int, default=1)
    parser.add_argument("--noise", type=float, default=0.5)
    options = parser.parse_args()
    print(f"{options.copies} x {options.iterations} iterations, noise {options.noise:g}")
    found: dict[str, list[Found]] = {rule: [] for rule in RULES}
    with tempfile.TemporaryDirectory(prefix="autoloop-bench-") as folder:
        for number in range(1, options.copies + 1):
            for rule in RULES:
                path = copy(Path(folder) / str(number), number, rule, options.noise)
                found[rule].append(search(path, options.iterations))
                print(number, rule, *found[rule][-1], flush=True)
    for rule, searches in found.items():
        one = Found(*(mean(values) for values in zip(*searches, strict=True)))
        print(
            f"{rule:6}  truly gained {one.gain:6.3f}   keeps {one.keeps:4.1f}, {one.false:4.1f} of them false, "
            f"{one.standing:3.1f} of these standing, {one.confirmed:3.1f} confirmed   {one.runs:5.1f} runs"
        )
    greedy, bayes = ([one.gain for one in found[rule]] for rule in RULES)
    wrong = [sum(one.false for one in found[rule]) for rule in RULES]
    print(f"bayes to greedy: gain {sum(bayes) / sum(greedy):.2f} times, false keeps {wrong[1]} to {wrong[0]}")


if __name__ == "__main__":
    main()

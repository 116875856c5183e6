"""What the keep rules are worth in the real loop: greedy and bayes on noisy copies of the bundled `function_min`.

    python tests/benchmarks/keep_loop.py [--iterations 12] [--copies 1] [--noise 0.5]

Real notebooks, kernels and the search agent. Both rules get the same number of iterations on each copy, and the same
noise for the same iteration and attempt; bayes runs some of them repeatedly. True heights are computed from the points
that the referee recorded, by the arena's own function, so that no noise is in them. A false keep is one that is truly
no lower than its base. `--iterations 60 --copies 10` takes about an hour.
"""

from __future__ import annotations

import argparse
import ast
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import mean

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


def search(path: Path, iterations: int) -> tuple[float, int, int, int]:
    """Run one search: how much lower its champion truly is than the baseline, its keeps, false keeps and runs."""
    ended = drive(path, ["search"], Plan(iterations=iterations))
    assert ended.ran == iterations, ended.reason
    with open_session(path, create=False) as session:
        rows, champion = {it.number: it for it in session.ledger.iterations()}, session.champion()
        height = heights(session.arena)
    assert champion is not None
    kept = [it for it in rows.values() if it.verdict is Verdict.KEEP and it.base is not None]
    false = [it for it in kept if it.base is not None and height(it) >= height(rows[it.base])]
    return height(rows[1]) - height(champion), len(kept), len(false), sum(len(it.attempts) for it in rows.values())


def main() -> None:
    """Search with both rules on every copy, and print what came of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--iterations", type=int, default=12)
    parser.add_argument("--copies", type=int, default=1)
    parser.add_argument("--noise", type=float, default=0.5)
    options = parser.parse_args()
    print(f"{options.copies} x {options.iterations} iterations, noise {options.noise:g}")
    found: dict[str, list[tuple[float, int, int, int]]] = {rule: [] for rule in RULES}
    with tempfile.TemporaryDirectory(prefix="autoloop-bench-") as folder:
        for number in range(1, options.copies + 1):
            for rule in RULES:
                path = copy(Path(folder) / str(number), number, rule, options.noise)
                found[rule].append(search(path, options.iterations))
    for rule, searches in found.items():
        gain, kept, false, runs = (mean(values) for values in zip(*searches, strict=True))
        print(f"{rule:6}  truly gained {gain:6.3f}   keeps {kept:4.1f}, {false:4.1f} of them false   {runs:5.1f} runs")
    greedy, bayes = ([one[0] for one in found[rule]] for rule in RULES)
    wrong = [sum(one[2] for one in found[rule]) for rule in RULES]
    print(f"bayes to greedy: gain {sum(bayes) / sum(greedy):.2f} times, false keeps {wrong[1]} to {wrong[0]}")


if __name__ == "__main__":
    main()

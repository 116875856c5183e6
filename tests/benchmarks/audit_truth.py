"""How true an audit's words are: simulated greedy searches whose gains are known, with and without changed seeds.

    python tests/benchmarks/audit_truth.py [SEARCHES]

For each mean size of effects (in units of the noise): how often the interval of the noise holds the noise, how many
keeps are true gains for each that was expected, what share of keeps is true by the word that they got, how often a
gain's interval holds it, and the gains of all searches as they truly were, were believed, and were logged.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from audit_kit import search

from autoloop_kernel.auditing.audit import Audit, audit
from autoloop_kernel.auditing.reading import read

SIGMA = 1e-3
WORDS = ("real", "probably real", "cannot be told", "probably noise")


def audited(seed: int, gain: float, repeats: bool) -> tuple[Audit, dict[int, float]]:
    """The audit of a search, and the true gain by line of each keep."""
    text, gains = search(seed, gain=gain)
    text = text if repeats else text.replace("changed the seed to", "idea")
    return audit(read(text.encode("utf-8"), "results.tsv")), gains


def main(searches: int = 10) -> None:
    """One line a regime."""
    print(
        "| noise from | effects / σ | σ in 90 % | expected / true | "
        + " | ".join(WORDS)
        + " | gain in 90 % | true, believed, logged |"
    )
    for repeats in (True, False):
        for size in (0.5, 1.0, 2.0, 5.0):
            found = [audited(100 + k, size * SIGMA, repeats) for k in range(searches)]
            keeps = [(keep, gains[keep.entry.line]) for one, gains in found for keep in one.keeps]
            held = sum(one.noise.low < SIGMA < one.noise.high for one, _ in found) / searches
            expected = sum(keep.p for keep, _ in keeps) / max(1, sum(gain > 0 for _, gain in keeps))
            inside = sum(keep.gain.low <= gain <= keep.gain.high for keep, gain in keeps) / max(1, len(keeps))
            cells = ["repeats" if repeats else "scatter", f"{size:g}", f"{held:.2f}", f"{expected:.2f}"]
            for word in WORDS:
                own = [gain > 0 for keep, gain in keeps if keep.word == word]
                cells.append(f"{sum(own) / len(own):.2f} of {len(own)}" if own else "none")
            sums = (sum(gain for _, gain in keeps), sum(k.gain.mean for k, _ in keeps), sum(k.logged for k, _ in keeps))
            cells += [f"{inside:.2f}", ", ".join(f"{value:.3f}" for value in sums)]
            print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))

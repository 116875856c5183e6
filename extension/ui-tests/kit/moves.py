"""An agent that makes the same moves in every search: one that helps, one that does not, one that fails; then others.

It is copied beside the arenas of a test, where Autoloop finds it as `moves:Agent`.
"""

from __future__ import annotations

from autoloop_kernel.agents.base import Context
from autoloop_kernel.records import Proposal

MOVES = (
    ("aim lower", "Y = 0.5", "Y = 0.1"),
    ("aim far off", "X = 0.5", "X = -1.5"),
    ("rest between no steps", "0.3 / STEPS", "0.3 / (STEPS - 6)"),
    ("aim lower still", "Y = 0.1", "Y = -0.3"),
    ("walk straight", 'METHOD = "halving"', 'METHOD = "straight"'),
)


class Agent:
    """Proposes one move after the other, each on the champion of its time."""

    name = "moves"

    def propose(self, context: Context) -> Proposal:
        """The move whose turn it is, by how many iterations there are."""
        title, before, after = MOVES[(len(context.history) - 1) % len(MOVES)]
        walk = context.units["walk"].replace(before, after, 1)
        why = f"To {title} is the only change, so that the difference is its own."
        return Proposal(title, {"walk": walk}, why, self.name, context.base, context.proposal_id)


class Slow:
    """Proposes a walk of 40 steps, each a second long, which can be watched."""

    name = "slow"

    def propose(self, context: Context) -> Proposal:
        """Always the same."""
        walk = context.units["walk"].replace("STEPS = 6", "STEPS = 40").replace("0.3 / STEPS", "40 / STEPS")
        walk = walk.replace("    report(", '    print(f"step {step}", flush=True)\n    report(')
        why = "Many small steps may get nearer than a few large ones."
        return Proposal("take small steps", {"walk": walk}, why, self.name, context.base, context.proposal_id)

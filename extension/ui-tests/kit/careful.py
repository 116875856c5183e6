"""An agent whose proposals are worth a review: four places of the arena's walk at once, another aim every time.

It is copied beside the arenas of a test, where the server finds it as `careful:Agent`.
"""

from __future__ import annotations

import re

from autoloop_kernel.agents.base import Context
from autoloop_kernel.records import Proposal

AIMS = (1.2, 0.9, 0.7, 1.6, 0.2)
WHY = """\
The methods are not equal: halving never arrives. A straight walk to a point further right should end lower by 1.

It is refuted if the height stays above 1."""


class Agent:
    """Proposes to walk straight, and to tell more about it."""

    name = "careful"

    def propose(self, context: Context) -> Proposal:
        """Four hunks: where to aim, how to walk, how long to rest, and what to tell."""
        asked = len(context.history) + len(context.refused)
        aim = AIMS[asked % len(AIMS)]
        walk = context.units["walk"]
        method = "drifting" if 'METHOD = "straight"' in walk else "straight"
        for before, after in (
            (r"X = [\d.]+", f"X = {aim}"),
            (r'METHOD = "\w+"', f'METHOD = "{method}"'),
            (r"sleep\([\d.]+", f"sleep(0.{asked + 1}"),
            (r"facts\((aim=[\d.]+, )?", f"facts(aim={aim}, "),
        ):
            walk = re.sub(before, after, walk, count=1)
        return Proposal(f"walk to x = {aim}", {"walk": walk}, WHY, self.name, context.base, context.proposal_id)

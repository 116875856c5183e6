"""Iterations of the bundled arena function_min that aim at other points, without running any; the first is champion.

python versions.py ARENA                a baseline, and iterations 2 to 4, which aim at X = 0.7, 0.8 and 0.9
python versions.py ARENA NUMBER         make that one the champion
"""

from __future__ import annotations

import sys
from pathlib import Path

from history import Search

from autoloop_kernel.arena.edit import tree
from autoloop_kernel.memory.ledger import Lost
from autoloop_kernel.records import Verdict
from autoloop_kernel.reviewing import make_champion
from autoloop_kernel.session import open_session


class Versions(Search):
    """A baseline that is the arena as it stands, and others that aim elsewhere."""

    def iteration(self, number: int) -> Lost:
        """The next one, with sources of its own."""
        walk = self.session.arena.sources["walk"]
        if number > 1:
            walk = walk.replace("X = 0.5", f"X = 0.{number + 5}")
        self.tree = tree(self.session.arena, {"walk": walk})
        return super().iteration(number)

    def _end(self, number: int) -> tuple[Verdict, float | None]:
        return (Verdict.KEEP if number == 1 else Verdict.DISCARD), round(2.6 - number / 100, 2)


def main(arena: str, number: str = "") -> None:
    """Fill the arena's ledger, or move its champion."""
    with open_session(Path(arena)) as session:
        if number:
            make_champion(session, int(number))
        else:
            versions = Versions(session, 4)
            session.ledger.restore([versions.iteration(n) for n in range(1, 5)])


if __name__ == "__main__":
    main(*sys.argv[1:])

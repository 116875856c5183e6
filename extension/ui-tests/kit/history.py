"""A history for an arena, as a search of some hours leaves it: keeps, discards, crashes and all, without running any.

python history.py ARENA [ITERATIONS]
"""

from __future__ import annotations

import random
import sys
import time
from dataclasses import replace
from pathlib import Path

from autoloop_kernel.arena.edit import tree
from autoloop_kernel.arena.game import game, hardware_class, parts
from autoloop_kernel.memory.ledger import Lost
from autoloop_kernel.records import Attempt, Finding, Iteration, Kind, Seconds, Verdict
from autoloop_kernel.session import Session, open_session

TIMES = Seconds(1.0, 0.5, 15.0, 0.4, 17.1)
STEP_S = 40.0
TITLES = ("LR 3e-4 → 2e-4", "drop the first norm", "two-stage schedule", "WARMDOWN 0.3 → 0.6", "MLP 4x → 3x")
REASONS = {
    Verdict.CRASH: "ValueError: 3 heads do not divide a width of 128 (cell model, line 14)",
    Verdict.TIMEOUT: "the run was killed 2.0 s after its budget of 15 s",
    Verdict.PRUNED: "at 10 s its curve lay 0.21 above the champion's",
    Verdict.CONTENDED: "a neighbour used the machine: the run is no evidence",
    Verdict.DISCARD: "worse than the champion",
}


class Search:
    """What a search would have done: a score that falls now and then, and much that leads nowhere."""

    def __init__(self, session: Session, count: int) -> None:
        hardware = hardware_class()
        self.name = game(session.arena, hardware)
        self.session, self.tree = session, tree(session.arena, session.arena.sources)
        self.epoch, _ = session.ledger.epoch(self.name, parts(session.arena, hardware))
        self.chance = random.Random(7)
        self.began = time.time() - STEP_S * count
        self.best, self.base = 2.604, 0

    def iteration(self, number: int) -> Lost:
        """The next one, with its only attempt."""
        verdict, score = self._end(number)
        reason = REASONS.get(verdict, "")
        seed = number if score is not None else 0
        ran = Verdict.SCORED if score is not None else verdict
        attempt = Attempt(1, seed, Kind.SCREEN, ran, score, "" if score is not None else reason, {}, {}, TIMES)
        kept = verdict is Verdict.KEEP
        iteration = Iteration(
            number=number,
            epoch=self.epoch,
            proposal=f"p{number}",
            title="baseline" if number == 1 else TITLES[number % len(TITLES)],
            agent="baseline" if number == 1 else ("search", "claude")[number % 2],
            base=self.base or None,
            hypothesis="A smaller step near the end lets it settle. Refuted if the loss at 10 s is higher.",
            verdict=verdict,
            state=self._standing(number) if kept else None,
            score=score,
            attempts=(attempt,),
            seconds=TIMES,
            notebook=f"{number:04d}/iteration.ipynb",
            game=self.name,
            time=self.began + STEP_S * number,
            reason=reason,
        )
        lineage = self.session.lineage
        commit = lineage.record(iteration, self.tree, lineage.commit_of(self.base) if self.base else None)
        if kept and score is not None:
            self.best, self.base = score, number
        return Lost(replace(iteration, commit=commit), f"code{number}", Finding(number, reason or "it helped"))

    def _end(self, number: int) -> tuple[Verdict, float | None]:
        if number == 1:
            return Verdict.KEEP, self.best
        if number % 13 == 9:
            return (Verdict.CRASH, Verdict.TIMEOUT)[number % 2], None
        if number % 14 == 13:
            return (Verdict.PRUNED, Verdict.CONTENDED)[number // 14 % 2], None
        gain = self.chance.gauss(-0.012, 0.02)
        if gain > 0:
            return Verdict.KEEP, self.best - gain
        return Verdict.DISCARD, self.best - gain

    def _standing(self, number: int) -> str:
        return "confirmed" if number == 1 or number % 2 else "provisional"


def main(arena: str, count: str = "60") -> None:
    """Fill the arena's ledger."""
    with open_session(Path(arena)) as session:
        search = Search(session, int(count))
        session.ledger.restore([search.iteration(number) for number in range(1, int(count) + 1)])


if __name__ == "__main__":
    main(*sys.argv[1:])

"""What the keep rule asks of an arena and its ledger, held in memory: for the real `Rulings` in a simulation."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from types import SimpleNamespace
from typing import Any

from autoloop_kernel.records import Attempt, Direction, Iteration, Kind, Metric, Outcome, Rules, Verdict
from autoloop_kernel.rulings import WINDOW, Ruling, Rulings

EPOCH = 1


class Memory:
    """The iterations of one line of champions, and the real ruling on them; it plays ledger and session.

    Scores are the less the better. `complexity` is out of the game: simulated code has no length. Without
    `lasting` the judge is told the last iterations anew after a keep that was overtaken, as the house once did.
    """

    def __init__(self, policy: str = "bayes", lasting: bool = True) -> None:
        rules = Rules(Metric("loss", Direction.MIN), 300.0, keep={"policy": policy, "complexity": 0.0})
        self.arena: Any = SimpleNamespace(rules=rules)
        self.ledger = self
        self.rulings = Rulings(self)  # type: ignore[arg-type]
        self.rows: dict[int, Iteration] = {}
        self.leader: Iteration | None = None
        self._overtaken: set[int] = set()
        self._lasting = lasting

    # -- what the loop does

    def begin(self, number: int, base: int | None) -> None:
        """Give an iteration its row."""
        self.rows[number] = Iteration(number, EPOCH, f"p{number}", "", "agent", base)

    def rule(self, number: int, scores: list[float], against: int | None) -> Ruling:
        """Rule on an iteration by these scores, held against iteration `against`."""
        outcomes = [Outcome(Verdict.SCORED, score=score) for score in scores]
        champion = None if against is None else self.rows[against]
        return self.rulings.rule(self.arena, self.rows[number], outcomes, champion, {})

    def end(self, number: int, scores: list[float], kept: bool, against: int | None, overtaken: bool = False) -> None:
        """Record a verdict and let the judge learn, as `Loop._record` does."""
        attempts = tuple(Attempt(n, n, Kind.SCREEN, Verdict.SCORED, score) for n, score in enumerate(scores, start=1))
        verdict, score = Verdict.KEEP if kept else Verdict.DISCARD, sum(scores) / len(scores)
        ended = replace(self.rows[number], verdict=verdict, score=score, attempts=attempts)
        self.rows[number] = ended
        if kept:
            self.leader = ended
        if overtaken:
            self._overtaken.add(number)
            if not self._lasting:
                self.rulings.forget()
        else:
            self.rulings.learn(ended, kept, against)

    @property
    def told_anew(self) -> int:
        """Of how many iterations the judge has to be told before it can answer; 0 where it knows them."""
        if self.rulings._judge is not None:
            return 0
        return len(self.iterations(EPOCH, WINDOW))

    # -- what the ruling asks of the ledger

    def champion(self, epoch: int) -> Iteration | None:
        return self.leader

    def baseline(self, epoch: int) -> Iteration | None:
        return next(iter(self.rows.values()), None)

    def iteration(self, number: int) -> Iteration | None:
        return self.rows.get(number)

    def iterations(self, epoch: int, limit: int, ended: bool = True) -> list[Iteration]:
        rows = (row for row in reversed(self.rows.values()) if row.verdict is not None or not ended)
        return [*islice(rows, limit)][::-1]

    def overtaken(self, since: int = 0) -> set[int]:
        return {number for number in self._overtaken if number >= since}

    def events(self, kinds: list[str]) -> list[Any]:
        return []

"""Gives up runs that lie far behind: curves from the ledger to the rule of `judging.pruning`, and what that costs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from autoloop_kernel.arena.notebook import Arena
from autoloop_kernel.judging import pruning as rule
from autoloop_kernel.judging.pruning import Behind, Curve, Finished, Manner, Measure, Run, Seen
from autoloop_kernel.records import HARNESS, Attempt, Iteration, Kind, Outcome, Verdict
from autoloop_kernel.session import Session

WINDOW = 100
"""How many of the last iterations of an epoch are looked at, so that one more costs the same whenever it comes."""

CHAMPION_RUNS = 3
"""How many runs of the champion a candidate is held against, at most."""

FACT = "pruning"
"""The name among the harness's facts of an attempt below which stands that it lay far behind; and of the event that
tells what pruning costs."""


class Follow:
    """Follows one run, which is given up where it falls far behind; one that has no `begin` never is.

    `begin()` gives what it is held against, once it reports for the first time. Where it `finishes` it goes on however
    far behind it is; so does one that is spared as one of many, and `spared` is told how far behind it was.
    """

    def __init__(
        self,
        manner: Manner | None = None,
        begin: Callable[[], Run] | None = None,
        finishes: bool = False,
        spared: Callable[[str], None] | None = None,
    ) -> None:
        self._manner, self._begin, self._finishes, self._spared = manner, begin, finishes, spared
        self._run: Run | None = None
        self._behind: Behind | None = None

    def hear(self, kind: str, data: Mapping[str, Any]) -> str | None:
        """Take a message of the run; gives the reason once it is to be given up."""
        if kind != "report" or self._begin is None or self._manner is None or self._behind is not None:
            return None
        value = data["numbers"].get(self._manner.curve)
        if value is None:
            return None
        self._run = self._run or self._begin()
        self._behind = self._run.take(data["seconds"], value)
        if self._behind is None:
            return None
        if self._spared is not None:
            self._spared(self._words)
            return None
        return None if self._finishes else f"given up: {self._words}"

    def told(self, outcome: Outcome) -> Outcome:
        """What came of the run; that it was far behind and finished all the same is put among the harness's facts."""
        if self._behind is None or outcome.verdict is not Verdict.SCORED:
            return outcome
        seen = {"share": self._behind.share, "behind": self._words, "spared": self._spared is not None}
        return replace(outcome, facts={**outcome.facts, HARNESS: {**outcome.facts.get(HARNESS, {}), FACT: seen}})

    @property
    def _words(self) -> str:
        assert self._behind is not None
        assert self._manner is not None
        return f"{self._manner.curve} {self._behind.text}"


class Pruner:
    """Follows the runs of one session's candidates. What it knows is in the ledger; what it keeps is bounded."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._manner: Manner | None = None
        self._epoch: int | None = None
        self._finished: Finished | None = None
        self._would: dict[int, float | None] = {}
        self._measure: Measure | None = None

    def follow(self, arena: Arena, iteration: Iteration, kind: Kind, slowed: bool = False) -> Follow:
        """Begin to follow the next run of an iteration: only the first of a candidate is ever given up.

        One that others are known to have `slowed` time and again is not.
        """
        manner = rule.manner_of(arena.rules)
        if manner is None or iteration.base is None or kind is not Kind.SCREEN or slowed:
            return Follow()
        against = self._against(manner, iteration.base)
        if not self._look(manner, iteration.epoch).on:
            return Follow(manner, against, finishes=True)
        if not spared(arena.name, iteration.number):
            return Follow(manner, against)
        return Follow(manner, against, spared=partial(self._say_spared, iteration.number))

    def _say_spared(self, number: int, behind: str) -> None:
        text = f"iteration {number} is let finish, as one in {rule.SPARED} is, though it lies far behind: {behind}"
        self._session.ledger.emit("note", number, text=text)

    def ended(self, arena: Arena, epoch: int) -> None:
        """Say what pruning costs and saves now that an iteration has ended, where that has changed."""
        manner = rule.manner_of(arena.rules)
        if manner is not None:
            self._look(manner, epoch)
        elif self._epoch is None or self._manner is not None:
            self._begin_anew(None, epoch)
            last = self._session.ledger.last_event(FACT)
            if last is not None and "on" in last.data:
                self._session.ledger.emit(FACT, epoch=epoch)

    def _begin_anew(self, manner: Manner | None, epoch: int) -> None:
        self._manner, self._epoch = manner, epoch
        self._finished, self._would, self._measure = None, {}, None

    def _look(self, manner: Manner, epoch: int) -> Measure:
        """Take in what has ended since; the measure is an event where it is another than before."""
        if (manner, epoch) != (self._manner, self._epoch):
            self._begin_anew(manner, epoch)
        rows = [row for row in self._session.ledger.iterations(epoch, WINDOW) if _first(row) is not None]
        rows = [row for row in rows if row.verdict is not None]
        self._would = {row.number: self._would[row.number] for row in rows if row.number in self._would}
        for row in rows:
            if row.number not in self._would:
                self._would[row.number] = self._replayed(manner, row)
        measure = rule.measured([self._seen(row) for row in rows if row.base is not None], manner.bound)
        if measure != self._measure:
            self._tell(measure)
        return measure

    def _replayed(self, manner: Manner, row: Iteration) -> float | None:
        """At which share of its budget a finished run would have been given up; it is one of the finished now."""
        first = _first(row)
        points = self._points(row.number, first.attempt, manner) if first and first.score is not None else []
        if not points:
            return None
        found = None
        if row.base is not None:
            run = self._against(manner, row.base)()
            found = next((behind.share for point in points if (behind := run.take(*point)) is not None), None)
        self._known(manner).add(rule.sliced(points, manner.budget_s))
        return found

    def _against(self, manner: Manner, base: int) -> Callable[[], Run]:
        return lambda: Run(manner, self._champion(manner, base), self._known(manner))

    def _known(self, manner: Manner) -> Finished:
        """The curves that have finished, the last ones of more than twice the window."""
        if self._finished is None or len(self._finished.curves) >= 2 * WINDOW:
            before = self._finished.curves[-WINDOW:] if self._finished is not None else []
            self._finished = Finished(manner.direction, rule.WORSE, rule.STARTUP)
            for curve in before:
                self._finished.add(curve)
        return self._finished

    def _champion(self, manner: Manner, number: int) -> list[Curve]:
        """The curves of the runs of iteration `number` that had a score, the first of them."""
        base = self._session.ledger.iteration(number)
        scored = [one.attempt for one in base.attempts if one.verdict is Verdict.SCORED] if base else []
        found = [self._points(number, attempt, manner) for attempt in scored[:CHAMPION_RUNS]]
        return [rule.sliced(points, manner.budget_s) for points in found if points]

    def _points(self, number: int, attempt: int, manner: Manner) -> list[tuple[float, float]]:
        points = self._session.ledger.curve(number, attempt)
        return [(point.seconds, point.numbers[manner.curve]) for point in points if manner.curve in point.numbers]

    def _seen(self, row: Iteration) -> Seen:
        first = _first(row)
        assert first is not None
        live = first.facts.get(HARNESS, {}).get(FACT, {})
        return Seen(
            gained=row.verdict is Verdict.KEEP and row.state != "refuted",
            pruned=row.verdict is Verdict.PRUNED,
            would=live.get("share", self._would.get(row.number)),
            spared=bool(live.get("spared")),
            seconds=first.seconds.run,
        )

    def _tell(self, measure: Measure) -> None:
        """Leave the measure in the ledger for every face, with a note where pruning goes off or on."""
        ledger, before = self._session.ledger, self._measure
        if before is None:
            last = ledger.last_event(FACT)
            before = rule.measure_of(last.data) if last is not None and last.data.get("epoch") == self._epoch else None
        if measure != before:
            ledger.emit(FACT, epoch=self._epoch, **measure.to_json())
        if measure.on is not (before is None or before.on):
            ledger.emit("note", text=measure.text)
        self._measure = measure


def spared(arena: str, iteration: int) -> bool:
    """Whether the run of this iteration is let finish however far it lies behind: nobody chooses it."""
    digest = hashlib.sha256(f"{arena}:{iteration}:spared".encode()).digest()
    return int.from_bytes(digest[:4], "big") % rule.SPARED == 0


def _first(row: Iteration) -> Attempt | None:
    """The run that an iteration was screened by."""
    ends = (Verdict.SCORED, Verdict.PRUNED)
    return next((one for one in row.attempts if one.kind is Kind.SCREEN and one.verdict in ends), None)

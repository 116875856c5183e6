"""What becomes of an iteration: the judge of its epoch is asked after every attempt.

What the judge knows is what the ledger holds, so that nothing is lost with a driver that is killed: the next one tells
its own judge the same story.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from autoloop_kernel.arena.notebook import Arena
from autoloop_kernel.arena.source import syntax_nodes
from autoloop_kernel.judging.greedy import decide
from autoloop_kernel.judging.judge import Judge
from autoloop_kernel.judging.limits import excesses
from autoloop_kernel.records import HARNESS, LOST, MEASURED, Iteration, Kind, Outcome, Verdict
from autoloop_kernel.session import Session

NO_CANDIDATE = "run to be measured, which is no candidate: it is never kept"
"""Why a variant of an ablation ends as it does, whatever its score."""

RERUNS = 3
"""How many attempts in a row may be lost through no fault of the idea before the iteration counts as a crash."""

MACHINES = 6
"""How many machines in a row an iteration may be lost with before it counts as a crash: it may be what takes them."""

CONTENDED = 2
"""How many attempts in a row may be contended; the next one counts whatever others do, and says so."""

CHANGED = "a sealed file changed while it ran, so that its score compares with no other"
"""Why an attempt that had a score is lost for good: its game is over."""

WINDOW = 100
"""Of how many of the last iterations that ended a judge is told that starts anew: what is older has faded to a third by
its rule of 1 % an iteration, and one more step is to cost the same after 10,000 iterations."""

CLEARLY = 0.02
"""The share by which code has to grow or shrink to count as less simple or simpler."""


@dataclass(frozen=True)
class Ruling:
    """What is to become of an iteration: `verdict` None is one more attempt.

    `score` is the mean of its attempts, None where one of them failed; `numbers` what the judge believes: the chance
    `p_better`, the `gain` with its 90 % interval, the noise `sigma` of one run (units of the score).
    """

    verdict: Verdict | None
    reason: str
    score: float | None = None
    numbers: Mapping[str, Any] = field(default_factory=dict)


class Rulings:
    """Rules on the iterations of one session, by the keep rule that its arena names."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._judge: Judge | None = None
        self._knows: tuple[object, ...] = ()
        self._named: set[int] = set()

    def rule(
        self,
        arena: Arena,
        iteration: Iteration,
        outcomes: Sequence[Outcome],
        champion: Iteration | None,
        units: Mapping[str, str],
    ) -> Ruling:
        """Rule on an iteration by all of its attempts that ended, one at least; without a champion it is a baseline.

        `units` are its complete sources, `champion` is what it is held against, which may have been overtaken since.
        """
        failed = _failure(outcomes)
        scores = [outcome.score for outcome in outcomes if outcome.score is not None and outcome is not failed]
        if failed is not None and (champion is not None or not scores):
            return _lost(failed, outcomes)
        metric, score = arena.rules.metric, math.fsum(scores) / len(scores)
        beyond = [each for one in outcomes for each in excesses(arena.rules.limits, one.extra, one.facts)]
        if hard := [each for each in beyond if not each.soft]:
            return Ruling(Verdict.DISCARD, hard[0].text + _unsure(outcomes), score)
        if iteration.agent == MEASURED:
            return Ruling(Verdict.DISCARD, NO_CANDIDATE + _unsure(outcomes), score)
        soft = {each.name: each for each in beyond}
        beside = "".join(f"; {each.text}" for each in soft.values()) + _unsure(outcomes)
        if _policy(arena) == "greedy":
            simple = decide(score, None if champion is None else champion.score, metric.direction)
            return Ruling(simple.verdict, simple.reason + beside, score)
        if champion is None:
            self._judge, self._knows = _judge(arena), ()
            decision = self._judge.baseline(scores)
            enough = decision.action == "keep" or failed is not None
            return Ruling(
                Verdict.KEEP if enough else None,
                ("baseline" if enough and len(scores) == 1 else decision.reason) + beside,
                score,
                {"sigma": decision.sigma},
            )
        price = self._grown(champion, units) + sum(each.share for each in soft.values())
        judge = self._informed(arena, iteration.epoch, champion)
        if iteration.island:
            _introduce(judge, champion, _drifts(self._session, iteration.epoch), self._named)
        decision = judge.decide(scores, champion.number, price)
        numbers = {"p_better": decision.p_better, "gain": list(decision.gain), "sigma": decision.sigma}
        verdict = None if decision.action == "replicate" else Verdict(decision.action)
        return Ruling(verdict, decision.reason + beside, score, numbers)

    def learn(self, ended: Iteration, leads: bool, against: int | None = None) -> None:
        """Tell the judge how an iteration ended that was held against iteration `against`; `leads`: is champion now."""
        if self._judge is None or ended.agent == MEASURED or ended.verdict not in (Verdict.KEEP, Verdict.DISCARD):
            return
        scores = scores_of(ended)
        if not self._knows or self._knows[0] != ended.epoch:
            self._judge = None if leads else self._judge
        elif scores:
            self._judge.settle(scores, leads, against)
            if leads:
                self._judge.remember(ended.number)
                self._named.add(ended.number)
                now = self._knows[1] if ended.island else ended.number
                self._knows = (ended.epoch, now, _settings(self._session.arena))

    def forget(self) -> None:
        """Something was run again that the judge knows already: it is told the whole story at the next question."""
        self._judge, self._knows = None, ()

    def _informed(self, arena: Arena, epoch: int, champion: Iteration) -> Judge:
        """The judge who knows the epoch as the ledger does; of `champion`, too, where that is the champion no more."""
        now = self._session.ledger.champion(epoch) or champion
        wanted = (epoch, now.number, _settings(arena))
        if self._judge is None or self._knows != wanted:
            self._judge = _judge(arena)
            self._named = _tell(self._judge, self._session, epoch, now)
            self._knows = wanted
        return self._judge

    def _grown(self, champion: Iteration, units: Mapping[str, str]) -> float:
        """By what share the code grew over the champion's, weighed by what the arena asks of complexity."""
        weight = float(self._session.arena.rules.keep.get("complexity", 1.0))
        before = syntax_nodes(self._session.units(champion.number)) if weight else 0
        grown = syntax_nodes(units) / before - 1 if before else 0.0
        return weight * grown if abs(grown) > CLEARLY else 0.0


@dataclass(frozen=True)
class Drift:
    """The machine changed after iteration `after`: scores moved `by` so much, seen in an attempt at the `champion`."""

    after: int
    by: float
    champion: int | None
    attempt: int

    def moves(self, number: int, attempt: int) -> float:
        """By how much an attempt's score has to be moved to compare with what the machine does now."""
        is_new = number > self.after or (number == self.champion and attempt >= self.attempt)
        return 0.0 if is_new else self.by


def scores_of(iteration: Iteration, drifts: Sequence[Drift] = ()) -> list[float]:
    """The scores of all attempts at an iteration on the search split, in their order; those that failed have none.

    Those from before `drifts` are moved by as much as the machine changed.
    """
    found = [
        attempt.score + math.fsum(drift.moves(iteration.number, attempt.attempt) for drift in drifts)
        for attempt in iteration.attempts
        if attempt.verdict is Verdict.SCORED and attempt.score is not None and attempt.kind is not Kind.HOLDOUT
    ]
    if not found and iteration.score is not None:
        found = [iteration.score]
    return [score for score in found if math.isfinite(score)]


def _tell(judge: Judge, session: Session, epoch: int, champion: Iteration) -> set[int]:
    """Tell a new judge what the ledger knows of an epoch: its baseline, then the last iterations as they ended.

    Each kept version is called by its number; gives those that it knows then. What was better than a base that others
    had overtaken is left out: it was no discard, and did not take the champion's place.
    """
    ledger = session.ledger
    baseline = ledger.baseline(epoch) or champion
    drifts = _drifts(session, epoch)
    judge.baseline(scores_of(baseline, drifts))
    judge.remember(baseline.number)
    named = {baseline.number}
    rows = ledger.iterations(epoch, WINDOW, ended=True)
    stands = next((row.base for row in rows if row.base is not None and not row.island), baseline.number)
    if stands != baseline.number and (before := ledger.iteration(stands)) and scores_of(before, drifts):
        _introduce(judge, before, drifts, named)
    overtaken = ledger.overtaken(rows[0].number if rows else 0)
    for row in rows:
        scores = scores_of(row, drifts)
        is_candidate = row.base is not None and row.agent != MEASURED and row.number not in overtaken
        if not is_candidate or row.verdict not in (Verdict.KEEP, Verdict.DISCARD) or not scores:
            continue
        if row.island and (base := ledger.iteration(row.base or 0)) is not None:
            _introduce(judge, base, drifts, named)
        kept = row.verdict is Verdict.KEEP and row.state != "refuted"
        if kept or row.number != champion.number:
            judge.settle(scores, kept, row.base)
        if kept:
            judge.remember(row.number)
            named.add(row.number)
            stands = stands if row.island else row.number
    if stands != champion.number:  # a person forked from it, or what came after it was refuted
        judge.settle(scores_of(champion, drifts), True)
        judge.remember(champion.number)
    return named | {champion.number}


def _introduce(judge: Judge, it: Iteration, drifts: Sequence[Drift], named: set[int]) -> None:
    """Let the judge know an iteration by its number, unless it does already."""
    scores = scores_of(it, drifts)
    if it.number in named or not scores:
        return
    judge.settle(scores, True)
    judge.remember(it.number)
    named.add(it.number)


def _drifts(session: Session, epoch: int) -> list[Drift]:
    """How the machine changed while the epoch ran."""
    return [
        Drift(int(event.data["after"]), float(event.data["by"]), event.iteration, int(event.data["attempt"]))
        for event in session.ledger.events(kinds=["drift"])
        if event.data["epoch"] == epoch
    ]


def _policy(arena: Arena) -> str:
    return str(arena.rules.keep.get("policy", "bayes"))


def _settings(arena: Arena) -> tuple[object, ...]:
    keep = arena.rules.keep
    return (arena.rules.metric.direction, keep.get("policy"), keep.get("max_attempts"), keep.get("sigma"))


def _judge(arena: Arena) -> Judge:
    keep = arena.rules.keep
    return Judge(arena.rules.metric.direction.value, "bayes", keep.get("max_attempts", 3), keep.get("sigma"))


def _failure(outcomes: Sequence[Outcome]) -> Outcome | None:
    """The last attempt, where it brought no score."""
    last = outcomes[-1]
    return last if last.verdict is not Verdict.SCORED or last.score is None else None


def _lost(failed: Outcome, outcomes: Sequence[Outcome]) -> Ruling:
    """Rule on an iteration whose last attempt failed: what does not run with every seed is not kept."""
    verdict, reason = failed.verdict, failed.reason
    if reason == CHANGED:
        verdict = Verdict.DISCARD
    elif verdict in LOST:
        times = MACHINES if failed.facts.get(HARNESS, {}).get("lost") else RERUNS
        verdict, reason = Verdict.CRASH, f"lost {times} times: {reason}"
    if len(outcomes) > 1:
        reason = f"its attempt {len(outcomes)}, with another seed: {reason}"
    return Ruling(verdict, reason + _unsure(outcomes))


def _unsure(outcomes: Sequence[Outcome]) -> str:
    """What has to be known beside the reason: how many attempts there were, and that others took of the machine."""
    several = f"; mean of {len(outcomes)} attempts" if len(outcomes) > 1 and _failure(outcomes) is None else ""
    for outcome in outcomes:
        if others := outcome.facts.get(HARNESS, {}).get("contended"):
            return f"{several}; {others}, as in {CONTENDED} attempts before it, so that it counts all the same"
    return several


__all__ = ["CHANGED", "CONTENDED", "MACHINES", "RERUNS", "Ruling", "Rulings", "scores_of"]

"""A machine that changes under the search: the champion is run again now and then, and what it says is believed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from autoloop_kernel.judging.confirm import careful
from autoloop_kernel.judging.noise import freedom, pooled
from autoloop_kernel.loop import Loop, NotAgain
from autoloop_kernel.records import Attempt, Iteration, Kind, Rules, Verdict
from autoloop_kernel.session import Session

EVERY = 20
"""After how many iterations without a run of the champion it is run once more: one run in twenty."""

DOUBTFUL, SURE = 2.0, 3.0
"""From how many standard errors on a second run is made at once, and from how many on the two are believed."""


@dataclass(frozen=True)
class Look:
    """What runs of the champion say of the machine: by how much its score moved, and that in standard errors."""

    by: float
    errors: float


def rechecked(loop: Loop) -> bool:
    """Run the champion once more where that is due; False where it is not.

    Where two such runs in a row lie far from its earlier ones, event `drift` says by how much, and what ran before
    is judged as if its scores had moved by as much. A candidate is thus held against what the champion does now.
    Raises as `Loop.iterate`.
    """
    session = loop.session
    every = every_of(session.arena.rules)
    champion = session.champion()
    if not every or champion is None:
        return False
    last = session.ledger.last_event("recheck")
    again = last is not None and last.iteration == champion.number and bool(last.data.get("doubtful"))
    if not again and session.ledger.runs_since(champion.number) < every:
        return False
    try:
        loop.run_again(champion.number, Kind.CALIBRATION)
    except NotAgain as error:
        session.ledger.emit("recheck", champion.number, doubtful=False)
        session.ledger.emit("note", champion.number, text=f"the champion could not be run once more: {error}")
        return True
    _tell(loop, session.iteration(champion.number), 2 if again else 1)
    return True


def every_of(rules: Rules) -> int:
    """After how many iterations the champion is run once more; 0: never, as upstream."""
    usual = 0 if rules.keep.get("policy", "bayes") == "greedy" else EVERY
    return int(rules.keep.get("recheck", usual))


def look(old: Sequence[float], new: Sequence[float], sigma: float) -> Look:
    """By how much runs differ from earlier ones of the same code, whose noise is `sigma` (units of the score)."""
    by = math.fsum(new) / len(new) - math.fsum(old) / len(old)
    error = sigma * math.sqrt(1 / len(old) + 1 / len(new))
    return Look(by, abs(by) / error if error else (math.inf if by else 0.0))


def _tell(loop: Loop, champion: Iteration, count: int) -> None:
    """Put on record what the last `count` runs of the champion say."""
    session = loop.session
    runs = _scored(champion)
    last = [attempt for attempt in champion.attempts if attempt.kind is Kind.CALIBRATION][-1]
    if last.verdict is not Verdict.SCORED or len(runs) <= count:
        session.ledger.emit("recheck", champion.number, doubtful=False)
        return
    new, old = runs[-count:], _since_drift(session, champion, runs[:-count])
    others = session.ledger.repeated(champion.epoch) | {champion.number: [one.score or 0.0 for one in old]}
    seen = look([one.score or 0.0 for one in old], [one.score or 0.0 for one in new], _noise(list(others.values())))
    doubtful = count == 1 and seen.errors > DOUBTFUL
    if count > 1 and seen.errors > SURE:
        how = f"by {seen.by:+.3g}, {min(seen.errors, 99):.1f} standard errors".replace("-", "−")
        text = f"the machine has changed: the champion's score moved {how}; what ran before is judged by that"
        data = {"by": seen.by, "epoch": champion.epoch, "after": session.ledger.last_number()}
        session.ledger.emit("drift", champion.number, attempt=new[0].attempt, **data)
        session.ledger.emit("note", champion.number, text=text)
        loop.rulings.forget()
    session.ledger.emit("recheck", champion.number, doubtful=doubtful, score=last.score, by=seen.by)


def _noise(groups: Sequence[Sequence[float]]) -> float:
    return careful(pooled(groups) or 0.0, freedom(groups))


def _scored(iteration: Iteration) -> list[Attempt]:
    return [
        one
        for one in iteration.attempts
        if one.verdict is Verdict.SCORED and one.score is not None and one.kind is not Kind.HOLDOUT
    ]


def _since_drift(session: Session, champion: Iteration, runs: list[Attempt]) -> list[Attempt]:
    """The runs that were made after the machine last changed; all where there are none since."""
    last = session.ledger.last_event("drift")
    if last is None or last.iteration != champion.number:
        return runs
    return [one for one in runs if one.attempt >= int(last.data["attempt"])] or runs


__all__ = ["EVERY", "Look", "every_of", "look", "rechecked"]

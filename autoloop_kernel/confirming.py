"""Fresh runs of a keep beside fresh runs of its base, until it is confirmed or refuted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from autoloop_kernel.attempts import under_way
from autoloop_kernel.figures import evidence_of, fresh
from autoloop_kernel.judging.confirm import PAIRS, Evidence
from autoloop_kernel.loop import Loop, NotAgain, NotYet
from autoloop_kernel.records import Iteration, Kind, Verdict
from autoloop_kernel.session import Session

FAILURES = 2
"""How many fresh runs of one version may fail before no more are tried."""


@dataclass(frozen=True)
class Confirmed:
    """What became of a keep: its `state` now, and the `evidence` for it (None: there is no pair of runs yet)."""

    number: int
    title: str
    state: str | None
    evidence: Evidence | None
    reason: str


def confirmed(loop: Loop, number: int, most: int = PAIRS, halted: Callable[[], bool] = lambda: False) -> Confirmed:
    """Run iteration `number`, a keep, and its base with fresh seeds until it is known whether the keep holds up.

    Ends undecided after `most` pairs, or once `halted()`. Raises as `advance`.
    """
    while (seen := advance(loop, number, most, halted)) is None:
        pass
    return seen


def advance(loop: Loop, number: int, most: int = PAIRS, halted: Callable[[], bool] = lambda: False) -> Confirmed | None:
    """Say what became of a keep, or make one more run of it or of its base, where that is not known yet (None).

    The runs that it was kept for are set aside. Every run is on record when it ends, so that one who is stopped goes on
    where it stood. A refuted champion is one no more: its last ancestor that stands is. Raises `NotAgain` where
    the iteration is no keep of this epoch or cannot be run, `NotYet` where other slots run all that may be missing, and
    as `Loop.iterate`.
    """
    session = loop.session
    it, base = _pair(session, number)
    evidence = evidence_of(session.ledger, session.arena.rules.metric.direction, it, base, most)
    state, reason = _told(it, base, evidence, most)
    if state is not None and state != it.state:
        settle(session, number, state, reason)
    if state is not None or reason or halted():
        seen = reason or (evidence.reason if evidence else "stopped before there was a pair of fresh runs")
        return Confirmed(number, it.title, state or it.state, evidence, seen)
    mine, other = (len(fresh(one)) + under_way(one, Kind.CONFIRM) for one in (it, base))
    if min(mine, other) >= most:
        raise NotYet
    loop.run_again(number if mine <= other else base.number, Kind.CONFIRM)
    return None


def confirm_queued(loop: Loop) -> bool:
    """Make one more run for the keep that a person asked first to have confirmed; False where none is asked for.

    One that cannot be confirmed is given up, and the ledger says why. Raises as `Loop.iterate`.
    """
    asked = loop.session.ledger.confirms()
    if not asked:
        return False
    try:
        seen = advance(loop, asked[0])
    except NotAgain as error:
        loop.session.ledger.drop_confirm(asked[0], f"iteration {asked[0]} is not confirmed: {error}")
        return True
    except NotYet:
        return False
    if seen is not None:
        loop.session.ledger.drop_confirm(asked[0], f"iteration {asked[0]} is {seen.state}: {seen.reason}")
    return True


def _told(it: Iteration, base: Iteration, evidence: Evidence | None, most: int) -> tuple[str | None, str]:
    """What the fresh runs so far say: a state with its reason, why no more are run, or nothing (`None, ""`)."""
    mine, other = len(fresh(it)), len(fresh(base))
    if evidence is not None and evidence.state is not None:
        return evidence.state, evidence.reason
    if failed(it) >= FAILURES and mine <= other:
        return "refuted", f"{failed(it)} of its fresh runs failed"
    if failed(base) >= FAILURES and other < mine:
        return (
            None,
            f"{failed(base)} fresh runs of its base, iteration {base.number}, failed: nothing to hold it against",
        )
    if evidence is not None and evidence.pairs >= most:
        return None, evidence.reason
    return None, ""


def unconfirmed(session: Session, island: str = "") -> list[int]:
    """The provisional keeps that the champion rests on, the champion first; it is no such keep where it was forked.

    Of an `island`, where one is named, those that were kept there.
    """
    found: list[int] = []
    epoch = session.ledger.current_epoch()
    it = None if epoch is None else session.ledger.champion(epoch, island)
    while it is not None and it.base is not None and (not island or it.island == island):
        if it.verdict is Verdict.KEEP and it.state == "provisional":
            found.append(it.number)
        it = session.ledger.iteration(it.base) if it.base < it.number else None
    return found


def awaiting(session: Session) -> list[int]:
    """The provisional keeps that the champion rests on, and after them those of the islands: their own first.

    What came to an island by an exchange holds up elsewhere already.
    """
    ledger, epoch = session.ledger, session.ledger.current_epoch()
    islands = [] if epoch is None else ledger.islands(epoch)
    kept = {it.number: it for island in islands for it in ledger.several(unconfirmed(session, island))[::-1]}
    theirs = sorted(kept.values(), key=lambda it: ledger.exchanged(it.proposal) is not None)
    return list(dict.fromkeys([*unconfirmed(session), *(it.number for it in theirs)]))


def settle(session: Session, number: int, state: str, reason: str) -> None:
    """Say what became of a keep: in the lineage first, then in the ledger, whose champion the lineage follows."""
    session.lineage.add_note(number, f"State: {state}\nWhy: {reason}")
    session.ledger.settle(number, state, reason)
    it = session.iteration(number)
    champion = session.ledger.champion(it.epoch, it.island)
    if champion is not None and champion.commit and session.lineage.champion(it.island) != champion.commit:
        session.lineage.set_champion(champion.commit, it.island)


def _pair(session: Session, number: int) -> tuple[Iteration, Iteration]:
    """The keep and its base; raises `NotAgain` where there is nothing to confirm."""
    it = session.iteration(number)
    if it.verdict is not Verdict.KEEP or it.base is None:
        what = "the baseline" if it.base is None else f"no keep ({it.verdict or 'still running'})"
        raise NotAgain(f"iteration {number} is {what}: only a keep is held against its base")
    if it.epoch != session.ledger.current_epoch():
        raise NotAgain(f"iteration {number} is of an earlier epoch, whose scores compare with no fresh ones")
    return it, session.iteration(it.base)


def failed(iteration: Iteration) -> int:
    """How many of its runs that were made to confirm ended without a score, by its own fault."""
    bad = (Verdict.CRASH, Verdict.TIMEOUT, Verdict.PRUNED)
    return sum(attempt.kind is Kind.CONFIRM and attempt.verdict in bad for attempt in iteration.attempts)

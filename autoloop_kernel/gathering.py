"""What was accepted and runs next: edits that were overtaken run as one, where several wait.

A combination takes a run, and a champion comes of it at most once in that time. So those that wait while one runs are
brought together on the champion of then: ten steps at once. Where that does not hold, each runs by itself.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

from autoloop_kernel.arena.merge import merge_units
from autoloop_kernel.arena.notebook import Arena
from autoloop_kernel.memory.rows import ProposalRow
from autoloop_kernel.overtaking import plain_title
from autoloop_kernel.proposing import Checked, Refused, check, is_laid_over, on_line, rebased
from autoloop_kernel.records import Iteration, Proposal
from autoloop_kernel.scheduling import together
from autoloop_kernel.session import Session

SHOWN = 3
"""Of how many edits that run as one the title tells."""


def accepted(session: Session, arena: Arena, epoch: int, champion: Iteration) -> Checked | None:
    """The oldest proposal that was accepted and may still run; None where there is none for now.

    The arena may have changed since: those that no longer pass the checks are refused, with the reason. A combination
    with an earlier champion of its line becomes one with this one, where both change other lines. While one runs on a
    line the next ones wait, and then run as one.
    """
    ledger = session.ledger
    rows = ledger.proposals("accepted")
    waiting = ledger.to_gather(epoch) if rows else {}
    claimed = ledger.in_gathered() if rows else set()
    for row in rows:
        if row.id in claimed:
            continue  # it is part of what runs, or is about to
        line = row.proposal.island
        now = on_line(session, epoch, line, champion)
        if row.id in waiting:
            if ledger.is_combining(epoch, line, now.number):
                continue
            beside = [one for one in rows if one.id in waiting and one.proposal.island == line]
            if (several := _gathered(session, arena, epoch, now, beside, waiting)) is not None:
                return several
        try:
            if row.proposal.base != now.number and is_laid_over(session, row.id):
                with contextlib.suppress(Refused):
                    return rebased(session, arena, epoch, now, row.proposal)
            return check(session, arena, epoch, row.proposal)
        except Refused as error:
            ledger.refuse(row.id, error.status, str(error))
    return None


def _gathered(
    session: Session, arena: Arena, epoch: int, now: Iteration, rows: Sequence[ProposalRow], gains: Mapping[str, float]
) -> Checked | None:
    """The most promising of several edits that were overtaken, laid over the champion `now` as one proposal.

    What changes the same lines as one before it is left to the next time. None where no two of them go together.
    """
    units = session.units(now.number)
    before = dict(units)

    def fits(row: ProposalRow) -> bool:
        assert row.proposal.base is not None
        merged, conflicts = merge_units(session.units(row.proposal.base), units, row.proposal.units)
        if not conflicts:
            units.update(merged)
        return not conflicts

    chosen = together(rows, lambda row: gains[row.id], fits)
    if len(chosen) < 2:
        return None
    proposal = _as_one(session, now, [row.proposal for row in chosen])
    proposal = replace(proposal, units={name: text for name, text in units.items() if text != before.get(name)})
    try:
        found = check(session, arena, epoch, proposal)
    except Refused:
        return None  # each is looked at by itself
    session.ledger.gather(proposal, epoch, [row.id for row in chosen])
    return found


def _as_one(session: Session, now: Iteration, several: Sequence[Proposal]) -> Proposal:
    """The proposal of several edits on the champion `now`, by the agent of the first; it tells of all of them."""
    numbers = [session.ledger.combines(one.id)[0] for one in several]
    made = ", ".join(f"{number} by {one.agent}" for number, one in zip(numbers, several, strict=True))
    why = f"Each was better than its base, and overtaken meanwhile: iterations {made}. Run as one on iteration"
    titles = [plain_title(one.title) for one in several[:SHOWN]]
    titles += [f"{len(several) - SHOWN} more"] if len(several) > SHOWN else []
    # The same again after a kill: the id says what it is made of.
    name = hashlib.sha256("+".join([*(one.id for one in several), str(now.number)]).encode()).hexdigest()[:32]
    title = f"{' + '.join(titles)} (on iteration {now.number})"
    return Proposal(title, {}, f"{why} {now.number}.", several[0].agent, now.number, name, several[0].island)


__all__ = ["accepted"]

"""What others confirmed, tried here: laid over this arena's champion as a proposal of its own, and judged as any."""

from __future__ import annotations

from collections.abc import Mapping

from autoloop_kernel.arena.game import game
from autoloop_kernel.arena.merge import merge_units
from autoloop_kernel.arena.notebook import ArenaError
from autoloop_kernel.proposing import Refused, check
from autoloop_kernel.records import OTHERS, Iteration, Other, Proposal
from autoloop_kernel.session import Session


def offer(session: Session) -> str | None:
    """Queue the best that others confirmed, where it beats the champion, to run next; gives its title, None for none.

    One at a time, and each once: the champion that comes of it may be better than the next. One that may not run is
    refused, with the reason on record.
    """
    try:
        arena = session.reread()
    except ArenaError:
        return None  # a person is in the middle of an edit
    epoch, champion = session.ledger.current_epoch(), session.champion()
    if epoch is None or champion is None or champion.score is None:
        return None
    # Slots, or machines elsewhere, are a class of their own, which the driver has put on record.
    if game(arena, session.ledger.epoch_parts(epoch).get("hardware", "")) != champion.game:
        return None  # the arena has changed, and the driver will see it
    agents = [row.proposal.agent for row in session.ledger.proposals("accepted")]
    if OTHERS in (*agents, *(it.agent for it in session.ledger.in_flight())):
        return None
    direction = arena.rules.metric.direction
    for other in session.others(epoch):
        if other.state == "confirmed" and other.units and other.score is not None:
            if not direction.better(other.score, champion.score):
                continue
            proposal = proposed(other, champion, session.units(champion.number))
            try:
                check(session, arena, epoch, proposal)
            except Refused as error:
                session.ledger.propose(proposal, epoch)
                session.ledger.refuse(proposal.id, error.status, str(error))
                continue
            session.ledger.queue(proposal, epoch)
            return proposal.title
    return None


def proposed(other: Other, champion: Iteration, ours: Mapping[str, str]) -> Proposal:
    """What somebody else keeps, as an edit of the champion, whose units are `ours`.

    Their steps since their baseline are laid over the champion; where both changed the same lines, it is theirs as it
    stands.
    """
    merged, conflicts = merge_units(other.base, ours, other.units)
    units = other.units if conflicts else merged
    changed = {name: text for name, text in units.items() if text != ours.get(name)}
    how = "as it stands there: it changes the same lines as" if conflicts else "laid over"
    by = f" by {other.agent}" if other.agent else ""
    why = (
        f"Fresh runs confirmed it there{by}, at {other.score:.6g}. Here it is {how} iteration {champion.number}, and "
        "has to be earned with this arena's own seeds."
    )
    title = f"what {other.origin[:8]} keeps as {other.number}: {other.title}"
    return Proposal(title, changed, why, OTHERS, champion.number, other.proposal)

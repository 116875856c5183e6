"""What a ledger that was made anew has lost of the queue, and what can be made anew, too."""

from __future__ import annotations

from autoloop_kernel.overtaking import combination
from autoloop_kernel.session import Session


def requeued(session: Session) -> list[str]:
    """Queue the combinations again that had not run when the ledger was lost; gives a line for each.

    An edit that was better than its base, and overtaken, would else count as tried for ever.
    """
    ledger, epoch = session.ledger, session.ledger.current_epoch()
    lines = []
    for number, champion in [] if epoch is None else ledger.uncombined(epoch):
        it, base = session.iteration(number), session.iteration(champion)
        found = combination(session, it, session.units(number), base, lambda: True)
        if found is not None:
            ledger.queue(found, it.epoch)
            lines.append(f"{found.title!r} had not begun: it is run next")
    return lines


__all__ = ["requeued"]

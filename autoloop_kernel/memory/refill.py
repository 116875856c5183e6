"""What iterations changed, worked out anew from the lineage where the ledger does not know it."""

from __future__ import annotations

from collections.abc import Mapping

from autoloop_kernel.arena.edit import units_of
from autoloop_kernel.memory.ledger import Ledger
from autoloop_kernel.memory.lineage import Lineage
from autoloop_kernel.records import AutoloopError

BATCH = 50
"""How many edits are entered in one transaction, for which other writers wait."""


def refill(ledger: Ledger, lineage: Lineage) -> int:
    """Enter the edits that the ledger should know and does not; returns how many those were.

    So it is with a ledger that was rebuilt, or made by an earlier version. One whose sources cannot be read counts as
    having changed nothing.
    """
    wanted = ledger.without_edit()
    for start in range(0, len(wanted), BATCH):
        with ledger.edits_entered() as enter:
            for number, base, epoch in wanted[start : start + BATCH]:
                before, after = sources(lineage, base), sources(lineage, number)
                known = before is not None and after is not None
                enter(number, epoch, (before or {}) if known else {}, (after or {}) if known else {})
    return len(wanted)


def sources(lineage: Lineage, number: int) -> Mapping[str, str] | None:
    """The sources of an iteration by unit name; None where they cannot be read."""
    try:
        return units_of(lineage.tree(number))
    except AutoloopError:
        return None

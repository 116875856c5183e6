"""The iterations of an epoch, kept at hand: what a step reads of a long history costs no more than of a short one."""

from __future__ import annotations

from dataclasses import replace

from autoloop_kernel.memory.reading import Reading
from autoloop_kernel.records import Iteration, Kind


class History:
    """The iterations of one epoch at a time, read once and then only where an event says that something changed.

    For a process that asks again and again, as a driver does for its agents, whom runs on the holdout must not reach;
    it lives as long as its ledger, in the same thread.
    """

    def __init__(self, ledger: Reading) -> None:
        self._ledger = ledger
        self._epoch: int | None = None
        self._seq = 0
        self._known: dict[int, Iteration] = {}

    def of(self, epoch: int) -> tuple[Iteration, ...]:
        """The same as `ledger.iterations(epoch)`: oldest first, with attempts, but for those on the holdout."""
        seq, touched = self._ledger.touched(self._seq)
        if epoch != self._epoch or touched is None:
            self._known = {one.number: _shown(one) for one in self._ledger.iterations(epoch)}
        elif touched:
            # Numbers only grow, so that new ones come last.
            self._known |= {one.number: _shown(one) for one in self._ledger.several(touched) if one.epoch == epoch}
        self._epoch, self._seq = epoch, seq
        return tuple(self._known.values())


def _shown(one: Iteration) -> Iteration:
    seen = tuple(attempt for attempt in one.attempts if attempt.kind is not Kind.HOLDOUT)
    return one if len(seen) == len(one.attempts) else replace(one, attempts=seen)

"""Whether what past iterations taught still holds, now that the champion is another one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from autoloop_kernel.memory.edits import moved
from autoloop_kernel.memory.ledger import Ledger
from autoloop_kernel.memory.lineage import Lineage
from autoloop_kernel.memory.refill import sources
from autoloop_kernel.memory.remembering import ELSEWHERE, Hit
from autoloop_kernel.records import Finding

FAR = 0.5
"""Beyond which share of other lines in the units that it touched a finding's base is far from today's champion."""


class Age:
    """Holds findings against today's champion; what it reads of the lineage it reads once."""

    def __init__(self, ledger: Ledger, lineage: Lineage) -> None:
        self._ledger, self._lineage = ledger, lineage
        self._epoch = ledger.current_epoch()
        self._champion = None if self._epoch is None else ledger.champion(self._epoch)
        self._read: dict[int, Mapping[str, str] | None] = {}

    def expired(self, hit: Hit) -> str:
        """Why a finding may no longer hold, in plain words; empty while nothing speaks against it."""
        if hit.epoch is not None and hit.epoch != self._epoch:
            if self._epoch is None:
                return "of a game that may be another: nothing has run here yet"
            whose = f"of epoch {hit.epoch}, another game" if hit.epoch != ELSEWHERE else "of another game"
            return f"{whose}: its score compares with none of today's"
        if hit.base is None or self._champion is None or not hit.units:
            return ""
        share = self._moved(hit.base, self._champion.number, hit.units)
        if share <= FAR or self._epoch is None:
            return ""
        steps = self._ledger.steps_between(self._epoch, hit.base, self._champion.number)
        since = f"{steps} kept step{'s' * (steps != 1)} since"
        return f"its base has moved far: {share:.0%} of the lines in {', '.join(hit.units)} are others, {since}"

    def _moved(self, base: int, champion: int, units: Sequence[str]) -> float:
        before, after = self._sources(base), self._sources(champion)
        return 0.0 if base == champion or before is None or after is None else moved(before, after, units)

    def _sources(self, number: int) -> Mapping[str, str] | None:
        if number not in self._read:
            self._read[number] = sources(self._lineage, number)
        return self._read[number]


def search(ledger: Ledger, lineage: Lineage, text: str, limit: int = 10, last: int | None = None) -> list[Finding]:
    """The findings that are about `text`, the closest first; those that have expired come last, and say why.

    With `last` they are sought among so many of the newest only.
    """
    age = Age(ledger, lineage)
    found = [replace(hit.finding, expired=age.expired(hit)) for hit in ledger.matching(text, 3 * limit, last)]
    return sorted(found, key=lambda finding: bool(finding.expired))[:limit]

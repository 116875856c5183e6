"""What agents' requests cost, in sums that take no longer the more requests there were."""

from __future__ import annotations

from typing import Any

from autoloop_kernel.memory.control import Control
from autoloop_kernel.records import Cost

_FIELDS = ("requests", "input", "output", "cache_read", "cache_write", "unpriced")
_ALL = (*_FIELDS, "priced", "nano")
_NANO = 1e9

_LAST = "(SELECT max(seq) FROM paid WHERE agent = name AND seq <= {})"
_SINCE = (
    # From each agent to the next by the index: there are a few among many requests.
    "WITH RECURSIVE agents(name) AS (SELECT min(agent) FROM paid UNION ALL "
    "SELECT (SELECT min(agent) FROM paid WHERE agent > name) FROM agents WHERE name IS NOT NULL) "
    f"SELECT name, {', '.join(f'now.{name} - ifnull(old.{name}, 0)' for name in _ALL)} FROM agents "
    f"JOIN paid now ON now.agent = name AND now.seq = {_LAST.format(2**62)} "
    f"LEFT JOIN paid old ON old.agent = name AND old.seq = {_LAST.format('?1')} WHERE now.seq > ?1"
)


class Costs(Control):
    """The part of the ledger that knows what was paid; see `Ledger`."""

    def spent(self, after: int = 0, proposal: str | None = None) -> Cost:
        """What the agents' requests cost in all: those told of after event `after`, or for one `proposal`."""
        if proposal is not None:
            return self._spent_for(proposal)
        sums = [sum(column) for column in zip(*(row[1:] for row in self._rows(_SINCE, (after,))), strict=True)]
        counted: dict[str, Any] = dict(zip(_ALL, sums, strict=True)) if sums else dict.fromkeys(_ALL, 0)
        dollars = counted["nano"] / _NANO if counted["priced"] else None
        return Cost(**{name: counted[name] for name in _FIELDS}, dollars=dollars)

    def _spent_for(self, proposal: str) -> Cost:
        sums = ", ".join(f"coalesce(sum(json_extract(json, '$.{name}')), 0)" for name in _FIELDS)
        row = self._row(
            f"SELECT {sums}, sum(json_extract(json, '$.dollars')) FROM events "
            "WHERE kind = 'cost' AND json_extract(json, '$.proposal') = ?",
            (proposal,),
        )
        return Cost(**dict(zip(_FIELDS, row, strict=False)), dollars=row[-1])

    def paid(self, after: int = 0) -> dict[str, float]:
        """What each agent's requests cost in dollars, as told after event `after`; agents without any are left out."""
        return {row[0]: row[-1] / _NANO for row in self._rows(_SINCE, (after,)) if row[0]}

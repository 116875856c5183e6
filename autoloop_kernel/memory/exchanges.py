"""What lines of agents offered each other, as the ledger tells: events `exchange`, and what ran for them."""

from __future__ import annotations

from autoloop_kernel.memory.reading import Reading
from autoloop_kernel.memory.rows import EVENT, event_of
from autoloop_kernel.records import Event


class Exchanges(Reading):
    """The part of the ledger that knows of exchanges; see `Ledger`. The main line's name is empty."""

    def ran_on(self, epoch: int, code_key: str, island: str) -> bool:
        """Whether this code has run, or runs, on an island of this epoch (empty: on the main line)."""
        sql = "SELECT 1 FROM iterations WHERE epoch = ? AND code_key = ? AND island = ?"
        return self._row(sql, (epoch, code_key, island)) is not None

    def exchanged(self, proposal: str) -> int | None:
        """The iteration that a proposal lays over the champion of another line; None where it is no exchange."""
        sql = "SELECT iteration FROM events WHERE kind = 'exchange' AND json_extract(json, '$.id') = ?"
        row = self._row(sql, (proposal,))
        return None if row is None else row[0]

    def was_offered(self, number: int, to: str) -> bool:
        """Whether iteration `number` was offered to the line `to` of an island, or to the main line (empty)."""
        sql = "SELECT 1 FROM events WHERE kind = 'exchange' AND iteration = ? AND json_extract(json, '$.to') = ?"
        return self._row(sql, (number, to)) is not None

    def exchanges(self, most: int) -> list[Event]:
        """The last `most` events of this epoch that tell of exchanges, and of islands that went on from elsewhere."""
        sql = (
            f"SELECT {EVENT} FROM events WHERE kind IN ('exchange', 'restart') "
            "AND seq > (SELECT ifnull(max(seq), 0) FROM events WHERE kind = 'epoch') ORDER BY seq DESC LIMIT ?"
        )
        return [event_of(row) for row in self._rows(sql, (most,))][::-1]

    def in_exchange(self, source: str, to: str) -> bool:
        """Whether what one line offered another is still to be run, or runs."""
        sql = (
            "SELECT 1 FROM events e JOIN proposals p ON p.id = json_extract(e.json, '$.id') "
            "LEFT JOIN iterations i ON i.number = p.iteration WHERE e.kind = 'exchange' "
            "AND json_extract(e.json, '$.from') = ? AND json_extract(e.json, '$.to') = ? "
            "AND (p.status IN ('pending', 'accepted') OR (p.status = 'ran' AND i.verdict IS NULL))"
        )
        return self._row(sql, (source, to)) is not None

    def ran_since(self, epoch: int, island: str, number: int) -> int:
        """How many iterations of an island above `number` have ended."""
        sql = "SELECT count(*) FROM iterations WHERE epoch = ? AND island = ? AND number > ? AND verdict IS NOT NULL"
        return int(self._row(f"{sql} AND island <> ''", (epoch, island, number))[0])

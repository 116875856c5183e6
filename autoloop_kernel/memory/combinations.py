"""Edits that were overtaken, and what runs for them, as the ledger tells: events `overtaken` and `gathered`."""

from __future__ import annotations

import sqlite3

from autoloop_kernel.memory.reading import Reading

_PARTS = "events g JOIN json_each(g.json, '$.proposals') part"
_WHOLE = "json_extract(g.json, '$.id')"


class Combinations(Reading):
    """The part of the ledger that knows of combinations; see `Ledger`.

    A combination lays an edit that was overtaken over the champion, or several that were gathered.
    """

    def combines(self, proposal: str) -> tuple[int, ...]:
        """The iterations whose edits a proposal lays over the champion; none where it is no combination."""
        rows = self._rows(
            "SELECT iteration FROM events WHERE kind = 'overtaken' AND json_extract(json, '$.id') = ?", (proposal,)
        ) or self._rows(
            f"SELECT e.iteration FROM {_PARTS} JOIN events e ON e.kind = 'overtaken' "
            f"AND json_extract(e.json, '$.id') = part.value WHERE g.kind = 'gathered' AND {_WHOLE} = ? "
            "ORDER BY part.key",
            (proposal,),
        )
        return tuple(dict.fromkeys(row[0] for row in rows))

    def gathered(self, proposal: str) -> tuple[str, ...]:
        """The ids of the proposals that one brings together; none where it is no such."""
        rows = self._rows(
            f"SELECT part.value FROM {_PARTS} WHERE g.kind = 'gathered' AND {_WHOLE} = ? ORDER BY part.key", (proposal,)
        )
        return tuple(row[0] for row in rows)

    def overtaken(self, since: int = 0) -> set[int]:
        """The iterations from number `since` on that were better than a base which was the champion no more."""
        rows = self._rows("SELECT iteration FROM events WHERE kind = 'overtaken' AND iteration >= ?", (since,))
        return {row[0] for row in rows}

    def uncombined(self, epoch: int) -> list[tuple[int, int]]:
        """What was overtaken in an epoch, each by which champion, whose combination the ledger does not know.

        So it is where that had not run when the ledger was lost, by itself or as part of what `settle_gathered` is of.
        """
        name = "json_extract(e.json, '$.id')"
        return self._rows(
            "SELECT e.iteration, json_extract(e.json, '$.champion') FROM events e JOIN iterations i "
            f"ON i.number = e.iteration WHERE e.kind = 'overtaken' AND i.epoch = ? AND {name} NOT IN "
            f"(SELECT proposal FROM iterations) AND NOT EXISTS (SELECT 1 FROM proposals p WHERE p.id = {name}) "
            f"AND NOT EXISTS (SELECT 1 FROM {_PARTS} JOIN iterations w ON w.proposal = {_WHOLE} "
            f"WHERE g.kind = 'gathered' AND part.value = {name} AND (w.verdict = 'keep' "
            "OR EXISTS (SELECT 1 FROM events o WHERE o.kind = 'overtaken' AND o.iteration = w.number))) "
            "ORDER BY e.seq",
            (epoch,),
        )

    def to_gather(self, epoch: int) -> dict[str, float]:
        """The combinations of this epoch that wait and were not gathered before, with the gain that they promise."""
        rows = self._rows(
            "SELECT p.id, ifnull(json_extract(e.json, '$.gain'), 0) FROM proposals p JOIN events e "
            "ON e.kind = 'overtaken' AND json_extract(e.json, '$.id') = p.id "
            "WHERE p.status = 'accepted' AND p.epoch = ? "
            f"AND p.id NOT IN (SELECT part.value FROM {_PARTS} WHERE g.kind = 'gathered')",
            (epoch,),
        )
        return dict(rows)

    def in_gathered(self) -> set[str]:
        """The proposals that were gathered into one which is to run, or runs."""
        rows = self._rows(
            f"SELECT part.value FROM {_PARTS} JOIN proposals p ON p.id = {_WHOLE} "
            "LEFT JOIN iterations i ON i.number = p.iteration WHERE g.kind = 'gathered' "
            "AND (p.status IN ('pending', 'accepted') OR (p.status = 'ran' AND i.verdict IS NULL))"
        )
        return {row[0] for row in rows}

    def is_combining(self, epoch: int, island: str, champion: int) -> bool:
        """Whether a combination with the `champion` of a line of this epoch (empty: the main line) runs."""
        sql = (
            "SELECT 1 FROM events WHERE kind IN ('overtaken', 'gathered') AND json_extract(json, '$.id') IN "
            "(SELECT proposal FROM iterations WHERE verdict IS NULL AND epoch = ? AND island = ? AND base = ?)"
        )
        return self._row(sql, (epoch, island, champion)) is not None


def settle_gathered(database: sqlite3.Connection, number: int, held: bool) -> None:
    """Say inside the running transaction that what was gathered has run with iteration `number`, where that `held`.

    So it does where all of it was overtaken once more, and runs on as one. Else each runs by itself.
    """
    overtaken = "SELECT 1 FROM events WHERE kind = 'overtaken' AND iteration = ?"
    if held or database.execute(overtaken, (number,)).fetchone() is not None:
        database.execute(
            "UPDATE proposals SET status = 'ran', iteration = ? WHERE status = 'accepted' AND id IN "
            f"(SELECT part.value FROM {_PARTS} WHERE g.kind = 'gathered' AND {_WHOLE} = "
            "(SELECT proposal FROM iterations WHERE number = ?))",
            (number, number),
        )

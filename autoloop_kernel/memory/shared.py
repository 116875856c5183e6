"""What others ran, as the ledger keeps it beside this arena's own."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from autoloop_kernel.memory import fulltext
from autoloop_kernel.memory.control import add_event
from autoloop_kernel.memory.foreign import Foreign
from autoloop_kernel.memory.remembering import Remembering
from autoloop_kernel.memory.text import dumps, loads_map
from autoloop_kernel.records import OTHERS, Direction, Sharing, Taken, Verdict

SHARING = "sharing"
"""The key under which is kept how live sharing stands."""

GIVERS = 12
"""Of how many others it is told what came from each: of those who gave most."""

_COLUMNS = (
    "s.origin, s.number, s.commit_id, s.game, s.code_key, s.verdict, s.state, s.score, s.title, s.agent, s.text, "
    "s.numbers, s.seconds, s.time"
)


class Shared(Remembering):
    """The part of the ledger that holds what others shared; see `Ledger`."""

    def shared_numbers(self) -> set[tuple[str, int]]:
        """(origin, number) of every iteration of others."""
        return set(self._rows("SELECT origin, number FROM shared"))

    def take_in(self, rows: Sequence[Foreign], states: Sequence[tuple[str, str, str]] = ()) -> None:
        """Enter iterations of others, and what became of some later: (origin, commit, state); all or nothing.

        One that is known already stays as it is. Event `shared` tells how many are new.
        """
        with self._write("shared") as database:
            for row in rows:
                database.execute(
                    "INSERT OR IGNORE INTO shared (origin, number, commit_id, game, code_key, verdict, state, score, "
                    "title, agent, text, numbers, seconds, time) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        *(row.origin, row.number, row.commit, row.game, row.code_key, row.verdict.value, row.state),
                        *(row.score, row.title, row.agent, row.text, dumps(row.numbers), row.seconds, row.time),
                    ),
                )
                units, names = (" ".join(row.numbers.get(each, ())) for each in ("units", "names"))
                fulltext.put(database, "others", f"{row.origin}/{row.number}", f"{row.title} {row.text}", units, names)
            for origin, commit, state in states:
                database.execute(
                    "UPDATE shared SET state = ? WHERE origin = ? AND commit_id = ? AND verdict = 'keep'",
                    (state, origin, commit),
                )
            if rows:
                add_event(database, "shared", None, None, {"iterations": len(rows), "time": time.time()})

    def kept_elsewhere(self, epoch: int) -> list[tuple[Foreign, bool]]:
        """Where each other's line stands, and whether it was scored in the game of this epoch.

        That is its last keep that nobody refuted: in this game, where it has one there, and a confirmed one before what
        came after it. Nothing is told of a line up to what ran of it here, as a proposal of its own or as the same
        code.
        """
        if not self._recalls("shared"):
            return []
        rows = self._rows(
            f"SELECT {_COLUMNS}, s.game = (SELECT game FROM epochs WHERE epoch = ?1), "
            "EXISTS (SELECT 1 FROM iterations i WHERE i.epoch = ?1 AND i.code_key = s.code_key AND s.code_key <> '') "
            "OR EXISTS (SELECT 1 FROM proposals p WHERE p.id = printf('others-%s-%04d', s.origin, s.number)) "
            "OR printf('others-%s-%04d', s.origin, s.number) IN (SELECT proposal FROM iterations WHERE agent = ?2) "
            "FROM shared s WHERE s.verdict = 'keep' AND s.state IS NOT 'refuted' ORDER BY s.number",
            (epoch, OTHERS),
        )
        lines: dict[str, list[tuple[Foreign, bool]]] = {}
        for *row, is_same, is_tried in rows:
            line = lines.setdefault(row[0], [])
            line.clear() if is_tried else line.append((_foreign(tuple(row)), bool(is_same)))
        return [max(line, key=_stand) for line in lines.values() if line]

    def sharing(self) -> Sharing | None:
        """How sharing stands; None where nothing was taken in and no driver shared."""
        kept = self.get(SHARING)
        if not self._recalls("shared"):
            return None
        counts = self._rows("SELECT origin, count(*) FROM shared GROUP BY origin ORDER BY 2 DESC, 1")
        count = sum(findings for _, findings in counts)
        if kept is None and not count:
            return None
        known = {part.name for part in fields(Sharing)}
        told = {name: value for name, value in (kept or {}).items() if name in known}
        whose = tuple(self._taken(origin, findings) for origin, findings in counts[:GIVERS])
        return Sharing(**{**told, "pulled": count, "origins": len(counts), "whose": whose})

    def _taken(self, origin: str, findings: int) -> Taken:
        """What came from somebody else: so many findings, and the last keep that nobody refuted, but a baseline."""
        row = self._row(
            "SELECT number, title, agent, score, ifnull(state, '') FROM shared WHERE origin = ? AND verdict = 'keep' "
            "AND state IS NOT 'refuted' AND json_extract(numbers, '$.base') IS NOT NULL ORDER BY number DESC LIMIT 1",
            (origin,),
        )
        return Taken(origin, findings, *(row or ()))

    def elsewhere(self, epoch: int, code_key: str, direction: Direction) -> Foreign | None:
        """Who else ran this code in the game of this epoch so that it need not run here; None where it is worth a run.

        It is where it scored better than today's champion of this arena: what somebody discarded beside a better
        champion may be a gain here, and what somebody kept has to be earned here.
        """
        if not code_key or not self._recalls("shared"):
            return None
        rows = self._rows(
            f"SELECT {_COLUMNS} FROM shared s JOIN epochs e ON e.game = s.game WHERE e.epoch = ? AND s.code_key = ?",
            (epoch, code_key),
        )
        found = [_foreign(row) for row in rows]
        champion = self.champion(epoch) if found else None
        best = None if champion is None else champion.score
        if any(_promises(one, best, direction) for one in found):
            return None
        return found[0] if found else None


def _stand(kept: tuple[Foreign, bool]) -> tuple[bool, bool, int]:
    one, is_same = kept
    return is_same, one.state == "confirmed", one.number


def _promises(one: Foreign, best: float | None, direction: Direction) -> bool:
    """Whether this code may do better here than the champion's score."""
    scored = one.verdict in (Verdict.KEEP, Verdict.DISCARD) and one.state != "refuted"
    return scored and one.score is not None and (best is None or direction.better(one.score, best))


def _foreign(row: tuple[Any, ...]) -> Foreign:
    """The iteration in a row of the columns `_COLUMNS`."""
    origin, number, commit, game, key, verdict, state, score, title, agent, text, numbers, seconds, when = row
    known = dict(loads_map(numbers))
    return Foreign(
        origin, number, commit, game, key, Verdict(verdict), state, score, title, agent, text, known, seconds, when
    )

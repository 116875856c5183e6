"""What the ledger remembers of past edits: found again and counted, at a cost that does not grow with it."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from autoloop_kernel.memory import fulltext
from autoloop_kernel.memory.control import add_event, set_value
from autoloop_kernel.memory.edits import NEAR, Line, Noticed, edit_of, fresh, gone, line_hash, similar
from autoloop_kernel.memory.reading import Reading
from autoloop_kernel.memory.restore import store_finding
from autoloop_kernel.memory.rows import finding_of
from autoloop_kernel.records import MEASURED, Direction, Finding, Remembered, Verdict

WINDOW = 256
"""With how many of the last edits of an epoch a new one is compared, and of how many the lessons are drawn."""

LOOKED_UP = 400
"""How many of the lines that an edit adds are looked up among those that were taken out."""


ELSEWHERE = 0
"""The epoch of what ran in a game that was never played here."""


@dataclass(frozen=True)
class Hit:
    """A finding that was found, with the epoch and the base of its iteration (None: not known) and the units it
    touched."""

    finding: Finding
    epoch: int | None = None
    base: int | None = None
    units: tuple[str, ...] = ()


@dataclass(frozen=True)
class Try:
    """What is known of one edit that ran: `gain` is by how much it was better than its base (None: no score)."""

    number: int
    title: str
    units: tuple[str, ...]
    names: tuple[str, ...]
    verdict: Verdict
    state: str | None
    gain: float | None
    reason: str
    near: int | None
    again: int


class Remembering(Reading):
    """The part of the ledger that recalls; see `Ledger`."""

    def matching(self, text: str, limit: int, last: int | None = None) -> list[Hit]:
        """The findings that are about `text`, the best first, among the `last` ones where that is given."""
        if not self._recalls():
            return []
        newest = self._row("SELECT coalesce(max(id), 0) FROM recall")[0]
        with self._snapshot():
            after = 0 if last is None else max(0, newest - last)
            found = fulltext.matches(self._database, text, limit, after)
            hits = (self._hit(number) for number in found)
            return [hit for hit in hits if hit is not None]

    def _hit(self, number: int) -> Hit | None:
        """What a row of `recall` stands for."""
        source, ref, units = self._row("SELECT source, ref, units FROM recall WHERE id = ?", (number,))
        if source == "person":
            row = self._row("SELECT title, reason, epoch, base FROM proposals WHERE id = ?", (ref,))
            return row and Hit(Finding(None, f"{row[0]}: skipped by the person ({row[1]})"), *row[2:])
        if source == "others":
            return self._hit_elsewhere(ref, units)
        row = self._row(
            "SELECT f.iteration, f.text, f.numbers, i.epoch, i.base, i.state FROM findings f "
            "LEFT JOIN iterations i ON i.number = f.iteration WHERE f.iteration = ?",
            (int(ref),),
        )
        if row is None:
            return None
        finding = finding_of(row[:3])
        if row[5] in ("confirmed", "refuted"):
            finding = Finding(finding.iteration, f"{finding.text}; {row[5]} by fresh seeds", finding.numbers)
        return Hit(finding, row[3], row[4], tuple(finding.numbers.get("units") or units.split()))

    def _hit_elsewhere(self, ref: str, units: str) -> Hit | None:
        """What somebody else's iteration (`ref`: ORIGIN-ID/number) taught; its base is none of this ledger's."""
        origin, _, number = ref.partition("/")
        row = self._row(
            "SELECT s.number, s.text, s.numbers, e.epoch, s.state FROM shared s LEFT JOIN epochs e ON e.game = s.game "
            "WHERE s.origin = ? AND s.number = ?",
            (origin, int(number)),
        )
        if row is None:
            return None
        finding = finding_of(row[:3])
        text = f"{finding.text}; {row[4]} by fresh seeds" if row[4] in ("confirmed", "refuted") else finding.text
        epoch = ELSEWHERE if row[3] is None else row[3]
        return Hit(Finding(finding.iteration, text, finding.numbers, origin[:8]), epoch, None, tuple(units.split()))

    def noticed(self, epoch: int, before: Mapping[str, str], after: Mapping[str, str], number: int = 2**62) -> Noticed:
        """What is known of the edit from the sources `before` to the sources `after`, by unit name, in this epoch.

        It is compared with the edits of the iterations below `number`.
        """
        edit = edit_of(before, after)
        with self._snapshot():
            near, share = self._nearest(epoch, edit.sketch, number)
            came = "" if near is None else self._came(near)
            return Noticed(edit, near, share, came, self._taken_out(fresh(edit, before), number), gone(edit, after))

    def _nearest(self, epoch: int, sketch: Sequence[int], number: int) -> tuple[int | None, float]:
        """The iteration among the last `WINDOW` whose edit was nearly this one, and how near; the last of equals."""
        rows = self._rows(
            "SELECT iteration, sketch FROM edits WHERE epoch = ? AND iteration < ? ORDER BY iteration DESC LIMIT ?",
            (epoch, number, WINDOW),
        )
        best: tuple[int | None, float] = (None, 0.0)
        for number, other in rows:
            share = similar(sketch, json.loads(other))
            if share >= NEAR and share > best[1]:
                best = number, share
        return best

    def _came(self, number: int) -> str:
        row = self._row("SELECT verdict, state, score FROM iterations WHERE number = ?", (number,))
        parts = [row[0] or "running", row[1] or "", "" if row[2] is None else f"{row[2]:.6g}"]
        return ", ".join(part for part in parts if part and part != "provisional")

    def _taken_out(self, lines: Sequence[Line], number: int) -> dict[int, list[Line]]:
        """Those of these lines that a kept step below `number` took out and nobody refuted, by the step's number."""
        asked = {(unit, line_hash(unit, line)): (unit, line) for unit, line in lines[:LOOKED_UP]}
        rows = self._rows(
            "SELECT r.unit, r.line, r.iteration FROM json_each(?) AS j JOIN removed r "
            "ON r.unit = json_extract(j.value, '$[0]') AND r.line = json_extract(j.value, '$[1]') "
            "JOIN iterations i ON i.number = r.iteration "
            "WHERE i.state IS NOT 'refuted' AND r.iteration < ?",
            (json.dumps(list(asked)), number),
        )
        found: dict[int, list[Line]] = {}
        for unit, line, step in rows:
            found.setdefault(step, []).append(asked[unit, line])
        return found

    def avoid(self, epoch: int, code_key: str, proposal: str, iteration: int, origin: str = "") -> None:
        """Note that code which ran before was not run again, with what running it took then; once a proposal.

        `origin` is whose iteration it was, empty for one of this arena.
        """
        known = "SELECT 1 FROM avoided WHERE epoch = ? AND code_key = ? AND proposal = ?"
        if self._row(known, (epoch, code_key, proposal)):
            return
        if origin:
            row = self._row("SELECT seconds FROM shared WHERE origin = ? AND number = ?", (origin, iteration))
        else:
            row = self._row("SELECT run_s + score_s FROM iterations WHERE number = ?", (iteration,))
        with self._write("avoided") as database:
            database.execute(
                "INSERT OR IGNORE INTO avoided VALUES (?, ?, ?, ?, ?, ?, ?)",
                (epoch, code_key, proposal, iteration, origin, row[0] if row else 0.0, time.time()),
            )

    def remembered(self, epoch: int) -> Remembered:
        """What the memory was good for in this epoch, in numbers."""
        if not self._recalls():
            return Remembered()
        with self._snapshot():
            avoided, seconds, others = self._row(
                "SELECT count(*), total(seconds), total(origin <> '') FROM avoided WHERE epoch = ?", (epoch,)
            )
            runs, again, near = self._row(
                "SELECT count(*), total(again > 0), count(near) FROM edits WHERE epoch = ?", (epoch,)
            )
        return Remembered(avoided, seconds, int(others), runs, int(again), near)

    def tries(self, epoch: int, direction: Direction) -> list[Try]:
        """The last `WINDOW` edits of this epoch that ended, and the last `WINDOW` that were kept, oldest first."""
        if not self._recalls():
            return []
        better = "b.score - i.score" if direction is Direction.MIN else "i.score - b.score"
        columns = f"i.number, i.title, e.units, e.names, i.verdict, i.state, {better}, i.reason, e.near, e.again"
        some = "(SELECT iteration FROM edits WHERE epoch = ?1 ORDER BY iteration DESC LIMIT ?2)"
        kept = "(SELECT number FROM iterations WHERE epoch = ?1 AND verdict = 'keep' ORDER BY number DESC LIMIT ?2)"
        rows = self._rows(
            f"SELECT {columns} FROM edits e JOIN iterations i ON i.number = e.iteration "
            "LEFT JOIN iterations b ON b.number = i.base "
            f"WHERE (e.iteration IN {some} OR e.iteration IN {kept}) AND i.verdict IS NOT NULL ORDER BY i.number",
            (epoch, WINDOW),
        )
        return [
            Try(row[0], row[1], tuple(json.loads(row[2])), tuple(json.loads(row[3])), Verdict(row[4]), *row[5:])
            for row in rows
        ]

    def without_edit(self) -> list[tuple[int, int, int]]:
        """(number, base, epoch) of the iterations whose edit is not known though it is wanted, oldest first.

        Wanted are all keeps, and the last `WINDOW` iterations, but for what is only measured: it repeats on purpose.
        """
        return self._rows(
            "SELECT number, base, epoch FROM iterations WHERE base IS NOT NULL AND verdict IS NOT NULL AND agent <> ?2 "
            "AND (verdict = 'keep' OR number > (SELECT max(number) FROM iterations) - ?1) "
            "AND number NOT IN (SELECT iteration FROM edits) ORDER BY number",
            (WINDOW, MEASURED),
        )

    @contextlib.contextmanager
    def edits_entered(self) -> Iterator[Callable[[int, int, Mapping[str, str], Mapping[str, str]], None]]:
        """Enter edits of past iterations in one transaction: gives what takes (number, epoch, before, after) of each.

        Older ones come first, since each is held against those before it.
        """
        with self._write("edits") as database:

            def enter(number: int, epoch: int, before: Mapping[str, str], after: Mapping[str, str]) -> None:
                noticed = self.noticed(epoch, before, after, number)
                verdict, text, numbers = self._row(
                    "SELECT verdict, text, numbers FROM iterations LEFT JOIN findings ON iteration = number "
                    "WHERE number = ?",
                    (number,),
                )
                store_edit(database, number, epoch, noticed, verdict == Verdict.KEEP.value)
                if text is not None:
                    store_finding(database, finding_of((number, text, numbers)), noticed.edit)

            yield enter

    def steps_between(self, epoch: int, first: int, last: int) -> int:
        """How many steps were kept in an epoch after iteration `first`, up to iteration `last`, and not refuted."""
        row = self._row(
            "SELECT count(*) FROM iterations WHERE epoch = ? AND verdict = 'keep' AND number > ? AND number <= ? "
            "AND state IS NOT 'refuted'",
            (epoch, first, last),
        )
        return int(row[0])

    def _recalls(self, table: str = "recall") -> bool:
        """Whether the file has what this needs: one that nobody may write may never have been migrated."""
        return bool(self._row("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)))

    def _prepare(self) -> None:
        """Make the full-text index; where this SQLite has none, say so once."""
        if fulltext.prepare(self._database) or self.get("search") == "plain":
            return
        with self._write("search") as database:
            set_value(database, "search", "plain")
            text = "this Python's SQLite has no FTS5: findings are searched word by word, the last 2,000 of them"
            add_event(database, "note", None, None, {"text": text})


def store_edit(database: sqlite3.Connection, number: int, epoch: int, noticed: Noticed, kept: bool) -> None:
    """Keep what an iteration changed, and what it took out where it is `kept`, inside the running transaction."""
    edit = noticed.edit
    database.execute(
        "INSERT OR REPLACE INTO edits VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            *(number, epoch, json.dumps(edit.units), json.dumps(edit.names), json.dumps(edit.sketch)),
            *(noticed.near, sum(map(len, noticed.again.values()))),
        ),
    )
    if kept:
        database.executemany(
            "INSERT OR REPLACE INTO removed VALUES (?, ?, ?)",
            [(unit, line_hash(unit, line), number) for unit, line in noticed.out],
        )

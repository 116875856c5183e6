"""Rows of the ledger written from records: how an iteration enters it, begun or put back whole."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from autoloop_kernel.memory.control import add_event
from autoloop_kernel.memory.edits import Edit
from autoloop_kernel.memory.fulltext import put
from autoloop_kernel.memory.rows import seconds_row
from autoloop_kernel.memory.text import dumps, one_line, plain
from autoloop_kernel.records import Attempt, Finding, Iteration


@dataclass(frozen=True)
class Lost:
    """An iteration, with its attempts, to be put back into the ledger as it was.

    `code_key` is the normalised hash of its code (empty when unknown); `finding` what it taught, where that is known;
    `overtaken` what its event of that kind says, empty where it has none; `gathered` the proposals that its own brought
    together, empty where it is no such.
    """

    iteration: Iteration
    code_key: str = ""
    finding: Finding | None = None
    overtaken: Mapping[str, Any] = field(default_factory=dict)
    gathered: Sequence[str] = ()

    def store(self, database: sqlite3.Connection) -> None:
        """Write its rows inside the running transaction, in place of those that are there."""
        iteration = self.iteration
        database.execute("DELETE FROM attempts WHERE iteration = ?", (iteration.number,))
        database.execute("DELETE FROM iterations WHERE number = ?", (iteration.number,))
        database.execute(
            "INSERT INTO epochs VALUES (?, ?, '{}', ?) ON CONFLICT DO NOTHING",
            (iteration.epoch, iteration.game, iteration.time),
        )
        insert_iteration(database, iteration, self.code_key)
        for attempt in iteration.attempts:
            insert_attempt(database, iteration, attempt)
        if self.finding is not None:
            store_finding(database, self.finding)
        if self.overtaken and not _is_told(database, "overtaken", iteration.number):
            add_event(database, "overtaken", iteration.number, None, dict(self.overtaken))
        if self.gathered and not _is_gathered(database, iteration.proposal):
            add_gathered(database, iteration.proposal, iteration.title, iteration.base, self.gathered)


def _is_told(database: sqlite3.Connection, kind: str, number: int) -> bool:
    """Whether there is an event of this kind of an iteration."""
    sql = "SELECT 1 FROM events WHERE kind = ? AND iteration = ?"
    return database.execute(sql, (kind, number)).fetchone() is not None


def _is_gathered(database: sqlite3.Connection, proposal: str) -> bool:
    """Whether there is an event of what a proposal brings together."""
    sql = "SELECT 1 FROM events WHERE kind = 'gathered' AND json_extract(json, '$.id') = ?"
    return database.execute(sql, (proposal,)).fetchone() is not None


def add_gathered(
    database: sqlite3.Connection, proposal: str, title: str, champion: int | None, parts: Sequence[str]
) -> None:
    """Append event `gathered` inside the running transaction: a proposal brings those with the ids `parts` together."""
    data = {"id": proposal, "title": one_line(title), "champion": champion, "proposals": list(parts)}
    add_event(database, "gathered", None, None, data)


def insert_iteration(database: sqlite3.Connection, iteration: Iteration, code_key: str) -> None:
    """Insert an iteration's row, without its attempts, inside the running transaction."""
    database.execute(
        "INSERT INTO iterations (number, epoch, proposal, title, agent, base, hypothesis, verdict, state, score, "
        "reason, notebook, commit_id, game, code_key, time, propose_s, start_s, run_s, score_s, total_s, island) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            iteration.number,
            iteration.epoch,
            iteration.proposal,
            one_line(iteration.title),
            one_line(iteration.agent),
            iteration.base,
            plain(iteration.hypothesis),
            None if iteration.verdict is None else iteration.verdict.value,
            iteration.state,
            iteration.score,
            plain(iteration.reason),
            iteration.notebook,
            iteration.commit,
            iteration.game,
            code_key,
            iteration.time,
            *seconds_row(iteration.seconds),
            one_line(iteration.island),
        ),
    )


def insert_attempt(database: sqlite3.Connection, iteration: Iteration, attempt: Attempt) -> None:
    """Insert the row of an attempt at an iteration inside the running transaction."""
    database.execute(
        "INSERT INTO attempts (iteration, attempt, seed, kind, verdict, score, reason, extra, facts, time, propose_s, "
        "start_s, run_s, score_s, total_s) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            iteration.number,
            attempt.attempt,
            attempt.seed,
            attempt.kind.value,
            None if attempt.verdict is None else attempt.verdict.value,
            attempt.score,
            plain(attempt.reason),
            dumps(attempt.extra),
            dumps(attempt.facts),
            iteration.time,
            *seconds_row(attempt.seconds),
        ),
    )


def store_finding(database: sqlite3.Connection, finding: Finding, edit: Edit | None = None) -> None:
    """Insert or replace the finding of an iteration, which made this `edit`, inside the running transaction."""
    database.execute(
        "INSERT OR REPLACE INTO findings (iteration, text, numbers) VALUES (?, ?, ?)",
        (finding.iteration, plain(finding.text), dumps(finding.numbers)),
    )
    row = database.execute("SELECT title, hypothesis FROM iterations WHERE number = ?", (finding.iteration,)).fetchone()
    words = plain(" ".join((*(row or ()), finding.text)))
    units = finding.numbers.get("units") or (() if edit is None else edit.units)
    code = "" if edit is None else plain(edit.code)
    put(database, "own", str(finding.iteration), words, " ".join(map(str, units)), code)

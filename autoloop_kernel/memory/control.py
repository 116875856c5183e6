"""What faces and driver say to each other through the ledger: events, commands, the lease, and a few kept values."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from autoloop_kernel.memory.database import Database, inode
from autoloop_kernel.memory.lease import STALE_S, Holder, held, is_gone, is_here
from autoloop_kernel.memory.rows import COMMAND, EVENT, command_of, event_of
from autoloop_kernel.memory.text import dumps, plain
from autoloop_kernel.records import Command, Event

_LEASE = "pid, host, started, token, booted, place, heartbeat"

UNHEARD = "the driver that this was for has ended"
"""The reply to what was asked of a driver that was killed before it heard of it: the next one is not meant."""

LEASED = "leased"
"""The key under which is kept which file (its inode) the lease was taken of: a copy of it is another."""


def add_event(
    database: sqlite3.Connection, kind: str, iteration: int | None, attempt: int | None, data: dict[str, Any]
) -> int:
    """Append an event inside the running transaction; returns its number."""
    cursor = database.execute(
        "INSERT INTO events (time, iteration, attempt, kind, json) VALUES (?, ?, ?, ?, ?)",
        (time.time(), iteration, attempt, kind, dumps(data)),
    )
    return int(cursor.lastrowid or 0)


class Control(Database):
    """The part of the ledger that steers and tells; see `Ledger`."""

    def emit(self, kind: str, iteration: int | None = None, attempt: int | None = None, /, **data: Any) -> int:
        """Append an event of `kind` with JSON-able `data`; returns its number, greater than all before it."""
        with self._write(f"event {kind}") as database:
            return add_event(database, kind, iteration, attempt, data)

    def events(self, after: int = 0, limit: int | None = None, kinds: Iterable[str] | None = None) -> list[Event]:
        """The events with a number above `after`, oldest first, `limit` at most, of these `kinds` only."""
        wanted = None if kinds is None else list(kinds)
        which = "" if wanted is None else f" AND kind IN ({', '.join('?' * len(wanted))})"
        rows = self._rows(
            f"SELECT {EVENT} FROM events WHERE seq > ?{which} ORDER BY seq LIMIT ?",
            (after, *(wanted or ()), -1 if limit is None else limit),
        )
        return [event_of(row) for row in rows]

    def last_event(self, kind: str | None = None, iteration: int | None = None, after: int = 0) -> Event | None:
        """The newest event (of `kind`, of `iteration`, above number `after`, where given); None when there was none."""
        asked = {"kind = ?": kind, "iteration = ?": iteration, "seq > ?": after or None}
        tests = {test: value for test, value in asked.items() if value is not None}
        which = f" WHERE {' AND '.join(tests)}" if tests else ""
        row = self._row(f"SELECT {EVENT} FROM events{which} ORDER BY seq DESC LIMIT 1", tuple(tests.values()))
        return None if row is None else event_of(row)

    def ask(self, verb: str, **args: Any) -> int:
        """Append a command for the driver; returns its id, by which `reply_to` finds the answer."""
        with self._write(f"command {verb}") as database:
            cursor = database.execute(
                "INSERT INTO commands (time, verb, args) VALUES (?, ?, ?)", (time.time(), verb, dumps(args))
            )
            return int(cursor.lastrowid or 0)

    def commands(self, unanswered: bool = True) -> list[Command]:
        """The commands that still have no reply, or all, oldest first."""
        which = " WHERE reply IS NULL" if unanswered else ""
        return [command_of(row) for row in self._rows(f"SELECT {COMMAND} FROM commands{which} ORDER BY id")]

    def answer(self, command: int, reply: str) -> None:
        """Give the command with this id its reply. The first reply stands."""
        with self._write("reply") as database:
            database.execute("UPDATE commands SET reply = ? WHERE id = ? AND reply IS NULL", (plain(reply), command))

    def reply_to(self, command: int) -> str | None:
        """The reply to the command with this id; None while there is none."""
        row = self._row("SELECT reply FROM commands WHERE id = ?", (command,))
        return None if row is None else row[0]

    def acquire(self, holder: Holder, stale_after: float = STALE_S, now: float | None = None) -> Holder | None:
        """Take the lease for `holder` (`Holder.mine()`): None when it is taken now, else who has it.

        A holder on this host whose process is dead gives way at once, one elsewhere when its heartbeat is older than
        `stale_after` seconds. `now` is the wall-clock time (default: the clock's). Asking again with the same token is
        a heartbeat. Commands that nobody answered were for an earlier holder, and are answered so.
        """
        now = time.time() if now is None else now
        with self._write("lease") as database:
            other, seen = _read_lease(database)
            if other is not None and other.token != holder.token and not self._is_gone(other, seen, now, stale_after):
                if other.heartbeat > now and (seen is None or now < seen):
                    database.execute("UPDATE lease SET seen = ?", (now,))
                return other
            database.execute(
                f"INSERT OR REPLACE INTO lease (one, {_LEASE}) VALUES (1, ?, ?, ?, ?, ?, ?, ?)",
                (holder.pid, holder.host, holder.started, holder.token, holder.booted, holder.place, now),
            )
            set_value(database, LEASED, inode(self.path))
            if other is None or other.token != holder.token:
                database.execute("UPDATE commands SET reply = ? WHERE reply IS NULL", (UNHEARD,))
        if holder.pid == os.getpid():
            held.add(holder.token)
        return None

    def beat(self, token: str, now: float | None = None) -> bool:
        """Renew the heartbeat; False when the lease is not this token's any more: its process must stop driving.

        So it must when the ledger was removed or replaced under it.
        """
        if self.replaced():
            return False
        with self._write("heartbeat", counted=False) as database:
            cursor = database.execute(
                "UPDATE lease SET heartbeat = ?, seen = NULL WHERE token = ?",
                (time.time() if now is None else now, token),
            )
            return cursor.rowcount == 1

    def release(self, token: str) -> None:
        """Give the lease back; nothing happens when it is not this token's. Where that fails it counts as given."""
        held.discard(token)
        with self._write("release") as database:
            database.execute("DELETE FROM lease WHERE token = ?", (token,))

    def holder(self, stale_after: float = STALE_S, now: float | None = None) -> Holder | None:
        """The live holder of the lease, None when there is none or its process is gone."""
        with self._snapshot():
            holder, seen = _read_lease(self._database)
        gone = holder is None or self._is_gone(holder, seen, time.time() if now is None else now, stale_after)
        return None if gone else holder

    def _is_gone(self, holder: Holder, seen: float | None, now: float, stale_after: float) -> bool:
        """As `is_gone`; so is a holder on this host whose lease came with a copy of what it drives elsewhere."""
        here = inode(self.path)
        return (is_here(holder) and self.get(LEASED, here) != here) or is_gone(holder, seen, now, stale_after)

    def written(self) -> Holder | None:
        """Who is written down as holder, whether it lives or not."""
        return _read_lease(self._database)[0]

    def get(self, key: str, default: Any = None) -> Any:
        """The value kept under `key`, `default` without one."""
        row = self._row("SELECT json FROM meta WHERE key = ?", (key,))
        return default if row is None else json.loads(row[0])

    def set(self, key: str, value: Any) -> None:
        """Keep a small JSON-able value under `key`."""
        with self._write(f"value {key}") as database:
            set_value(database, key, value)

    def _on_rollback_journal(self, filesystem: str) -> None:
        """Say once, as an event, that this file system is no place for a write-ahead log."""
        if self.get("journal") == filesystem:
            return
        with self._write("journal") as database:
            set_value(database, "journal", filesystem)
            text = f"the runs lie on a network file system ({filesystem}): the ledger uses a rollback journal, not WAL"
            add_event(database, "note", None, None, {"text": text})


def set_value(database: sqlite3.Connection, key: str, value: Any) -> None:
    """Keep a value inside the running transaction."""
    database.execute("INSERT OR REPLACE INTO meta (key, json) VALUES (?, ?)", (key, dumps(value)))


def _read_lease(database: sqlite3.Connection) -> tuple[Holder | None, float | None]:
    """Who is written down as holder, and when a heartbeat from the future was first seen."""
    row = database.execute(f"SELECT {_LEASE}, seen FROM lease").fetchone()
    if row is None:
        return None, None
    holder = Holder(pid=row[0], host=row[1], started=row[2], token=row[3], booted=row[4], place=row[5])
    return replace(holder, heartbeat=row[6]), row[7]

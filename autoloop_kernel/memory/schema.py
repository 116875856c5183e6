"""The ledger's tables, as numbered migrations: `PRAGMA user_version` says how many of them a file has had.

A migration that was published never changes; a new one is appended. Each is additive, so that a program which already
reads the file goes on reading it.
"""

from __future__ import annotations

import sqlite3

APPLICATION_ID = 0x4175746F  # "Auto": tells a ledger from any other SQLite file

_FIRST = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, json TEXT NOT NULL) WITHOUT ROWID",
    """CREATE TABLE epochs (
        epoch INTEGER PRIMARY KEY, game TEXT NOT NULL UNIQUE, parts TEXT NOT NULL, time REAL NOT NULL)""",
    """CREATE TABLE proposals (
        id TEXT PRIMARY KEY, epoch INTEGER NOT NULL, title TEXT NOT NULL, hypothesis TEXT NOT NULL, agent TEXT NOT NULL,
        base INTEGER, units TEXT NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '', time REAL NOT NULL,
        iteration INTEGER)""",
    "CREATE INDEX proposals_by_status ON proposals (status)",
    """CREATE TABLE iterations (
        number INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, proposal TEXT NOT NULL, title TEXT NOT NULL,
        agent TEXT NOT NULL, base INTEGER, hypothesis TEXT NOT NULL DEFAULT '', verdict TEXT, state TEXT, score REAL,
        reason TEXT NOT NULL DEFAULT '', notebook TEXT NOT NULL DEFAULT '', commit_id TEXT,
        game TEXT NOT NULL DEFAULT '', code_key TEXT NOT NULL DEFAULT '', time REAL NOT NULL,
        propose_s REAL NOT NULL DEFAULT 0,
        start_s REAL NOT NULL DEFAULT 0, run_s REAL NOT NULL DEFAULT 0, score_s REAL NOT NULL DEFAULT 0,
        total_s REAL NOT NULL DEFAULT 0)""",
    "CREATE INDEX iterations_by_epoch ON iterations (epoch, number)",
    "CREATE INDEX iterations_by_verdict ON iterations (epoch, verdict, number)",
    "CREATE INDEX iterations_by_code ON iterations (epoch, code_key)",
    "CREATE INDEX iterations_in_flight ON iterations (number) WHERE verdict IS NULL",
    "CREATE INDEX iterations_without_base ON iterations (epoch, number) WHERE base IS NULL",
    """CREATE TABLE attempts (
        id INTEGER PRIMARY KEY, iteration INTEGER NOT NULL REFERENCES iterations (number), attempt INTEGER NOT NULL,
        seed INTEGER NOT NULL, kind TEXT NOT NULL, run_id TEXT NOT NULL DEFAULT '', verdict TEXT, score REAL,
        reason TEXT NOT NULL DEFAULT '', cell TEXT, extra TEXT NOT NULL DEFAULT '{}', facts TEXT NOT NULL DEFAULT '{}',
        time REAL NOT NULL, propose_s REAL NOT NULL DEFAULT 0, start_s REAL NOT NULL DEFAULT 0,
        run_s REAL NOT NULL DEFAULT 0, score_s REAL NOT NULL DEFAULT 0, total_s REAL NOT NULL DEFAULT 0)""",
    "CREATE INDEX attempts_by_iteration ON attempts (iteration, id)",
    # An interrupted try of an attempt stays on record beside the one that took its place.
    """CREATE UNIQUE INDEX attempts_once ON attempts (iteration, attempt)
        WHERE verdict IS NULL OR verdict <> 'interrupted'""",
    """CREATE TABLE points (
        id INTEGER PRIMARY KEY, iteration INTEGER NOT NULL, attempt INTEGER NOT NULL, step REAL NOT NULL,
        seconds REAL NOT NULL, numbers TEXT NOT NULL)""",
    "CREATE INDEX points_by_attempt ON points (iteration, attempt)",
    "CREATE TABLE findings (iteration INTEGER PRIMARY KEY, text TEXT NOT NULL, numbers TEXT NOT NULL)",
    """CREATE TABLE events (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, time REAL NOT NULL, iteration INTEGER, attempt INTEGER,
        kind TEXT NOT NULL, json TEXT NOT NULL)""",
    "CREATE INDEX events_by_kind ON events (kind, seq)",
    """CREATE TABLE commands (
        id INTEGER PRIMARY KEY AUTOINCREMENT, time REAL NOT NULL, verb TEXT NOT NULL, args TEXT NOT NULL,
        reply TEXT)""",
    "CREATE INDEX commands_unanswered ON commands (id) WHERE reply IS NULL",
    """CREATE TABLE lease (
        one INTEGER PRIMARY KEY CHECK (one = 1), token TEXT NOT NULL, pid INTEGER NOT NULL, host TEXT NOT NULL,
        place TEXT NOT NULL, started REAL NOT NULL, booted REAL NOT NULL, heartbeat REAL NOT NULL, seen REAL)""",
    """CREATE TRIGGER events_stay BEFORE DELETE ON events
        BEGIN SELECT RAISE(ABORT, 'events are append-only'); END""",
    """CREATE TRIGGER events_never_change BEFORE UPDATE ON events
        BEGIN SELECT RAISE(ABORT, 'events are append-only'); END""",
    """CREATE TRIGGER commands_stay BEFORE DELETE ON commands
        BEGIN SELECT RAISE(ABORT, 'commands are append-only'); END""",
    """CREATE TRIGGER commands_only_gain_a_reply BEFORE UPDATE ON commands
        WHEN OLD.reply IS NOT NULL OR NEW.id <> OLD.id OR NEW.time <> OLD.time OR NEW.verb <> OLD.verb
          OR NEW.args <> OLD.args
        BEGIN SELECT RAISE(ABORT, 'commands are append-only'); END""",
)

_MEMORY = (
    # What an iteration changed in its base (`edits.Edit`), and what of that had been there before.
    """CREATE TABLE edits (
        iteration INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, units TEXT NOT NULL, names TEXT NOT NULL,
        sketch TEXT NOT NULL, near INTEGER, again INTEGER NOT NULL DEFAULT 0)""",
    "CREATE INDEX edits_by_epoch ON edits (epoch, iteration)",
    "CREATE INDEX edits_counted ON edits (epoch, again, near)",
    # The lines that kept steps took out, each with the last step that did.
    """CREATE TABLE removed (
        unit TEXT NOT NULL, line INTEGER NOT NULL, iteration INTEGER NOT NULL,
        PRIMARY KEY (unit, line)) WITHOUT ROWID""",
    """CREATE TABLE avoided (
        epoch INTEGER NOT NULL, code_key TEXT NOT NULL, proposal TEXT NOT NULL, iteration INTEGER,
        origin TEXT NOT NULL DEFAULT '', seconds REAL NOT NULL, time REAL NOT NULL,
        PRIMARY KEY (epoch, code_key, proposal)) WITHOUT ROWID""",
    # What can be searched: a finding of one's own, or a person's reason for skipping a proposal.
    """CREATE TABLE recall (
        id INTEGER PRIMARY KEY, source TEXT NOT NULL, ref TEXT NOT NULL, words TEXT NOT NULL, units TEXT NOT NULL,
        code TEXT NOT NULL, UNIQUE (source, ref))""",
    """INSERT INTO recall (source, ref, words, units, code)
        SELECT 'own', f.iteration, ifnull(i.title, '') || ' ' || f.text || ' ' || ifnull(i.hypothesis, ''),
        CASE WHEN i.base IS NULL THEN '' ELSE ifnull((SELECT group_concat(key, ' ') FROM json_each(p.units)), '') END,
        '' FROM findings f LEFT JOIN iterations i ON i.number = f.iteration LEFT JOIN proposals p ON p.id = i.proposal
        ORDER BY f.iteration""",
    """INSERT INTO recall (source, ref, words, units, code)
        SELECT 'person', id, title || ' ' || hypothesis || ' ' || reason,
        ifnull((SELECT group_concat(key, ' ') FROM json_each(units)), ''), ''
        FROM proposals WHERE status = 'skipped' AND base IS NOT NULL ORDER BY rowid""",
    "CREATE INDEX costs_by_proposal ON events (json_extract(json, '$.proposal')) WHERE kind = 'cost'",
)

_SHARED = (
    # What others ran: pulled from a remote, bounded and made plain (`foreign.Foreign`).
    """CREATE TABLE shared (
        id INTEGER PRIMARY KEY, origin TEXT NOT NULL, number INTEGER NOT NULL, commit_id TEXT NOT NULL,
        game TEXT NOT NULL, code_key TEXT NOT NULL, verdict TEXT NOT NULL, state TEXT, score REAL, title TEXT NOT NULL,
        agent TEXT NOT NULL, text TEXT NOT NULL, numbers TEXT NOT NULL, seconds REAL NOT NULL, time REAL NOT NULL,
        UNIQUE (origin, number))""",
    "CREATE INDEX shared_by_code ON shared (code_key, game)",
    "CREATE INDEX shared_by_commit ON shared (commit_id)",
)

_ISLANDS = (
    # Lines of agents beside the main line, whose name is empty.
    "ALTER TABLE iterations ADD COLUMN island TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE proposals ADD COLUMN island TEXT NOT NULL DEFAULT ''",
    "CREATE INDEX iterations_on_islands ON iterations (epoch, island, number) WHERE island <> ''",
)

_SLOTS = (
    # What every slot asks again and again: also of 100,000 iterations in no time.
    "CREATE INDEX attempts_open ON attempts (iteration) WHERE verdict IS NULL",
    "CREATE INDEX overtaken ON events (iteration) WHERE kind = 'overtaken'",
    "CREATE INDEX combinations ON events (json_extract(json, '$.id')) WHERE kind = 'overtaken'",
    "CREATE INDEX offered ON events (iteration) WHERE kind = 'exchange'",
    "CREATE INDEX exchanges ON events (json_extract(json, '$.id')) WHERE kind = 'exchange'",
)

_PAID = ("requests", "input", "output", "cache_read", "cache_write", "unpriced", "priced", "nano")


def _paid_in(json: str) -> str:
    """The columns `_PAID` of one event `cost`: `nano` are billionths of a dollar, which add up without rounding."""
    counts = [f"CAST(ifnull(json_extract({json}, '$.{name}'), 0) AS INTEGER) AS {name}" for name in _PAID[:-2]]
    dollars = f"json_extract({json}, '$.dollars')"
    priced = f"{dollars} IS NOT NULL AS priced, CAST(round(1e9 * ifnull({dollars}, 0)) AS INTEGER) AS nano"
    return f"ifnull(json_extract({json}, '$.agent'), '') AS agent, {', '.join(counts)}, {priced}"


_SUMS = (
    f"SELECT agent, seq, {', '.join(f'sum({name}) OVER sofar AS {name}' for name in _PAID)} FROM "
    f"(SELECT seq, {_paid_in('json')} FROM main.events WHERE kind = 'cost') "
    "WINDOW sofar AS (PARTITION BY agent ORDER BY seq)"
)

_COSTS = (
    # What each agent's requests took up to each event `cost`, that included: a sum is the difference of two rows.
    f"""CREATE TABLE paid (
        agent TEXT NOT NULL, seq INTEGER NOT NULL, {", ".join(f"{name} INTEGER NOT NULL" for name in _PAID)},
        PRIMARY KEY (agent, seq)) WITHOUT ROWID""",
    f"INSERT INTO paid {_SUMS}",
    f"""CREATE TRIGGER costs_add_up AFTER INSERT ON events WHEN NEW.kind = 'cost' BEGIN
        INSERT INTO paid SELECT one.agent, NEW.seq, {", ".join(f"ifnull(p.{n}, 0) + one.{n}" for n in _PAID)}
        FROM (SELECT {_paid_in("NEW.json")}) AS one LEFT JOIN paid p
        ON p.agent = one.agent AND p.seq = (SELECT max(seq) FROM paid q WHERE q.agent = one.agent);
        END""",
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_FIRST, _MEMORY, _SHARED, _ISLANDS, _SLOTS, _COSTS)


_WITH_ISLANDS, _WITH_COSTS = 4, 6
"""From which version on a file has them."""


def as_if_migrated(database: sqlite3.Connection) -> None:
    """Let a file that may not be written be read whatever its version: with what it lacks, empty or made anew."""
    views = {"paid": _SUMS} if version(database) < _WITH_COSTS else {}
    for table in ("iterations", "proposals") if version(database) < _WITH_ISLANDS else ():
        views[table] = f"SELECT rowid AS rowid, *, '' AS island FROM main.{table}"
    database.execute("PRAGMA query_only = OFF")
    for name, what in views.items():
        database.execute(f"CREATE TEMP VIEW {name} AS {what}")
    database.execute("PRAGMA query_only = ON")


def version(database: sqlite3.Connection) -> int:
    """How many migrations the file has had."""
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def migrate(database: sqlite3.Connection) -> bool:
    """Bring the file to the newest version in one transaction; returns whether there was anything to do.

    Two processes may do this at once: the second waits, and finds the work done.
    """
    if version(database) >= len(MIGRATIONS):
        return False
    database.execute("BEGIN IMMEDIATE")
    try:
        for number in range(version(database), len(MIGRATIONS)):
            for statement in MIGRATIONS[number]:
                database.execute(statement)
            database.execute(f"PRAGMA user_version = {number + 1}")
        database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        database.execute("COMMIT")
    except BaseException:
        database.execute("ROLLBACK")
        raise
    return True

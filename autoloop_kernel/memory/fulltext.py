"""The full-text index over what can be recalled: SQLite's FTS5, where this build of SQLite has it.

The index is a copy: what it holds stands in the table `recall`, too, and is taken from there where it is missing.
"""

from __future__ import annotations

import re
import sqlite3

TERMS = 24
"""How many different words of a question are looked for."""

_WORD = re.compile(r"\w+")
_WEIGHTS = "1.0, 2.0, 0.5"
_CREATE = (
    "CREATE VIRTUAL TABLE IF NOT EXISTS recall_index USING fts5(words, units, code, tokenize = 'porter unicode61')"
)


def is_there(database: sqlite3.Connection) -> bool:
    """Whether this SQLite can search full text."""
    try:
        return bool(database.execute("SELECT 1 FROM pragma_module_list WHERE name = 'fts5'").fetchone())
    except sqlite3.OperationalError:  # an old SQLite, which does not say what it has
        return False


def prepare(database: sqlite3.Connection) -> bool:
    """Make the index and let it hold all that can be recalled; False where this SQLite has none."""
    if not is_there(database):
        return False
    if _is_made(database) and _last(database, "recall_index", "rowid") == _last(database, "recall", "id"):
        return True
    database.execute("BEGIN IMMEDIATE")
    try:
        database.execute(_CREATE)
        database.execute(
            "INSERT INTO recall_index (rowid, words, units, code) SELECT id, words, units, code FROM recall "
            "WHERE id > ? ORDER BY id",
            (_last(database, "recall_index", "rowid"),),
        )
        database.execute("COMMIT")
    except BaseException:
        database.execute("ROLLBACK")
        raise
    return True


def put(database: sqlite3.Connection, source: str, ref: str, words: str, units: str = "", code: str = "") -> None:
    """Let something be found by its words, its units and its code, inside the running transaction.

    `source` and `ref` say what it is; what stood under them is replaced.
    """
    database.execute(
        "INSERT INTO recall (source, ref, words, units, code) VALUES (?, ?, ?, ?, ?) ON CONFLICT (source, ref) "
        "DO UPDATE SET words = excluded.words, units = excluded.units, code = excluded.code",
        (source, ref, words, units, code),
    )
    if is_there(database) and _is_made(database):
        row = database.execute("SELECT id FROM recall WHERE source = ? AND ref = ?", (source, ref)).fetchone()
        database.execute("DELETE FROM recall_index WHERE rowid = ?", row)
        database.execute(
            "INSERT INTO recall_index (rowid, words, units, code) VALUES (?, ?, ?, ?)", (row[0], words, units, code)
        )


def matches(database: sqlite3.Connection, text: str, limit: int, after: int = 0) -> list[int]:
    """The rows of `recall` above `after` that have a word of `text`, the best first: by BM25, a unit's name doubly.

    Without FTS5 those that share most words, a rare word counting more; of equal ones the newer first.
    """
    terms = words_of(text)
    if not terms:
        return []
    if not (is_there(database) and _is_made(database)):
        return _plainly(database, set(terms), limit, after)
    asked = " OR ".join(f'"{term}"' for term in terms)
    rows = database.execute(
        f"SELECT rowid FROM recall_index WHERE recall_index MATCH ? AND rowid > ? "
        f"ORDER BY bm25(recall_index, {_WEIGHTS}), rowid DESC LIMIT ?",
        (asked, after, limit),
    )
    return [row[0] for row in rows]


def words_of(text: str) -> list[str]:
    """The words of a text, in lower case, each once, `TERMS` at most."""
    return list(dict.fromkeys(word.lower() for word in _WORD.findall(text)))[:TERMS]


def _plainly(database: sqlite3.Connection, wanted: set[str], limit: int, after: int) -> list[int]:
    """The same by counting words, among the last 2,000: this reads every one of them."""
    rows = database.execute(
        "SELECT id, words || ' ' || units || ' ' || code FROM recall WHERE id > ? ORDER BY id DESC LIMIT 2000", (after,)
    )
    held = {row[0]: {word.lower() for word in _WORD.findall(row[1])} & wanted for row in rows}
    common = {word: sum(word in words for words in held.values()) for word in wanted}
    scored = [(sum(1 / common[word] for word in words), number) for number, words in held.items() if words]
    return [number for _, number in sorted(scored, reverse=True)[:limit]]


def _is_made(database: sqlite3.Connection) -> bool:
    row = database.execute("SELECT 1 FROM sqlite_master WHERE name = 'recall_index'").fetchone()
    return row is not None


def _last(database: sqlite3.Connection, table: str, key: str) -> int:
    row = database.execute(f"SELECT {key} FROM {table} ORDER BY {key} DESC LIMIT 1").fetchone()
    return row[0] if row else 0

"""The full-text index over what can be recalled: SQLite's FTS5, where this build of SQLite has it.

The index is a copy: what it holds stands in the table `recall`, too, and is taken from there where it is missing. Words
of Chinese and Japanese, which are written without blanks, are in a second one, sign by sign, so that a part of them is
found; it is one of its own since the length of a text, which counts for its rank, would be another in the first.
"""

from __future__ import annotations

import heapq
import sqlite3
from collections import defaultdict
from collections.abc import Iterable

from autoloop_kernel.memory import signs

TERMS = 24
"""How many different words of a question are looked for."""

WORDS, SIGNS = "recall_index", "recall_signs"
_WEIGHTS = "1.0, 2.0, 0.5"


def is_there(database: sqlite3.Connection) -> bool:
    """Whether this SQLite can search full text."""
    try:
        return bool(database.execute("SELECT 1 FROM pragma_module_list WHERE name = 'fts5'").fetchone())
    except sqlite3.OperationalError:  # an old SQLite, which does not say what it has
        return False


def prepare(database: sqlite3.Connection) -> bool:
    """Make the indexes and let them hold all that can be recalled; False where this SQLite has none."""
    if not is_there(database):
        return False
    for index in (WORDS, SIGNS):
        if not (_is_made(database, index) and _last(database, index, "rowid") == _last(database, "recall", "id")):
            _fill(database, index)
    return True


def _fill(database: sqlite3.Connection, index: str) -> None:
    """Make an index where it is missing, and let it hold what is newer than its last row."""
    create = f"CREATE VIRTUAL TABLE IF NOT EXISTS {index} USING fts5(words, units, code, tokenize = 'porter unicode61')"
    database.execute("BEGIN IMMEDIATE")
    try:
        database.execute(create)
        rows = database.execute(
            "SELECT id, words, units, code FROM recall WHERE id > ? ORDER BY id", (_last(database, index, "rowid"),)
        )
        _insert(database, index, rows)
        database.execute("COMMIT")
    except BaseException:
        database.execute("ROLLBACK")
        raise


def put(database: sqlite3.Connection, source: str, ref: str, words: str, units: str = "", code: str = "") -> None:
    """Let something be found by its words, its units and its code, inside the running transaction.

    `source` and `ref` say what it is; what stood under them is replaced.
    """
    database.execute(
        "INSERT INTO recall (source, ref, words, units, code) VALUES (?, ?, ?, ?, ?) ON CONFLICT (source, ref) "
        "DO UPDATE SET words = excluded.words, units = excluded.units, code = excluded.code",
        (source, ref, words, units, code),
    )
    for index in _made(database):
        row = database.execute("SELECT id FROM recall WHERE source = ? AND ref = ?", (source, ref)).fetchone()
        database.execute(f"DELETE FROM {index} WHERE rowid = ?", row)
        _insert(database, index, [(row[0], words, units, code)])


def matches(database: sqlite3.Connection, text: str, limit: int, after: int = 0) -> list[int]:
    """The rows of `recall` above `after` that have a word of `text`, the best first: by BM25, a unit's name doubly.

    Without FTS5 those that share most words, a rare word counting more; of equal ones the newer first.
    """
    terms = words_of(text)
    if not terms:
        return []
    made = _made(database)
    if WORDS not in made or (SIGNS not in made and signs.found_in(text)):
        return _plainly(database, set(terms), limit, after)
    asked = " OR ".join(f'"{term}"' for term in terms)
    scores: dict[int, float] = defaultdict(float)
    for index in reversed(made):
        most = limit if index == WORDS and not scores else -1  # a rank in one index is none where both have a say
        for number, score in database.execute(
            f"SELECT rowid, bm25({index}, {_WEIGHTS}) AS score FROM {index} WHERE {index} MATCH ? AND rowid > ? "
            "ORDER BY score, rowid DESC LIMIT ?",
            (asked, after, most),
        ):
            scores[number] += score
    return heapq.nsmallest(limit, scores, key=lambda number: (scores[number], -number))


def words_of(text: str) -> list[str]:
    """The words of a text, in lower case, each once, `TERMS` at most."""
    return list(dict.fromkeys(signs.words(text)))[:TERMS]


def _plainly(database: sqlite3.Connection, wanted: set[str], limit: int, after: int) -> list[int]:
    """The same by counting words, among the last 2,000: this reads every one of them."""
    rows = database.execute(
        "SELECT id, words || ' ' || units || ' ' || code FROM recall WHERE id > ? ORDER BY id DESC LIMIT 2000", (after,)
    )
    held = {row[0]: signs.found_by(row[1]) & wanted for row in rows}
    common = {word: sum(word in words for words in held.values()) for word in wanted}
    scored = [(sum(1 / common[word] for word in words), number) for number, words in held.items() if words]
    return [number for _, number in sorted(scored, reverse=True)[:limit]]


def _made(database: sqlite3.Connection) -> list[str]:
    """The indexes that can be searched."""
    return [index for index in (WORDS, SIGNS) if is_there(database) and _is_made(database, index)]


def _is_made(database: sqlite3.Connection, index: str) -> bool:
    return database.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (index,)).fetchone() is not None


def _insert(database: sqlite3.Connection, index: str, rows: Iterable[tuple[int, str, str, str]]) -> None:
    """Enter rows of `recall`: id, words, units and code."""
    held = rows if index == WORDS else ((number, *map(signs.sign_by_sign, texts)) for number, *texts in rows)
    database.executemany(f"INSERT INTO {index} (rowid, words, units, code) VALUES (?, ?, ?, ?)", held)


def _last(database: sqlite3.Connection, table: str, key: str) -> int:
    row = database.execute(f"SELECT {key} FROM {table} ORDER BY {key} DESC LIMIT 1").fetchone()
    return row[0] if row else 0

"""The ledger's SQLite file: created whole or not at all, checked when opened, written one transaction at a time."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from autoloop_kernel.durable import durable, sync_folder, unwritable
from autoloop_kernel.memory import schema
from autoloop_kernel.memory.filesystem import folder_lock, network_filesystem
from autoloop_kernel.records import AutoloopError

BUSY_S = 10.0
CHECK_S = 0.2
_SIDE_FILES = ("-wal", "-shm", "-journal")
_DAMAGE = ("malformed", "not a database", "no such table", "no such column", "database corruption", "short read")
Self = TypeVar("Self", bound="Database")


class LedgerBroken(AutoloopError):
    """The ledger at `path` cannot be read (`why`), or is gone while its iterations are there.

    `rebuild` makes a new one.
    """

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path} is not readable as a ledger ({why}): rebuild it from lineage.git and the notebooks")
        self.why = why


class LedgerBusy(AutoloopError):
    """Another process kept the ledger locked for longer than anybody here does."""


@contextlib.contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn SQLite's errors about the file at `path` into `LedgerBroken`, `LedgerBusy` or another `AutoloopError`.

    Errors of the program (a connection used in another thread, a broken constraint) pass unchanged.
    """
    try:
        yield
    except (sqlite3.ProgrammingError, sqlite3.IntegrityError, sqlite3.InterfaceError):
        raise
    except sqlite3.DatabaseError as error:
        text = str(error)
        if any(sign in text for sign in _DAMAGE):
            raise LedgerBroken(path, text) from error
        if "locked" in text or "busy" in text:
            raise LedgerBusy(
                f"{path} was locked by another program for {BUSY_S:.0f} s: close what else has it open, and try again"
            ) from error
        # SQLite calls a full disk "disk I/O error" where it met it in the memory that its users share.
        raise AutoloopError(
            unwritable(path.parent)
            or f"{path} cannot be used ({text}): look at the file's permissions and its disk, and try again"
        ) from error


def set_aside(path: Path, to: Path) -> None:
    """Rename the database at `path` to `to`, its journals with it (first, lest a new file meets the old journals)."""
    for suffix in (*_SIDE_FILES, ""):
        with contextlib.suppress(FileNotFoundError):
            Path(f"{path}{suffix}").replace(f"{to}{suffix}")


def create(path: Path) -> None:
    """Make an empty, fully migrated ledger at `path`, which must not exist. Nobody ever sees a part of it."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    os.close(handle)
    try:
        database = sqlite3.connect(name, isolation_level=None)
        try:
            database.execute(f"PRAGMA journal_mode = {'delete' if network_filesystem(path.parent) else 'wal'}")
            database.execute("PRAGMA synchronous = FULL")
            schema.migrate(database)
        finally:
            database.close()
        Path(name).chmod(0o644)
        install(Path(name), path)
    finally:
        Path(name).unlink(missing_ok=True)


def install(new: Path, path: Path) -> None:
    """Rename the closed database `new` to `path`; journals that a removed database left at `path` go first."""
    for suffix in _SIDE_FILES:
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    with durable("ledger create"):
        new.replace(path)
    sync_folder(path.parent)


def iterations_on_disk(runs: Path) -> bool:
    """Whether the folder `runs` holds iterations that a ledger must know of: refs in lineage.git, or notebooks."""
    refs = runs / "lineage.git" / "refs" / "iterations"
    packed = runs / "lineage.git" / "packed-refs"
    with contextlib.suppress(OSError):
        if any(refs.iterdir()):
            return True
    with contextlib.suppress(OSError):
        if b" refs/iterations/" in packed.read_bytes():
            return True
    return any(runs.glob("[0-9][0-9][0-9][0-9]*/iteration.ipynb"))


class Database:
    """One connection to one ledger file. Use it in the thread that opened it only; open one a thread.

    Writes are single transactions that are on disk when the call returns. Every method may raise `LedgerBroken`,
    `LedgerBusy` or another `AutoloopError` about the file.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, read_only: bool, frozen: bool = False) -> None:
        self.path = path
        self.read_only = read_only
        self._frozen = frozen
        self._database = connection
        self._identity = _identity(path, frozen)

    @classmethod
    def open(cls: type[Self], path: Path, create: bool = True, read_only: bool = False, in_turns: bool = False) -> Self:
        """Open the ledger at `path`, migrating it; make it when it is absent and `create` is set.

        `read_only` is for faces that only follow: nothing is written, nothing is migrated. So it is opened without
        `create`, too, where its disk takes nothing: what was is shown on a full or read-only disk. Raises
        `LedgerBroken` for a file that is damaged, empty or no ledger, and when it is missing although lineage or
        notebooks hold iterations; `AutoloopError` when it is missing and `create` is not set, or was written by a newer
        version. `in_turns`: several threads use it, one at a time.
        """
        path = path.absolute()
        _ensure(path, create and not read_only)
        frozen = read_only and not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK))
        try:
            return cls._opened(path, read_only, frozen, in_turns)
        except (LedgerBroken, LedgerBusy):
            raise
        except AutoloopError:
            if create and not read_only:
                raise
            return cls._opened(path, True, True, in_turns)

    @classmethod
    def _opened(cls: type[Self], path: Path, read_only: bool, frozen: bool, in_turns: bool = False) -> Self:
        """The ledger at `path`, where there is one; `frozen`: by a connection that makes no file beside it."""
        with translated(path):
            connection = _connect(path, read_only, frozen, in_turns)
            try:
                _recognise(path, connection)
                journal = _journal(path, connection, read_only)
                if not read_only:
                    schema.migrate(connection)
                _inspect(path, connection)
                if read_only:
                    schema.as_if_migrated(connection)
                ledger = cls(path, connection, read_only, frozen)
                if journal:
                    ledger._on_rollback_journal(journal)
                if not read_only:
                    ledger._prepare()
            except BaseException:
                connection.close()
                raise
        return ledger

    def close(self) -> None:
        """Close the connection; a second call does nothing."""
        self._database.close()

    def replaced(self) -> bool:
        """Whether the file was removed or replaced under this connection, whose writes then nobody sees.

        So it is when somebody has written after all to one that was opened where nobody could: open it anew.
        """
        return _identity(self.path, self._frozen) != self._identity

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _on_rollback_journal(self, filesystem: str) -> None:
        """What to do on first finding the file on a network file system of type `filesystem`."""

    def _prepare(self) -> None:
        """What to do whenever a file that may be written has been opened."""

    def _rows(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """The rows that a query brings, as tuples."""
        with translated(self.path):
            return self._database.execute(sql, values).fetchall()

    def _row(self, sql: str, values: Sequence[Any] = ()) -> Any:
        """The first row that a query brings, None without one."""
        with translated(self.path):
            return self._database.execute(sql, values).fetchone()

    @contextlib.contextmanager
    def _snapshot(self) -> Iterator[None]:
        """Let several queries see one state of the file."""
        with translated(self.path):
            if self._database.in_transaction:
                yield
                return
            self._database.execute("BEGIN")
            try:
                yield
            finally:
                self._database.execute("COMMIT")

    @contextlib.contextmanager
    def _write(self, what: str, counted: bool = True) -> Iterator[sqlite3.Connection]:
        """One transaction, on disk when the block ends, undone when it raises.

        It is bracketed by `durable("ledger <what>")` unless `counted` is off: that is for writes that a clock brings
        about, which would make the count of crossings differ from run to run.
        """
        with durable(f"ledger {what}") if counted else contextlib.nullcontext(), translated(self.path):
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise


def _identity(path: Path, frozen: bool = False) -> tuple[int, ...] | None:
    """Which file it is that lies at `path`, with what of it changes when it is written where `frozen`; None without."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino, *((status.st_mtime_ns, _size_of_wal(path)) if frozen else ())


def inode(path: Path) -> int | None:
    """What tells the file at `path` from a copy of it; None without one."""
    found = _identity(path)
    return None if found is None else found[1]


def _size_of_wal(path: Path) -> int:
    """How many bytes the write-ahead log of the ledger at `path` has; 0 without one."""
    with contextlib.suppress(OSError):
        return Path(f"{path}-wal").stat().st_size
    return 0


def _ensure(path: Path, may_create: bool) -> None:
    """Make the file, or say why there is none."""
    if path.is_file():
        return
    if path.exists():
        raise AutoloopError(f"{path} is not a file: move it away, and try again")
    if not may_create:
        if path.is_file():  # made in this moment by another process
            return
        if iterations_on_disk(path.parent):
            raise LedgerBroken(path, "the file is missing")
        raise AutoloopError(f"{path} does not exist yet: run an iteration first (autoloop step ARENA)")
    with folder_lock(path.parent):
        if path.is_file():
            return
        if iterations_on_disk(path.parent):
            raise LedgerBroken(path, "the file is missing")
        create(path)


def _connect(path: Path, read_only: bool, frozen: bool, in_turns: bool) -> sqlite3.Connection:
    """A connection in autocommit mode, which never creates the file."""
    mode = "mode=rw"
    if frozen:
        # A reader that may not make the shared-memory file can only read what no writer touches.
        mode = "mode=ro" if _size_of_wal(path) else "mode=ro&immutable=1"
    connection = sqlite3.connect(
        f"{path.as_uri()}?{mode}", uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=not in_turns
    )
    try:
        connection.execute("PRAGMA query_only = ON" if read_only else "PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
    except BaseException:  # a file that is no database shows it here
        connection.close()
        raise
    return connection


def _recognise(path: Path, connection: sqlite3.Connection) -> None:
    """Refuse what is no ledger of ours, or is a newer one."""
    if path.stat().st_size == 0:
        raise LedgerBroken(path, "the file is empty")
    if connection.execute("PRAGMA application_id").fetchone()[0] != schema.APPLICATION_ID:
        raise LedgerBroken(path, "it is not one of Autoloop's files")
    if schema.version(connection) > len(schema.MIGRATIONS):
        raise AutoloopError(
            f"{path} was written by a newer version of Autoloop: upgrade with pip install -U autoloop-kernel"
        )


def _journal(path: Path, connection: sqlite3.Connection, read_only: bool) -> str | None:
    """Choose the journal: write-ahead log, or rollback where the file system (returned, else None) is remote."""
    remote = network_filesystem(path)
    if read_only:
        return None
    wanted = "delete" if remote else "wal"
    if connection.execute("PRAGMA journal_mode").fetchone()[0] != wanted:
        connection.execute(f"PRAGMA journal_mode = {wanted}")
    return remote


def _inspect(path: Path, connection: sqlite3.Connection) -> None:
    """Raise `LedgerBroken` when tables are missing or pages are damaged."""
    found = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    missing = {"meta", "epochs", "proposals", "iterations", "attempts", "events", "commands", "lease"} - found
    if missing:
        raise LedgerBroken(path, f"it has no table {min(missing)}")
    verdict = _checked(connection)
    if verdict != "ok":
        raise LedgerBroken(path, " ".join(verdict.split())[:200])


def _checked(connection: sqlite3.Connection) -> str:
    """What SQLite's own check says, `ok` when it finds nothing within `CHECK_S` of this thread's time.

    Every table's structure is looked at, its rows while the time lasts; damage there is told when it is met.
    """
    end = time.thread_time() + CHECK_S
    connection.set_progress_handler(lambda: int(time.thread_time() > end), 10_000)
    try:
        return str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.OperationalError as error:
        if "interrupted" not in str(error):
            raise
        return "ok"
    finally:
        connection.set_progress_handler(None, 0)

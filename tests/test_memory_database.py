from __future__ import annotations

import os
import random
import sqlite3
import threading
from collections import namedtuple
from pathlib import Path

import psutil
import pytest

from autoloop_kernel.memory import database, schema
from autoloop_kernel.memory.filesystem import network_filesystem
from autoloop_kernel.memory.ledger import Ledger, LedgerBroken, LedgerBusy
from autoloop_kernel.records import AutoloopError, Point, Proposal

ADDED = ("ALTER TABLE findings ADD COLUMN mood TEXT", "INSERT INTO meta VALUES ('migrated', 'true')")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ledger with some pages of data."""
    path = tmp_path / "a_runs" / "ledger.sqlite"
    with Ledger.open(path) as ledger:
        for index in range(20):
            ledger.propose(Proposal(f"title {index}", {"model": "x" * 3000}, id=f"p{index}"), 1)
        ledger.add_points({(1, 1): [Point(step, step, {"loss": 1.0}) for step in range(2000)]})
    return path


def is_one_line(error: BaseException) -> bool:
    return "\n" not in str(error) and bool(str(error))


def test_a_new_ledger_is_complete_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "new_runs" / "ledger.sqlite"
    with Ledger.open(path) as ledger:
        assert ledger._row("PRAGMA journal_mode") == ("wal",)
        assert ledger._row("PRAGMA synchronous") == (2,)
        assert ledger._row("PRAGMA user_version") == (len(schema.MIGRATIONS),)
    assert list(path.parent.iterdir()) == [path]
    assert path.stat().st_mode & 0o777 == 0o644


def test_reading_never_makes_a_ledger(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "ledger.sqlite"
    for options in ({"create": False}, {"read_only": True}):
        with pytest.raises(AutoloopError, match="does not exist yet") as caught:
            Ledger.open(path, **options)
        assert not isinstance(caught.value, LedgerBroken)
    assert not path.parent.exists()
    path.mkdir(parents=True)
    with pytest.raises(AutoloopError, match="not a file"):
        Ledger.open(path)


def test_a_follower_cannot_write(path: Path) -> None:
    with Ledger.open(path, read_only=True) as face, pytest.raises(AutoloopError, match="readonly"):
        face.emit("note")


def test_a_folder_that_may_not_be_written_can_be_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database.os, "access", lambda place, mode: False)
    with Ledger.open(path, read_only=True) as face:
        assert len(face.proposals()) == 20
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
def test_a_truncated_file_is_broken(path: Path, share: float) -> None:
    os.truncate(path, int(path.stat().st_size * share))
    with pytest.raises(LedgerBroken) as caught:
        Ledger.open(path)
    assert is_one_line(caught.value)
    assert caught.value.why


@pytest.mark.parametrize("seed", range(4))
def test_garbage_pages_are_noticed(path: Path, seed: int) -> None:
    draw = random.Random(seed)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(draw.randrange(1, size // 4096) * 4096)
        file.write(draw.randbytes(4096))
    for options in ({}, {"read_only": True}):
        with pytest.raises(LedgerBroken) as caught:
            Ledger.open(path, **options)
        assert is_one_line(caught.value)


@pytest.mark.parametrize(
    "content", [b"hello, this is no database at all" * 200, b"\x00" * 8192, b"SQLite format 3\x00"]
)
def test_another_kind_of_file_is_broken(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(LedgerBroken):
        Ledger.open(path)
    assert path.read_bytes() == content


def test_somebody_elses_database_is_left_alone(path: Path) -> None:
    path.unlink()
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE mine (x)")
    other.commit()
    other.close()
    before = path.read_bytes()
    with pytest.raises(LedgerBroken, match="not one of Autoloop's"):
        Ledger.open(path)
    assert path.read_bytes() == before


def test_a_ledger_without_a_table_is_broken(path: Path) -> None:
    raw = sqlite3.connect(path)
    raw.execute("DROP TABLE attempts")
    raw.commit()
    raw.close()
    with pytest.raises(LedgerBroken, match="attempts"):
        Ledger.open(path)


def test_a_ledger_that_is_gone_while_its_iterations_are_there_is_broken(path: Path) -> None:
    (path.parent / "0001").mkdir()
    (path.parent / "0001" / "iteration.ipynb").write_text("{}")
    path.unlink()
    for create in (True, False):
        with pytest.raises(LedgerBroken, match="missing"):
            Ledger.open(path, create=create)
    assert not path.exists()


def test_packed_refs_count_as_iterations(tmp_path: Path) -> None:
    assert not database.iterations_on_disk(tmp_path)
    (tmp_path / "lineage.git").mkdir()
    (tmp_path / "lineage.git" / "packed-refs").write_text(
        f"# pack-refs with: peeled\n{'0' * 40} refs/iterations/0001\n"
    )
    assert database.iterations_on_disk(tmp_path)


def test_journals_of_a_removed_ledger_never_reach_the_next(path: Path) -> None:
    ledger = Ledger.open(path)
    ledger.emit("note", text="old")
    kept = {suffix: Path(f"{path}{suffix}").read_bytes() for suffix in ("-wal", "-shm")}
    ledger.close()
    path.unlink()
    for suffix, content in kept.items():
        Path(f"{path}{suffix}").write_bytes(content)
    with Ledger.open(path) as fresh:
        assert (fresh.events(), fresh.proposals()) == ([], [])


def test_the_check_at_opening_takes_no_longer_than_it_may(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = sqlite3.connect(path)
    raw.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) "
        "INSERT INTO events (time, kind, json) SELECT i, 'note', '{}' FROM n"
    )
    raw.commit()
    raw.close()
    asked: list[float] = []

    def clock() -> float:
        asked.append(len(asked))
        return asked[-1]

    monkeypatch.setattr(database.time, "thread_time", clock)
    with Ledger.open(path) as ledger:
        assert len(asked) == 2, "the time was up when first looked at"
        assert len(ledger.events()) > 50000
    assert len(asked) == 2


def test_a_newer_ledger_is_not_broken_but_asks_for_an_upgrade(path: Path) -> None:
    raw = sqlite3.connect(path)
    raw.execute("PRAGMA user_version = 999")
    raw.close()
    with pytest.raises(AutoloopError, match="upgrade") as caught:
        Ledger.open(path)
    assert not isinstance(caught.value, LedgerBroken)


def test_a_migration_is_applied_once_and_all_or_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Ledger.open(path) as running:
        monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, (ADDED[0], "THIS IS NO SQL")))
        with pytest.raises(AutoloopError):
            Ledger.open(path)
        monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS[:-1], ADDED))
        failures: list[BaseException] = []

        def work() -> None:
            try:
                Ledger.open(path).close()
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert running.get("migrated") is True
        assert running._row("PRAGMA user_version") == (len(schema.MIGRATIONS),)
        assert len(running.proposals()) == 20
        running.emit("note", text="an older program goes on")


def test_the_first_migration_stays_as_it_was_published() -> None:
    raw = sqlite3.connect(":memory:")
    assert schema.migrate(raw)
    assert not schema.migrate(raw)
    tables = {row[0] for row in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    raw.close()
    assert {"meta", "epochs", "proposals", "iterations", "attempts", "points", "findings"} < tables
    assert {"events", "commands", "lease"} < tables


def test_an_unready_ledger_is_never_seen(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "ledger.sqlite"
    failures: list[BaseException] = []
    barrier = threading.Barrier(6)

    def work() -> None:
        try:
            barrier.wait(10)
            with Ledger.open(path) as ledger:
                ledger.emit("note")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with Ledger.open(path) as ledger:
        assert [event.seq for event in ledger.events()] == [1, 2, 3, 4, 5, 6]


def test_a_locked_ledger_says_so(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_S", 0.05)
    hog = sqlite3.connect(path, isolation_level=None)
    with Ledger.open(path) as ledger:
        hog.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerBusy, match="locked by another program") as caught:
            ledger.emit("note")
        assert is_one_line(caught.value)
        assert ledger.events(kinds=["note"]) == []
        hog.execute("ROLLBACK")
        ledger.emit("note")
    hog.close()


def test_damage_that_shows_later_is_told_in_one_line(path: Path) -> None:
    with Ledger.open(path) as ledger:
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * (path.stat().st_size - 4096))
        ledger._database.execute("PRAGMA shrink_memory")
        with pytest.raises(LedgerBroken) as caught:
            ledger.proposals()
        assert is_one_line(caught.value)


def test_a_write_that_fails_leaves_nothing(path: Path) -> None:
    with Ledger.open(path) as ledger:
        before = ledger.events()
        with pytest.raises(sqlite3.IntegrityError), ledger._write("test") as raw:
            raw.executemany("INSERT INTO meta VALUES ('x', ?)", [("1",), ("2",)])
        assert ledger.get("x") is None
        assert ledger.events() == before


Mount = namedtuple("Mount", "device mountpoint fstype opts")
MOUNTS = [
    Mount("a", "/", "ext4", "rw"),
    Mount("b", "/home", "nfs4", "rw"),
    Mount("c", "/home/me/local", "xfs", "rw"),
    Mount("d", "/mnt/s", "fuse.sshfs", "rw"),
    Mount("e", "/mnt/overlay", "fuse.fuse-overlayfs", "rw"),
    Mount("f", "/mnt/usb", "fuseblk", "rw"),
    Mount("g", "/mnt/share", "cifs", "rw"),
]


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("/tmp/x", None),
        ("/home/me/x", "nfs4"),
        ("/homework/x", None),
        ("/home/me/local/x", None),
        ("/mnt/s/x", "fuse.sshfs"),
        ("/mnt/overlay/x", None),
        ("/mnt/usb/x", None),
        ("/mnt/share", "cifs"),
    ],
)
def test_network_file_systems_are_known(place: str, kind: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "disk_partitions", lambda all: MOUNTS)
    assert network_filesystem(Path(place)) == kind

"""Writes that survive a kill or a power cut at any instant, what a disk that takes none lacks, and marks for tests."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autoloop_kernel.records import AutoloopError

PROBE = 1 << 20
"""How many bytes a disk must take to count as one that can be written."""

_MENDS = {
    errno.ENOSPC: "its disk is full: free some space, and start again",
    errno.EDQUOT: "your share of its disk is used up: free some space, and start again",
    errno.EROFS: "its disk is mounted read-only: mount it for writing, or copy the arena to another disk",
    errno.EACCES: "you may not write there: change its permissions, or copy the arena elsewhere",
    errno.EPERM: "you may not write there: change its permissions, or copy the arena elsewhere",
    errno.ENOENT: "it is gone: put it back from a copy, or start anew",
    errno.EIO: "its disk answers with errors: copy the arena to another disk while it can be read",
}

_crossed = 0


def crossing(name: str) -> None:
    """Mark a point right before or right after a durable write.

    With `AUTOLOOP_KILL_AT=N` in the environment the process kills itself (SIGKILL) at its Nth crossing, so that a test
    can walk through every one; with `AUTOLOOP_CROSSINGS=FILE` the names are appended to FILE. Else nothing happens.
    """
    global _crossed
    _crossed += 1
    if path := os.environ.get("AUTOLOOP_CROSSINGS"):
        with open(path, "a", encoding="utf-8") as file:
            file.write(name + "\n")
    if os.environ.get("AUTOLOOP_KILL_AT") == str(_crossed):
        os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def durable(name: str) -> Iterator[None]:
    """Bracket one durable write with its two crossings."""
    crossing(f"before {name}")
    yield
    crossing(f"after {name}")


def write_atomic(path: Path, data: str | bytes) -> None:
    """Write `data` (text as UTF-8) to `path` so that a reader sees the old content or the new, never a part.

    Written to a temporary name in the same folder, flushed to disk, then renamed; the folder is flushed, too, and so is
    the one above where the folder is new. Once it has returned, no power cut takes the content back.
    """
    _make_folder(path.parent)
    raw = data.encode("utf-8") if isinstance(data, str) else data
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        with durable(f"write {path.name}"):
            Path(name).replace(path)
            sync_folder(path.parent)
    except BaseException as error:
        Path(name).unlink(missing_ok=True)
        if isinstance(error, OSError):
            error.filename = str(path)
        raise


def _make_folder(folder: Path) -> None:
    """Make `folder` and those above it, each flushed into the one above."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for one in reversed(missing):
        sync_folder(one.parent)


def sync_folder(folder: Path) -> None:
    """Flush `folder`'s entries to disk, so that a rename in it survives a power cut; no-op where that is refused."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def sync_tree(folder: Path) -> None:
    """Flush every file below `folder`, and the folders, to disk; nothing happens where there is none."""
    for place, _, files in os.walk(folder, topdown=False):
        for name in files:
            with open(Path(place) / name, "rb") as file:
                os.fsync(file.fileno())
        sync_folder(Path(place))


def unwritable(folder: Path) -> str:
    """Why `folder` takes no file of `PROBE` bytes now, and what mends that, in one line; empty where it does.

    It is tried, with a file that never has a name: no figure that a file system gives knows of quotas and bad disks.
    """
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(PROBE))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return in_words(error, folder)
    return ""


def cramped(folder: Path) -> str:
    """As `unwritable`, by what the file system says of itself: nothing is written, and it may be asked often."""
    try:
        found = os.statvfs(folder)
    except OSError as error:
        return in_words(error, folder)
    if found.f_flag & os.ST_RDONLY:
        return in_words(OSError(errno.EROFS, os.strerror(errno.EROFS)), folder)
    if found.f_bavail * found.f_frsize < PROBE:
        return in_words(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), folder)
    return ""


def in_words(error: BaseException, place: Path | None = None) -> str:
    """What an error means, and what mends it, in one line; one of the system for `place` (default: its own file)."""
    if isinstance(error, AutoloopError):
        return " ".join(str(error).split())
    if not isinstance(error, OSError):
        text = " ".join(str(error).split())
        return f"{type(error).__name__}: {text} (a fault of Autoloop's own; AUTOLOOP_DEBUG=1 shows where)"
    said = error.strerror or str(error) or type(error).__name__
    where = place or error.filename
    if error.errno not in _MENDS:
        return f"{where}: {said}" if where else said
    return f"{where or 'a file'} cannot be written ({said}): {_MENDS[error.errno]}"

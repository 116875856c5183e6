"""Folders of workers below the machine's temporary folder: each held by a lock, so that what nobody holds can go."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path


def base() -> Path:
    """This user's folder for all workers of this machine, for nobody else to read; it is made where it is missing.

    Raises `OSError` where another user owns a folder of that name.
    """
    place = Path(tempfile.gettempdir(), f"autoloop-cluster-{os.getuid()}")
    place.mkdir(mode=0o700, exist_ok=True)
    if place.is_symlink() or place.stat().st_uid != os.getuid():
        raise PermissionError(f"{place} belongs to another user: remove it")
    place.chmod(0o700)
    return place


class Hold:
    """A folder of this name below `base()`, which nobody tidies away while it is held; it need not be there yet."""

    def __init__(self, name: str) -> None:
        self.folder = base() / name
        handle = None
        while handle is None:
            handle = _locked(_lock_of(self.folder), fcntl.LOCK_SH)
        self._handle = handle

    def drop(self) -> None:
        """Let go of it; who held it last removes it."""
        os.close(self._handle)
        _remove(self.folder)


def tidy() -> None:
    """Remove every folder that nobody holds: its workers were killed."""
    for lock in base().glob("*.lock"):
        _remove(lock.with_suffix(""))


def _lock_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")


def _remove(folder: Path) -> None:
    lock = _lock_of(folder)
    handle = _locked(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    if handle is not None:
        shutil.rmtree(folder, ignore_errors=True)
        lock.unlink(missing_ok=True)
        os.close(handle)


def _locked(lock: Path, how: int) -> int | None:
    """The locked file; None where others hold it, or it was removed meanwhile."""
    handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    with contextlib.suppress(OSError):
        fcntl.flock(handle, how)
        if os.fstat(handle).st_ino == lock.stat().st_ino:
            return handle
    os.close(handle)
    return None

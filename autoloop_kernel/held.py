"""Temporary folders that whoever works in them holds by a lock: what nobody holds any more can go."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

YOUNG_S = 60.0
"""For how many seconds a folder may be there before the process that it is for holds it."""

_NAME = re.compile(r"autoloop-(run|edit|try)-[0-9a-f]{12}")


def fresh(kind: str) -> Path:
    """Where one more temporary folder may be made, for a `run`, an `edit` or a `try`; its process is to `hold` it."""
    return Path(tempfile.gettempdir(), f"autoloop-{kind}-{secrets.token_hex(6)}")


def hold(folder: Path) -> int:
    """Hold a folder until the handle that this gives is closed, or this process ends, however it does.

    `tidy` lets it be so long.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    with contextlib.suppress(OSError):  # where files cannot be locked, none can be found abandoned either
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    return handle


@contextlib.contextmanager
def made(kind: str) -> Iterator[Path]:
    """A `fresh` temporary folder that is held and, at the end, removed."""
    folder = fresh(kind)
    folder.mkdir(mode=0o700)
    handle = hold(folder)
    try:
        yield folder
    finally:
        remove(folder)
        os.close(handle)


def tidy() -> int:
    """Remove this user's temporary folders that nobody holds any more, since all of their processes were killed.

    Gives how many there were.
    """
    removed = 0
    for folder in Path(tempfile.gettempdir()).glob("autoloop-*"):
        with contextlib.suppress(OSError):
            about = folder.lstat()
            abandoned = about.st_uid == os.getuid() and time.time() - about.st_mtime > YOUNG_S
            if abandoned and _NAME.fullmatch(folder.name) and _nobody_holds(folder):
                remove(folder)
                removed += 1
    return removed


def _nobody_holds(folder: Path) -> bool:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except OSError:
        return False
    finally:
        os.close(handle)


def remove(root: Path) -> None:
    """Remove a temporary folder, whatever was done to the permissions in it, and however deep it is."""
    with contextlib.suppress(RecursionError):
        shutil.rmtree(root, ignore_errors=True)
    waiting, number = [root] if root.exists() else [], itertools.count()
    while waiting:
        folder = waiting.pop()
        with contextlib.suppress(OSError):
            os.chmod(folder, 0o700)  # noqa: PTH101
            for entry in list(os.scandir(folder)):
                if not entry.is_dir(follow_symlinks=False):
                    os.unlink(entry.path)  # noqa: PTH108
                    continue
                os.chmod(entry.path, 0o700)  # noqa: PTH101
                raised = Path(entry.path) if folder == root else root / f"{root.name}-{next(number)}"
                os.rename(entry.path, raised)  # noqa: PTH104
                waiting.append(raised)
            if folder != root:
                folder.rmdir()
    with contextlib.suppress(OSError):
        root.rmdir()

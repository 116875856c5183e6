"""Writes that survive a kill at any instant, and the marks by which tests kill a process right beside them."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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

    Written to a temporary name in the same folder, flushed to disk, then renamed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
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
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise

"""The log file of an iteration: all that its processes print, up to a limit that is stated where it is passed."""

from __future__ import annotations

import io
import os
import threading
from pathlib import Path
from typing import IO

LIMIT = 64 << 20


class Log:
    """Appends to a file from any thread; past `limit` bytes it only counts what is dropped.

    What is written before `open` is kept until then.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._file: IO[bytes] = io.BytesIO()
        self._lock = threading.Lock()
        self._left = limit
        self._limit = limit
        self._dropped = 0
        self._tail = b""

    def open(self, path: Path) -> None:
        """Append to `path` from now on."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._lock:
            early, self._file = self._file, open(path, "ab", buffering=0)  # noqa: SIM115
            early.seek(0)
            self._file.write(early.read())

    def write(self, data: str | bytes) -> None:
        """Append text or bytes."""
        raw = data.encode("utf-8", "replace") if isinstance(data, str) else data
        with self._lock:
            if self._file.closed:
                return
            kept = raw[: self._left]
            if kept:
                self._file.write(kept)
                self._tail = (self._tail + kept[-2000:])[-2000:]
            self._left -= len(kept)
            self._dropped += len(raw) - len(kept)

    def last_line(self) -> str:
        """The last line written that is not empty, for a reason in plain words; "" where there is none."""
        lines = [line for line in self._tail.decode("utf-8", "replace").splitlines() if line.strip()]
        return lines[-1].strip() if lines else ""

    def drain(self, handle: int) -> threading.Thread:
        """Copy what arrives at the pipe `handle` until it closes, in a thread of its own; closes the handle."""

        def copy() -> None:
            with os.fdopen(handle, "rb", buffering=0) as pipe:
                while data := pipe.read(1 << 16):
                    self.write(data)

        thread = threading.Thread(target=copy, name="log", daemon=True)
        thread.start()
        return thread

    def close(self) -> None:
        """Close the file, with a last line that says how much was left out, if any was."""
        with self._lock:
            if self._file.closed:
                return
            if self._dropped:
                limit = f"the log takes {self._limit >> 20} MiB of an attempt"
                self._file.write(f"\n[autoloop] {self._dropped / 1e6:.1f} MB more were printed: {limit}\n".encode())
            self._file.close()

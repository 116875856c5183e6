"""The one lock of a driver with several slots: whoever holds it may use the session."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Baton:
    """Held by one thread at a time, which may take it repeatedly; let go while something runs or is waited for.

    Used as a context it is taken. What was read before `aside()` may be out of date after it.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._held = threading.local()

    def __enter__(self) -> Baton:
        self._lock.acquire()
        self._held.depth = self._depth + 1
        return self

    def __exit__(self, *exc: object) -> None:
        self._held.depth -= 1
        self._lock.release()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Let others have it meanwhile, however often this thread has taken it (also never)."""
        depth, self._held.depth = self._depth, 0
        for _ in range(depth):
            self._lock.release()
        try:
            yield
        finally:
            for _ in range(depth):
                self._lock.acquire()
            self._held.depth = depth

    @property
    def _depth(self) -> int:
        return int(getattr(self._held, "depth", 0))


__all__ = ["Baton"]

"""Whether the server that a request came to still serves: what takes long asks, lest its exit waits for that."""

from __future__ import annotations

import asyncio
import threading

_here = threading.local()


def within(loop: asyncio.AbstractEventLoop) -> None:
    """What this thread does from now on is for a request to the server that runs in `loop`."""
    _here.loop = loop


def over() -> bool:
    """Whether the server has stopped that this thread works for."""
    loop: asyncio.AbstractEventLoop | None = getattr(_here, "loop", None)
    return loop is not None and not loop.is_running()

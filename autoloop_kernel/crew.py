"""Several slots at work at once, each in a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from autoloop_kernel.control import Control

LOOK_S = 0.2
"""How often whoever waits for them gives way to signals, and who has nothing to do looks whether to stop."""

IDLE_S = 1.0
"""After how long one who has nothing to do looks for what came from elsewhere: from a person, or from an agent."""


class _Result(Protocol):
    @property
    def failed(self) -> bool: ...


T = TypeVar("T", bound=_Result)


@dataclass
class _Came(Generic[T]):
    """What came of the slots, in the order in which they ended."""

    results: list[T] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)


class News:
    """Wakes those who have nothing to do once another slot has done something."""

    def __init__(self) -> None:
        self._change = threading.Condition()
        self.count = 0

    def tell(self) -> None:
        """Something was done that may give others something to do."""
        with self._change:
            self.count += 1
            self._change.notify_all()

    def wait(self, since: int, stopping: threading.Event) -> None:
        """Wait until more has been told than `since`, the `count` of when there was nothing to do; `IDLE_S` at most."""
        until = time.monotonic() + IDLE_S
        with self._change:
            while self.count == since and not stopping.is_set() and time.monotonic() < until:
                self._change.wait(LOOK_S)


def at_once(works: Sequence[Callable[[], T]], control: Control) -> T:
    """Do all of `works`, each in its thread, and give the result of one that failed, else of the one that ended last.

    Where one raises, the others end what they run and begin nothing more, and it is raised here. Signals are for the
    thread that calls this: it stops them all by way of `control`.
    """
    came: _Came[T] = _Came()

    def do(work: Callable[[], T]) -> None:
        try:
            came.results.append(work())
        except BaseException as error:
            came.errors.append(error)
            control.stopping.set()

    threads = [
        threading.Thread(target=do, args=(work,), name=f"slot-{place}", daemon=True)
        for place, work in enumerate(works, start=1)
    ]
    _through(threads)
    if came.errors:
        raise came.errors[0]
    return next((result for result in came.results if result.failed), came.results[-1])


def _through(threads: Sequence[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive():
            thread.join(LOOK_S)


__all__ = ["News", "at_once"]

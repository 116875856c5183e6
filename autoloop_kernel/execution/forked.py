"""A process that another one has forked, seen from who asked for it: as `subprocess.Popen` would show it."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import Protocol

from autoloop_kernel.execution.forking import readable

LAST_WORD_S = 2.0
"""How long to wait for the word of a process's end, once it has ended."""


def ended(pid: int) -> bool:
    """Whether a process has ended, whether or not its parent has been told yet."""
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        return True
    try:
        return bool(readable(handle, seconds=0))
    finally:
        os.close(handle)


class Parent(Protocol):
    """Who has forked it, and hears how it ends."""

    def status(self, pid: int, seconds: float) -> int | None:
        """The exit status of one that has ended, negative for a signal; None where no word comes within `seconds`."""
        ...


class Forked:
    """A forked process; of a kernel, `lacks` is what its sandbox could not be given."""

    stdin = stdout = stderr = None

    def __init__(self, parent: Parent, pid: int, lacks: tuple[str, ...] = ()) -> None:
        self.parent, self.pid, self.lacks = parent, pid, lacks
        self.returncode: int | None = None
        try:
            self._handle = os.pidfd_open(pid)
        except OSError:
            self._handle = -1

    def poll(self) -> int | None:
        """Its exit status, negative for a signal; None while it runs."""
        if self.returncode is None and (self._handle < 0 or readable(self._handle, seconds=0)):
            status = self.parent.status(self.pid, LAST_WORD_S)
            self.returncode = -signal.SIGKILL if status is None else status
            if self._handle >= 0:
                os.close(self._handle)
                self._handle = -1
        return self.returncode

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait until it has ended, at most `timeout` seconds."""
        if self.returncode is None and self._handle >= 0:
            readable(self._handle, seconds=timeout)
        return self.poll()

    def send_signal(self, number: int) -> None:
        """Send it a signal, while it lives."""
        if self._handle >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)

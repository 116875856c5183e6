"""Who drives an arena, and whether that process still lives."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path

import psutil

STALE_S = 30.0
_SAME_S = 0.5
held: set[str] = set()
"""The tokens of the leases that this process holds; one of its pid with another token was never given back."""


@dataclass(frozen=True)
class Holder:
    """A process that holds (or asks for) the lease.

    `started` is its start (`psutil.Process.create_time`, seconds since 1970) and `booted` the machine's boot by the
    same clock: their difference names a process even after somebody set the clock. `place` is its process-id namespace,
    since the same host name and pid mean another process inside a container. `token` tells this holding from every
    other. `heartbeat` is when it was last heard of, by its own clock; 0.0 in a request.
    """

    pid: int
    host: str
    started: float
    token: str
    booted: float = 0.0
    place: str = ""
    heartbeat: float = 0.0

    @classmethod
    def mine(cls) -> Holder:
        """This process, with a fresh token."""
        pid = os.getpid()
        return cls(
            pid=pid,
            host=socket.gethostname(),
            started=psutil.Process(pid).create_time(),
            token=secrets.token_hex(16),
            booted=psutil.boot_time(),
            place=this_place(),
        )

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


def this_place() -> str:
    """The process-id namespace of this process; empty on systems that have none."""
    with contextlib.suppress(OSError):
        return str(Path("/proc/self/ns/pid").readlink())
    return ""


def is_here(holder: Holder) -> bool:
    """Whether the holder's pid means something to this process: same host, same process-id namespace."""
    return holder.host == socket.gethostname() and holder.place in ("", this_place())


def runs_here(holder: Holder) -> bool:
    """Whether the very process of a holder on this host lives: its pid, and not that of a process that came later.

    A zombie is dead: it has left everything but its exit status.
    """
    try:
        process = psutil.Process(holder.pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        created = process.create_time()
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
    if not holder.booted:
        return abs(created - holder.started) < 4 * _SAME_S
    return abs((created - psutil.boot_time()) - (holder.started - holder.booted)) < _SAME_S


def is_gone(holder: Holder, seen: float | None, now: float, stale_after: float) -> bool:
    """Whether the lease of `holder` may be taken over at time `now`.

    On this host its process decides, at once; this very process is gone from a lease that it could not give back, say
    because its disk was full. Elsewhere its heartbeat does: older than `stale_after` seconds is gone. A
    heartbeat from the future (clocks differ, or one was set back) says nothing by its age; it is gone when the very
    same one was first `seen` that long ago, by this clock.
    """
    if is_here(holder):
        return not runs_here(holder) or (holder.pid == os.getpid() and holder.token not in held)
    if holder.heartbeat <= now:
        return now - holder.heartbeat > stale_after
    return seen is not None and now - seen > stale_after

"""Control groups of the kernel for tests: processes that have little memory, or little of the CPU."""

from __future__ import annotations

import contextlib
import functools
import tempfile
import time
from pathlib import Path
from types import TracebackType

import psutil
import pytest

ROOT = Path("/sys/fs/cgroup")
PERIOD_US = 100_000
NAME = "autoloop-test-"
"""How the names of these groups begin, which a process in one can read in `/proc/self/cgroup`."""


def _base(controller: str) -> tuple[Path, bool]:
    """Where groups of this controller are made, and whether that is version 2's one hierarchy."""
    old = ROOT / controller
    return (old, False) if (old / "cgroup.procs").exists() else (ROOT, True)


@functools.cache
def lacks(controller: str) -> str:
    """Why a test can make no group here that bounds this; empty where it can."""
    base, second = _base(controller)
    try:
        if second and controller not in (base / "cgroup.controllers").read_text("ascii").split():
            return f"this machine has no control groups that bound the {controller}"
        if second:
            (base / "cgroup.subtree_control").write_text(f"+{controller}", "ascii")
        Path(tempfile.mkdtemp(prefix=NAME, dir=base)).rmdir()
    except OSError as error:
        return f"this machine has no control groups that a test may make: {error}"
    return ""


class Group:
    """A group of processes that `controller` bounds; who is left in it when it is closed goes back to all others."""

    def __init__(self, controller: str) -> None:
        if why := lacks(controller):
            pytest.skip(why)
        base, self.second = _base(controller)
        self._folder = Path(tempfile.mkdtemp(prefix=NAME, dir=base))

    def set(self, name: str, value: object) -> None:
        """Write one of its files."""
        (self._folder / name).write_text(str(value), "ascii")

    def add(self, pid: int) -> None:
        """Take a process in; those that it starts from now on are in it, too."""
        with contextlib.suppress(ProcessLookupError):  # it has ended meanwhile
            self.set("cgroup.procs", pid)

    def add_below(self, pid: int) -> None:
        """Take a process in with all its descendants."""
        while fresh := {pid, *(one.pid for one in psutil.Process(pid).children(recursive=True))} - self.members():
            for one in fresh:
                self.add(one)

    def members(self) -> set[int]:
        """The processes in it."""
        return {int(pid) for pid in (self._folder / "cgroup.procs").read_text("ascii").split()}

    def ended(self) -> int:
        """How many of its processes the kernel has killed because they wanted more memory."""
        told = (self._folder / ("memory.events" if self.second else "memory.oom_control")).read_text("ascii")
        return int(dict(line.split() for line in told.splitlines())["oom_kill"])

    def __enter__(self) -> Group:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        deadline = time.monotonic() + 10
        while True:
            for pid in self.members():
                with contextlib.suppress(OSError):
                    (self._folder.parent / "cgroup.procs").write_text(str(pid), "ascii")
            try:
                self._folder.rmdir()
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)


def memory(megabytes: int) -> Group:
    """A group whose processes may take so much memory from now on; the kernel kills one that needs more."""
    group = Group("memory")
    group.set("memory.max" if group.second else "memory.limit_in_bytes", megabytes << 20)
    with contextlib.suppress(OSError):  # a machine without swap has no bound on it
        group.set(*(("memory.swap.max", 0) if group.second else ("memory.memsw.limit_in_bytes", megabytes << 20)))
    return group


def cpu(share: float) -> Group:
    """A group whose processes have this share of one CPU together."""
    group = Group("cpu")
    quota = int(share * PERIOD_US)
    if group.second:
        group.set("cpu.max", f"{quota} {PERIOD_US}")
    else:
        group.set("cpu.cfs_period_us", PERIOD_US)
        group.set("cpu.cfs_quota_us", quota)
    return group


HOARDS = f"""\
import time
while {NAME!r} not in open("/proc/self/cgroup").read():
    time.sleep(0.02)
held = []
while True:
    held.append(b"x" * (1 << 20))
"""
"""A candidate that takes memory without end once it is in a group."""

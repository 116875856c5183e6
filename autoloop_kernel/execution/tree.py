"""Process trees: who descends from whom, what they use, and how to end them all.

On Linux the execution's process makes itself the reaper of its orphans, so that a descendant which forked twice or
opened a session of its own is still found below it. Elsewhere what remains are parents and the mark in the environment.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

from autoloop_kernel.execution.scratch import of_a_run
from autoloop_kernel.held import remove

MARK = "AUTOLOOP_RUN"
CHILD = "autoloop_kernel.execution.child"

_LINUX = sys.platform.startswith("linux")
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Process:
    """One process at one instant: CPU seconds of its own and of its reaped children, resident bytes."""

    pid: int
    parent: int
    started: float
    cpu: float
    cpu_children: float
    resident: int
    zombie: bool


def adopt_orphans() -> bool:
    """Make this process the parent of every descendant that loses its own; says whether the system can do that."""
    if not _LINUX:
        return False
    try:
        return bool(ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
    except (OSError, AttributeError):
        return False


class Family:
    """The living descendants of the processes `roots`, looked up again and again at little cost."""

    FORGET_S = 1.0

    def __init__(self, *roots: int) -> None:
        self.roots = roots
        self._strangers: set[int] = set()
        self._forget_at = 0.0

    def members(self) -> dict[int, Process]:
        """Every descendant of the roots, zombies too, without the roots themselves."""
        if _LINUX:
            return self._by_proc()
        found: dict[int, Process] = {}
        for root in self.roots:
            found |= _by_psutil(root)
        return found

    def _by_proc(self) -> dict[int, Process]:
        # A stranger cannot become a descendant, but its number can be given to one: so they are looked at again each
        # second.
        now = time.monotonic()
        if now >= self._forget_at:
            self._strangers, self._forget_at = set(), now + self.FORGET_S
        found: dict[int, Process] = {}
        for name in os.listdir("/proc"):  # noqa: PTH208
            if name.isdigit() and int(name) not in self._strangers and (process := _read(int(name))):
                found[process.pid] = process
        family: dict[int, Process] = {}
        for root in self.roots:
            family |= _below(root, found)
        family = {pid: process for pid, process in family.items() if pid not in self.roots}
        self._strangers |= found.keys() - family.keys()
        return family


def _read(pid: int) -> Process | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    own = (int(fields[11]) + int(fields[12])) / _TICKS
    children = (int(fields[13]) + int(fields[14])) / _TICKS
    dead = fields[0] in (b"Z", b"X")
    return Process(pid, int(fields[1]), float(fields[19]), own, children, int(fields[21]) * _PAGE, dead)


def _below(root: int, found: dict[int, Process]) -> dict[int, Process]:
    children: dict[int, list[Process]] = {}
    for process in found.values():
        children.setdefault(process.parent, []).append(process)
    family: dict[int, Process] = {}
    waiting = [root]
    while waiting:
        for process in children.get(waiting.pop(), ()):
            if process.pid not in family and process.pid != root:
                family[process.pid] = process
                waiting.append(process.pid)
    return family


def _by_psutil(root: int) -> dict[int, Process]:
    family: dict[int, Process] = {}
    with contextlib.suppress(psutil.Error):
        for one in psutil.Process(root).children(recursive=True):
            with contextlib.suppress(psutil.Error), one.oneshot():
                times = one.cpu_times()
                own, children = times.user + times.system, times.children_user + times.children_system
                dead = one.status() == psutil.STATUS_ZOMBIE
                resident = 0 if dead else one.memory_info().rss
                family[one.pid] = Process(one.pid, one.ppid() or 0, one.create_time(), own, children, resident, dead)
    return family


def below(root: int, family: dict[int, Process]) -> dict[int, Process]:
    """Of `family`, `root` itself and its descendants."""
    subtree = _below(root, family)
    return {root: family[root], **subtree} if root in family else subtree


def end(members: Callable[[], Iterable[int]], patience: float = 5.0) -> list[int]:
    """SIGKILL every process that `members()` lists, again and again until it lists none; returns their ids.

    All are stopped first, so that none forks while the others are killed. Gives up after `patience` seconds (a
    process in the kernel's hands cannot be killed).
    """
    ended: set[int] = set()
    deadline = time.monotonic() + patience
    pause = 0.001
    while time.monotonic() < deadline:
        halted: set[int] = set()
        while fresh := set(members()) - halted:
            _signal(fresh, signal.SIGSTOP)
            halted |= fresh
        if not halted:
            break
        _signal(halted, signal.SIGKILL)
        ended |= halted
        time.sleep(pause)
        pause = min(0.05, pause * 2)
    return sorted(ended)


def _signal(pids: Iterable[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def reaped(pid: int) -> float:
    """CPU seconds of the processes that `pid` was told of when they had ended; 0 where it is gone."""
    process = _read(pid) if _LINUX else None
    return process.cpu_children if process is not None else 0.0


def end_descendants(*roots: int, patience: float = 5.0) -> list[int]:
    """Kill every descendant of the processes `roots`, not these themselves; returns their ids."""
    family = Family(*roots)
    return end(lambda: [one.pid for one in family.members().values() if not one.zombie], patience)


def sweep(prefix: str) -> list[int]:
    """Kill what a driver that died left behind: every process whose `AUTOLOOP_RUN` starts with `prefix`.

    Its descendants go with it, and the execution's process above it with its temporary folder, which nobody else would
    remove any more. Returns the ids of what was killed. This process and its ancestors are spared; an empty prefix is
    refused, since it would name every run of every arena.
    """
    if not prefix:
        raise ValueError("sweep() needs a prefix that is not empty")
    spared = {os.getpid(), *(one.pid for one in psutil.Process().parents())}
    ended: list[int] = []
    folders: set[Path] = set()
    while roots := _marked(prefix) - spared - set(ended):
        folders.update(filter(None, map(_folder_of, roots)))
        for root in roots:
            ended += end_descendants(root)
            ended += end(lambda pid=root: [pid] if _lives(pid) else [])  # type: ignore[misc]
    for folder in folders:
        remove(folder)
    return sorted(set(ended))


def _folder_of(pid: int) -> Path | None:
    """The temporary folder of an execution, which its command names last; None where the process is none."""
    words: list[str] = []
    with contextlib.suppress(psutil.Error, OSError):
        words = psutil.Process(pid).cmdline()
    folder = Path(words[-1].rstrip()) if CHILD in words else None
    return folder if folder is not None and folder.is_absolute() and of_a_run(folder.name) else None


def _lives(pid: int) -> bool:
    with contextlib.suppress(psutil.Error):
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    return False


def _marked(prefix: str) -> set[int]:
    found = set()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(MARK, "").startswith(prefix) and process.status() != psutil.STATUS_ZOMBIE:
                found.add(process.pid)
                above = process.parent()
                if above is not None and CHILD in above.cmdline():
                    found.add(above.pid)
    return found

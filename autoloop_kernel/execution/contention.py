"""Whether others used the machine while a candidate's clock ran, so that its run says nothing about the idea.

Only what a candidate cannot bring about counts. So neither the system's pressure figures nor a cgroup's throttling do:
threads of its own raise both. What counts is CPU time of processes that no run of this house started, and time that the
machine below a virtual one took (`steal`). What descends from the driver is the house: the execution, a trial of what
comes next, an agent that thinks ahead. CPU time that is missing from every account, as of children that nobody was told
of, is no neighbour's: only processes that were seen are charged.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autoloop_kernel.execution.clock import Watch, holds_nvidia
from autoloop_kernel.execution.gpu import Cards, nvml
from autoloop_kernel.execution.tree import Family
from autoloop_kernel.records import Verdict

SHORTEST_S = 5.0
"""Shorter runs are not judged: one scheduled job or an editor that opens would be a fifth of the machine."""

BRIEFEST_S = 1.0
"""Nor are shorter ones of which others must have taken as much as `STARVED` says."""

STOLEN = 0.5
"""What part of the limit stolen time alone may reach: it is counted only while something here waits for its CPU."""

STARVED = 0.75
"""The share that others must have taken where a candidate met the ceiling of 4 budgets, on a clock of CPU seconds, or
where it was cut off too soon to be judged otherwise."""

_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_KERNEL_THREAD = 0x00200000  # PF_KTHREAD: what the kernel does, it may do for the candidate

Key = tuple[int, int]
"""A process for good: its id, which is given out again, and the tick at which it started."""


@dataclass(frozen=True)
class Usage:
    """CPU seconds of one process of others and of its children that it was told of; `inside`: under the same quota."""

    own: float
    reaped: float
    inside: bool = False


@dataclass(frozen=True)
class Counters:
    """The system's counters at one instant, in seconds; `quota` is how many CPUs a cgroup grants, None for any.

    `busy` and `stolen` are by the CPUs that this process may run on; `others` are the processes outside the house.
    """

    uptime: float
    busy: Mapping[int, float]
    stolen: Mapping[int, float]
    others: Mapping[Key, Usage] = field(default_factory=dict)
    quota: float | None = None


@dataclass(frozen=True)
class Load:
    """What others took of the CPU that a run might have used, over `seconds`: shares from 0 to 1."""

    seconds: float
    neighbours: float
    stolen: float

    @property
    def taken(self) -> float:
        """Both together."""
        return min(1.0, self.neighbours + self.stolen)


def load(before: Counters, after: Counters, own_s: float) -> Load:
    """What others took between two readings, while the candidate used `own_s` CPU seconds.

    What the processes of others are seen to have used is bounded by what the candidate left of the CPUs' time: some of
    it may have been used on other CPUs.
    """
    seconds = after.uptime - before.uptime
    cpus = [cpu for cpu in after.busy if cpu in before.busy]
    if seconds <= 0 or not cpus:
        return Load(max(0.0, seconds), 0.0, 0.0)
    room = seconds * len(cpus)
    busy = sum(after.busy[cpu] - before.busy[cpu] for cpu in cpus)
    stolen = sum(max(0.0, after.stolen[cpu] - before.stolen[cpu]) for cpu in cpus)
    left = max(0.0, busy - own_s)
    share = min(_used(before.others, after.others), left) / room
    if after.quota is not None and after.quota < len(cpus):
        share = max(share, min(_used(_inside(before), _inside(after)), left) / (seconds * after.quota))
    return Load(seconds, min(1.0, share), min(1.0, stolen / room))


def judged(found: Load, limit: float) -> str:
    """Why a run on a wall clock is no evidence, in plain words; empty where it is.

    `limit` is the share that others may take; of stolen time, `STOLEN` of that.
    """
    if found.seconds < SHORTEST_S or (found.taken <= limit and found.stolen <= limit * STOLEN):
        return ""
    return _told(found)


def starved(found: Load) -> str:
    """Why a candidate could not do its work in time; empty where that was its own doing."""
    return _told(found) if found.seconds >= BRIEFEST_S and found.taken >= STARVED else ""


def cut_off(found: Load, limit: float) -> str:
    """Why it is no evidence that a wall clock ran out, in plain words; empty where it is. `limit` as for `judged`."""
    return judged(found, limit) or (starved(found) if found.taken > limit else "")


def _told(found: Load) -> str:
    neighbours, stolen = f"{100 * found.neighbours:.0f} %", f"{100 * found.stolen:.0f} %"
    below = f"the machine below this virtual one took {stolen}"
    if found.neighbours < 0.005:
        return f"{below} of the CPU that this run may use"
    others = f"other processes used {neighbours} of the CPU that this run may use"
    return others if found.stolen < 0.005 else f"{others}, and {below}"


def _inside(counters: Counters) -> dict[Key, Usage]:
    return {key: usage for key, usage in counters.others.items() if usage.inside}


def _used(before: Mapping[Key, Usage], after: Mapping[Key, Usage]) -> float:
    """CPU seconds between two readings: of two lower bounds the larger.

    What each process used that is still there, or what parents were told of the children that ended meanwhile.
    """
    seen = sum(usage.own - before[key].own if key in before else usage.own for key, usage in after.items())
    told = sum(one.own + one.reaped for one in after.values()) - sum(one.own + one.reaped for one in before.values())
    return max(0.0, seen, told)


class Witness:
    """Reads the counters of the system below `root` when a candidate's clock starts and stops, and sees to its cards.

    `limit` is the share that others may take; None does not ask. The driver's process is `house`.
    """

    def __init__(self, limit: float | None = None, root: Path = Path("/"), house: int = 0) -> None:
        self.limit, self._root, self._house = limit, root, house or os.getppid()
        self._before: Counters | None = None
        self._cards: Cards | None = None
        self._asked: tuple[Counters, float] | None = None

    def begin(self, watch: Watch) -> None:
        """The candidate's clock is about to start; its processes are those of `watch`."""
        if (module := nvml()) is not None:
            family = Family(self._house)
            self._cards = Cards(module, watch.candidate, lambda: {self._house, *family.members()})
            self._cards.start()
        self._before = read(self._house, self._root) if self.limit is not None else None

    def end(self, watch: Watch) -> dict[str, Any]:
        """It has stopped: the harness's own facts; `contended` among them says why the run is no evidence."""
        facts: dict[str, Any] = {}
        why = [self._why_cpu(watch)]
        if self._cards is not None:
            self._cards.finish()
            facts |= self._cards.facts(any(holds_nvidia(pid) for pid in watch.candidate()))
            if self.limit is not None and not watch.on_cpu and watch.wall() >= SHORTEST_S:
                why.append(self._cards.judged(self.limit))
        told = "; ".join(filter(None, why))
        return facts | ({"contended": told} if told else {})

    def asks(self, watch: Watch) -> None:
        """The candidate is asked from now on."""
        before = read(self._house, self._root) if self.limit is not None else None
        self._asked = None if before is None else (before, watch.used())

    def late(self, watch: Watch) -> str:
        """Why it says nothing about a candidate that its score took too long; empty where it was its own doing."""
        after = read(self._house, self._root) if self._asked is not None else None
        if self._asked is None or self.limit is None or after is None:
            return ""
        before, used = self._asked
        found = load(before, after, watch.used() - used)
        return starved(found) if watch.on_cpu else cut_off(found, self.limit)

    def _why_cpu(self, watch: Watch) -> str:
        after = read(self._house, self._root) if self._before is not None else None
        if self._before is None or self.limit is None or after is None:
            return ""
        found = load(self._before, after, watch.cpu_s)
        if watch.on_cpu:  # others cannot spend a candidate's CPU seconds, only keep it from spending them
            return starved(found) if watch.met_ceiling else ""
        return (cut_off if watch.verdict is Verdict.TIMEOUT else judged)(found, self.limit)


def read(house: int, root: Path = Path("/"), cpus: Iterable[int] | None = None) -> Counters | None:
    """The counters now, None on a system without `/proc`; `house` is the process whose descendants are no others.

    `cpus` are those that count, as a rule the ones that this process may run on.
    """
    allowed = set(os.sched_getaffinity(0) if cpus is None and hasattr(os, "sched_getaffinity") else cpus or ())
    busy, stolen = {}, {}
    try:
        uptime = float((root / "proc/uptime").read_text("ascii").split()[0])
        for line in (root / "proc/stat").read_text("ascii").splitlines():
            name, *ticks = line.split()
            if name.startswith("cpu") and name[3:].isdigit() and int(name[3:]) in allowed:
                user, nice, system = (int(each) for each in ticks[:3])
                busy[int(name[3:])] = (user + nice + system) / _TICKS
                stolen[int(name[3:])] = int(ticks[7]) / _TICKS if len(ticks) > 7 else 0.0
    except (OSError, ValueError, IndexError):
        return None
    quota, group = _quota(root)
    return Counters(uptime, busy, stolen, _others(root, house, group if quota is not None else None), quota)


def _others(root: Path, house: int, group: str | None) -> dict[Key, Usage]:
    """The processes that are not of the house: neither below it, nor one that it was started from, nor the kernel's."""
    found = dict(filter(None, (_process(path) for path in (root / "proc").iterdir() if path.name.isdecimal())))
    mine, above = {house}, set()
    children: dict[int, list[int]] = {}
    for (pid, _), (parent, _, _) in found.items():
        children.setdefault(parent, []).append(pid)
    waiting = [house]
    while waiting:
        below = [pid for pid in children.get(waiting.pop(), ()) if pid not in mine]
        mine.update(below)
        waiting += below
    parents = {pid: parent for (pid, _), (parent, _, _) in found.items()}
    one = house
    while (one := parents.get(one, 0)) and one not in above:
        above.add(one)
    return {
        key: Usage(0.0 if key[0] in above else own, reaped, group is not None and _is_in(root, key[0], group))
        for key, (_, own, reaped) in found.items()
        if key[0] not in mine
    }


def _process(path: Path) -> tuple[Key, tuple[int, float, float]] | None:
    """A process by its folder: (id, start), parent, CPU seconds of its own and of children reaped; None for threads."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        fields = (path / "stat").read_bytes().rpartition(b")")[2].split()
        if int(fields[6]) & _KERNEL_THREAD:
            return None
        own, reaped = int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])
        return (int(path.name), int(fields[19])), (int(fields[1]), own / _TICKS, reaped / _TICKS)
    return None


def _quota(root: Path) -> tuple[float | None, str]:
    """How many CPUs the tightest cgroup (version 2) above this process grants, and that group; None for no bound."""
    tightest: tuple[float | None, str] = (None, "/")
    group = _group(root, "self")
    while group is not None:
        with contextlib.suppress(OSError, ValueError, ZeroDivisionError):
            most, period = (root / "sys/fs/cgroup" / group.lstrip("/") / "cpu.max").read_text("ascii").split()
            granted = int(most) / int(period) if most != "max" else None
            if granted is not None and (tightest[0] is None or granted < tightest[0]):
                tightest = granted, group
        group = None if group == "/" else group.rpartition("/")[0] or "/"
    return tightest


def _group(root: Path, process: str) -> str | None:
    """The cgroup (version 2) of a process, None where it has none or may not be asked."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        for line in (root / "proc" / process / "cgroup").read_text("utf-8").splitlines():
            if line.startswith("0::/"):
                return line[3:]
    return None


def _is_in(root: Path, pid: int, group: str) -> bool:
    theirs = _group(root, str(pid))
    return theirs is not None and not theirs.startswith("/..") and (theirs + "/").startswith(group.rstrip("/") + "/")

"""A few iterations in a row, sealed and warm: whatever one of them takes is given back before the next.

tests/benchmarks/endurance.py runs hundreds, and looks at memory and time as well.
"""

from __future__ import annotations

import gc
import re
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
from arenas import write_quick_arena

from autoloop_kernel.agents.base import Context
from autoloop_kernel.driver import Plan, drive
from autoloop_kernel.records import Proposal


@dataclass(frozen=True)
class Held:
    """What this process holds: descriptors by what they lead to, threads, processes below it, temporary entries."""

    descriptors: tuple[str, ...]
    threads: tuple[str, ...]
    processes: tuple[str, ...]
    temporary: tuple[str, ...]


def held(temporary: Path) -> Held:
    gc.collect()
    kinds = []
    for path in list(Path("/proc/self/fd").iterdir()) if Path("/proc/self/fd").is_dir() else []:
        try:
            kinds.append(re.sub(r"#\d+ \(deleted\)", "unnamed", str(path.readlink()).partition(":[")[0]))
        except OSError:  # the one that listed the others
            continue
    below = []
    for process in psutil.Process().children(recursive=True):
        try:
            below.append(process.name())
        except psutil.NoSuchProcess:
            continue
    return Held(
        tuple(sorted(kinds)),
        tuple(sorted(thread.name for thread in threading.enumerate())),
        tuple(sorted(below)),
        tuple(sorted(path.name.partition("-")[0] for path in temporary.iterdir())),
    )


def settled(temporary: Path, expected: Held | None = None) -> Held:
    """What is held once it is as `expected`, or else stays the same: what has just ended may take a moment to go."""
    until, last, same = time.monotonic() + 20, held(temporary), 0
    while last != expected and same < 3 and time.monotonic() < until:
        time.sleep(0.05)
        now = held(temporary)
        same = same + 1 if now == last and expected is None else 0
        last = now
    return last


class Counter:
    """An agent that proposes one number after the other, none better, and looks round each time."""

    name = "counter"

    def __init__(self, temporary: Path) -> None:
        self._temporary = temporary
        self.seen: list[Held] = []

    def propose(self, context: Context) -> Proposal:
        self.seen.append(settled(self._temporary, self.seen[1] if len(self.seen) > 1 else None))
        number = 10 + len(self.seen)
        return Proposal(f"X {number}", {"e0": f"X = {number}.0  # -50..50\nY = -2.0"}, "", self.name, context.base)


def test_six_iterations_in_a_row_leave_nothing(tmp_path, monkeypatch):
    temporary = tmp_path / "t"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    path = write_quick_arena(tmp_path / "arena")
    drive(path, [Counter(temporary)], Plan(iterations=1, ahead=0))  # what is opened once and for all
    before = settled(temporary)
    agent = Counter(temporary)
    ended = drive(path, [agent], Plan(iterations=6, ahead=0))
    assert (ended.ran, ended.failed) == (6, False), ended
    assert settled(temporary, before) == before
    assert agent.seen[1] == agent.seen[-1], "what is held between two iterations does not grow"
    assert agent.seen[1].processes, "the zygote was among what was counted"

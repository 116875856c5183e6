"""The harness's clock: what a candidate has spent, and the thread that kills it when it has spent too much."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable

from autoloop_kernel.execution.tree import Family, Process, below, end, reaped
from autoloop_kernel.records import Rules, Verdict

TICK_S = 0.04
WALL_CEILING = 4.0
"""How many budgets of CPU seconds a candidate may take on the wall, where no more runs than processors share them."""

CUDA_EVERY_S = 1.0


class Watch(threading.Thread):
    """Watches the processes of one execution, which all descend from this one or its guardian, on the arena's clock.

    The candidate's are its kernel, that kernel's descendants and every orphan: nobody but agent code lets go of a
    process. `pruned()` gives a reason once it is to be given up before its budget is spent. `verdict` and `reason` are
    set once it had to kill, `met_ceiling` where the CPU seconds were not spent in time; `cpu_s` is what the candidate
    had used when the clock stopped, on whichever clock. `at_once` runs share the processors: where they are more than
    these, what CPU seconds may take on the wall grows with them.
    """

    def __init__(self, rules: Rules, pruned: Callable[[], str] = str, at_once: int = 1) -> None:
        super().__init__(name="watch", daemon=True)
        self.rules, self._pruned = rules, pruned
        self._ceiling = WALL_CEILING * max(1.0, at_once / _processors())
        self.verdict: Verdict | None = None
        self.reason = ""
        self.peak_mb = 0.0
        self.cuda = False
        self.cpu_s = 0.0
        self.met_ceiling = False
        self._family = Family(os.getpid())
        self._lock = threading.RLock()
        self._over = threading.Event()
        self._kernel = 0
        self._referee = 0
        self._guardian = 0
        self._began: float | None = None
        self._ended: float | None = None
        self._spent_at_end = 0.0
        self._cpu_base = 0.0
        self._seen: dict[tuple[int, float], float] = {}
        self._reaped_orphans = 0.0
        self._cuda_at = 0.0
        self._answers: tuple[float, float] | None = None

    def watch(self, kernel: int, referee: int, guardian: int = 0) -> None:
        """Begin: the candidate's kernel, the referee's and the guardian that both were forked by, by process id."""
        self._kernel, self._referee, self._guardian = kernel, referee, guardian
        if guardian:
            self._family = Family(os.getpid(), guardian)
        self.start()

    def begin(self) -> None:
        """Start the clock."""
        with self._lock:
            self._cpu_base = self._cpu(self._candidate())
            self._began = time.monotonic()

    def stop(self) -> float:
        """Stop the clock, not the watch over memory; returns the wall-clock seconds that it ran.

        It is looked at once more: whoever stopped this process may have kept the thread from it.
        """
        with self._lock:
            if self._began is not None and self._ended is None:
                family = self._candidate()
                self._sentence(*self._judge_time(family))
                self._spent_at_end = self.spent()
                self.cpu_s = self._cpu(family) - self._cpu_base
                self._ended = time.monotonic()
            return self.wall()

    def used(self) -> float:
        """CPU seconds of the candidate so far."""
        with self._lock:
            return self._cpu(self._candidate())

    def answering(self) -> float:
        """From now on the candidate answers; returns the wall-clock seconds that all its answers may take together.

        They are bounded on the arena's clock, by what the arena grants and by what the candidate left of its budget.
        Where that clock counts CPU seconds they are watched here, and the wall-clock bound is the ceiling's. On a wall
        clock the CPU seconds are watched too, whether an answer is waited for or not: as many as all processors give
        while it answers, so that what trains between two questions has no more than what trains in an answer.
        """
        with self._lock:
            granted = self.rules.answering_s + max(0.0, self.rules.budget_s - self.spent())
            self._answers = (granted, self.used())
            return granted * (self._ceiling if self.on_cpu else 1.0)

    def wall(self) -> float:
        """Wall-clock seconds from the clock's start to its end, or until now; 0 before it starts."""
        if self._began is None:
            return 0.0
        return (self._ended or time.monotonic()) - self._began

    @property
    def on_cpu(self) -> bool:
        """Whether the clock counts CPU seconds: where the arena says so, and no CUDA device is in use."""
        return self.rules.clock == "cpu" and not self.cuda

    def spent(self) -> float:
        """Seconds on the arena's clock."""
        with self._lock:
            if self._began is None:
                return 0.0
            if self._ended is not None:
                return self._spent_at_end
            return self._cpu(self._candidate()) - self._cpu_base if self.on_cpu else self.wall()

    def finish(self) -> None:
        """End the watch."""
        self._over.set()

    def kill_candidate(self) -> None:
        """SIGKILL every process of the candidate."""
        end(lambda: [one.pid for one in self._candidate().values() if not one.zombie], 3.0)

    def run(self) -> None:
        """Look 25 times a second: at the clock, at memory, for orphans that ended."""
        while not self._over.wait(TICK_S):
            with contextlib.suppress(OSError):  # no more files can be opened now: a budget must end all the same
                self._look()

    def _look(self) -> None:
        with self._lock:
            family = self._candidate()
            self._look_for_cuda(family)
            self._sentence(*self._judge(family))
        if self.verdict is not None:
            self.kill_candidate()
        self._reap(family)

    def candidate(self) -> set[int]:
        """The ids of the candidate's processes now."""
        return set(self._candidate())

    def _candidate(self) -> dict[int, Process]:
        with self._lock:
            family = self._family.members()
        spared = below(self._referee, family) if self._referee else {}
        return {pid: one for pid, one in family.items() if pid not in spared}

    def _sentence(self, verdict: Verdict | None, reason: str) -> None:
        """What was found first stands."""
        if verdict is not None and self.verdict is None:
            self.verdict, self.reason = verdict, reason

    def _judge(self, family: dict[int, Process]) -> tuple[Verdict | None, str]:
        rules = self.rules
        used = sum(one.resident for one in family.values() if not one.zombie) / 2**20
        self.peak_mb = max(self.peak_mb, used)
        if rules.memory_mb is not None and used > rules.memory_mb:
            return Verdict.CRASH, f"it used {used:.0f} MB of memory; the limit is {rules.memory_mb:g} MB"
        if self._answers is not None and (found := self._judge_answers(family, *self._answers))[0]:
            return found
        if self._began is None or self._ended is not None:
            return None, ""
        if why := self._pruned():
            return Verdict.PRUNED, why
        return self._judge_time(family)

    def _judge_time(self, family: dict[int, Process]) -> tuple[Verdict | None, str]:
        rules, wall = self.rules, self.wall()
        spent = self._cpu(family) - self._cpu_base if self.on_cpu else wall
        if spent > rules.deadline_s:
            unit = "s of CPU" if self.on_cpu else "s"
            return Verdict.TIMEOUT, f"killed after {spent:.1f} {unit}; the budget is {rules.budget_s:g} s"
        if self.on_cpu and wall > self._ceiling * rules.budget_s:
            self.met_ceiling = True
            ceiling = f"{self._ceiling:g} times the budget of {rules.budget_s:g} s of CPU"
            return Verdict.TIMEOUT, f"killed after {wall:.1f} s of wall clock, {ceiling}"
        return None, ""

    def _judge_answers(self, family: dict[int, Process], granted: float, base: float) -> tuple[Verdict | None, str]:
        processors = 1 if self.on_cpu else _processors()
        if self._cpu(family) - base <= granted * processors:
            return None, ""
        from autoloop_kernel.wire import too_long  # imports numpy, which this process seldom needs

        unit = "s of CPU" if processors == 1 else f"s on each of {processors} processors"
        return Verdict.CRASH, too_long(granted, unit)

    def _cpu(self, family: dict[int, Process]) -> float:
        """CPU seconds of the candidate so far, its ended processes included.

        Two lower bounds, the larger of which counts: what parents were told when they reaped, and what each process had
        used when it was last seen (a parent that ignores its children's death is told nothing).
        """
        for one in family.values():
            key = (one.pid, one.started)
            self._seen[key] = max(self._seen.get(key, 0.0), one.cpu)
        told = sum(one.cpu + one.cpu_children for one in family.values()) + self._reaped_orphans
        told += reaped(self._guardian) if self._guardian else 0.0
        return max(told, sum(self._seen.values()))

    def _look_for_cuda(self, family: dict[int, Process]) -> None:
        """With CUDA in use the clock is wall: a waiting CPU says nothing about what a device does."""
        if self.cuda or self.rules.clock != "cpu" or time.monotonic() < self._cuda_at:
            return
        self._cuda_at = time.monotonic() + CUDA_EVERY_S
        self.cuda = any(holds_nvidia(pid) for pid in family)

    def _reap(self, family: dict[int, Process]) -> None:
        """Collect orphans that ended, so that they do not pile up; their CPU time goes on counting."""
        mine = os.getpid()
        for one in family.values():
            if one.zombie and one.parent == mine and one.pid not in (self._kernel, self._referee):
                with contextlib.suppress(ChildProcessError):
                    if os.waitpid(one.pid, os.WNOHANG)[0]:
                        with self._lock:
                            self._reaped_orphans += one.cpu + one.cpu_children


def _processors() -> int:
    """How many processors this process, and what it starts, may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def holds_nvidia(pid: int) -> bool:
    """Whether the process has an NVIDIA device open."""
    try:
        handles = os.listdir(f"/proc/{pid}/fd")  # noqa: PTH208
    except OSError:
        return False
    for handle in handles:
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/{pid}/fd/{handle}").startswith("/dev/nvidia"):  # noqa: PTH115
                return True
    return False

"""Where jobs are run: one slot, several on this machine, or those of a cluster."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from autoloop_kernel.arena.game import CPUS, hardware_class
from autoloop_kernel.execution import gpu
from autoloop_kernel.execution.local import LocalExecutor
from autoloop_kernel.execution.warm import Warmth, forks
from autoloop_kernel.executor import Executor
from autoloop_kernel.records import AutoloopError


@dataclass(frozen=True)
class Slot:
    """One place where one job at a time runs: its name among the others, the machine or card, and what runs jobs."""

    name: str
    where: str
    executor: Executor


class Workers(Protocol):
    """The slots of one driver. `hardware` is their class: scores of another class are not compared with theirs."""

    @property
    def slots(self) -> Sequence[Slot]:
        """All of them, also those whose machine is away."""
        ...

    def hardware(self, clock: str) -> str:
        """Their class for an arena with this clock, as `arena.game.hardware_class` names one machine's."""
        ...

    def close(self) -> None:
        """End what waits on them."""


def must_exist(spec: str) -> None:
    """Raise `AutoloopError` where what `spec` needs is not installed."""
    if not spec.isdecimal() and importlib.util.find_spec("ray") is None:
        raise AutoloopError(f"--workers {spec} needs Ray — pip install 'autoloop-kernel[ray]'")


def open_workers(spec: str, mark: str, tell: Callable[..., None]) -> Workers:
    """Open the workers that `spec` names: so many slots of this machine, or those of a Ray cluster.

    Their processes carry `mark`; `tell(kind, **data)` takes what becomes of workers, from any thread. Raises
    `AutoloopError` where there are none. `spec` is as `Plan.workers`.
    """
    if spec.isdecimal():
        return LocalWorkers(int(spec), mark, tell)
    from autoloop_kernel.execution.cluster import open_cluster

    return open_cluster(spec, mark, tell)


def shared(hardware: str, count: int, clock: str) -> str:
    """The class of machines of which each has `count` runs at once on its CPUs: against a wall clock it is another."""
    return f"{hardware}, {count} runs at once" if count > 1 and clock == "wall" and CPUS in hardware else hardware


class LocalWorkers:
    """Slots of this machine: one a card where it has several, and all of them forked from the same warm processes."""

    def __init__(self, count: int, mark: str, tell: Callable[..., None] = lambda kind, **data: None) -> None:
        self._warmth = Warmth() if forks() else None
        self._count, self._cards = count, gpu.count(os.environ)
        self._executors = [LocalExecutor(mark, self._warmth or False, number, count) for number in range(count)]
        self.slots = [
            Slot(f"w{number + 1}", self._where(number), executor) for number, executor in enumerate(self._executors)
        ]
        if count > 1:
            for slot in self.slots:
                tell("worker", name=slot.name, where=slot.where, state="up", text="", hardware="")

    def hardware(self, clock: str) -> str:
        """This machine's class; what runs at once on its CPUs against a wall clock shares them, and says so."""
        return shared(hardware_class(), 1 if self._cards else self._count, clock)

    def _where(self, number: int) -> str:
        return f"GPU {number % self._cards}" if self._cards > 1 else "this machine"

    def close(self) -> None:
        """End what waits for jobs, and the warm processes."""
        for executor in self._executors:
            executor.close()
        if self._warmth is not None:
            self._warmth.close()


__all__ = ["LocalWorkers", "Slot", "Workers", "must_exist", "open_workers", "shared"]

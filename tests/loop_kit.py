"""Loops over an arena with a machine that plays outcomes instead of running anything."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from exploit_kit import Scripted
from played import make_arena

from autoloop_kernel.arena.game import hardware_class
from autoloop_kernel.execution.workers import Slot
from autoloop_kernel.loop import Loop
from autoloop_kernel.records import Iteration, Job, Outcome, Verdict
from autoloop_kernel.session import Session

REAL = "submit(lambda: np.array(float(X)))"


def x(value: float) -> dict[str, str]:
    return {"model": f"X = {value!r}  # -5..5\n{REAL}"}


def scored(value: float, **more: Any) -> Outcome:
    return Outcome(Verdict.SCORED, score=value, **more)


class Machine:
    """An executor that gives one outcome after the other (or what a function of the job gives), and keeps the jobs."""

    def __init__(self, *outcomes: Outcome | Callable[[Job], Outcome]) -> None:
        self.outcomes = list(outcomes)
        self.jobs: list[Job] = []
        self.log: list[str] = []

    def prepare(self) -> None:
        self.log.append("prepare")

    def run(
        self, job: Job, on_message: Callable[[str, Mapping[str, Any]], None], stopped: Callable[[], bool]
    ) -> Outcome:
        self.log.append("run")
        self.jobs.append(job)
        on_message("phase", {"phase": "running"})
        for step in range(3):
            on_message("report", {"step": step, "seconds": step / 10, "numbers": {"loss": 1.0}})
        outcome = self.outcomes[len(self.jobs) - 1]
        return outcome(job) if callable(outcome) else outcome


class Played:
    """Workers of a driver: a slot for each machine."""

    def __init__(self, *machines: Any) -> None:
        self.slots = [Slot(f"w{place}", "here", machine) for place, machine in enumerate(machines, start=1)]

    def hardware(self, clock: str) -> str:
        return hardware_class()

    def close(self) -> None:
        """Nothing waits."""


def make_sealed_arena(folder: Path, **settings: Any) -> Path:
    """An arena whose score is |X|, lower is better, with a sealed file."""
    (folder / "sealed").mkdir()
    (folder / "sealed" / "truth.txt").write_text("0")
    arena = make_arena(folder, budget_s=1.0, sealed=["sealed/*"], **settings)
    change(arena, lambda nb: cell(nb, "model").update(source=x(3.0)["model"]))
    return arena


def change(path: Path, edit: Callable[[Any], Any]) -> None:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    edit(notebook)
    path.write_text(json.dumps(notebook), encoding="utf-8")


def cell(notebook: Any, name: str) -> Any:
    return next(one for one in notebook["cells"] if one["id"] == name)


def play(session: Session, *steps: tuple[Mapping[str, str] | None, Outcome], agent: Any = None) -> list[Iteration]:
    """Iterate once for each (units, outcome); units None where no agent is to be asked."""
    ended = []
    for units, outcome in steps:
        machine = Machine(outcome)
        ended.append(Loop(session, machine).iterate(agent or Scripted(*([units] if units else []))))
        assert len(machine.jobs) == 1
    return ended

"""What an arena is like to search in, measured: the baseline run several times, and once with answers made worse."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from autoloop_kernel.agents.constants import Constant, constants
from autoloop_kernel.arena.edit import candidate
from autoloop_kernel.arena.notebook import Arena
from autoloop_kernel.arena.roles import Role, in_candidate, role_of
from autoloop_kernel.arena.source import calls
from autoloop_kernel.execution.course import MEMORY
from autoloop_kernel.execution.local import LocalExecutor
from autoloop_kernel.loop import seed_of
from autoloop_kernel.records import HARNESS, Direction, Job, Kind, Outcome, Verdict

RUNS = 3
"""How often the baseline is run: enough to see how large its noise is, not how large exactly."""

PROBING = ("val_bpb", "rolling_mase", "ask_rows", "policy_of", "play")
"""What of `autoloop_kernel.scoring` asks again in other ways, and refuses answers that shift."""

APART = 3.0
"""By how many standard deviations worse answers have to score worse, to be told from noise."""

WORSE = """\
def _autoloop_worse(place):
    def spoilt(value):
        if hasattr(value, "roll") and getattr(value, "ndim", 0) and value.shape[-1] > 2:
            return value.roll(1, -1)
        import numpy

        found = numpy.asarray(value)
        if found.ndim and found.shape[-1] > 2:
            return numpy.roll(found, 1, axis=-1)
        return ~found if found.dtype == bool else found + found.dtype.type(1) + abs(found)

    def wrapped(answer):
        def answers(**arrays):
            found = answer(**arrays)
            return {k: spoilt(v) for k, v in found.items()} if isinstance(found, dict) else spoilt(found)

        return answers

    own = place.submit
    place.submit = lambda answer: own(wrapped(answer))


import autoloop_kernel.cells

_autoloop_worse(autoloop_kernel.cells._place)
"""
"""What makes the candidate's answers worse, whatever they are: the last axis turned by one, short ones moved away."""

_new_code: Any = new_code_cell


@dataclass(frozen=True)
class Deep:
    """What was measured: `runs` of the baseline with fresh seeds, and one with `worse` answers.

    `constants` are those that the search agent sees, by (unit, name); `probed` names the scorers of `PROBING` that the
    score cells call.
    """

    arena: Arena
    runs: tuple[Outcome, ...]
    worse: Outcome | None
    constants: dict[tuple[str, str], Constant]
    probed: tuple[str, ...]

    @property
    def scores(self) -> list[float]:
        """The scores of the runs that have one."""
        return [run.score for run in self.runs if run.score is not None]

    @property
    def noise(self) -> float | None:
        """One standard deviation of a run, in units of the score; None where fewer than two have a score."""
        return stdev(self.scores) if len(self.scores) > 1 else None

    @property
    def distinguishes(self) -> bool | None:
        """Whether worse answers score worse beyond the noise, or are refused; None where that could not be seen."""
        if self.worse is None or not self.scores:
            return None
        if self.worse.score is None:
            return self.worse.verdict is Verdict.CRASH
        sign = 1.0 if self.arena.rules.metric.direction is Direction.MIN else -1.0
        worse = sign * (self.worse.score - mean(self.scores))
        return worse > APART * (self.noise or 0.0) and worse > 0


def measure(arena: Arena, runs: int = RUNS, told: Callable[[str], None] = lambda line: None) -> Deep:
    """Run the baseline `runs` times, and once with worse answers; nothing of it is kept. `told` hears what is going on.

    Where the first run brings no score the others are not made.
    """
    done: list[Outcome] = []
    worse: Outcome | None = None
    with tempfile.TemporaryDirectory(prefix="autoloop-deep-") as folder:
        executor = LocalExecutor(f"autoloop-deep-{Path(folder).name}")
        try:
            for nth in range(1, runs + 1):
                told(f"run {nth} of {runs}")
                done.append(executor.run(_job(arena, nth, Path(folder)), lambda kind, data: None, lambda: False))
                if done[-1].score is None:
                    break
            else:
                told("a run with worse answers")
                spoilt = _job(arena, runs + 1, Path(folder), _spoilt)
                worse = executor.run(spoilt, lambda kind, data: None, lambda: False)
        finally:
            executor.close()
    files = [name for name, unit in arena.units.items() if unit.kind == "file"]
    return Deep(arena, tuple(done), worse, constants(arena.sources, files), _probed(arena))


def _probed(arena: Arena) -> tuple[str, ...]:
    cells = [cell.source for cell in arena.notebook.cells if role_of(cell) is Role.SCORE]
    ours = [source for source in cells if "autoloop_kernel.scoring" in source]
    return tuple(name for name in PROBING if any(calls(source, name) for source in ours))


def _job(arena: Arena, nth: int, folder: Path, change: Callable[[NotebookNode], None] = lambda nb: None) -> Job:
    notebook = candidate(arena, arena.sources)
    change(notebook)
    # A limit on it has the harness measure the memory; one that nothing can break does nothing else.
    rules = replace(arena.rules, limits={MEMORY: {"max": 1e12}, **arena.rules.limits})
    return Job(
        iteration=0,
        attempt=nth,
        seed=seed_of(arena.name, 0, nth),
        kind=Kind.CALIBRATION,
        notebook=str(nbformat.writes(notebook)),
        files={name: unit.source for name, unit in arena.units.items() if unit.kind == "file"},
        folder=arena.folder.resolve(),
        target=folder / "run",
        rules=rules,
        run_id=f"{folder.name}:{nth}",
    )


def _spoilt(notebook: NotebookNode) -> None:
    """Put what makes answers worse before the first cell of the candidate alone."""
    own = [k for k, cell in enumerate(notebook.cells) if in_candidate(role_of(cell))]
    first = next((k for k in own if role_of(notebook.cells[k]) in (Role.EDITABLE, Role.LOCKED)), len(notebook.cells))
    notebook.cells.insert(first, _new_code(WORSE, id="autoloop-worse"))


def memory_mb(runs: Sequence[Outcome]) -> float | None:
    """The largest resident memory of the candidate's processes in these runs, MiB; None where it was not seen."""
    seen = [run.facts.get(HARNESS, {}).get(MEMORY) for run in runs]
    return max((float(one) for one in seen if one is not None), default=None)


__all__ = ["APART", "RUNS", "Deep", "measure", "memory_mb"]

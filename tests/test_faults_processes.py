"""Any of an execution's processes killed in each phase of a run: no verdict is lost, none is doubled."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from arenas import arena
from fault_kit import played_by
from story import assert_same_story

from autoloop_kernel.driver import Plan, drive
from autoloop_kernel.execution.births import NURSERY
from autoloop_kernel.execution.forked import ended
from autoloop_kernel.execution.local import LocalExecutor
from autoloop_kernel.execution.tree import CHILD
from autoloop_kernel.execution.warm import forks
from autoloop_kernel.records import Job, Outcome
from autoloop_kernel.session import open_session

GATED = """\
import time
from pathlib import Path
while not Path({go!r}).exists():
    time.sleep(0.02)
score(float(abs(ask(x=np.zeros(1))[0])))
"""
"""A score cell that waits until somebody was killed, so that no verdict comes first."""

PHASES = ("starting", "running", "scoring")
LOST_KERNELS = "the process that had forked its kernels was killed"


class Killing(LocalExecutor):
    """Runs jobs as ever, and kills a process in the first attempt of each iteration: in each of `phases` in turn.

    "idle" is the time between two runs. The victim is the child, the kernel "candidate" or "referee", their guardian,
    or what these were forked from: the nursery, the zygote.
    """

    def __init__(self, victim: str, go: Path, *phases: str) -> None:
        super().__init__()
        self.go, self.victim, self.due, self.killed = go, victim, list(phases), 0
        self.begun = 0

    def run(
        self, job: Job, on_message: Callable[[str, Mapping[str, Any]], None], stopped: Callable[[], bool]
    ) -> Outcome:
        """Run the job."""
        due = self.due.pop(0) if self.due and job.iteration > self.begun else ""
        self.begun = job.iteration
        self.go.unlink(missing_ok=True)
        if due in ("", "idle"):
            self._kill(due)

        def hear(kind: str, data: Mapping[str, Any]) -> None:
            on_message(kind, data)
            if kind == "phase" and data["phase"] == due:
                self._kill(due)

        return super().run(job, hear, stopped)

    def _kill(self, due: str) -> None:
        if due:
            victim = next(one for one in psutil.Process().children(recursive=True) if self._is_victim(one))
            doomed = [victim, *(victim.children(recursive=True) if self.victim in ("zygote", "guardian") else [])]
            victim.kill()
            self.killed += 1
            for one in doomed:
                while not ended(one.pid):
                    time.sleep(0.01)
        self.go.touch()

    def _is_victim(self, process: psutil.Process) -> bool:
        with contextlib.suppress(psutil.Error):
            return process.status() != psutil.STATUS_ZOMBIE and self._is_named(process, process.cmdline())
        return False

    def _is_named(self, process: psutil.Process, command: list[str]) -> bool:
        forks = any(part.endswith("zygote.py") for part in command)  # a fork of it has no command of its own
        if self.victim in ("candidate", "referee"):
            return f"/{self.victim}/" in process.cwd()
        if self.victim in ("zygote", "guardian"):
            mine = process.ppid() == os.getpid()
            return forks and mine == (self.victim == "zygote") and process.cwd() == "/"
        return {"child": CHILD, "nursery": NURSERY}[self.victim] in command


def gated(folder: Path, victim: str, *phases: str, source: str = "X = 3.0") -> tuple[Path, Killing]:
    """An arena whose candidate starts with `source`, and a machine that kills one process of its first runs."""
    go, path = folder / "go", folder / "gated.ipynb"
    nb = arena(source, "submit(lambda x: x + X)", score=GATED.format(go=str(go)), score_timeout_s=100)
    path.write_text(nbformat.writes(nb), encoding="utf-8")
    return path, Killing(victim, go, *phases)


def lost_once(path: Path, machine: Killing) -> str:
    """Drive one iteration whose first attempt is killed, and whose second is kept; why the first was lost."""
    with played_by(machine):
        assert drive(path, ["search"], Plan(iterations=1)).ran == 1
    assert machine.killed == 1
    assert assert_same_story(path) == ["keep"]
    with open_session(path, create=False) as session:
        lost, scored = session.ledger.iteration(1).attempts
    assert (str(lost.verdict), str(scored.verdict)) == ("interrupted", "scored")
    return lost.reason


@pytest.mark.parametrize("phase", PHASES)
def test_an_execution_that_is_killed_is_run_again_under_its_number(tmp_path: Path, phase: str) -> None:
    path, machine = gated(tmp_path, "child", phase)
    assert "was killed by SIGKILL" in lost_once(path, machine)


@pytest.mark.parametrize("phase", ["starting", "scoring"])
def test_a_referee_that_is_killed_is_no_fault_of_the_idea(tmp_path: Path, phase: str) -> None:
    path, machine = gated(tmp_path, "referee", phase)
    assert "the referee's" in lost_once(path, machine)


def test_a_candidate_that_is_killed_is_a_crash_in_plain_words(tmp_path: Path) -> None:
    path, machine = gated(tmp_path, "candidate", "running", source="import time\ntime.sleep(600)")
    with played_by(machine):
        ended = drive(path, ["search"], Plan(iterations=1))
    assert machine.killed == 1
    assert assert_same_story(path) == ["crash"]
    assert "was killed by SIGKILL (by itself, or the machine ran out of memory)" in ended.reason


@pytest.mark.skipif(not forks(), reason="this machine has no safe way to fork")
@pytest.mark.parametrize(
    ("victim", "phases"),
    [("guardian", PHASES), ("zygote", (*PHASES, "idle")), ("nursery", ("idle", *PHASES))],
)
def test_what_forks_is_killed_in_each_phase(tmp_path: Path, victim: str, phases: tuple[str, ...]) -> None:
    path, machine = gated(tmp_path, victim, *phases)
    with played_by(machine):
        assert drive(path, ["search"], Plan(iterations=len(phases) + 1)).ran == len(phases) + 1
    assert machine.killed == len(phases)
    assert len(assert_same_story(path)) == len(phases) + 1
    with open_session(path, create=False) as session:
        for phase, iteration in zip((*phases, ""), session.ledger.iterations(), strict=True):
            *lost, last = iteration.attempts
            assert str(last.verdict) == "scored"
            told = [LOST_KERNELS] if phase in PHASES and victim != "nursery" else []
            # Of two zygotes the one may be killed that the run does not rest on; then nothing is lost.
            spared = [[]] if victim == "zygote" else []
            assert [one.reason for one in lost] in [told, *spared], f"killed when {phase or 'never'}"
            assert {str(one.verdict) for one in lost} <= {"interrupted"}

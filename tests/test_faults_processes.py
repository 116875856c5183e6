"""The execution or one of its kernels killed in each phase of a run: no verdict is lost, none is doubled."""

from __future__ import annotations

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
from autoloop_kernel.execution.local import LocalExecutor
from autoloop_kernel.execution.tree import CHILD
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


class Killing(LocalExecutor):
    """Runs jobs as ever, and kills one of their processes once: in a given phase of the first attempt."""

    def __init__(self, phase: str, victim: str, go: Path) -> None:
        super().__init__()
        self.go = go
        self.phase, self.victim, self.killed = phase, victim, 0

    def run(
        self, job: Job, on_message: Callable[[str, Mapping[str, Any]], None], stopped: Callable[[], bool]
    ) -> Outcome:
        """Run the job."""

        def hear(kind: str, data: Mapping[str, Any]) -> None:
            on_message(kind, data)
            if kind == "phase" and data["phase"] == self.phase and not self.killed:
                self._kill()

        return super().run(job, hear, stopped)

    def _kill(self) -> None:
        for process in psutil.Process().children(recursive=True):
            is_child = CHILD in process.cmdline()
            if is_child if self.victim == "child" else f"/{self.victim}/" in process.cwd():  # a fork has no own command
                process.kill()
                self.killed += 1
                self.go.touch()
                return


def gated(folder: Path, phase: str, victim: str, source: str = "X = 3.0") -> tuple[Path, Killing]:
    """An arena whose candidate starts with `source`, and a machine that kills one process of its first run."""
    go, path = folder / "go", folder / "gated.ipynb"
    nb = arena(source, "submit(lambda x: x + X)", score=GATED.format(go=str(go)), score_timeout_s=100)
    path.write_text(nbformat.writes(nb), encoding="utf-8")
    return path, Killing(phase, victim, go)


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
    path, machine = gated(tmp_path, phase, "child")
    assert "was killed by SIGKILL" in lost_once(path, machine)


@pytest.mark.parametrize("phase", ["starting", "scoring"])
def test_a_referee_that_is_killed_is_no_fault_of_the_idea(tmp_path: Path, phase: str) -> None:
    path, machine = gated(tmp_path, phase, "referee")
    assert "the referee's" in lost_once(path, machine)


def test_a_candidate_that_is_killed_is_a_crash_in_plain_words(tmp_path: Path) -> None:
    path, machine = gated(tmp_path, "running", "candidate", "import time\ntime.sleep(600)")
    with played_by(machine):
        ended = drive(path, ["search"], Plan(iterations=1))
    assert machine.killed == 1
    assert assert_same_story(path) == ["crash"]
    assert "was killed by SIGKILL (by itself, or the machine ran out of memory)" in ended.reason

"""Runs arenas through the local executor for tests, and looks for what they leave behind."""

from __future__ import annotations

import atexit
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from arenas import job as make_job

from autoloop_kernel.execution.local import LocalExecutor
from autoloop_kernel.execution.warm import Warmth, forks
from autoloop_kernel.records import Job, Outcome

WARMTH = Warmth()
"""One zygote for the arenas of all tests of a process: they import the same."""
atexit.register(WARMTH.close)


@dataclass
class Run:
    """What a run brought: outcome, executed notebook, log, messages and the wall-clock seconds it took."""

    job: Job
    outcome: Outcome
    messages: list[tuple[str, Mapping[str, Any]]]
    took: float

    @property
    def notebook(self) -> nbformat.NotebookNode:
        """The executed notebook, which must be valid."""
        path = self.job.target / self.job.notebook_name
        nb = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)
        nbformat.validate(nb)
        return nb

    @property
    def log(self) -> str:
        return (self.job.target / "log.txt").read_text(encoding="utf-8", errors="replace")


@dataclass
class Kit:
    """Call it with a notebook to run that, with rules, job fields or `sources` (of editable files) as keywords."""

    folder: Path
    mark: str = field(default_factory=lambda: f"test-{uuid.uuid4().hex[:12]}")

    def __post_init__(self) -> None:
        self.executor = LocalExecutor(self.mark, WARMTH if forks() else False)

    def __call__(
        self,
        nb: nbformat.NotebookNode,
        stopped: Callable[[], bool] = lambda: False,
        on_message: Callable[[str, Mapping[str, Any]], str | None] | None = None,
        **changes: Any,
    ) -> Run:
        messages: list[tuple[str, Mapping[str, Any]]] = []

        def hear(kind: str, data: Mapping[str, Any]) -> str | None:
            messages.append((kind, data))
            return None if on_message is None else on_message(kind, data)

        sources = changes.pop("sources", {})
        job = make_job(nb, self.folder, sources, **{"run_id": f"{self.mark}:1:1", **changes})
        began = time.monotonic()
        outcome = self.executor.run(job, hear, stopped)
        run = Run(job, outcome, messages, time.monotonic() - began)
        assert_no_process(self.mark)
        return run


def processes_of(mark: str) -> list[psutil.Process]:
    """Every live process whose environment carries the run mark."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("AUTOLOOP_RUN", "").startswith(mark) and process.status() != "zombie":
                found.append(process)
        except psutil.Error:
            continue
    return found


def assert_no_process(mark: str, within_s: float = 0.0) -> None:
    until = time.monotonic() + within_s
    while (left := processes_of(mark)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not left, [process.cmdline() for process in left]


@pytest.fixture
def run_notebook(tmp_path: Path) -> Iterator[Kit]:
    """Runs notebooks as an arena in a fresh folder; checks that no process is left."""
    kit = Kit(tmp_path / "arena")
    kit.folder.mkdir()
    yield kit
    kit.executor.close()

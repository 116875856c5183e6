"""What runs a job, as those who have jobs to run see it: the local child process, or a machine elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from autoloop_kernel.records import Job, Outcome

Hear = Callable[[str, Mapping[str, Any]], str | None]
"""Takes what a run says: its kind and data. A text that it gives is the reason to end the candidate there."""


class Executor(Protocol):
    """Runs one job at a time."""

    def prepare(self) -> None:
        """Get ready for the next run while the agent thinks."""

    def run(self, job: Job, on_message: Hear, stopped: Callable[[], bool]) -> Outcome:
        """Run `job` to its end; to INTERRUPTED once `stopped()`, to PRUNED once `on_message` gives a reason for it."""
        ...

    def tryout(self, job: Job, stopped: Callable[[], bool]) -> str:
        """Run `job` for a few seconds and leave nothing behind; why it crashed, empty where it did not."""
        ...


__all__ = ["Executor", "Hear"]

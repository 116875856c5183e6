"""A quick trial of a candidate: a few seconds in real kernels, to see whether it crashes before a budget is spent."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat

from autoloop_kernel.arena.load import name_of
from autoloop_kernel.escapes import without_escapes
from autoloop_kernel.execution.outputs import one_line
from autoloop_kernel.records import Job, Outcome, Verdict

SECONDS = 10.0
"""How long a candidate's cells may run, from the start of the clock."""

START_S = 60.0
"""How long the kernels may take to start, and the cells before the clock to run."""

AFTER_REPORT_S, AFTER_SUBMIT_S = 0.5, 2.0
"""How long it goes on once it has reported a first point; once it has run to its end, and answers the referee."""

SHOWN = 12
"""How many of a traceback's last lines are shown."""


class Tryout:
    """One trial of `job`, all that it writes below `folder`; its budget is half of `seconds`, so that most end in time.

    It is over with the first point of a learning curve, the candidate's end, or after `seconds`.
    """

    def __init__(self, job: Job, folder: Path, seconds: float = SECONDS) -> None:
        # It steps back behind others: its clock may run out before it has done anything, and it is not killed for that.
        rules = replace(job.rules, budget_s=min(job.rules.budget_s, seconds / 2), kill_s=0.9 * seconds)
        self.job = replace(job, target=folder, rules=rules, attempt=1)
        self.seconds = seconds
        self._end = time.monotonic() + START_S
        self._reported = False

    def hear(self, kind: str, data: Mapping[str, Any]) -> None:
        """Take in a message of the execution."""
        now = time.monotonic()
        phase = data.get("phase") if kind == "phase" else None
        if phase == "running":
            self._end = now + self.seconds
        elif phase == "scoring":
            self._end = now + AFTER_SUBMIT_S
        elif kind == "report" and not self._reported:
            self._reported = True
            self._end = min(self._end, now + AFTER_REPORT_S)

    def over(self) -> bool:
        """Whether enough was seen: it is stopped then."""
        return time.monotonic() >= self._end

    def told(self, outcome: Outcome) -> str:
        """What came of it: empty where it did not crash, else why, and below that the last lines of the traceback.

        An execution that ended through no fault of the candidate's is said to have shown nothing.
        """
        if outcome.verdict is Verdict.INTERRUPTED and not self.over():
            return f"it could not be tried: {one_line(outcome.reason)}"
        if outcome.verdict is not Verdict.CRASH:
            return ""
        return "\n".join([one_line(outcome.reason), *self._traceback(outcome.cell)])

    def _traceback(self, cell: str | None) -> list[str]:
        try:
            text = (self.job.target / self.job.notebook_name).read_text(encoding="utf-8")
            cells = nbformat.reads(text, as_version=4).cells
        except (OSError, ValueError):
            return []
        raised = [
            line
            for one in cells
            if name_of(one) == cell
            for output in one.get("outputs", ())
            if output.output_type == "error"
            for line in without_escapes("\n".join(output.traceback)).splitlines()
        ]
        return [line[:200].rstrip() for line in raised if line.strip()][-SHOWN:]

"""What the server answers, field by field: the twin of `extension/src/wire.ts`, from which the description is made.

Answers are not checked against it when they are given, which would cost as much as making them; tests do that.
"""

from autoloop_kernel.server.answers.arenas import ArenaItem, Arenas, Check, Import, ImportChoice, Strategy, Template
from autoloop_kernel.server.answers.common import Answer, Cost, Document, Mark, Metric, Problem, Said, Standing, Verdict
from autoloop_kernel.server.answers.iterations import (
    Attempt,
    Change,
    Compared,
    Comparison,
    Curve,
    Detail,
    Fresh,
    Gain,
    Page,
    Point,
    Row,
    Seconds,
    Sources,
    Tried,
)
from autoloop_kernel.server.answers.proposals import Proposal, Proposals
from autoloop_kernel.server.answers.state import Driver, Flight, Flying, Plan, Record, State, Waiting, Worker

__all__ = [
    "Answer",
    "ArenaItem",
    "Arenas",
    "Attempt",
    "Change",
    "Check",
    "Compared",
    "Comparison",
    "Cost",
    "Curve",
    "Detail",
    "Document",
    "Driver",
    "Flight",
    "Flying",
    "Fresh",
    "Gain",
    "Import",
    "ImportChoice",
    "Mark",
    "Metric",
    "Page",
    "Plan",
    "Point",
    "Problem",
    "Proposal",
    "Proposals",
    "Record",
    "Row",
    "Said",
    "Seconds",
    "Sources",
    "Standing",
    "State",
    "Strategy",
    "Template",
    "Tried",
    "Verdict",
    "Waiting",
    "Worker",
]

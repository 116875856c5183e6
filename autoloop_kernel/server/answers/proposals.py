"""Proposals: what each would change, and how it stands."""

from __future__ import annotations

from typing import Literal

from autoloop_kernel.server.answers.common import Answer
from autoloop_kernel.server.answers.iterations import Change


class Proposal(Answer):
    """A proposal and how it stands; `number` is its iteration's, or the one that it would get."""

    id: str
    number: int | None
    title: str
    hypothesis: str
    agent: str
    base: int | None
    status: Literal["pending", "waiting", "accepted", "ran", "invalid", "duplicate", "skipped"]
    reason: str
    iteration: int | None
    epoch: int
    time: float
    arena: str
    changes: list[Change]


class Proposals(Answer):
    """Proposals, in the order in which they came."""

    proposals: list[Proposal]

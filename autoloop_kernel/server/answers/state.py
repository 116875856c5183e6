"""How an arena stands: its driver, what is under way, its workers and agents."""

from __future__ import annotations

from typing import Literal

from autoloop_kernel.server.answers.common import Answer, Cost, Mark, Metric
from autoloop_kernel.views.workers import Run

Phase = Literal["idle", "running", "paused", "stopping"]


class Plan(Answer):
    """What the driver was told; `max_cost` in dollars, `workers` as for `--workers`."""

    iterations: int | None
    hours: float | None
    until: float | None
    max_cost: float | None
    queued: bool
    review: bool
    workers: str


class Driver(Answer):
    """The process that drives."""

    pid: int
    host: str
    since: float


class Waiting(Answer):
    """A proposal that waits for a person."""

    id: str
    title: str
    hypothesis: str
    agent: str
    base: int | None
    time: float


class Flying(Answer):
    """The iteration under way, also one that is run once more."""

    number: int
    attempt: int
    title: str
    agent: str
    hypothesis: str
    base: int | None


class Flight(Flying):
    """One of the iterations under way: its `phase` since when, and on which worker it runs ("": the only slot)."""

    phase: str
    since: float
    worker: str


class Worker(Answer):
    """A worker of the driver; `text` says why it is lost, refused or slow.

    `runs` is how many attempts it has ended. As of the moment `at` it was there for `up_seconds`, of which it ran
    something for `worked_seconds`; `busy` is that share.
    """

    name: str
    where: str
    hardware: str
    state: str
    text: str
    run: Run | None
    runs: int
    busy: float | None
    worked_seconds: float
    up_seconds: float
    at: float


class Record(Answer):
    """What came of one agent's proposals in this epoch; `dollars` is what its requests cost in all."""

    runs: int
    keeps: float
    gain: float
    seconds: float
    dollars: float


class State(Answer):
    """How an arena stands; `cost` is what its agents' requests took in all, `spent` this driver's dollars.

    `flights` are all iterations under way, `flying` is the first of them. `workers` are those of the driver that runs,
    or of the last one; there are none where it runs one iteration at a time.
    """

    arena: str
    name: str
    state: Phase
    problem: str
    driver: Driver | None
    agents: list[str]
    plan: Plan | None
    ran: int
    began: float | None
    left_seconds: float | None
    ended: str | None
    failed: bool
    phase: str
    phase_since: float
    flying: Flying | None
    flights: list[Flight]
    champion: Mark | None
    best: Mark | None
    baseline: Mark | None
    metric: Metric
    budget_s: float
    clock: Literal["wall", "cpu"]
    epoch: int | None
    counts: dict[str, int]
    total: int
    noise: float | None
    busy: float | None
    rate_per_hour: float | None
    cost: Cost
    spent: float
    records: dict[str, Record]
    waiting: list[Waiting]
    workers: list[Worker]

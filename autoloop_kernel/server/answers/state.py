"""How an arena stands: its driver, what is under way, its workers and agents."""

from __future__ import annotations

from typing import Literal

from autoloop_kernel.records import Sharing
from autoloop_kernel.server.answers.common import Answer, Cost, Mark, Metric, Standing
from autoloop_kernel.views.workers import Run

Phase = Literal["idle", "running", "paused", "stopping"]


class Plan(Answer):
    """What the driver was told; `max_cost` in dollars, `workers` as for `--workers`.

    It shares over the remote `share` (null: it does not) every `share_every` minutes; with `islands` each agent has a
    line of its own.
    """

    iterations: int | None
    hours: float | None
    until: float | None
    max_cost: float | None
    queued: bool
    review: bool
    workers: str
    share: str | None
    share_every: float | None
    islands: bool


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


class Island(Answer):
    """An agent's own line and its champion; `own`: it ran on it, else the line goes on from another one's."""

    name: str
    number: int
    score: float | None
    state: Standing | None
    title: str
    own: bool


class Exchange(Answer):
    """What a line of an agent was offered: iteration `number` of `source` goes `to` another (the main line: "").

    It is `tried` there, or not, and then `why` says why. A `restart` is no offer: the line `to` goes on from there.
    """

    time: float
    number: int
    source: str
    to: str
    tried: bool
    why: str
    restart: bool


class State(Answer):
    """How an arena stands; `cost` is what its agents' requests took in all, `spent` this driver's dollars.

    `flights` are all iterations under way, `flying` is the first of them. `workers` are those of the driver that runs,
    or of the last one; there are none where it runs one iteration at a time. `islands` are the lines of agents,
    `exchanges` the last of what they offered each other, oldest first; `sharing` is what moved to and from others.
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
    islands: list[Island]
    exchanges: list[Exchange]
    sharing: Sharing | None

"""What the server answers, field by field: the twin of `extension/src/wire.ts`, from which the description is made.

Answers are not checked against it when they are given, which would cost as much as making them; tests do that.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Verdict = Literal["keep", "discard", "crash", "timeout", "pruned", "scored", "interrupted", "contended"]
Standing = Literal["provisional", "confirmed", "refuted"]
Phase = Literal["idle", "running", "paused", "stopping"]


class Answer(BaseModel):
    """A JSON object with these fields and no other."""

    model_config = ConfigDict(extra="forbid")


class Problem(Answer):
    """An error: one plain line that says what is wrong and how to mend it."""

    message: str


class Metric(Answer):
    """The number that decides."""

    name: str
    direction: Literal["min", "max"]
    unit: str
    target: float | None
    grade: Literal["sealed", "self-reported"]


class ArenaItem(Answer):
    """One line of the arena picker; `problem` says why an unsound arena cannot run."""

    path: str
    name: str
    state: Literal["idle", "running", "paused", "stopping", "unsound"]
    iterations: int
    best: float | None
    metric: Metric | None
    problem: str


class Template(Answer):
    """A bundled arena."""

    name: str
    title: str
    summary: str


class Arenas(Answer):
    """The arenas below the server's root; `truncated`: there were more folders than are looked through."""

    arenas: list[ArenaItem]
    templates: list[Template]
    agents: list[str]
    truncated: bool


class Mark(Answer):
    """An iteration and its score; `state` is that of a keep."""

    number: int
    score: float | None
    state: Standing | None


class Row(Answer):
    """One iteration as a list shows it; `notebook` is the executed notebook's path below the server's root.

    `island` is the line that it belongs to, left out of the main line's.
    """

    number: int
    epoch: int
    base: int | None
    verdict: Verdict | None
    state: Standing | None
    score: float | None
    difference: float | None
    title: str
    agent: str
    reason: str
    time: float
    seconds: float
    attempts: int
    notebook: str
    island: str = ""


class Page(Answer):
    """Iterations, newest first; `total` counts all that pass the filters, `next` is the following page's `before`."""

    rows: list[Row]
    total: int
    next: int | None


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


class WorkerRun(Answer):
    """What a worker runs: an attempt of a kind (screen, replicate, …) at an iteration, since when."""

    number: int
    attempt: int
    kind: str
    title: str
    since: float
    phase: str
    phase_since: float


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
    run: WorkerRun | None
    runs: int
    busy: float | None
    worked_seconds: float
    up_seconds: float
    at: float


class Cost(Answer):
    """What requests to a model took: tokens by kind, and dollars (null where no price is known)."""

    model: str
    requests: int
    input: int
    output: int
    cache_read: int
    cache_write: int
    dollars: float | None
    unpriced: int


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


class Point(Answer):
    """One point of a learning curve."""

    step: float
    seconds: float
    numbers: dict[str, float | None]


class Curve(Answer):
    """The learning curve of an iteration's last attempt."""

    points: list[Point]


class Change(Answer):
    """A unit with its complete sources; null on the side that does not have it."""

    unit: str
    before: str | None
    after: str | None


class Sources(Answer):
    """An iteration's complete sources by unit: names of editable cells, and paths of editable files."""

    number: int
    units: dict[str, str]


class Attempt(Answer):
    """One execution with one seed."""

    attempt: int
    seed: int
    kind: str
    verdict: Verdict | None
    score: float | None
    reason: str


class Seconds(Answer):
    """Where the time went."""

    propose: float
    start: float
    run: float
    score: float
    total: float


class Gain(Answer):
    """By how much something improves (positive in either direction), with its 90 % interval."""

    mean: float
    low: float
    high: float


class Fresh(Answer):
    """What fresh runs say of an iteration.

    `screened` is what the runs that it was kept for showed, `gain` that over its base by `pairs` of fresh ones, `total`
    that over the baseline, `held_out` the same on data that no selection saw.
    """

    state: Standing | None
    screened: float | None
    pairs: int
    gain: Gain | None
    total: Gain | None
    held_out: Gain | None


class Detail(Answer):
    """One iteration: what was tried, why, what changed, how it learnt, and what came of it."""

    number: int
    base: int | None
    verdict: Verdict | None
    state: Standing | None
    score: float | None
    title: str
    agent: str
    hypothesis: str
    attempts: list[Attempt]
    seconds: Seconds
    notebook: str
    commit: str | None
    reason: str
    epoch: int
    facts: dict[str, Any]
    extra: dict[str, Any]
    diff: str
    curve: list[Point]
    changes: list[Change]
    arena: str
    metric: Metric
    time: float
    proposal: str
    budget_s: float
    clock: Literal["wall", "cpu"]
    base_score: float | None
    base_curve: list[Point]
    base_facts: dict[str, Any]
    log: str
    champion: bool
    cost: Cost
    fresh: Fresh


class Tried(Answer):
    """One attempt, in short."""

    seed: int
    score: float | None
    verdict: Verdict | None


class Compared(Answer):
    """One of two iterations, with the facts and the curve of its last attempt."""

    number: int
    base: int | None
    verdict: Verdict | None
    state: Standing | None
    score: float | None
    title: str
    agent: str
    attempts: list[Tried]
    seconds: Seconds
    notebook: str
    commit: str | None
    reason: str
    epoch: int
    facts: dict[str, Any]
    curve: list[Point]
    budget_s: float
    clock: Literal["wall", "cpu"]
    fresh: Fresh


class Comparison(Answer):
    """Two iterations side by side; `difference`: the score of `b` less that of `a`, null where they do not compare."""

    arena: str
    metric: Metric
    a: Compared
    b: Compared
    comparable: bool
    difference: float | None
    changes: list[Change]


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


class ImportChoice(Answer):
    """Something that agents may be let change: a code cell by its number, or a file."""

    name: str
    title: str
    editable: bool


class Import(Answer):
    """What an import would make of a file or folder; `whole`: a script that runs unchanged.

    `answer` is `none` where no function answers, and then `why` says why; `seals` are files for the referee alone.
    """

    whole: bool
    out: str
    score: str
    scores: list[str]
    direction: Literal["min", "max"]
    answer: str
    answers: list[str]
    choices: list[ImportChoice]
    seals: list[str]
    budget_s: float
    grade: Literal["sealed", "self-reported"]
    why: str
    notes: list[str]


class Said(Answer):
    """What an action brought, in one line for the person, and by name."""

    said: str
    path: str = Field(default="")
    id: str = Field(default="")
    number: int = Field(default=0)
    score: float | None = Field(default=None)


class Check(Answer):
    """What is wrong with an arena, and one line about a sound one."""

    errors: list[str]
    notes: list[str]
    sound: str


class Strategy(Answer):
    """The strategy cell's text, Markdown."""

    text: str


class Document(BaseModel):
    """A document in a format of its own."""

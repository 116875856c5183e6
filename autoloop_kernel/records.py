"""The small frozen dataclasses that pass between rooms.

Everything here is plain data: no I/O, no behaviour beyond conversion to and from JSON. A room that needs something of
another room gets it as one of these.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Any

EMPTY: Mapping[str, Any] = MappingProxyType({})


class AutoloopError(Exception):
    """A request that cannot be met. Its text is one plain line: what is wrong, and how to mend it."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in place of a traceback: one line, whatever an agent's text brought into the message."""
        return [f"AutoloopError: {' '.join(''.join(c if c.isprintable() else ' ' for c in str(self)).split())}"]


class Verdict(str, Enum):
    """What became of an iteration, or of one attempt at it.

    An iteration ends as `KEEP`, `DISCARD`, `CRASH`, `TIMEOUT` or `PRUNED`. An attempt ends as `SCORED` (a number to
    judge), `CRASH`, `TIMEOUT` or `PRUNED`; `INTERRUPTED` and `CONTENDED` attempts say nothing about the idea and are
    run again.
    """

    KEEP = "keep"
    DISCARD = "discard"
    CRASH = "crash"
    TIMEOUT = "timeout"
    PRUNED = "pruned"
    SCORED = "scored"
    INTERRUPTED = "interrupted"
    CONTENDED = "contended"

    def __str__(self) -> str:
        return self.value


class Kind(str, Enum):
    """Why an attempt was run."""

    SCREEN = "screen"
    REPLICATE = "replicate"
    CONFIRM = "confirm"
    HOLDOUT = "holdout"
    CALIBRATION = "calibration"

    def __str__(self) -> str:
        return self.value


LOST = (Verdict.INTERRUPTED, Verdict.CONTENDED)
"""Ends of an attempt that say nothing about the idea."""

MEASURED = "ablate"
"""The agent of iterations that are run to be measured: they are no candidates, and never kept."""

RESCUE = "rescue"
"""The agent of near misses that are given another chance: alone it may have code run that ran before."""

OTHERS = "others"
"""The agent of what somebody else's line keeps, tried here; whose it is stands in the proposal's id (`origin_of`)."""

HARNESS = "harness"
"""The name among an attempt's facts below which the harness's own stand; the candidate's cannot be called that."""


class Direction(str, Enum):
    """Which scores are better."""

    MIN = "min"
    MAX = "max"

    def __str__(self) -> str:
        return self.value

    def better(self, a: float, b: float) -> bool:
        """Whether score `a` is strictly better than score `b`."""
        return a < b if self is Direction.MIN else a > b


SEALED, SELF_REPORTED = "sealed", "self-reported"
"""Who finds an arena's number: the referee, from answers alone; or the candidate's own code, which states it."""


@dataclass(frozen=True)
class Metric:
    """The number that decides: its name, which way is better, its unit, and the value at which the loop may stop.

    `grade` says who finds it, `SEALED` or `SELF_REPORTED`: whoever reads a score should know which it is.
    """

    name: str
    direction: Direction
    unit: str = ""
    target: float | None = None
    grade: str = SEALED

    @property
    def doubt(self) -> str:
        """What to add to this metric's numbers: nothing where the referee finds them, else ` (self-reported)`."""
        return "" if self.grade == SEALED else f" ({self.grade})"


@dataclass(frozen=True)
class Rules:
    """What an arena's notebook metadata states about a run.

    Times are seconds, memory is MiB of resident memory of the candidate's process tree; globs are relative to the
    arena's folder and use forward slashes. `contention` is the share of the CPU (or GPU) that others may take from a
    run before it is run again; 1 allows all. `answer_s` is how long all answers may take, None the usual share. `prune`
    says by which curve runs are given up that lie far behind; empty, and none is. `locked` are globs of files that
    candidates and agents may read and nobody's proposal may change: another content is another game.
    """

    metric: Metric
    budget_s: float
    clock: str = "wall"
    kill_s: float | None = None
    score_timeout_s: float = 60.0
    memory_mb: float | None = None
    artifacts: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    sealed: tuple[str, ...] = ()
    keep: Mapping[str, Any] = field(default_factory=dict)
    limits: Mapping[str, Any] = field(default_factory=dict)
    prune: Mapping[str, Any] = field(default_factory=dict)
    kernel: str = "python3"
    contention: float = 0.2
    answer_s: float | None = None
    locked: tuple[str, ...] = ()

    @property
    def answering_s(self) -> float:
        """Seconds on the arena's clock that all answers may take, beside what the candidate left of its budget.

        Half the budget, 10 s at least, where the arena does not say.
        """
        return self.answer_s if self.answer_s is not None else max(10.0, 0.5 * self.budget_s)

    @property
    def contention_limit(self) -> float | None:
        """The share that others may take; None where they may take all."""
        return self.contention if self.contention < 1 else None

    @property
    def grace_s(self) -> float:
        """How far past the budget a candidate may run before it is killed: max(2 s, 2 %)."""
        return max(2.0, 0.02 * self.budget_s)

    @property
    def deadline_s(self) -> float:
        """Seconds on the arena's clock after which the candidate is killed."""
        return self.kill_s if self.kill_s is not None else self.budget_s + self.grace_s


@dataclass(frozen=True)
class Proposal:
    """A title, a hypothesis and new source for some of the editable surface.

    `units` maps the name of an editable cell, or the path of an editable file relative to the arena's folder, to its
    complete new source; units that are left out stay as they are in the base. `base` is the number of the iteration
    that it edits, None for the champion as it stands when the proposal is made. `island` is the line that it goes on
    with, empty for the main line; whoever asks the agent sets it.
    """

    title: str
    units: Mapping[str, str]
    hypothesis: str = ""
    agent: str = ""
    base: int | None = None
    id: str = ""
    island: str = ""


@dataclass(frozen=True)
class Point:
    """One point of a learning curve: the step, seconds on the arena's clock, and the named numbers."""

    step: float
    seconds: float
    numbers: Mapping[str, float]


@dataclass(frozen=True)
class Seconds:
    """Where an iteration's wall-clock time went.

    `propose`: the agent; `start`: from the request to the first editable cell; `run`: first editable cell to the end of
    the last candidate cell; `score`: the referee's score cells; `total`: all of it, harness included.
    """

    propose: float = 0.0
    start: float = 0.0
    run: float = 0.0
    score: float = 0.0
    total: float = 0.0


@dataclass(frozen=True)
class Job:
    """One execution to be made: an attempt at an iteration.

    `notebook` is the candidate notebook as nbformat-4 JSON text; `files` the sources of the editable files by path;
    `folder` the arena's folder; `target` the iteration's folder, where the executed notebook (`notebook_name`), the log
    and the artifacts go; `run_id` marks the environment of every process of this run. `contention` is the share of the
    machine that others may take before the attempt is CONTENDED (None: whatever they do); with `counts` it is scored
    all the same, and the harness's own facts say what they did. `system` is the folder above `proc` and `sys`.
    """

    iteration: int
    attempt: int
    seed: int
    kind: Kind
    notebook: str
    files: Mapping[str, str]
    folder: Path
    target: Path
    rules: Rules
    run_id: str
    game: str = ""
    contention: float | None = None
    counts: bool = False
    system: Path = Path("/")

    @property
    def notebook_name(self) -> str:
        """`iteration.ipynb` for the first attempt, `attempt-2.ipynb` and so on after it."""
        return "iteration.ipynb" if self.attempt == 1 else f"attempt-{self.attempt}.ipynb"


@dataclass(frozen=True)
class Outcome:
    """What one execution brought: `verdict` is SCORED, CRASH, TIMEOUT, PRUNED, INTERRUPTED or CONTENDED.

    `reason` says in plain words why there is no score (empty when SCORED); `cell` names the cell that failed; `extra`
    holds what the score cell recorded beside the number, `facts` the candidate's receipt (its own words, no score) and,
    below `HARNESS`, what the harness itself saw.
    """

    verdict: Verdict
    reason: str = ""
    score: float | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    curve: tuple[Point, ...] = ()
    seconds: Seconds = Seconds()
    cell: str | None = None


@dataclass(frozen=True)
class Attempt:
    """One execution of an iteration with one seed, as the ledger keeps it."""

    attempt: int
    seed: int
    kind: Kind
    verdict: Verdict | None = None
    score: float | None = None
    reason: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    seconds: Seconds = Seconds()


@dataclass(frozen=True)
class Iteration:
    """One proposal, run and judged. `verdict` is None while it is in flight.

    `base` is the number of the iteration that it edits (None for a baseline); `state` is `provisional`, `confirmed`,
    `refuted` or None; `notebook` is relative to the arena's folder; `commit` is the hex id in the lineage; `island` is
    the line that it belongs to, empty for the main line.
    """

    number: int
    epoch: int
    proposal: str
    title: str
    agent: str
    base: int | None = None
    hypothesis: str = ""
    verdict: Verdict | None = None
    state: str | None = None
    score: float | None = None
    reason: str = ""
    attempts: tuple[Attempt, ...] = ()
    seconds: Seconds = Seconds()
    notebook: str = ""
    commit: str | None = None
    game: str = ""
    time: float = 0.0
    island: str = ""


@dataclass(frozen=True)
class Finding:
    """What an iteration taught, in words and numbers, for every later proposal to read.

    `iteration` is None where it is a person's reason for skipping a proposal, which has no number. `origin` is whose
    result it is, empty for this arena's own. `expired` says why it may no longer hold, empty while nothing speaks
    against it.
    """

    iteration: int | None
    text: str
    numbers: Mapping[str, Any] = field(default_factory=dict)
    origin: str = ""
    expired: str = ""


@dataclass(frozen=True)
class Other:
    """Where the line of somebody else (`origin`) stands: its iteration `number`, by `agent`, with `score` and `state`.

    `comparable`: it was scored in the same game, on the same class of `hardware`; `units` are then its complete sources
    and `base` those of the baseline that its line began with. Empty where they are not known.
    """

    origin: str
    number: int
    title: str
    agent: str
    score: float | None
    state: str
    comparable: bool
    hardware: str = ""
    units: Mapping[str, str] = field(default_factory=dict)
    base: Mapping[str, str] = field(default_factory=dict)

    @property
    def whose(self) -> str:
        """Whose iteration it is, in words: `6 of 7ecff155`."""
        return f"{self.number} of {self.origin[:8]}"

    @property
    def proposal(self) -> str:
        """The id of the proposal by which it is tried here: the same each time, so that it is tried once."""
        return f"{OTHERS}-{self.origin}-{self.number:04d}"


@dataclass(frozen=True)
class Taken:
    """What was taken in from somebody else (`origin`): how many `findings`, and what they keep last that stands.

    That is their iteration `champion` (None: nothing but a baseline), by `agent`, with `title`, `score` and `state`.
    """

    origin: str
    findings: int
    champion: int | None = None
    title: str = ""
    agent: str = ""
    score: float | None = None
    state: str = ""


@dataclass(frozen=True)
class Sharing:
    """How sharing stands: `pushed` own iterations lie at the `remote`, `pulled` ones of others (`origins`) are here.

    `at` is when the remote answered last, `pushed_at` and `pulled_at` when something went and came (seconds since
    1970; None: never). `trouble` is why it does not answer now. The remote is empty where no driver shares by itself.
    `whose` says of the others who gave most what came from each.
    """

    remote: str = ""
    at: float | None = None
    pushed: int = 0
    pushed_at: float | None = None
    pulled: int = 0
    pulled_at: float | None = None
    origins: int = 0
    trouble: str = ""
    whose: tuple[Taken, ...] = ()


def origin_of(proposal: str) -> str:
    """Whose iteration the proposal of this id tries (`7ecff155ab12/6`); empty where it is this arena's own."""
    parts = proposal.split("-")
    known = len(parts) == 3 and parts[0] == OTHERS and parts[2].isascii() and parts[2].isdecimal()
    return f"{parts[1]}/{int(parts[2])}" if known else ""


@dataclass(frozen=True)
class Remembered:
    """What the memory was good for in an epoch.

    `avoided` proposals were refused because their code had run before, which spared `seconds` of the trainer's time;
    of these `others` by what others had shared. Of `runs` edits that ran, `again` added lines again that a kept step
    had taken out, and `near` were nearly the same as an earlier one.
    """

    avoided: int = 0
    seconds: float = 0.0
    others: int = 0
    runs: int = 0
    again: int = 0
    near: int = 0

    @property
    def share(self) -> float:
        """The share of evaluations avoided among all that were asked for, 0 to 1."""
        return self.avoided / (self.avoided + self.runs) if self.avoided else 0.0

    @property
    def rate(self) -> float:
        """The re-introduction rate: the share of runs that added deleted lines again, 0 to 1."""
        return self.again / self.runs if self.runs else 0.0


@dataclass(frozen=True)
class Record:
    """What came of one agent's proposals in an epoch: how many ran, how many were kept, what they gained and cost.

    Of `keeps`, one that fresh seeds upheld counts 1, a provisional one 0.5, a refuted one nothing. `gain` is the sum of
    what they improved on their bases, weighed the same way, in the metric's unit; `seconds` is the trainer's time that
    the runs took, `dollars` what the agent's requests cost, in all epochs.
    """

    runs: int = 0
    keeps: float = 0.0
    gain: float = 0.0
    seconds: float = 0.0
    dollars: float = 0.0


@dataclass(frozen=True)
class Cost:
    """What requests to a model took: tokens by kind, and dollars (None where no price is known).

    `input` is what was neither read from the cache nor written to it. In a sum `dollars` is that of the requests whose
    price is known, and `unpriced` counts the others.
    """

    model: str = ""
    requests: int = 0
    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    dollars: float | None = None
    unpriced: int = 0


@dataclass(frozen=True)
class Event:
    """One row of the append-only event table that every face follows."""

    seq: int
    time: float
    kind: str
    iteration: int | None = None
    attempt: int | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Command:
    """One row of the append-only command table: a verb that a face asks of the driver, and the driver's reply."""

    id: int
    time: float
    verb: str
    args: Mapping[str, Any] = field(default_factory=dict)
    reply: str | None = None


def to_json(record: Any) -> Any:
    """Turn a record (or a structure of records) into what `json.dumps` takes: dicts, lists, strings and numbers."""
    if dataclasses.is_dataclass(record) and not isinstance(record, type):
        return {f.name: to_json(getattr(record, f.name)) for f in dataclasses.fields(record)}
    if isinstance(record, Enum):
        return record.value
    if isinstance(record, Mapping):
        return {str(key): to_json(value) for key, value in record.items()}
    if isinstance(record, (list, tuple)):
        return [to_json(value) for value in record]
    if isinstance(record, Path):
        return str(record)
    return record


def rules_from_json(data: Mapping[str, Any]) -> Rules:
    """Rebuild `Rules` from what `to_json` made of it."""
    fields = dict(data)
    metric = dict(fields.pop("metric"))
    metric["direction"] = Direction(metric["direction"])
    for name in ("artifacts", "files", "sealed", "locked"):
        fields[name] = tuple(fields.get(name, ()))
    return Rules(metric=Metric(**metric), **fields)


def job_from_json(data: Mapping[str, Any]) -> Job:
    """Rebuild a `Job` from what `to_json` made of it."""
    fields = dict(data)
    fields["kind"] = Kind(fields["kind"])
    for name in ("folder", "target", "system"):
        fields[name] = Path(fields[name])
    fields["rules"] = rules_from_json(fields["rules"])
    return Job(**fields)


def outcome_from_json(data: Mapping[str, Any]) -> Outcome:
    """Rebuild an `Outcome` from what `to_json` made of it."""
    fields = dict(data)
    fields["verdict"] = Verdict(fields["verdict"])
    fields["curve"] = tuple(Point(**point) for point in fields.get("curve", ()))
    fields["seconds"] = Seconds(**fields.get("seconds", {}))
    return Outcome(**fields)

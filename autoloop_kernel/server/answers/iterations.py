"""Iterations: as a list shows them, one with all that is known, two beside each other."""

from __future__ import annotations

from typing import Any, Literal

from autoloop_kernel.server.answers.common import Answer, Cost, Metric, Standing, Verdict


class Row(Answer):
    """One iteration as a list shows it; `notebook` is the executed notebook's path below the server's root.

    `island` is the line that it belongs to, left out of the main line's; `origin` whose iteration it tries
    (`7ecff155ab12/6`), left out of one's own.
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
    origin: str = ""


class Page(Answer):
    """Iterations, newest first; `total` counts all that pass the filters, `next` is the following page's `before`."""

    rows: list[Row]
    total: int
    next: int | None


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


class Recorded(Answer):
    """What is told of an iteration wherever it is not one of a list: curve and facts are those of its last attempt."""

    number: int
    base: int | None
    verdict: Verdict | None
    state: Standing | None
    score: float | None
    title: str
    agent: str
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
    island: str = ""
    origin: str = ""


class Detail(Recorded):
    """One iteration: what was tried, why, what changed, how it learnt, and what came of it."""

    hypothesis: str
    attempts: list[Attempt]
    extra: dict[str, Any]
    diff: str
    changes: list[Change]
    arena: str
    metric: Metric
    time: float
    proposal: str
    base_score: float | None
    base_curve: list[Point]
    base_facts: dict[str, Any]
    log: str
    champion: bool
    cost: Cost


class Tried(Answer):
    """One attempt, in short."""

    seed: int
    score: float | None
    verdict: Verdict | None


class Compared(Recorded):
    """One of two iterations."""

    attempts: list[Tried]


class Comparison(Answer):
    """Two iterations side by side; `difference`: the score of `b` less that of `a`, null where they do not compare."""

    arena: str
    metric: Metric
    a: Compared
    b: Compared
    comparable: bool
    difference: float | None
    changes: list[Change]

"""A report as plain data: what the ledger held, so that a notebook can carry it and show it again anywhere."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from autoloop_kernel.records import Cost, Iteration, Metric, Verdict, to_json

COLUMNS = ("number", "verdict", "state", "score", "title")
"""What a report holds of every iteration."""


@dataclass(frozen=True)
class Effect:
    """What a change is worth: `mean`, positive is better in either direction (units of the score), its 90 % interval.

    `source` says what tells it: `fresh` (runs made afterwards to confirm, `runs` pairs of them), `judge` (what the keep
    rule believed when it ruled), `runs` (the difference of what was run, in its noise), `run` (that difference, and the
    noise is not known: no interval), `holdout` (runs on data that no selection saw).
    """

    mean: float
    low: float | None
    high: float | None
    source: str
    runs: int = 1


@dataclass(frozen=True)
class Mark:
    """An iteration, its score as it was judged, and what it was called."""

    number: int
    score: float | None
    title: str


@dataclass(frozen=True)
class Step:
    """A kept step of the line from the baseline to the champion, oldest first.

    `screened` is the difference to its base as both were judged; `new` says that it began in the time of the report.
    """

    number: int
    base: int
    title: str
    agent: str
    state: str
    score: float | None
    screened: float | None
    effect: Effect | None
    new: bool = True


@dataclass(frozen=True)
class Failures:
    """Runs that failed alike: `what` in words, how many, some of their numbers, the seconds they took, one reason."""

    what: str
    verdict: str
    count: int
    numbers: tuple[int, ...]
    seconds: float
    example: str


@dataclass(frozen=True)
class Touched:
    """What became of the iterations that changed the code of one name; `best` is the best gain among those scored."""

    name: str
    tried: int
    kept: int
    discarded: int
    failed: int
    best: float | None


@dataclass(frozen=True)
class Open:
    """An iteration about which the last word is not said: its gain over its base, and how often it was run."""

    number: int
    title: str
    gain: float | None
    runs: int


@dataclass(frozen=True)
class Spent:
    """Where the time went, in seconds, each second in one place.

    `train` and `score` of runs that ended in a score, `harness` what they took besides; `failed`: runs that crashed,
    ran out of time or were pruned; `lost`: runs that were interrupted or contended; `between`: a driver was at work
    and nothing ran. `fresh` is what confirming took, already counted in the others; `thought` how long agents thought,
    much of it beside runs.
    """

    train: float = 0.0
    score: float = 0.0
    harness: float = 0.0
    failed: float = 0.0
    lost: float = 0.0
    between: float = 0.0
    fresh: float = 0.0
    thought: float = 0.0
    driven: float = 0.0


@dataclass(frozen=True)
class Agent:
    """What one agent's proposals came to: runs, standing keeps, failures, trainer's seconds, dollars (None: free)."""

    name: str
    runs: int
    keeps: int
    failed: int
    seconds: float
    dollars: float | None


@dataclass(frozen=True)
class Report:
    """Everything that a report says; see `gather`.

    `path` is how the arena is named in commands. `rows` are the epoch's iterations as [number, verdict, state, score,
    title of a keep]. `start` is where the time of the report began: the baseline, else the line's last step before
    `since` (seconds since 1970, None: from the beginning). `fresh` is the champion against the baseline by fresh runs
    of both, `held_out` the same on data that no selection saw. `steps` are the latest of the `line` from the baseline
    to the champion. `untouched` names constants that nobody has changed, of `names` that there are. `failing` is how
    many of the last iterations failed one after the other. `ablated`: which steps matter was measured.
    """

    arena: str
    path: str
    metric: Metric
    made: float
    since: float | None
    epoch: int | None
    epochs: int
    rows: tuple[tuple[int, str, str | None, float | None, str], ...]
    counts: Mapping[str, int]
    began: float | None
    noise: float | None
    repeats: int
    baseline: Mark | None
    start: Mark | None
    champion: Mark | None
    fresh: Effect | None
    held_out: Effect | None
    steps: tuple[Step, ...]
    line: int
    refuted: tuple[Open, ...]
    failures: tuple[Failures, ...]
    touched: tuple[Touched, ...]
    looked: int
    untouched: tuple[str, ...]
    names: int
    near: tuple[Open, ...]
    waiting: tuple[str, ...]
    queued: int
    running: bool
    failing: int
    ablated: bool
    spent: Spent
    agents: tuple[Agent, ...]
    cost: Cost

    @property
    def total(self) -> int:
        """How many iterations ended in the time of the report."""
        return sum(self.counts.values())

    @property
    def began_with_baseline(self) -> bool:
        """Whether the baseline is one of the keeps that are counted."""
        told = self.rows[len(self.rows) - self.total :]
        return self.baseline is not None and any(row[0] == self.baseline.number for row in told)

    @property
    def unconfirmed(self) -> tuple[Step, ...]:
        """The steps of the line that fresh runs have not upheld yet, the newest first."""
        return tuple(step for step in reversed(self.steps) if step.state == "provisional")

    @property
    def screened(self) -> float | None:
        """The champion's score less the baseline's as both were judged, positive where it is better."""
        first, last = self.baseline, self.champion
        return None if first is None or last is None else gain(last.score, first.score, self.metric)

    @property
    def optimism(self) -> tuple[float, float, int] | None:
        """What the steps with fresh runs gained as they were judged, what by fresh runs, and how many they are."""
        told = [(screened, effect.mean) for screened, effect in self._looked_at_again()]
        if not told:
            return None
        return sum(one for one, _ in told), sum(other for _, other in told), len(told)

    @property
    def doubt(self) -> float:
        """How far what fresh runs say of those steps together may be from the truth: half of its 90 % interval."""
        found = [effect for _, effect in self._looked_at_again()]
        halves = [(e.high - e.low) / 2 for e in found if e.high is not None and e.low is not None]
        return math.hypot(*halves)

    def _looked_at_again(self) -> list[tuple[float, Effect]]:
        """The steps with fresh runs: what each gained as it was judged, and what by fresh runs."""
        return [(s.screened, s.effect) for s in self.steps if s.effect and s.effect.source == "fresh" and s.screened]

    def iterations(self) -> list[Iteration]:
        """The rows as iterations, for the progress plot."""
        return [
            Iteration(number, self.epoch or 1, "", title, "", verdict=Verdict(verdict), state=state, score=score)
            for number, verdict, state, score, title in self.rows
        ]


def gain(score: float | None, before: float | None, metric: Metric) -> float | None:
    """How much better `score` is than `before` (negative: worse), whichever way is better; None without both."""
    if score is None or before is None:
        return None
    return before - score if metric.direction.value == "min" else score - before


def to_data(report: Report) -> dict[str, Any]:
    """The report as what JSON holds; the rows column by column, which a reader scrolls past in a few lines."""
    found: dict[str, Any] = to_json(report)
    columns = zip(*report.rows, strict=True) if report.rows else ()
    return found | {"rows": dict(zip(COLUMNS, map(list, columns), strict=False))}


def from_data(data: Mapping[str, Any]) -> Report:
    """The report that `to_data` took apart."""
    columns = [data["rows"].get(name, []) for name in COLUMNS]
    found: Report = _adapter().validate_python({**data, "rows": list(zip(*columns, strict=True))})
    return found


@lru_cache(1)
def _adapter() -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(Report)

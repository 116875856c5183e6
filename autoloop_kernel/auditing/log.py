"""What a log of experiments says, line by line, and how it travels as JSON inside a notebook."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from autoloop_kernel.records import Direction, Verdict

NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?", re.ASCII)
NO_NUMBER = re.compile(r"[-+]?(nan|inf(inity)?)", re.ASCII | re.IGNORECASE)
FAILED = (Verdict.CRASH, Verdict.TIMEOUT)


def number(written: str) -> float | None:
    """The score that a cell holds, NaN and infinities too; None where it holds none."""
    text = written.strip().replace("\N{MINUS SIGN}", "-")
    return float(text) if NUMBER.fullmatch(text) or NO_NUMBER.fullmatch(text) else None


def finite(value: float) -> bool:
    """Whether a number may have been measured: NaN is not, and what is as good as infinite is neither."""
    return math.isfinite(value) and abs(value) < 1e100


@dataclass(frozen=True)
class Entry:
    """One experiment of a log.

    `line` is its number in the file, from 1. `written` is the score as it stands there, since digits that were left out
    matter. `verdict` is KEEP, DISCARD, CRASH, TIMEOUT, or SCORED where the log only says that it ran.
    """

    line: int
    commit: str
    written: str
    verdict: Verdict
    description: str

    @property
    def number(self) -> float | None:
        """What is written as the score, NaN and infinities too; None for no number."""
        return number(self.written)

    @property
    def score(self) -> float | None:
        """The score of an experiment that ran to its end; None for a failed one, and for what is no finite number."""
        value = self.number
        return value if self.verdict not in FAILED and value is not None and finite(value) else None


@dataclass(frozen=True)
class Problem:
    """A line that cannot be used, or not as it stands: its number in the file, from 1, and why in plain words."""

    line: int
    why: str


@dataclass(frozen=True)
class Log:
    """A log as it was read: `metric` names its score, `notes` say in plain words how it was read, `odd` that its
    keeps or its name speak for the other direction.

    `missing` are the lines whose commit the repository lacks, `diffs` the changes of keeps by line; `repository` says
    in words what was looked at (empty: nothing).
    """

    name: str
    metric: str
    direction: Direction
    entries: tuple[Entry, ...]
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    repository: str = ""
    missing: tuple[int, ...] = ()
    diffs: Mapping[int, str] = field(default_factory=dict)
    odd: bool = False


def to_data(log: Log) -> dict[str, Any]:
    """The log as what JSON holds, an entry as a short list, so that a person can read it in a notebook."""
    return {
        "name": log.name,
        "metric": log.metric,
        "direction": log.direction.value,
        "entries": [[e.line, e.commit, e.written, e.verdict.value, e.description] for e in log.entries],
        "problems": [[p.line, p.why] for p in log.problems],
        "notes": list(log.notes),
        "repository": log.repository,
        "missing": list(log.missing),
        "odd": log.odd,
        "diffs": {str(line): text for line, text in log.diffs.items()},
    }


def from_data(data: Mapping[str, Any]) -> Log:
    """The log that `to_data` told of."""
    return Log(
        name=str(data["name"]),
        metric=str(data["metric"]),
        direction=Direction(data["direction"]),
        entries=tuple(Entry(e[0], e[1], e[2], Verdict(e[3]), e[4]) for e in data["entries"]),
        problems=tuple(Problem(line, why) for line, why in data["problems"]),
        notes=tuple(data["notes"]),
        repository=data["repository"],
        missing=tuple(data["missing"]),
        diffs={int(line): text for line, text in data["diffs"].items()},
        odd=data.get("odd", False),
    )

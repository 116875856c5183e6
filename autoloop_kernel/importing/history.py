"""What was tried before an import, by a log such as results.tsv: read, and told to agents."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from autoloop_kernel.auditing.log import Entry, Log
from autoloop_kernel.auditing.reading import read
from autoloop_kernel.records import AutoloopError, Direction, Verdict

SHOWN = {Verdict.KEEP: 20, Verdict.DISCARD: 20, Verdict.CRASH: 10, Verdict.TIMEOUT: 5}
"""How many experiments of each end are told of: the latest keeps, the best discards."""
_WORDS = {Verdict.KEEP: "kept", Verdict.DISCARD: "not kept", Verdict.CRASH: "crashed", Verdict.TIMEOUT: "took too long"}


def columns(path: Path) -> list[str]:
    """The names in the first line of a log; [] where there is none."""
    try:
        first = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()[:1]
    except OSError:
        return []
    return next(csv.reader(first, delimiter="\t" if first and "\t" in first[0] else ","), [])


def history(path: Path, direction: Direction, score: str) -> Log | None:
    """The log at `path`, with the column `score` where there is one; None where no line of it can be used."""
    try:
        raw = path.read_bytes()
    except OSError:
        return None
    try:
        log = read(raw, path.name, direction, score)
    except AutoloopError:
        log = read(raw, path.name, direction)
    return log if log.entries else None


def told(log: Log) -> str:
    """What was tried, as a section of a strategy in Markdown."""
    scores = [entry.score for entry in log.entries if entry.verdict is Verdict.KEEP and entry.score is not None]
    best = (min if log.direction is Direction.MIN else max)(scores, default=None)
    counts = ", ".join(
        f"{count} {word}" for end, word in _WORDS.items() if (count := sum(e.verdict is end for e in log.entries))
    )
    head = f"{len(log.entries)} experiments before this arena ({counts})"
    head += f"; the best that was kept had {best:g}." if best is not None else "."
    note = "Those numbers come from other runs, perhaps of another machine: hold new ones against the baseline here."
    rows = [f"- {_row(entry)}" for entry in _chosen(log)]
    left = len(log.entries) - len(rows)
    more = [f"- … and {left} more in {log.name}"] if left else []
    return "\n".join([f"## What has been tried ({log.name})", "", head, note, "", *rows, *more])


def _chosen(log: Log) -> Sequence[Entry]:
    """The experiments that are worth telling of, in the order of the log."""
    sign = 1 if log.direction is Direction.MIN else -1
    chosen: set[int] = set()
    for end, most in SHOWN.items():
        own = [entry for entry in log.entries if entry.verdict is end]
        if end is Verdict.DISCARD:
            own.sort(key=lambda entry: -sign * entry.score if entry.score is not None else float("-inf"))
        chosen |= {entry.line for entry in own[-most:]}
    return [entry for entry in log.entries if entry.line in chosen]


def _row(entry: Entry) -> str:
    said = " ".join(entry.description.split())[:160] or "no description"
    score = f" {entry.score:g}" if entry.score is not None else ""
    return f"{_WORDS[entry.verdict]}{score}: {said}"

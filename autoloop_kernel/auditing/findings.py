"""What a log says against itself: contradictions, keeps without gain, duplicates, failures that look like records.

Pure: entries in, lines and plain words out. No text of the log is in the words.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from autoloop_kernel.auditing.log import FAILED, Entry, finite
from autoloop_kernel.auditing.story import Step, impossible
from autoloop_kernel.records import Direction, Verdict


@dataclass(frozen=True)
class Doubt:
    """Something odd: the lines that it is about, and what is odd about them."""

    lines: tuple[int, ...]
    said: str


def contradictions(entries: Sequence[Entry], steps: Sequence[Step]) -> list[Doubt]:
    """Verdicts that the scores speak against, and commits that were both kept and thrown away."""
    found = []
    for step in steps:
        if step.champion is None:
            continue
        apart = f"{abs(step.gain):.4g} than line {step.champion.line}, the best keep before"
        if step.kept and step.gain < 0:
            found.append(Doubt((step.entry.line,), f"kept, though worse by {apart}"))
        if not step.kept and step.gain > 0:
            found.append(Doubt((step.entry.line,), f"discarded, though better by {apart}"))
    for same in _groups(entries, lambda entry: (_commit(entry), described(entry)) if entry.commit else None):
        if len({entry.verdict is Verdict.KEEP for entry in same}) == 2:
            found.append(Doubt(tuple(e.line for e in same), "the same commit and description, kept here and not there"))
    return sorted(found, key=lambda doubt: doubt.lines)


def unimproving(steps: Sequence[Step]) -> list[Doubt]:
    """Keeps that are no better than the best before them."""
    found = []
    for step in steps:
        if step.kept and step.champion is not None and step.gain <= 0:
            line = step.champion.line
            worse = f"worse than line {line} by {-step.gain:.4g}" if step.gain else f"as good as line {line}"
            found.append(Doubt((step.entry.line,), worse if step.gain else f"{worse} to the last digit"))
    return found


def false_minima(entries: Sequence[Entry], steps: Sequence[Step], direction: Direction) -> list[Doubt]:
    """Numbers that nobody measured, and that a search for the best would take: zeros of crashes, NaN, infinities."""
    scores = [step.score for step in steps]
    real = (min if direction is Direction.MIN else max)(scores, default=None)
    zeros = impossible(entries, direction)
    found = []
    for entry in entries:
        value = entry.number
        if value is None:
            continue
        failed = entry.verdict in FAILED
        what = f"a {entry.verdict}" if failed else "a run"
        if not finite(value):
            found.append(
                Doubt((entry.line,), f"{what} logged as {'not a number' if math.isnan(value) else 'infinite'}")
            )
        elif entry.line in zeros:
            found.append(Doubt((entry.line,), f"a run logged as {value:g}, which stands for no score"))
        elif failed and (real is None or direction.better(value, real)):
            found.append(Doubt((entry.line,), f"{what} logged as {value:g}, better than every real score"))
    return found


def duplicates(entries: Sequence[Entry]) -> list[Doubt]:
    """Lines with the same commit, and lines with the same description; what a failed run repeats is none."""
    found = [Doubt(tuple(e.line for e in same), _of_commit(same)) for same in _groups(entries, _commit)]
    for same in _groups(entries, described):
        commits = {entry.commit.casefold() for entry in same}
        if len(commits) > 1 or commits == {""}:
            found.append(Doubt(tuple(e.line for e in same), "the same description"))
    return sorted(found, key=lambda doubt: doubt.lines)


def equal_scores(steps: Sequence[Step]) -> tuple[list[Doubt], float]:
    """Different experiments whose scores agree to the last digit, and how many such pairs chance alone would make.

    A score of k decimals falls on a grid. As many pairs lie on neighbouring points of it as twice those that would
    meet on one point, where scores are spread smoothly; ten neighbours on either side tell the number.
    """
    groups = [same for same in _groups([step.entry for step in steps], _number) if _differ(same)]
    decimals = sorted(max(0, -int(Decimal(repr(step.score)).as_tuple().exponent)) for step in steps)
    places = decimals[int(0.9 * (len(decimals) - 1))] if decimals else 0  # zeros at the end were not measured
    held = Counter(round(step.score * 10**places) for step in steps)
    near = sum(count * held[at + shift] for at, count in held.items() for shift in range(1, 11))
    return [Doubt(tuple(e.line for e in same), "the same score to the last digit") for same in groups], near / 20


def _number(entry: Entry) -> Hashable:
    return entry.score


def _differ(same: Sequence[Entry]) -> bool:
    """Whether these are several experiments, not one that was logged or run twice."""
    return len({_commit(entry) or entry.line for entry in same}) > 1


def _commit(entry: Entry) -> str:
    return entry.commit.casefold()


def described(entry: Entry) -> str:
    """A description as it is compared: without case and spacing; empty for a failed run, which may be tried again."""
    return "" if entry.verdict in FAILED else " ".join(entry.description.casefold().split())


def _of_commit(same: Sequence[Entry]) -> str:
    scores = {entry.written for entry in same}
    return "the same commit and the same score" if len(scores) == 1 else "the same commit with different scores"


def _groups(entries: Sequence[Entry], key: Callable[[Entry], Hashable]) -> list[list[Entry]]:
    """Those that share a key, two or more; an empty key is none."""
    found: dict[Hashable, list[Entry]] = defaultdict(list)
    for entry in entries:
        if (value := key(entry)) not in ("", None):
            found[value].append(entry)
    return [same for same in found.values() if len(same) > 1]

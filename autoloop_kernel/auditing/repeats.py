"""Which experiments of a log ran the same code again: what they differ by is noise."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from autoloop_kernel.auditing.findings import described
from autoloop_kernel.auditing.log import Entry
from autoloop_kernel.auditing.story import Step

RERUN = re.compile(
    r"\b(re-?runs?|re-?ran|run again|ran again|repeat(ed)?|replicate[sd]?|same (code|config|setup))\b", re.I
)
SEED = re.compile(r"\bseeds?\b", re.I)
AGAIN = re.compile(r"\b(again|baseline|confirm\w*|verif\w*|check)\b", re.I)
"""What of a commit that was logged before lets expect that it was only run once more."""
OTHER = re.compile(r"\b(and|with|plus|also)\b|\+|;|,", re.I)


@dataclass(frozen=True)
class Repeat:
    """Runs of the same code: their lines, their scores, and how the log shows that they are.

    `champion`: the first of them was the champion when the others were run, so that it was taken for being lucky.
    """

    lines: tuple[int, ...]
    scores: tuple[float, ...]
    why: str
    champion: bool = False


def same_code(one: Entry, other: Entry) -> bool:
    """Whether two lines name one commit, and neither's words say that its code was another's.

    Loops that log before they commit name the base of what they tried: then descriptions differ.
    """
    if not one.commit or one.commit.casefold() != other.commit.casefold():
        return False
    said = {text for text in (described(one), described(other)) if text}
    again = any(words.search(text) for words in (RERUN, SEED, AGAIN) for text in said)
    return len(said) < 2 or again


def repeats(steps: Sequence[Step]) -> list[Repeat]:
    """The runs that were made again: one commit with several scores, one idea twice on one champion, a changed seed.

    A line that only copies another (same commit, same score) is no run.
    """
    found: list[Repeat] = []
    taken: set[int] = set()
    for step in steps:
        if (champion := step.champion) is None:
            continue
        same = same_code(step.entry, champion)
        why = "the champion's commit again" if same else _again(step.entry, champion)
        if why and not (same and step.gain == 0):
            scores = (champion.score or 0.0, step.score)
            found.append(Repeat((champion.line, step.entry.line), scores, why, champion=True))
            taken.add(step.entry.line)
    for own in _alike(steps, lambda step: step.entry.commit.casefold() or None):
        found += _repeat([step for step in own if same_code(step.entry, own[0].entry)], "the same commit", taken)
    if _telling([described(step.entry) for step in steps]):
        for own in _alike(steps, lambda step: _idea(step) if described(step.entry) else None):
            found += _repeat(own, "the same description on the same champion", taken)
    return sorted(found, key=lambda repeat: repeat.lines)


def _again(entry: Entry, champion: Entry) -> str:
    """Why a description says that nothing but luck was changed; empty where it does not, or means an older baseline."""
    description = entry.description
    if "baseline" in described(entry) and "baseline" not in described(champion):
        return ""
    if OTHER.search(description) or len(description) > 80:
        return ""
    if SEED.search(description):
        return "a changed seed, against the champion"
    return "run again, against the champion" if RERUN.search(description) else ""


def _telling(descriptions: Sequence[str]) -> bool:
    """Whether descriptions tell experiments apart: where many share one, it names the search and not the idea."""
    full = [text for text in descriptions if text]
    return len(set(full)) >= 0.8 * len(full)


def _idea(step: Step) -> tuple[str, int]:
    """What was tried, and the line of the champion that it was tried on."""
    return described(step.entry), step.champion.line if step.champion is not None else 0


def _alike(steps: Sequence[Step], key: Any) -> list[list[Step]]:
    groups: dict[Any, list[Step]] = defaultdict(list)
    for step in steps:
        if (value := key(step)) is not None:
            groups[value].append(step)
    return [own for own in groups.values() if len(own) > 1]


def _repeat(own: Sequence[Step], why: str, taken: set[int]) -> list[Repeat]:
    fresh = [step for step in own if step.entry.line not in taken]
    different = {(step.entry.commit.casefold(), step.entry.written): step for step in reversed(fresh)}
    runs = sorted(different.values(), key=lambda step: step.entry.line)
    if len(runs) < 2:
        return []
    taken |= {step.entry.line for step in runs}
    return [Repeat(tuple(s.entry.line for s in runs), tuple(s.score for s in runs), why)]

"""Which of the numbers that somebody's code prints is its score, and which way is better."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from autoloop_kernel.auditing import vocabulary
from autoloop_kernel.importing.printed import Line
from autoloop_kernel.records import Direction

LOWER_WORDS = re.compile(r"\b(lower|lowest|minimi[sz]\w*|smaller|smallest|reduc\w*|decreas\w*)\b", re.IGNORECASE)
HIGHER_WORDS = re.compile(r"\b(higher|highest|maximi[sz]\w*|larger|largest|increas\w*|raise)\b", re.IGNORECASE)
LOWER_NAMES = re.compile(r"loss|err|bpb|perplexity|ppl|mse|mae|rmse|wer|cer|nll|cost|regret|distance", re.IGNORECASE)
HIGHER_NAMES = re.compile(r"profit|return|likelihood|correct", re.IGNORECASE)
_MORE = {"error", "err", "bleu", "precision", "recall", "cost", "profit", "regret", "distance", "makespan"}
_MORE |= {"likelihood", "nll", "brier", "gap"}
_HELD_BACK = re.compile(r"^(val|valid|validation|test|eval|holdout|final|best)(_|$)")


@dataclass(frozen=True)
class Choice:
    """A score that was found: its name as it is printed, which way is better, and why, in plain words."""

    name: str
    direction: Direction
    why: str


def candidates(printed: Sequence[Line], prose: str = "", columns: Iterable[str] = ()) -> list[str]:
    """The printed names that may be the score, the likeliest first. `prose` is a brief, `columns` those of a log."""
    known = {vocabulary.plain_name(name) for name in columns}
    weights: Counter[str] = Counter()
    for place, line in enumerate(printed):
        weight = weight_of(line.name, prose) + 50 * (vocabulary.plain_name(line.name) in known)
        weight += 8 * line.alone - 6 * line.looped + place / (len(printed) or 1)
        weights[line.name] = max(weights[line.name], round(10 * weight)) if line.name in weights else round(10 * weight)
    return [name for name, weight in weights.most_common() if weight > 0]


def weight_of(name: str, prose: str = "") -> float:
    """How much a name sounds like a score: above 0 where it does."""
    plain = vocabulary.plain_name(name)
    words = set(plain.split("_"))
    weight = -20.0
    if plain in vocabulary.SCORE:
        weight += 60 - vocabulary.SCORE.index(plain)
    elif words & (vocabulary.SCORE_WORDS | _MORE):
        weight += 35
    elif vocabulary.NO_SCORE.search(plain):
        return -60.0
    if _HELD_BACK.match(plain):
        weight += 12
    if "train" in words or "training" in words:
        weight -= 40
    if prose and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", prose):
        weight += 25
    return weight


def direction(name: str, prose: str = "", kept: Sequence[float] = ()) -> tuple[Direction, str]:
    """Which way is better for the score `name`, and why: by a brief, by the scores that were `kept`, by its name."""
    named = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", re.IGNORECASE)
    for told in (_sentences(prose, named), _sentences(prose, re.compile(r"\b(metric|score)\b", re.IGNORECASE))):
        low, high = (sum(bool(words.search(one)) for one in told) for words in (LOWER_WORDS, HIGHER_WORDS))
        if low != high:
            return (Direction.MIN if low > high else Direction.MAX), "the brief says so"
    ups = sum(new > old for old, new in pairwise(kept))
    downs = sum(new < old for old, new in pairwise(kept))
    if abs(ups - downs) > 1:
        return (Direction.MAX if ups > downs else Direction.MIN), "what was kept so far went that way"
    if LOWER_NAMES.search(name):
        return Direction.MIN, "its name says so"
    if vocabulary.HIGHER.search(name) or HIGHER_NAMES.search(name):
        return Direction.MAX, "its name says so"
    return Direction.MIN, "nothing says otherwise: a guess"


def _sentences(prose: str, about: re.Pattern[str]) -> list[str]:
    return [one for one in re.split(r"(?<=[.!?:])\s+|\n\s*\n|\n(?=\s*[-*#])", prose) if about.search(one)]

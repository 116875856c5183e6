"""How two versions of a source lie against each other: what stayed, what changed, which lines and words were edited."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from autoloop_kernel.views.diff import opcodes

WORDS = re.compile(r"\d[\w.]*(?:(?<=[eE])[+-]\d+)?|\w+|\s+|.")
"""A word: a number with its exponent, a name, white space, or one sign."""

SUBJECT = re.compile(r"\s*(?:(?:async\s+)?((?:def|class)\s+\w+)|([A-Za-z_][\w.]*)\s*(?::[^=]*)?=(?!=))")
"""What a line defines or assigns: two lines with one subject belong together, however little else they share."""

ALIKE = 0.5
"""From which likeness (0 to 1) on a removed and an added line count as one line that was edited."""

BLOCK_PAIRS, ALL_PAIRS, LINE_WORDS = 4_000, 20_000, 300
"""How many pairs of lines are compared in one block and in one diff, and how many words a compared line may have."""

WORDS_COST = 15
"""What finding the words of an edited line counts, in comparisons of lines."""

Span = tuple[int, int]
"""From and to, in characters of a line."""


@dataclass(frozen=True)
class Block:
    """A run of lines that stayed the `same`, or that changed: indices into the old and the new source.

    `edits` are the lines of a changed block that belong together (old index, new index), in order; its other lines were
    removed or added whole. A `folded` block is a run of unchanged lines far from every change.
    """

    same: bool
    old: range
    new: range
    edits: tuple[tuple[int, int], ...] = ()
    folded: bool = False


def blocks(a: Sequence[str], b: Sequence[str]) -> list[Block]:
    """The blocks that lead from lines `a` to lines `b`; they cover both without gaps, same and changed in turn.

    Lines are paired as long as that stays quick; in larger changes they only come and go.
    """
    found: list[Block] = []
    left = ALL_PAIRS
    for tag, i1, i2, j1, j2 in opcodes(a, b):
        old, new = range(i1, i2), range(j1, j2)
        size = len(old) * len(new)
        edits: tuple[tuple[int, int], ...] = ()
        if tag == "replace" and size <= min(left, BLOCK_PAIRS):
            edits = _edits(a, b, old, new)
            left -= size + WORDS_COST * len(edits)
        found.append(Block(tag == "equal", old, new, edits))
    return found


def fold(found: Sequence[Block], context: int = 3, least: int = 4) -> list[Block]:
    """The same blocks with long unchanged runs cut out as blocks of their own, `folded`.

    `context` unchanged lines stay open beside every change; a run of fewer than `least` lines is not worth folding.
    """
    result: list[Block] = []
    for at, block in enumerate(found):
        start = context if at else 0
        end = len(block.old) - (context if at + 1 < len(found) else 0)
        if not block.same or end - start < least:
            result.append(block)
            continue
        for part, folded in ((slice(0, start), False), (slice(start, end), True), (slice(end, None), False)):
            if block.old[part]:
                result.append(Block(True, block.old[part], block.new[part], folded=folded))
    return result


def _edits(a: Sequence[str], b: Sequence[str], old: range, new: range) -> tuple[tuple[int, int], ...]:
    """Pair the lines of a changed block that are alike, keeping their order, so that likeness is greatest in all."""
    bags_a, bags_b = [_bag(a[i]) for i in old], [_bag(b[j]) for j in new]
    subjects_a, subjects_b = [_subject(a[i]) for i in old], [_subject(b[j]) for j in new]
    like = [
        [max(_likeness(x, y), ALIKE if s and s == t else 0.0) for y, t in zip(bags_b, subjects_b, strict=True)]
        for x, s in zip(bags_a, subjects_a, strict=True)
    ]
    rows, columns = len(old), len(new)
    best = [[0.0] * (columns + 1) for _ in range(rows + 1)]
    for i in reversed(range(rows)):
        for j in reversed(range(columns)):
            paired = like[i][j] + best[i + 1][j + 1] if like[i][j] >= ALIKE else 0.0
            best[i][j] = max(best[i + 1][j], best[i][j + 1], paired)
    found: list[tuple[int, int]] = []
    i = j = 0
    while i < rows and j < columns:
        if like[i][j] >= ALIKE and best[i][j] == like[i][j] + best[i + 1][j + 1]:
            found.append((old[i], new[j]))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return tuple(found)


def _bag(line: str) -> Counter[str]:
    """The words of a line with their weights: a name or number counts twice as much as a sign, white space nothing."""
    bag: Counter[str] = Counter()
    for word in WORDS.findall(line)[: LINE_WORDS + 1]:
        if not word.isspace():
            bag[word] += 2 if word[0].isalnum() or word[0] == "_" else 1
    return bag


def _subject(line: str) -> str:
    found = SUBJECT.match(line)
    return "".join((found[1] or found[2]).split()) if found else ""


def _likeness(a: Counter[str], b: Counter[str]) -> float:
    """How much two bags of words share, 0 to 1."""
    total = a.total() + b.total()
    if not total or 2 * min(a.total(), b.total()) < ALIKE * total:  # the most that they could share is too little
        return 0.0
    return 2 * sum(min(count, b[word]) for word, count in a.items() if word in b) / total


def words(old: str, new: str) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """Which parts of `old` went and which of `new` came, as spans of characters; none for lines of too many words."""
    a, b = WORDS.findall(old), WORDS.findall(new)
    if max(len(a), len(b)) > LINE_WORDS:
        return (), ()
    gone: list[Span] = []
    came: list[Span] = []
    steps = difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes()
    for at, (tag, i1, i2, j1, j2) in enumerate(steps):
        if tag != "equal":
            room = steps[at + 1][2] - i2 if at + 1 < len(steps) else 0  # how many equal words follow
            gone.append(_slid(a, i1, i2, room))
            came.append(_slid(b, j1, j2, room))
    return _joined(old, _characters(a, gone)), _joined(new, _characters(b, came))


def _slid(parts: Sequence[str], start: int, end: int, room: int) -> Span:
    """The same insertion seen further right, until it starts with a word: in `f(g(x))` not `(g` came but `g(`."""
    while start < end and room and parts[start] == parts[end] and not parts[start][0].isalnum():
        start, end, room = start + 1, end + 1, room - 1
    return start, end


def _characters(parts: Sequence[str], spans: Sequence[Span]) -> list[Span]:
    starts = [0, *accumulate(map(len, parts))]
    return [(starts[start], starts[end]) for start, end in spans]


def _joined(line: str, spans: Sequence[Span]) -> tuple[Span, ...]:
    """The spans that hold something; those with only white space between them become one: a phrase, not a stutter.

    White space at a span's ends stays outside, unless there is nothing else in it.
    """
    found: list[Span] = []
    for start, end in spans:
        if start == end:
            continue
        if found and not line[found[-1][1] : start].strip():
            start = found.pop()[0]
        found.append((start, end))
    return tuple(_trimmed(line, *span) for span in found)


def _trimmed(line: str, start: int, end: int) -> Span:
    text = line[start:end]
    if not text.strip():
        return start, end
    return start + len(text) - len(text.lstrip()), end - len(text) + len(text.rstrip())

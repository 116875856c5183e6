"""What changed between two iterations, one unified diff a unit; it reads by `+` and `-`, with colour or without.

Also what every other picture of a change rests on: where lines end, which of them stayed, how they are counted, and how
characters that steer or hide are written out.
"""

from __future__ import annotations

import difflib
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence

from rich.text import Text

CONTEXT = 3
STYLES = (("+++", "bold"), ("---", "bold"), ("@@", "cyan"), ("+", "green"), ("-", "red"))

CANDIDATES = 1_500_000
"""How many pairs of equal lines may be weighed before common lines stop being anchors: about half a second of work."""

LONG = 3_000
"""From how many lines on, of both sides together, a comparison is cut into parts first."""

UNSEEN = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)
"""Control characters but the tab, marks that reorder or hide text, lone halves of surrogate pairs (UTF-8 has none)."""

Code = tuple[str, int, int, int, int]
"""One step of a diff, as `difflib` writes it: equal, replace, delete or insert; from and to in a; from and to in b."""


Match = tuple[int, int, int]


def lines(text: str) -> list[str]:
    """Split a source into lines as Python does: at LF, CR LF or CR, which are left out; an empty text has none."""
    found = re.split(r"\r\n|\r|\n", text)
    return found[:-1] if found[-1] == "" else found


def opcodes(a: Sequence[str], b: Sequence[str]) -> list[Code]:
    """The steps that lead from lines `a` to lines `b`: equal ones and others in turn, without gaps.

    Every line may be an anchor, unless so many are equal that weighing them all would take too long; then those that
    occur often are none. Long texts are first cut at the lines that both hold once.
    """
    steps: list[Code] = []
    i = j = 0
    for x, y, size in [*_matches(a, b), (len(a), len(b), 0)]:
        if i < x or j < y:
            tag = "replace" if i < x and j < y else "delete" if i < x else "insert"
            steps.append((tag, i, x, j, y))
        elif steps and size:  # goes on from the match before
            _, x, _, y, _ = steps.pop()
            size += i - x
        i, j = x + size, y + size
        if size:
            steps.append(("equal", x, i, y, j))
    return steps


def _matches(a: Sequence[str], b: Sequence[str]) -> list[Match]:
    """Runs of equal lines (index in a, index in b, how many) in rising order, none empty."""
    most = min(len(a), len(b))
    head = next((i for i in range(most) if a[i] != b[i]), most)
    most -= head
    tail = next((i for i in range(most) if a[-1 - i] != b[-1 - i]), most)
    found: list[Match] = [(0, 0, head)]
    end_a, end_b = len(a) - tail, len(b) - tail
    cuts = [(i + head, j + head) for i, j in _cuts(a[head:end_a], b[head:end_b])] if len(a) + len(b) > LONG else []
    i = j = head
    for x, y in [*cuts, (end_a, end_b)]:
        part_a, part_b = a[i:x], b[j:y]
        often = Counter(part_b)
        crowded = sum(often[line] for line in part_a) > CANDIDATES
        blocks = difflib.SequenceMatcher(None, part_a, part_b, autojunk=crowded).get_matching_blocks()
        found += [(i + at, j + to, size) for at, to, size in blocks]
        found.append((x, y, 1 if x < end_a else 0))
        i, j = x + 1, y + 1
    return [match for match in [*found, (end_a, end_b, tail)] if match[2]]


def _cuts(a: Sequence[str], b: Sequence[str]) -> list[tuple[int, int]]:
    """The longest rising chain of lines that both sides hold exactly once: (index in a, index in b)."""
    count_a, count_b = Counter(a), Counter(b)
    place = {line: j for j, line in enumerate(b) if count_b[line] == 1}
    pairs = [(i, place[line]) for i, line in enumerate(a) if count_a[line] == 1 and line in place]
    ends: list[int] = []  # the least place in b at which a chain of each length ends, and which pair ends it
    last: list[int] = []
    before: list[int] = []
    for at, (_, j) in enumerate(pairs):
        length = bisect_left(ends, j)
        before.append(last[length - 1] if length else -1)
        ends[length : length + 1], last[length : length + 1] = [j], [at]
    chain: list[tuple[int, int]] = []
    at = last[-1] if last else -1
    while at >= 0:
        chain.append(pairs[at])
        at = before[at]
    return chain[::-1]


def counts(before: str, after: str) -> tuple[int, int]:
    """How many lines the change from one source to the other adds and removes."""
    steps = [step for step in opcodes(lines(before), lines(after)) if step[0] != "equal"]
    return sum(j2 - j1 for *_, j1, j2 in steps), sum(i2 - i1 for _, i1, i2, *_ in steps)


def unified(
    before: Mapping[str, str], after: Mapping[str, str], old: str = "before", new: str = "after", context: int = CONTEXT
) -> str:
    """The unified diff from `before` to `after` (sources by unit name), unit by unit; empty where nothing changed.

    `old` and `new` say what the two are (`iteration 3`); they stand behind the unit's name in the head of each part.
    """
    parts: list[str] = []
    for name in dict.fromkeys([*before, *after]):
        a, b = before.get(name), after.get(name)
        if a == b:
            continue
        parts += difflib.unified_diff(
            lines(a or ""),
            lines(b or ""),
            f"{name}\t{old}" if a is not None else "/dev/null",
            f"{name}\t{new}" if b is not None else "/dev/null",
            lineterm="",
            n=context,
        )
    return "\n".join(parts) + "\n" if parts else ""


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[int, int]:
    """How many lines a change adds and removes, over all units."""
    both = [counts(before.get(name, ""), after.get(name, "")) for name in dict.fromkeys([*before, *after])]
    return sum(added for added, _ in both), sum(removed for _, removed in both)


def coloured(diff: str) -> Text:
    """A unified diff for a terminal: green and red lines that keep their `+` and `-`.

    Control characters are shown, not sent: the sources come from agents.
    """
    text = Text()
    for line in diff.splitlines():
        style = next((style for start, style in STYLES if line.startswith(start)), "")
        text.append(visible(line) + "\n", style=style)
    text.rstrip()
    return text


def visible(line: str) -> str:
    """`line` with what steers a terminal, reorders or hides text written out, such as `\\x1b`; tabs stay."""
    return UNSEEN.sub(lambda found: _written(ord(found.group())), line)


def _written(code: int) -> str:
    if code > 0xFFFF:
        return f"\\U{code:08x}"
    return f"\\u{code:04x}" if code > 0xFF else f"\\x{code:02x}"

"""What an iteration changed in its base, in a form that other changes can be held against.

Lines are compared as `arena.source.normal` writes them: comments, white space and the order of lines do not count.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from autoloop_kernel.arena.source import normal

SKETCHED = 128
"""How many hashes of changed lines are kept of an edit: the share that two edits have in common is exact up to so many
lines, and beyond estimated with a standard deviation of at most 1 / (2 √128), which is 0.045."""

NEAR = 0.8
"""From which share of common lines on an edit counts as nearly the same as another one."""

NAMES = 8
"""How many of the names that an edit assigns or defines are kept."""

CODE = 2000
"""How many characters of an edit's lines can be searched."""

_WORD = re.compile(r"\w+")
_NUMBER = re.compile(r"(?<![\w.])(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w.])")
_NAMED = re.compile(r"^(?:async )?(?:def|class) (\w+)|^([A-Za-z_][\w.]*)(?:\[[^\]]*\])?(?:: [^=]+)? [-+*/@|&]?=(?!=)")

Line = tuple[str, str]
"""A unit's name, and a line of it."""


@dataclass(frozen=True)
class Edit:
    """The lines that an iteration added to its base, and those that it took out."""

    added: tuple[Line, ...] = ()
    removed: tuple[Line, ...] = ()

    @property
    def units(self) -> tuple[str, ...]:
        """The names of the units that it changes."""
        return tuple(dict.fromkeys(unit for unit, _ in (*self.added, *self.removed)))

    @property
    def names(self) -> tuple[str, ...]:
        """What its lines assign or define, `NAMES` at most."""
        found = (_NAMED.match(line) for _, line in (*self.added, *self.removed))
        return tuple(dict.fromkeys(match[1] or match[2] for match in found if match))[:NAMES]

    @property
    def code(self) -> str:
        """Its lines as text to be searched, `CODE` characters at most."""
        return "\n".join(dict.fromkeys(line for _, line in (*self.added, *self.removed)))[:CODE]

    @property
    def sketch(self) -> tuple[int, ...]:
        """The `SKETCHED` smallest of its lines' hashes (a bottom-k sketch), in which numbers count to about 2 %."""
        lines = [("+", *line) for line in self.added] + [("-", *line) for line in self.removed]
        return tuple(sorted({line_hash(f"{sign}{unit}", rounded(line)) for sign, unit, line in lines})[:SKETCHED])


@dataclass(frozen=True)
class Noticed:
    """An edit, and what the memory knows of it.

    `near` is the iteration whose edit was nearly the same, with its outcome in words in `came`, and `share` how many
    of their lines they have in common (0 to 1). `again` are the lines that kept steps had taken out, by the step, and
    `out` those that it takes out itself and leaves nowhere in their unit.
    """

    edit: Edit
    near: int | None = None
    share: float = 0.0
    came: str = ""
    again: Mapping[int, Sequence[Line]] = field(default_factory=dict)
    out: Sequence[Line] = ()

    def notes(self) -> tuple[str, ...]:
        """What there is to be said of it, a line each; nothing where it is new."""
        said = []
        if self.near is not None:
            said.append(f"nearly the same edit as iteration {self.near} ({self.came}): {self.share:.0%} of its lines")
        for number, lines in sorted(self.again.items()):
            shown = "; ".join(f"{line[:80]} ({unit})" for unit, line in lines[:3])
            more = f" and {len(lines) - 3} more" if len(lines) > 3 else ""
            said.append(f"it adds again what iteration {number}, a kept step, took out: {shown}{more}")
        return tuple(said)


def edit_of(before: Mapping[str, str], after: Mapping[str, str]) -> Edit:
    """What the sources `after` (by unit name) add to the sources `before`, and what they take out."""
    added: list[Line] = []
    removed: list[Line] = []
    for unit in sorted({*before, *after}):
        old, new = before.get(unit, ""), after.get(unit, "")
        if old != new:
            was, now = Counter(lines_of(unit, old)), Counter(lines_of(unit, new))
            added += [(unit, line) for line in (now - was)]
            removed += [(unit, line) for line in (was - now)]
    return Edit(tuple(added), tuple(removed))


def lines_of(unit: str, source: str) -> list[str]:
    """The lines of a unit's source as they are compared."""
    return [line.strip() for line in normal(unit, source).splitlines() if line.strip()]


def gone(edit: Edit, after: Mapping[str, str]) -> list[Line]:
    """The lines that say something and that an edit has left nowhere in its unit, whose sources are now `after`."""
    left = {unit: set(lines_of(unit, after.get(unit, ""))) for unit in edit.units}
    return [(unit, line) for unit, line in edit.removed if is_telling(line) and line not in left[unit]]


def fresh(edit: Edit, before: Mapping[str, str]) -> list[Line]:
    """The lines that say something and that an edit adds to a unit that had none such in the sources `before`."""
    there = {unit: set(lines_of(unit, before.get(unit, ""))) for unit in edit.units}
    return [(unit, line) for unit, line in edit.added if is_telling(line) and line not in there[unit]]


def is_telling(line: str) -> bool:
    """Whether a line says enough to be known again: `else:` and `return x` may come back at any time."""
    return len(_WORD.findall(line)) >= 2 and any(mark in line for mark in "=(")


def similar(one: Iterable[int], other: Iterable[int]) -> float:
    """The share of lines that two edits have in common (Jaccard's index), by their sketches; 0 to 1.

    As in A. Broder, On the resemblance and containment of documents (1997).
    """
    a, b = set(one), set(other)
    union = sorted(a | b)[:SKETCHED]
    return sum(each in a and each in b for each in union) / len(union) if union else 0.0


def moved(before: Mapping[str, str], after: Mapping[str, str], units: Iterable[str]) -> float:
    """The share of the lines of these units that differ between two states of the sources; 0 to 1."""
    same = most = 0
    for unit in units:
        old, new = Counter(lines_of(unit, before.get(unit, ""))), Counter(lines_of(unit, after.get(unit, "")))
        same += (old & new).total()
        most += max(old.total(), new.total())
    return 1 - same / most if most else 0.0


def rounded(line: str) -> str:
    """A line in which numbers that differ by less than about 2 % are mostly the same."""
    return _NUMBER.sub(lambda found: _class_of(float(found[0])), line)


def _class_of(value: float) -> str:
    return f"#{round(50 * math.log(value))}" if value > 0 and math.isfinite(value) else "#0"


def line_hash(unit: str, line: str) -> int:
    """A number (48 bits) that stands for a line of a unit."""
    digest = hashlib.blake2b(f"{unit}\0{line}".encode("utf-8", "replace"), digest_size=6).digest()
    return int.from_bytes(digest, "big")

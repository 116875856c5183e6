"""Two edits of the same text brought together, line by line.

Git does it, and takes changes of adjacent lines for a conflict. In arenas, constants stand line below line, and one is
tuned while the other is: so lines that were replaced one for one may be adjacent.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import pygit2
from pygit2.enums import FileMode, ObjectType

_OdbBackend: Any = pygit2.OdbBackend  # carries no types

MANY = 4000
"""Lines in all three texts, beyond which only git looks at them: what looks closer takes their square."""


class _Held(_OdbBackend):  # type: ignore[misc]
    """Blobs in memory: a repository without a folder, since git merges only what lies in one."""

    def __init__(self) -> None:
        super().__init__()
        self._blobs: dict[str, bytes] = {}

    def entry(self, text: str) -> pygit2.IndexEntry:
        """Take `text` in; gives what git calls it by."""
        content = text.encode("utf-8")
        name = pygit2.hash(content)
        self._blobs[str(name)] = content
        return pygit2.IndexEntry("unit", name, FileMode.BLOB)

    def read_cb(self, name: Any) -> tuple[int, bytes]:
        return int(ObjectType.BLOB), self._blobs[str(name)]

    def exists_cb(self, name: Any) -> bool:
        return str(name) in self._blobs


def merge3(base: str, ours: str, theirs: str) -> str | None:
    """Both edits of `base` in one text; None where they conflict.

    They do where both changed the same lines, or one added or removed lines right beside a change of the other. What
    only one of them changed is taken as it stands, whatever it holds.
    """
    if ours in (theirs, base):
        return theirs
    if theirs == base:
        return ours
    if any("\0" in text for text in (base, ours, theirs)):
        return None  # git takes it for binary
    try:
        merged = _by_git(base, ours, theirs)
    except UnicodeError:
        return None  # lone surrogates have no place in a file
    return _closely(base, ours, theirs) if merged is None else merged


def _by_git(base: str, ours: str, theirs: str) -> str | None:
    held, blobs, git = _Held(), pygit2.Odb(), pygit2.Repository()
    blobs.add_backend(held, 1)
    git.set_odb(blobs)
    merged = git.merge_file_from_index(held.entry(base), held.entry(ours), held.entry(theirs), use_deprecated=False)
    return merged.contents if merged.automergeable else None


class _Change(NamedTuple):
    """Lines start:stop of the base that were replaced by others; one line by one line where it is possible."""

    start: int
    stop: int
    lines: tuple[str, ...]

    @property
    def in_place(self) -> bool:
        return self.stop - self.start == len(self.lines) == 1


def _closely(base: str, ours: str, theirs: str) -> str | None:
    """As `merge3`, where git saw a conflict: lines that were replaced in place may be adjacent."""
    before, *after = (text.splitlines(keepends=True) for text in (base, ours, theirs))
    if len(before) + sum(map(len, after)) > MANY:
        return None
    changes = sorted({change for lines in after for change in _changes(before, lines)})
    for one, next_ in pairwise(changes):
        apart = one.stop < next_.start or (one.stop == next_.start and one.in_place and next_.in_place)
        if not apart:
            return None
    for change in reversed(changes):
        before[change.start : change.stop] = change.lines
    return "".join(before)


def _changes(before: list[str], after: list[str]) -> list[_Change]:
    found = []
    for tag, a, b, c, d in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag != "equal" and b - a == d - c:
            found += [_Change(a + n, a + n + 1, (after[c + n],)) for n in range(b - a)]
        elif tag != "equal":
            found.append(_Change(a, b, tuple(after[c:d])))
    return found


def merge_units(
    base: Mapping[str, str], ours: Mapping[str, str], theirs: Mapping[str, str]
) -> tuple[dict[str, str], list[str]]:
    """Lay an edit of `base`, `theirs`, over `ours`, unit by unit; gives the units of `theirs` as they come out, and
    the names of those that conflict, which are left out.

    A unit that `base` lacks counts as empty there; one that `ours` lacks is taken as it is.
    """
    merged: dict[str, str] = {}
    conflicts = []
    for name, text in theirs.items():
        before = base.get(name, "")
        both = merge3(before, ours.get(name, before), text)
        if both is None:
            conflicts.append(name)
        else:
            merged[name] = both
    return merged, conflicts

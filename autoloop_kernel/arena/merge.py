"""Two edits of the same text brought together, line by line, as git does it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pygit2
from pygit2.enums import FileMode, ObjectType

_OdbBackend: Any = pygit2.OdbBackend  # carries no types


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
    """Both edits of `base` in one text; None where they conflict: both changed the same lines, or adjacent ones.

    What only one of them changed is taken as it stands, whatever it holds; the rest is merged line by line.
    """
    if ours in (theirs, base):
        return theirs
    if theirs == base:
        return ours
    if any("\0" in text for text in (base, ours, theirs)):
        return None  # git takes it for binary
    held, blobs, git = _Held(), pygit2.Odb(), pygit2.Repository()
    blobs.add_backend(held, 1)
    git.set_odb(blobs)
    try:
        merged = git.merge_file_from_index(held.entry(base), held.entry(ours), held.entry(theirs), use_deprecated=False)
        return merged.contents if merged.automergeable else None
    except UnicodeError:
        return None  # lone surrogates have no place in a file


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

"""The files of an arena: which ones its globs name, and the names of all that an agent may change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

RESERVED = ("STRATEGY.md", "CHAMPION.md", "FINDINGS.md", "PROPOSAL.json", "locked")
"""What lies beside the editable files in an agent's scratch folder, so that no editable file may be called so."""


def escapes(pattern: str) -> bool:
    """Whether a glob leaves the arena's folder (`..`, an absolute path, a home folder) or is empty."""
    parts = PurePosixPath(pattern.replace("\\", "/")).parts
    return not parts or parts[0] in ("/", "~") or ".." in parts or ":" in parts[0] or "\0" in pattern


def matches(folder: Path, patterns: Iterable[str]) -> list[str]:
    """The files below `folder` that match any of `patterns`: sorted posix paths relative to it.

    A pattern that names a folder means all files below it; one that leaves the folder matches nothing.
    """
    found: set[str] = set()
    for pattern in patterns:
        if not escapes(pattern):
            with suppress(ValueError):  # a pattern such as `**x`, which older Pythons refuse, matches nothing
                for path in folder.glob(pattern):
                    found.update(file.relative_to(folder).as_posix() for file in _files(path))
    return sorted(found)


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from (below for below in path.rglob("*") if below.is_file())
    elif path.is_file():
        yield path


def editable_files(folder: Path, notebook: str, patterns: Iterable[str]) -> list[str]:
    """The editable files: what `patterns` match, without the `notebook` itself, hidden files and `*_runs` folders."""
    return [path for path in matches(folder, patterns) if path != notebook and not _aside(path)]


def _aside(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return any(part.startswith(".") for part in parts) or any(part.endswith("_runs") for part in parts[:-1])

"""What the git repository behind a log knows of its commits: which are missing, and what each keep changed.

It is only read, by libgit2: no hook, no filter and no program that the repository names is run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pygit2

from autoloop_kernel.auditing.columns import HASH
from autoloop_kernel.auditing.log import Entry, Log
from autoloop_kernel.records import AutoloopError, Verdict

LONGEST = 60_000
"""How many characters of one change are kept."""
MOST = 3_000_000
"""How many characters of all changes together: the notebook has to open."""


def look_up(log: Log, folder: Path) -> Log:
    """The log with what the repository at `folder` (or above it) knows; raises `AutoloopError` where there is none."""
    try:
        place = pygit2.discover_repository(str(folder))
        repository = pygit2.Repository(place) if place else None
    except (pygit2.GitError, KeyError, ValueError) as error:
        raise AutoloopError(f"{folder} cannot be read as a git repository: {error}") from None
    if repository is None:
        raise AutoloopError(
            f"{folder} is no git repository: --repo takes the folder that the experiments were committed in"
        )
    found = {entry.line: _commit(repository, entry.commit) for entry in log.entries if entry.commit}
    missing = tuple(line for line, commit in found.items() if commit is None)
    held = len(found) - len(missing)
    said = f"{held:,} of {len(found):,} commits that the log names are in the repository {folder.resolve().name}"
    return replace(log, repository=said, missing=missing, diffs=_diffs(repository, log.entries, found))


def _commit(repository: pygit2.Repository, name: str) -> Any:
    """The commit with this hash or its beginning; None where there is none, and where several begin so."""
    if not HASH.fullmatch(name):
        return None
    try:
        return repository[name.lower()].peel(pygit2.Commit)
    except (KeyError, ValueError, pygit2.GitError):
        return None


def _diffs(repository: pygit2.Repository, entries: Sequence[Entry], commits: dict[int, Any]) -> dict[int, str]:
    """By line: what each keep changed against the keep before it whose commit is there, as a unified diff."""
    found: dict[int, str] = {}
    before: Any = None
    room = MOST
    for entry in entries:
        commit = commits.get(entry.line)
        if entry.verdict is not Verdict.KEEP or commit is None:
            continue
        if before is not None and before.id != commit.id:
            text = _diff(repository, before, commit)
            if len(text) > room:
                text = "(left out: the changes of this log are too long to be shown all)\n"
            room -= len(text)
            found[entry.line] = text
        before = commit
    return found


def _diff(repository: pygit2.Repository, before: Any, after: Any) -> str:
    try:
        parts = [patch.data.decode("utf-8", errors="replace") for patch in repository.diff(before, after) if patch]
    except (pygit2.GitError, KeyError, ValueError) as error:
        return f"(cannot be compared: {' '.join(str(error).split())})\n"
    text = "".join(parts)
    if len(text) > LONGEST:
        cut = text[:LONGEST].rpartition("\n")[0]
        text = f"{cut}\n(cut: {len(text) - len(cut):,} characters more)\n"
    return text

"""Iterations and findings moved to others and back, over any git remote, as `refs/autoloop/ARENA-ID/ORIGIN-ID/0007`.

Conflicts cannot happen: each writes below its own ORIGIN-ID alone, and the ref of an iteration never changes. What came
to be known later (confirmed, refuted) travels as `ORIGIN-ID/notes`, which only its origin moves. What is fetched goes
into a repository of its own, `shared.git`, and is never checked out or run.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import pygit2

from autoloop_kernel.durable import write_atomic
from autoloop_kernel.memory.foreign import MESSAGE, Foreign, foreign
from autoloop_kernel.memory.ledger import Ledger
from autoloop_kernel.memory.lineage import STATE, Lineage
from autoloop_kernel.memory.remote import AGAIN, FREE, Leash, RemoteFailed, Unwanted, checked, git, sweep
from autoloop_kernel.records import Metric

SHARED = "shared.git"
CHUNK = 400
"""How many refs one command of git is given."""
MOST = 20_000
"""How many iterations of others are taken in at once; the next pull goes on."""

NOTES = 200_000
"""How many entries of an origin's tree of notes are looked at: a few small objects can make one that never ends."""
TRIES = 60
"""How many fetches are tried in a pull where the first fails: a broken origin is told from the others by halving."""

REST_S, LONGEST_S = 60.0, 3600.0
"""For how long an origin that could not be fetched is let be: twice the first after the first time, the second at most.
It may be broken for good, and its half GiB would be fetched every few minutes."""

_ORIGIN = re.compile(r"[0-9a-f]{12}")
_REF = re.compile(r"refs/autoloop/[^/]+/([0-9a-f]{12})/(\d{4,7}|notes)")
_OBJECT = re.compile(r"[0-9a-f]{40}")
_SLUG = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Pulled:
    """What a pull brought: new iterations, from how many others, what could not be read, and what was left behind."""

    new: int = 0
    origins: int = 0
    unread: int = 0
    left: int = 0


class Failures:
    """Whose iterations could not be fetched, and until when they are let be: twice as long after each time in a row."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[int, float, RemoteFailed]] = {}

    def of(self, origin: str) -> RemoteFailed | None:
        """Why an origin is let be for now; None where it may be asked."""
        _, until, why = self._told.get(origin, (0, 0.0, None))
        return why if monotonic() < until else None

    def note(self, origin: str, why: RemoteFailed | None) -> None:
        """Remember that an origin could not be fetched, or (None) that it could."""
        if why is None:
            self._told.pop(origin, None)
            return
        times = 1 + self._told.get(origin, (0,))[0]
        self._told[origin] = times, monotonic() + min(REST_S * 2 ** min(times, 20), LONGEST_S), why


def arena_id(name: str, metric: Metric) -> str:
    """What an arena is called among those who share it: by its name, its metric and which way is better.

    What else makes scores comparable is the game, which every iteration names.
    """
    told = json.dumps([name, metric.name, metric.direction.value])
    return f"{_SLUG.sub('-', name)[:40]}-{hashlib.sha256(told.encode()).hexdigest()[:8]}"


def origin_of(lineage: Lineage) -> str:
    """The name under which this folder shares: made once, kept in the lineage; another one for a copy that differs."""
    path = lineage.path / "autoloop-origin"
    with contextlib.suppress(OSError, UnicodeDecodeError):
        if _ORIGIN.fullmatch(found := path.read_text(encoding="utf-8").strip()):
            return found
    return _new_origin(lineage)


def _new_origin(lineage: Lineage) -> str:
    name = secrets.token_hex(6)
    write_atomic(lineage.path / "autoloop-origin", f"{name}\n")
    return name


def push(lineage: Lineage, arena: str, remote: str, leash: Leash = FREE) -> tuple[int, int]:
    """Send the iterations that the remote does not have; returns how many those were, and how many it has now.

    `arena` is the arena's id. Raises `RemoteFailed`; what was sent before that stays there, and is not sent again.
    """
    remote = checked(remote)
    own = {number: commit for number in lineage.numbers() if (commit := lineage.commit_of(number)) is not None}
    prefix = f"refs/autoloop/{arena}/{origin_of(lineage)}"
    there = listed(lineage.path, remote, f"{prefix}/*", leash)
    if any(there.get(f"{prefix}/{n:04d}", commit) != commit for n, commit in own.items()):
        # A copy of this folder has shared under the same name: what was shared never changes, so this one is another.
        prefix, there = f"refs/autoloop/{arena}/{_new_origin(lineage)}", {}
    new = [f"{commit}:{prefix}/{n:04d}" for n, commit in sorted(own.items()) if f"{prefix}/{n:04d}" not in there]
    for start in range(0, len(new), CHUNK):
        git(lineage.path, "push", "--quiet", "--no-verify", "--", remote, *new[start : start + CHUNK], leash=leash)
    notes = lineage.notes()
    if notes is not None and there.get(f"{prefix}/notes") != notes:
        git(lineage.path, "push", "--quiet", "--no-verify", "--", remote, f"+{notes}:{prefix}/notes", leash=leash)
    return len(new), len(own)


def pull(
    ledger: Ledger,
    lineage: Lineage,
    arena: str,
    remote: str,
    leash: Leash = FREE,
    failures: Failures | None = None,
) -> Pulled:
    """Fetch what others shared of the arena with this id, and enter it in the ledger, of each origin all or nothing.

    `failures` is what one who pulls again and again remembers of those that could not be fetched. Raises `RemoteFailed`
    where the remote cannot be read, or is broken as a whole.
    """
    remote, own, failures = checked(remote), origin_of(lineage), failures or Failures()
    place = lineage.path.parent / SHARED
    here = _held(_opened(place))
    there = listed(place, remote, f"refs/autoloop/{arena}/*", leash)
    parts = {ref: match.groups() for ref in there if (match := _REF.fullmatch(ref)) and match[1] != own}
    lacking = [ref for ref in parts if here.get(ref) != there[ref]]
    wanted = sorted(ref for ref in lacking if parts[ref][1] != "notes")
    notes = [ref for ref in lacking if parts[ref][1] == "notes"]
    groups: dict[str, list[str]] = {}
    for ref in (*wanted[:MOST], *notes):
        groups.setdefault(parts[ref][0], []).append(ref)
    whole = len(groups) == len({origin for origin, _ in parts.values()})  # nothing of anybody is here yet
    broken = _fetch(place, remote, groups, leash, failures, whole) if groups else 0
    found = take_in(ledger, lineage, place)
    return Pulled(found.new, found.origins, found.unread + broken, max(0, len(wanted) - MOST))


def _opened(place: Path) -> pygit2.Repository:
    """The repository for what is fetched, made where there is none.

    Made whole, too, where a power cut or a copy by git, which keeps no empty folders, has left half of one.
    """
    head = place / "HEAD"
    if head.is_file() and not head.stat().st_size:
        head.unlink()
    if not all((place / name).exists() for name in ("HEAD", "objects", "refs")):
        pygit2.init_repository(str(place), bare=True)
    return pygit2.Repository(str(place))


def _held(repository: pygit2.Repository) -> dict[str, str]:
    """The references of a repository, with what they name, as far as that is there."""
    # Not by their names: pygit2 1.21 keeps every name that it is asked for, for ever.
    every = {ref.name: ref.target for ref in repository.references.iterator()}
    return {name: str(target) for name, target in every.items() if target in repository}


def _fetch(
    place: Path, remote: str, groups: Mapping[str, list[str]], leash: Leash, failures: Failures, whole: bool
) -> int:
    """Fetch the refs of several origins, those aside that are let be for now; gives how many refs did not come.

    Raises `RemoteFailed` where those are all that there is (`whole`).
    """
    asked = {origin: refs for origin, refs in groups.items() if failures.of(origin) is None}
    why = next((error for origin in groups if (error := failures.of(origin)) is not None), None)
    left = [refs for origin, refs in groups.items() if origin not in asked]
    try:
        failed = _fetched(place, remote, list(asked.values()), leash, iter(range(TRIES))) if asked else []
    except Unwanted:
        raise
    except RemoteFailed as error:
        failed, why = list(asked.values()), error
    for origin, refs in asked.items():
        broken = why or RemoteFailed(f"what {origin[:8]} shared cannot be fetched{AGAIN}")
        failures.note(origin, broken if refs in failed else None)
    left += failed
    if why is not None and whole and len(left) == len(groups):
        raise why
    return sum(map(len, left))  # what the others shared is here


def _fetched(place: Path, remote: str, groups: list[list[str]], leash: Leash, tries: Iterator[int]) -> list[list[str]]:
    """Fetch the refs of several origins, a group each; gives those that were left, as their origin is broken.

    Raises `RemoteFailed` where nothing came.
    """
    specs = "".join(f"+{ref}:{ref}\n" for group in groups for ref in group)
    options = ("--quiet", "--no-tags", "--no-write-fetch-head", "--atomic", "--no-recurse-submodules")
    try:
        git(place, "fetch", *options, "--stdin", "--", remote, fed=specs, leash=leash)
    except RemoteFailed as error:
        sweep(place)
        if isinstance(error, Unwanted) or len(groups) == 1 or next(tries, None) is None:
            raise
        first, left, failed = error, list[list[str]](), 0
    else:
        return []
    half = len(groups) // 2
    for some in (groups[:half], groups[half:]):
        try:
            left += _fetched(place, remote, some, leash, tries)
        except Unwanted:
            raise
        except RemoteFailed:
            left, failed = left + some, failed + 1
    if failed == 2:
        raise first
    return left


def take_in(ledger: Ledger, lineage: Lineage, place: Path) -> Pulled:
    """Enter in the ledger, in one transaction, what `place` (`shared.git`) holds of others and it does not know."""
    if not (place / "HEAD").exists():
        return Pulled()
    repository, own = pygit2.Repository(str(place)), origin_of(lineage)
    known, rows, notes, unread = ledger.shared_numbers(), [], {}, 0
    wanted: list[tuple[str, str, int]] = []
    # Not by their names: pygit2 1.21 keeps every name that it is asked for, for ever.
    for ref in repository.references.iterator():
        match, target = _REF.fullmatch(ref.name), str(ref.target)
        if match is None or match[1] == own:
            continue
        if match[2] == "notes":
            notes[match[1]] = target
        elif (match[1], int(match[2])) not in known and not lineage.holds(target):
            wanted.append((target, match[1], int(match[2])))
    small = set(_small(place, {commit for commit, _, _ in wanted}, "commit"))
    for commit, origin, number in wanted:
        row = _read(repository, commit, origin, number) if commit in small else None
        if row is None:
            unread += 1
        else:
            rows.append(row)
    states = [
        (origin, commit, state) for origin, ref in notes.items() for commit, state in _states(repository, place, ref)
    ]
    ledger.take_in(rows, states)
    return Pulled(len(rows), len({row.origin for row in rows}), unread)


def listed(repository: Path, remote: str, pattern: str, leash: Leash = FREE) -> dict[str, str]:
    """The refs of the remote that match, with their commits; raises `RemoteFailed`."""
    lines = git(repository, "ls-remote", "--quiet", "--", remote, pattern, leash=leash).splitlines()
    pairs = [line.split("\t", 1) for line in lines if "\t" in line]
    return {name: commit for commit, name in pairs if _OBJECT.fullmatch(commit)}


def _small(repository: Path, objects: Iterable[str], kind: str) -> list[str]:
    """Those of these objects that are of this kind and no larger than `MESSAGE`, in their order."""
    fed = "".join(f"{name}\n" for name in objects)
    lines = [line.split() for line in git(repository, "cat-file", "--batch-check", fed=fed).splitlines()] if fed else []
    return [line[0] for line in lines if len(line) == 3 and line[1] == kind and int(line[2]) <= MESSAGE]


def _read(repository: pygit2.Repository, commit: str, origin: str, number: int) -> Foreign | None:
    try:
        return foreign(origin, number, commit, repository[commit].peel(pygit2.Commit).message)
    except (KeyError, ValueError, pygit2.GitError, LookupError):
        return None


def _states(repository: pygit2.Repository, place: Path, notes: str) -> list[tuple[str, str]]:
    """(commit, state) of what an origin's notes say became of its iterations."""
    try:
        blobs = dict(_noted(repository[notes].peel(pygit2.Tree)))
    except (KeyError, ValueError, pygit2.GitError):
        return []
    small = set(_small(place, set(blobs.values()), "blob"))
    found = []
    for commit, blob in blobs.items():
        text = repository[blob].peel(pygit2.Blob).data.decode("utf-8", "replace") if blob in small else ""
        states = STATE.findall(text)
        if states:
            found.append((commit, states[-1]))
    return found


def _noted(tree: pygit2.Tree) -> Iterator[tuple[str, str]]:
    """(annotated object, note) pairs of a notes tree, whose names may be split over folders; of `NOTES` entries."""
    folders, seen = [("", tree)], 0
    while folders:
        prefix, folder = folders.pop()
        for entry in folder:
            name, seen = f"{prefix}{entry.name}", seen + 1
            if seen > NOTES:
                return
            if isinstance(entry, pygit2.Tree) and len(name) < 40:
                folders.append((name, entry))
            elif _OBJECT.fullmatch(name):
                yield name, str(entry.id)


__all__ = ["SHARED", "Failures", "Pulled", "arena_id", "listed", "origin_of", "pull", "push", "take_in"]

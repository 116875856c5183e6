"""The lineage: the sources of every iteration, kept and discarded alike, in a bare git repository of its own."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import psutil
import pygit2
from pygit2.enums import FileMode, RepositoryOpenFlag

from autoloop_kernel.durable import durable, sync_folder, unwritable, write_atomic
from autoloop_kernel.memory.filesystem import folder_lock
from autoloop_kernel.memory.restore import Lost
from autoloop_kernel.memory.text import dumps, loads_map, one_line, plain
from autoloop_kernel.memory.trailers import message_of, parse
from autoloop_kernel.records import EMPTY, AutoloopError, Finding, Iteration, Verdict

LOCK_S = 5.0
"""For how long a lock that another git program holds is waited for."""
STALE_S = 1.0
"""After how long a lock file that nobody has open, and that stays the same, was left by a killed process."""
CACHED = 16 << 10
"""Bytes of objects that git keeps in memory for this process, as it counts them: what they take is several times that.
By itself it keeps up to 256 MiB, which a driver that runs for weeks would fill with what nobody asks for again."""

_CHAMPION = "refs/heads/champion"
_ISLANDS = "refs/heads/islands/"
_ITERATIONS = "refs/iterations/"
_HEAD = f"ref: {_CHAMPION}\n"
_FORK = re.compile(r"^Fork: after (\d+) at (\d+\.\d+)(?: on (.+))?$", re.MULTILINE)
_EXCHANGE = re.compile(r"^Exchange: (\{.*\})$", re.MULTILINE)
STATE = re.compile(r"^State: (provisional|confirmed|refuted)$", re.MULTILINE)


class LineageBroken(AutoloopError):
    """The lineage cannot be read or written; the text says what mends it."""


class Lineage:
    """One opened `lineage.git`. Use it in one thread; open one a thread.

    It reads and writes nothing outside its folder, needs no git program and no git configuration.
    """

    def __init__(self, path: Path, repository: pygit2.Repository) -> None:
        self.path = path
        self._git = repository

    @classmethod
    def open(cls, path: Path) -> Lineage:
        """Open the repository at `path`, made when it is absent; raises `LineageBroken` when it cannot be used."""
        path = path.absolute()
        pygit2.settings.enable_fsync_gitdir(True)  # a verdict in the ledger must never outlive its sources
        pygit2.settings.cache_max_size(CACHED)
        with _translated(path):
            if not path.exists():
                _create(path)
            _mend_head(path)
            flags = RepositoryOpenFlag.NO_SEARCH | RepositoryOpenFlag.NO_DOTGIT | RepositoryOpenFlag.BARE
            repository = pygit2.Repository(str(path), flags)
        return cls(path, repository)

    def record(
        self,
        iteration: Iteration,
        tree: Mapping[str, str],
        base_commit: str | None,
        code_key: str = "",
        finding: Finding | None = None,
        champion: bool | None = None,
        source: str | None = None,
        overtaken: Mapping[str, Any] = EMPTY,
        gathered: Sequence[str] = (),
    ) -> str:
        """Store an iteration that has ended: commit, then ref, then (when `champion`) branch; returns the commit's id.

        `tree` maps relative posix paths to text; the commit's parent is `base_commit`, and `source` a second one, where
        it brings what came from another line. `champion` is whether the branch of its line moves there; by default it
        does for a keep; `overtaken` and `gathered` are as in `Lost`. The same iteration gives the same commit, so that
        a repeat is harmless; another one of that number takes the ref over.
        """
        lost = Lost(iteration, code_key, finding, overtaken, gathered)
        signature = pygit2.Signature("Autoloop", "autoloop@localhost", max(0, int(iteration.time)), 0)
        with _translated(self.path):
            parents = [self._git[one].id for one in dict.fromkeys((base_commit, source)) if one is not None]
            with durable("lineage commit"):
                root = self._write_tree(tree)
                commit = self._git.create_commit(None, signature, signature, message_of(lost), root, parents)
            self._point(_ref(iteration.number), commit, "lineage ref")
        if champion if champion is not None else iteration.verdict is Verdict.KEEP:
            self.set_champion(str(commit), iteration.island)
        return str(commit)

    def set_champion(self, commit: str, island: str = "") -> None:
        """Move the branch `champion`, or that of an island, to a commit of this repository."""
        with _translated(self.path):
            self._point(_branch(island), self._git[commit].id, "lineage champion")

    def champion(self, island: str = "") -> str | None:
        """The commit of the branch `champion`, or of that of an island (`islands/NAME`); None before the first."""
        return self._target(_branch(island))

    def common(self, one: int, other: int) -> int | None:
        """The last iteration that led to both of these, each of which leads to itself; None where there is none."""
        first, second = self.commit_of(one), self.commit_of(other)
        if first is None or second is None:
            return None
        with _translated(self.path):
            found = self._git.merge_base(self._git[first].id, self._git[second].id)
        return None if found is None else self.number_of(str(found))

    def set_ref(self, number: int, commit: str) -> None:
        """Point an iteration's ref (again) to a commit of this repository."""
        with _translated(self.path):
            self._point(_ref(number), self._git[commit].id, "lineage ref")

    def commit_of(self, number: int) -> str | None:
        """The commit of an iteration, None when it has none (or its ref is damaged)."""
        return self._target(_ref(number))

    def holds(self, commit: str) -> bool:
        """Whether that commit and its tree are here."""
        with contextlib.suppress(KeyError, ValueError, pygit2.GitError):
            return isinstance(self._git[commit].peel(pygit2.Tree), pygit2.Tree)
        return False

    def numbers(self) -> list[int]:
        """The numbers of the iterations that have a ref, in order."""
        with _translated(self.path):
            names = [name[len(_ITERATIONS) :] for name in self._git.references if name.startswith(_ITERATIONS)]
        return sorted(int(name) for name in names if name.isdecimal())

    def number_of(self, commit: str) -> int | None:
        """The number of the iteration that a commit tells of; None for another commit, or one that is not here."""
        try:
            return parse(self._git[commit].peel(pygit2.Commit).message).iteration.number
        except (AutoloopError, KeyError, ValueError, pygit2.GitError):
            return None

    def tree(self, number: int) -> dict[str, str]:
        """The sources of an iteration, as `record` got them; raises `LineageBroken` when it has none."""
        commit = self.commit_of(number)
        if commit is None:
            raise LineageBroken(f"{self.path} holds no iteration {number}: put the folder back from a copy")
        with _translated(self.path):
            root = self._git[commit].peel(pygit2.Tree)
            return {path: blob.data.decode("utf-8", "replace") for path, blob in _blobs(root, "")}

    def record_of(self, number: int) -> Lost | None:
        """What an iteration's commit and notes say of it; None without a ref, or when its commit cannot be read."""
        commit = self.commit_of(number)
        try:
            lost = None if commit is None else parse(self._git[commit].peel(pygit2.Commit).message)
        except (AutoloopError, KeyError, ValueError, pygit2.GitError):
            return None
        if lost is None or lost.iteration.number != number:
            return None
        states = STATE.findall(self.note(number) or "")
        state = states[-1] if states else lost.iteration.state
        return replace(lost, iteration=replace(lost.iteration, commit=commit, state=state))

    def recorded(self) -> list[Iteration]:
        """What the commits say of their iterations, by number; those that cannot be read are left out.

        The state is that of the last line `State: …` in the iteration's notes, else `provisional` for a keep.
        """
        found = [self.record_of(number) for number in self.numbers()]
        return [lost.iteration for lost in found if lost is not None]

    def add_note(self, number: int, text: str) -> None:
        """Add a paragraph to the git note of an iteration, once: what came to be known after it ended.

        A line `State: confirmed` (or `refuted`) in it is read back by `recorded`.
        """
        commit = self.commit_of(number)
        if commit is None:
            raise LineageBroken(f"{self.path} holds no iteration {number}: a note needs one")
        with folder_lock(self.path):  # a face that forks and a driver that confirms add to one tree of notes
            self._add_note(commit, plain(text).strip("\n"), self.note(number))

    def _add_note(self, commit: str, paragraph: str, before: str | None) -> None:
        if before is not None and paragraph in before.rstrip("\n").split("\n\n"):
            return
        signature = pygit2.Signature("Autoloop", "autoloop@localhost")
        whole = f"{before.rstrip()}\n\n{paragraph}\n" if before else f"{paragraph}\n"
        with _translated(self.path), durable("lineage note"):
            self._git.create_note(whole, signature, signature, commit, "refs/notes/commits", True)

    def add_fork(self, number: int, after: int, when: float, island: str = "") -> None:
        """Note that the champion's line, or that of an island, goes on from here after iteration `after`, and when."""
        self.add_note(number, f"Fork: after {after} at {when:.6f}" + (f" on {one_line(island)}" if island else ""))

    def forks(self, number: int) -> list[tuple[float, int, str]]:
        """When a line went on from this iteration, after which one, and on which island (empty: the champion's)."""
        return [(float(when), int(after), island) for after, when, island in _FORK.findall(self.note(number) or "")]

    def add_exchange(self, number: int, data: Mapping[str, Any]) -> None:
        """Note what event `exchange` of this iteration says: that it was offered to another line."""
        self.add_note(number, f"Exchange: {dumps(dict(data))}")

    def exchanges(self, number: int) -> list[Mapping[str, Any]]:
        """What events `exchange` of this iteration said, in their order."""
        found = []
        for text in _EXCHANGE.findall(self.note(number) or ""):
            with contextlib.suppress(json.JSONDecodeError):
                found.append(loads_map(text))
        return found

    def note(self, number: int) -> str | None:
        """The git note of an iteration, None without one."""
        commit = self.commit_of(number)
        if commit is not None:
            with contextlib.suppress(KeyError, pygit2.GitError):
                return self._git.lookup_note(commit).message
        return None

    def notes(self) -> str | None:
        """The commit that holds the notes of all iterations, None before the first."""
        return self._target("refs/notes/commits")

    def sweep(self) -> list[str]:
        """Remove what a killed writer left (`*.lock`, temporary objects, damaged refs) and point HEAD at `champion`.

        Only for one who knows that no other driver writes; a lock that another program holds is left.
        Returns the paths removed, relative to the repository.
        """
        found = _left([*self.path.glob("*.lock"), *self.path.glob("refs/**/*.lock")])
        found += [path for path in self.path.glob("objects/**/tmp_object_*") if path.is_file()]
        found += [path for path in self.path.glob("refs/iterations/*") if path.is_file() and path.stat().st_size < 41]
        branches = (self.path / _ISLANDS).glob("*")
        for path in (self.path / _CHAMPION, *branches, self.path / "refs/notes/commits"):
            found += [path] if path.is_file() and path.stat().st_size < 41 else []
        for path in found:
            path.unlink(missing_ok=True)
        if (self.path / "HEAD").read_text(encoding="utf-8", errors="replace") != _HEAD:
            write_atomic(self.path / "HEAD", _HEAD)
        return sorted(str(path.relative_to(self.path)) for path in found)

    def _point(self, name: str, commit: pygit2.Oid, what: str) -> None:
        """Point a reference at a commit, whatever it said before."""
        until = time.monotonic() + LOCK_S
        with durable(what):
            while True:
                try:
                    self._git.references.create(name, commit, force=True)
                    return
                except (pygit2.GitError, ValueError, OSError) as error:
                    if "lock" not in str(error) or time.monotonic() > until:
                        raise
                time.sleep(0.05)

    def _target(self, name: str) -> str | None:
        """The commit that a reference names."""
        # Not `lookup_reference`: pygit2 1.21 keeps every name that it is asked for, for ever.
        with contextlib.suppress(KeyError, ValueError, pygit2.GitError):
            return str(self._git.revparse_single(name).peel(pygit2.Commit).id)
        return None

    def _write_tree(self, tree: Mapping[str, str]) -> pygit2.Oid:
        """Store nested folders of text files; returns the id of their root."""
        index = pygit2.Index()
        for name in sorted(tree):
            parts = PurePosixPath(name).parts
            if (
                not parts
                or name.startswith("/")
                or name != "/".join(parts)
                or {"..", ".git"} & {p.lower() for p in parts}
            ):
                raise AutoloopError(f"{name!r} is no path that can be stored: name it relative to the arena's folder")
            if any(str(parent) in tree for parent in PurePosixPath(name).parents):
                raise AutoloopError(f"{name!r} lies below a file of the tree: rename one of the two")
            blob = self._git.create_blob(tree[name].encode("utf-8", "replace"))
            index.add(pygit2.IndexEntry(name, blob, FileMode.BLOB))
        return index.write_tree(self._git)


def _branch(island: str) -> str:
    """The branch of a line; a name that git takes for none of its own stands for one of other characters."""
    if not island:
        return _CHAMPION
    plain_name = re.sub(r"[^\w@-]+", "-", island)[:60]
    same = plain_name == island and island != "@"
    return _ISLANDS + (island if same else f"{plain_name}-{hashlib.sha256(island.encode()).hexdigest()[:8]}")


@contextlib.contextmanager
def _translated(path: Path) -> Iterator[None]:
    """Turn git's errors about the repository at `path` into one plain line."""
    try:
        yield
    except (pygit2.GitError, KeyError, ValueError, OSError) as error:
        if isinstance(error, (pygit2.GitError, OSError)) and (trouble := unwritable(path.parent)):
            raise LineageBroken(trouble) from error
        text = one_line(str(error)).strip("'\"") or type(error).__name__
        mend = "put the folder back from a copy, or move it away to start a new one"
        if "owner" in text:
            mend = f"git config --global --add safe.directory {path}"
        elif "config" in text:
            mend = "mend that configuration file"
        elif "lock" in text:
            mend = "wait for the other git program, or remove its .lock file when there is none"
        raise LineageBroken(f"{path} cannot be used ({text}): {mend}") from error


def _create(path: Path) -> None:
    """Make an empty bare repository under a temporary name, then rename it: nobody meets half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.parent / f".{path.name}.{secrets.token_hex(4)}.tmp"
    try:
        pygit2.init_repository(str(new), bare=True, initial_head="champion")
        (new / "description").write_text("Every iteration of an Autoloop arena: git log champion\n", encoding="utf-8")
        with durable("lineage create"):
            _rename_new(new, path)
        sync_folder(path.parent)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _rename_new(new: Path, path: Path) -> None:
    """Rename a folder, unless another process has just made one there."""
    try:
        new.rename(path)
    except OSError:
        if not (path / "HEAD").is_file():
            raise


def _mend_head(path: Path) -> None:
    """Make anew a HEAD that a power cut left empty or away: without it git takes the folder for no repository."""
    head = path / "HEAD"
    if (path / "objects").is_dir() and (path / "packed-refs").is_file():
        (path / "refs").mkdir(exist_ok=True)  # git keeps no empty folders: it is away in a checkout of what was packed
    if (path / "objects").is_dir() and (path / "refs").is_dir() and not (head.is_file() and head.stat().st_size):
        write_atomic(head, _HEAD)


def _left(locks: list[Path]) -> list[Path]:
    """Those of these lock files that a killed process left: they stay as they are, and nobody has them open."""
    if not locks:
        return []
    before = {path: _stamp(path) for path in locks}
    time.sleep(STALE_S)
    same = [path for path in locks if before[path] is not None and _stamp(path) == before[path]]
    opened = set()
    for process in psutil.process_iter() if same else ():
        with contextlib.suppress(psutil.Error, OSError):
            opened |= {file.path for file in process.open_files()}
    return [path for path in same if str(path.resolve()) not in opened]


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """What changes when a file is written or made anew; None without one."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def _blobs(tree: pygit2.Tree, prefix: str) -> Iterator[tuple[str, pygit2.Blob]]:
    """Every file below a tree, by its path."""
    for entry in tree:
        name = f"{prefix}{entry.name}"
        if isinstance(entry, pygit2.Tree):
            yield from _blobs(entry, f"{name}/")
        elif isinstance(entry, pygit2.Blob):
            yield name, entry


def _ref(number: int) -> str:
    """The name of an iteration's reference."""
    return f"{_ITERATIONS}{number:04d}"

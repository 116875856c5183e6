"""The folders that the two kernels work in, what travels with them, and what is brought home afterwards.

The candidate's folder holds what lies beside the arena, as symlinks (a hard link would make a sealed file readable
through any sandbox), without sealed files, hidden files and the folders of other runs; its editable files are real
files. The referee's folder holds the sealed files too, and none of the editable ones.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import py_compile
import re
import shutil
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import autoloop_kernel
from autoloop_kernel.arena.surface import matches
from autoloop_kernel.records import Job

TRAVELLERS = ("__init__.py", "wire.py", "card.py", "lending.py", "cells.py", "scoring")
SKIPPED_DIRECTORIES = ("__pycache__", "node_modules")
_ENVIRONMENT = ("pyvenv.cfg", "conda-meta")
_OF_RUNS = re.compile(r"autoloop-((run|edit|try)-)?[0-9a-f]{12}")


def of_a_run(path: str) -> bool:
    """Whether a run's temporary folder is called so."""
    return _OF_RUNS.fullmatch(os.path.basename(path)) is not None  # noqa: PTH119


def apart(path: str) -> bool:
    """Whether a directory is nothing of the arena that it lies below: a run's temporary folder, or an environment."""
    return of_a_run(path) or any(os.path.exists(f"{path}/{mark}") for mark in _ENVIRONMENT)  # noqa: PTH110


@dataclass(frozen=True)
class Room:
    """What one kernel has of its own below the run's temporary folder.

    `work` is its current folder, `lib` the head of its import path, `ipython` its profile (so that no start-up file
    of the person, or of an earlier candidate, runs in it), `link` where its sockets are, `home` and `tmp` what it takes
    for a home and for temporary files, `root` an empty folder for its sandbox.
    """

    top: Path

    @property
    def work(self) -> Path:
        """The kernel's current folder."""
        return self.top / "work"

    @property
    def lib(self) -> Path:
        """The head of the kernel's import path."""
        return self.top / "lib"

    @property
    def ipython(self) -> Path:
        """The kernel's own IPython folder."""
        return self.top / "ipython"

    @property
    def link(self) -> Path:
        """Where the kernel's sockets and connection file are."""
        return self.top / "k"

    @property
    def home(self) -> Path:
        """What a sealed kernel takes for the person's home."""
        return self.top / "home"

    @property
    def tmp(self) -> Path:
        """Where a sealed kernel's temporary files go."""
        return self.top / "tmp"

    @property
    def root(self) -> Path:
        """An empty folder, where a sandbox puts together what its kernel sees."""
        return self.top / "root"

    def furnish(self) -> None:
        """Make the folders and put the travelling package in place, where that has not been done."""
        for path in (self.work, self.lib, self.ipython, self.link, self.home, self.tmp, self.root):
            path.mkdir(parents=True, mode=0o700, exist_ok=True)
        if not (self.lib / "autoloop_kernel").exists():
            pack(self.lib)


def pack(lib: Path) -> None:
    """Put a minimal `autoloop_kernel` into `lib`: what arena cells import, with its bytecode, and nothing else."""
    source, target = Path(autoloop_kernel.__file__).parent, lib / "autoloop_kernel"
    for name in TRAVELLERS:
        place = source / name
        files = sorted(place.glob("*.py")) if place.is_dir() else [place]
        for file in files:
            _carry(file, target / file.relative_to(source))


def _carry(file: Path, target: Path) -> None:
    """Copy a module with its time stamp, so that the bytecode copied beside it stays valid."""
    target.parent.mkdir(parents=True, exist_ok=True)
    _compile(file)
    shutil.copy2(file, target)
    for compiled in (file.parent / "__pycache__").glob(f"{file.stem}.*.pyc"):
        cache = target.parent / "__pycache__"
        cache.mkdir(exist_ok=True)
        shutil.copy2(compiled, cache / compiled.name)


def _compile(file: Path) -> None:
    """Compile a module that only kernels import, once and not in each of them; where that cannot be, they do."""
    cache = Path(importlib.util.cache_from_source(str(file)))
    if sys.dont_write_bytecode or not os.access(file.parent, os.W_OK):
        return
    with contextlib.suppress(OSError, py_compile.PyCompileError):
        if not cache.exists() or cache.stat().st_mtime < file.stat().st_mtime:
            py_compile.compile(str(file), doraise=True)


def fill(candidate: Path, referee: Path, job: Job) -> None:
    """Lay out both current folders for `job`."""
    sealed = set(matches(job.folder, job.rules.sealed))
    editable = set(matches(job.folder, job.rules.files)) | set(job.files)
    away = {os.path.realpath(job.folder / name) for name in sealed}
    mirror(job.folder, candidate, sealed | set(job.files), away)
    mirror(job.folder, referee, editable - sealed, set())
    place(candidate, job.files)


def mirror(folder: Path, target: Path, without: Collection[str], away: Collection[str]) -> None:
    """Rebuild `folder` below `target`: real directories, file symlinks.

    Left out are hidden entries, `*_runs` folders, what lies `apart`, the relative paths `without`, and links that lead
    to a path in `away`. Links beside the arena are followed to their end: a sealed candidate sees what they lead
    to, not them. A linked directory through which a path of `without` leads is rebuilt, too: what is written there is
    not the person's.
    """
    base = os.path.realpath(folder)
    for place_, directories, files in os.walk(base):
        inside = os.path.relpath(place_, base)
        here = target if inside == "." else target / inside
        for name in list(directories):
            skipped = name.startswith(".") or name.endswith("_runs") or name in SKIPPED_DIRECTORIES
            if skipped or apart(os.path.join(place_, name)):  # noqa: PTH118
                directories.remove(name)
        for name in directories:
            path = os.path.join(place_, name)  # noqa: PTH118
            if not os.path.islink(path):  # noqa: PTH114
                (here / name).mkdir(exist_ok=True)
            elif not _leads_to(path, away):
                if through := _below(_relative(inside, name), without):
                    (here / name).mkdir()
                    mirror(Path(path), here / name, through, away)
                else:
                    os.symlink(os.path.realpath(path), here / name)  # noqa: PTH211
        for name in files:
            path = os.path.join(place_, name)  # noqa: PTH118
            if name.startswith(".") or _relative(inside, name) in without or os.path.realpath(path) in away:
                continue
            os.symlink(os.path.realpath(path), here / name)  # noqa: PTH211


def _relative(inside: str, name: str) -> str:
    return name if inside == "." else f"{inside}/{name}".replace(os.sep, "/")


def _below(directory: str, paths: Collection[str]) -> set[str]:
    """Those of the relative `paths` that lie below `directory`, relative to it."""
    return {path.removeprefix(f"{directory}/") for path in paths if path.startswith(f"{directory}/")}


def _leads_to(link: str, away: Collection[str]) -> bool:
    """Whether the directory behind `link` holds one of the paths `away`."""
    inside = os.path.realpath(link) + os.sep
    return any(path.startswith(inside) for path in away)


def place(folder: Path, files: Mapping[str, str]) -> None:
    """Write the editable files' sources below `folder` as real files."""
    for name, source in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_text(source, encoding="utf-8", newline="")


def bring_home(work: Path, target: Path, patterns: Collection[str]) -> list[str]:
    """Copy what the candidate made and `patterns` name from `work` to `target`; returns the relative paths.

    Only real files below real directories count, since a link could lead anywhere, and what can be read: the candidate
    must be gone, and what it left is not to look like a disk that fails.
    """
    brought = list[str]()
    try:
        names = matches(work, patterns)
    except RecursionError:  # folders within folders without end
        return brought
    for name in names:
        source = work / name
        chain = [source, *source.parents[: len(Path(name).parts) - 1]]
        if any(path.is_symlink() for path in chain) or not source.is_file() or not os.access(source, os.R_OK):
            continue
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target / name)
        brought.append(name)
    return brought

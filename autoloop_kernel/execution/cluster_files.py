"""Files between a driver and its workers: the arena's folder goes there, what a run made comes home whole.

The driver's symlinks are kept where they stay in the folder, and two names of one outside file arrive as a link to one
copy: a sealed file must not become readable under another name.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from autoloop_kernel.durable import sync_tree
from autoloop_kernel.execution.scratch import SKIPPED_DIRECTORIES, apart

ARRIVING = ".arriving-"
PIECE = 16 << 20
"""How many bytes of a bundle travel at once."""


def shown(folder: Path) -> Iterator[tuple[str, Path]]:
    """The files and folders that runs may see, by relative posix path: what `scratch.mirror` would show.

    Folders behind links are gone through, each real one once.
    """
    base = os.path.realpath(folder)
    seen = {base}
    for place, directories, files in os.walk(base, followlinks=True):
        inside = os.path.relpath(place, base)
        for name in sorted(directories):
            real = os.path.realpath(Path(place, name))
            skipped = name.startswith(".") or name.endswith("_runs") or name in SKIPPED_DIRECTORIES
            if skipped or apart(real) or real in seen:
                directories.remove(name)
            seen.add(real)
        directories.sort()
        for name in [*directories, *sorted(files)]:
            path = Path(place, name)
            if not name.startswith(".") and (path.is_file() or path.is_dir()):
                yield (name if inside == "." else f"{inside}/{name}".replace(os.sep, "/")), path


def manifest(folder: Path) -> str:
    """A digest of the names, sizes and times of what runs may see in `folder`; "" where there is no such folder."""
    if not folder.is_dir():
        return ""
    digest = hashlib.sha256()
    for name, path in shown(folder):
        with contextlib.suppress(OSError):
            found = path.stat()
            kind = "" if path.is_dir() else f"{found.st_size}\0{found.st_mtime_ns}"
            digest.update(f"{name}\0{kind}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def packed(folder: Path, target: Path) -> str:
    """Write what runs may see in `folder` into the tar file `target`; returns a digest of its names and contents."""
    digest = hashlib.sha256()
    first: dict[str, str] = {}
    with tarfile.open(target, "w") as tar:
        for name, path in shown(folder):
            real = os.path.realpath(path)
            member = tar.gettarinfo(real, name)
            if path.is_dir():
                tar.addfile(member)
                digest.update(f"{name}/\n".encode("utf-8", "surrogateescape"))
                continue
            if real in first:
                member.type, member.size = tarfile.SYMTYPE, 0
                member.linkname = os.path.relpath(first[real], os.path.dirname(name) or ".")  # noqa: PTH120
                tar.addfile(member)
                digest.update(f"{name}\0->{member.linkname}\n".encode("utf-8", "surrogateescape"))
                continue
            first[real] = name
            member.type = tarfile.REGTYPE  # a second hard link would be written as a reference
            with open(real, "rb") as file:
                tar.addfile(member, file)
                file.seek(0)
                digest.update(f"{name}\0{member.size}\0".encode("utf-8", "surrogateescape"))
                while block := file.read(1 << 20):
                    digest.update(block)
    return digest.hexdigest()


def unpacked(tar: Path, folder: Path) -> None:
    """Put the content of `tar` into `folder`, which appears whole or not at all; members that leave it are refused."""
    if folder.exists():
        return
    half = Path(tempfile.mkdtemp(prefix=ARRIVING, dir=folder.parent))
    try:
        with tarfile.open(tar) as content:
            content.extractall(half, filter="data")
        with contextlib.suppress(OSError):  # another worker was first
            half.rename(folder)
    finally:
        shutil.rmtree(half, ignore_errors=True)


def bundled(target: Path, tar: Path) -> int:
    """Write all that a run left in its folder `target` into `tar`; returns the size."""
    with tarfile.open(tar, "w") as content:
        for path in sorted(target.iterdir()) if target.is_dir() else ():
            if not path.name.startswith("."):
                content.add(path, path.name)
    return tar.stat().st_size


def put(tar: Path, target: Path, prefix: str = ARRIVING) -> None:
    """Put what a run made into `target`: every file is whole when it gets its name, and the notebook comes last.

    A log is added to the one that is there, as a run on this machine adds to it. Until then all lies in a hidden folder
    whose name starts with `prefix`. Raises `OSError`, and `tarfile.TarError` for a member that leaves the folder;
    nothing has changed then.
    """
    half = Path(tempfile.mkdtemp(prefix=prefix, dir=target))
    try:
        with tarfile.open(tar) as content:
            content.extractall(half, filter="data")
        log = half / "log.txt"
        if log.exists() and (target / "log.txt").exists():
            log.write_bytes((target / "log.txt").read_bytes() + log.read_bytes())
        sync_tree(half)
        for path in sorted(half.iterdir(), key=lambda one: one.suffix == ".ipynb"):
            _replace(path, target / path.name, half)
    finally:
        shutil.rmtree(half, ignore_errors=True)


def _replace(path: Path, target: Path, aside: Path) -> None:
    if path.is_dir() and target.exists():  # a folder cannot be renamed over a full one
        target.rename(aside / f".old-{target.name}")
    os.replace(path, target)  # noqa: PTH105


def clear(target: Path, prefix: str = ARRIVING) -> None:
    """Remove what a kill left of an arrival."""
    for half in target.glob(f"{prefix}*"):
        shutil.rmtree(half) if half.is_dir() else half.unlink(missing_ok=True)

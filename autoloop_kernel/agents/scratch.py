"""The folder that an agent from outside edits: laid out, read back with suspicion, and removed."""

from __future__ import annotations

import difflib
import os
import re
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from autoloop_kernel.agents import brief
from autoloop_kernel.agents.base import Context, NoProposal
from autoloop_kernel.held import fresh, hold

UNIT_BYTES = 4 * 2**20
RESERVED = ("STRATEGY.md", "CHAMPION.md", "FINDINGS.md", "PROPOSAL.json", "locked")


class Scratch:
    """One proposal's folder. `folder` is its path; `paths` says where each unit lies, relative to it."""

    def __init__(self, folder: Path, context: Context) -> None:
        self.folder = folder
        self.context = context
        self.paths = unit_paths(context)
        self.fixed: dict[str, bytes] = {
            "STRATEGY.md": brief.strategy(context).encode(),
            "CHAMPION.md": brief.champion(context).encode(),
            "FINDINGS.md": brief.findings(context).encode(),
        }
        self.fixed |= {"ROLE.md": brief.role(context).encode()} if context.role else {}
        for name, source in context.locked.items():
            self.fixed[f"locked/{_file_name(name)}"] = _ended(source).encode("utf-8", "surrogatepass")
        self._write()

    def _write(self) -> None:
        (self.folder / "locked").mkdir()
        for name, path in self.paths.items():
            place = self.folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(_ended(self.context.units[name]).encode("utf-8", "surrogatepass"))
        for path, content in self.fixed.items():
            place = self.folder / path
            place.write_bytes(content)
            place.chmod(0o444)
        (self.folder / "locked").chmod(0o555)

    def changes(self) -> dict[str, str]:
        """The units that were edited, with their new sources.

        Raises `NoProposal` with the reason where a read-only file was changed, or a unit's file is gone, no plain file,
        too large or not UTF-8. Files that are neither are ignored.
        """
        if self.folder.is_symlink() or not self.folder.is_dir():
            raise NoProposal("the folder that the command was to edit is gone — edit the files in it in place")
        for path, content in self.fixed.items():
            if self._read(path, len(content)) != content:
                raise NoProposal(f"{path} is read-only, and it was changed — leave it as it is")
        changed: dict[str, str] = {}
        for name, path in self.paths.items():
            before = self.context.units[name]
            try:
                text = self._unit(path).decode("utf-8")
            except UnicodeDecodeError:
                raise NoProposal(f"{path} is not UTF-8 text any more — write it as UTF-8") from None
            if text == _ended(before):
                continue
            changed[name] = text if before.endswith("\n") or not text.endswith("\n") else text[:-1]
        return {name: text for name, text in changed.items() if text != self.context.units[name]}

    def note(self) -> bytes | None:
        """What PROPOSAL.json holds, None where it is absent, no plain file, or larger than 64 KiB."""
        return self._read("PROPOSAL.json", 2**16)

    def _unit(self, path: str) -> bytes:
        place = self.folder / path
        if not os.path.lexists(place):
            raise NoProposal(f"{path} is gone — edit it in place; an empty file is allowed, a missing one is not")
        if not self._plain(path):
            raise NoProposal(f"{path} is no plain file any more (a link, a folder or a device) — edit it in place")
        if place.lstat().st_size > UNIT_BYTES:
            raise NoProposal(f"{path} is larger than {UNIT_BYTES // 2**20} MiB — keep sources small")
        content = self._read(path, UNIT_BYTES)
        if content is None:
            raise NoProposal(f"{path} cannot be read any more — leave its permissions as they were")
        return content

    def _plain(self, path: str) -> bool:
        """Whether this is a regular file, reached through real folders and no links."""
        place = self.folder
        for part in PurePosixPath(path).parts[:-1]:
            place = place / part
            if not os.path.lexists(place) or not stat.S_ISDIR(place.lstat().st_mode):
                return False
        place = self.folder / path
        return os.path.lexists(place) and stat.S_ISREG(place.lstat().st_mode)

    def _read(self, path: str, limit: int) -> bytes | None:
        """A plain file's content; None where there is none, it cannot be read, or it is longer than `limit`."""
        if not self._plain(path):
            return None
        try:
            handle = os.open(self.folder / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return None
        with os.fdopen(handle, "rb") as file:
            content = file.read(limit + 1)
        return content if len(content) <= limit else None


@contextmanager
def scratch(context: Context) -> Iterator[Scratch]:
    """A scratch folder for one proposal; it is removed at the end, whatever was done to it.

    Where this process is killed before, the next driver does that: it is held meanwhile.
    """
    folder = fresh("edit")
    folder.mkdir(mode=0o700)
    handle = hold(folder)
    try:
        yield Scratch(folder, context)
    finally:
        remove(folder)
        os.close(handle)


def remove(folder: Path) -> None:
    """Remove a folder with everything in it, folders without write permission included; links are not followed.

    Where a link, a file or nothing has come in its place, that goes, and nothing is done to where a link leads.
    """
    if folder.is_symlink() or not folder.is_dir():
        folder.unlink(missing_ok=True)
        return
    folder.chmod(0o700)
    for root, folders, _ in os.walk(folder):
        for name in folders:
            place = Path(root, name)
            if not place.is_symlink():
                with suppress(OSError):  # what another user made may stay as it is
                    place.chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)


def unit_paths(context: Context) -> dict[str, str]:
    """Where each unit lies: a cell as NAME.py, a file under its own path; `NoProposal` where two would collide."""
    found: dict[str, str] = {}
    for name in context.units:
        path = name if name in context.files else _file_name(name)
        inside = not PurePosixPath(path).is_absolute() and ".." not in PurePosixPath(path).parts
        reserved = PurePosixPath(path).parts[0] in (*RESERVED, *(["ROLE.md"] if context.role else []))
        if not inside or reserved or path in found.values():
            raise NoProposal(f"the editable unit {name!r} would lie at {path}, which is taken or outside — rename it")
        found[name] = path
    return found


def _file_name(cell: str) -> str:
    name = re.sub(r"[^\w.+= -]", "_", cell).lstrip(".") or "_"
    return name if PurePosixPath(cell).suffix else name + ".py"


def _ended(source: str) -> str:
    """A source as a text file has it: with a newline at its end."""
    return source if source.endswith("\n") or not source else source + "\n"


def edits(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[int, int] | None:
    """Lines added and removed between the units of `after` and their sources before; None where they are too long."""
    added = removed = 0
    for name, text in after.items():
        old, new = before.get(name, "").splitlines(), text.splitlines()
        if len(old) + len(new) > 20_000:
            return None
        matcher = difflib.SequenceMatcher(None, old, new)
        for tag, a, b, c, d in matcher.get_opcodes():
            if tag != "equal":
                removed, added = removed + b - a, added + d - c
    return added, removed

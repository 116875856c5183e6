"""What can be wrong with the files that an arena names: globs that escape or find nothing, clashes, links, no text."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from autoloop_kernel.arena.load import Problem
from autoloop_kernel.arena.source import fault
from autoloop_kernel.arena.surface import RESERVED, editable_files, escapes, matches


def check_files(path: Path, files: Sequence[str], sealed: Sequence[str], cells: Sequence[str]) -> list[Problem]:
    """Every problem with the editable `files` and the `sealed` ones of the arena at `path`.

    `files` and `sealed` are globs, `cells` the names of the editable cells, each of which an agent sees as NAME.py.
    """
    folder = path.parent
    problems = []
    editable = editable_files(folder, path.name, files)
    closed = matches(folder, sealed)
    for key, patterns in (("files", files), ("sealed", sealed)):
        for pattern in patterns:
            problems += _glob(path, f"metadata.autoloop.{key}", pattern, editing=key == "files")
    for name in sorted(set(editable) & set(closed)):
        what = "is both editable and sealed"
        problems.append(Problem(f"file {name}", what, "take it out of `files` or `sealed` in metadata.autoloop"))
    if path.name in closed:
        mend = "narrow the glob in metadata.autoloop.sealed"
        problems.append(Problem(f"file {path.name}", "is the arena itself, yet sealed", mend))
    for name in editable:
        problems += _names(name, editable, cells) + _text(folder, name)
    for name in closed:
        problems += _link(folder, name, closed)
    return problems


def check_locked(path: Path, locked: Sequence[str], files: Sequence[str]) -> list[Problem]:
    """Every problem with the `locked` globs of the arena at `path`; `files` are those of its editable files."""
    problems = [one for pattern in locked for one in _glob(path, "metadata.autoloop.locked", pattern, editing=False)]
    editable = editable_files(path.parent, path.name, files)
    for name in sorted(set(editable) & set(matches(path.parent, locked))):
        mend = "take it out of `files` or `locked` in metadata.autoloop"
        problems.append(Problem(f"file {name}", "is both editable and locked", mend))
    return problems


def _glob(path: Path, place: str, pattern: str, editing: bool) -> list[Problem]:
    if escapes(pattern):
        mend = 'name files below the arena\'s folder, such as "data/*.csv"'
        return [Problem(place, f"has {pattern!r}, which leaves the arena's folder", mend)]
    found = editable_files(path.parent, path.name, [pattern]) if editing else matches(path.parent, [pattern])
    if not found:
        return [Problem(place, f"has {pattern!r}, which matches no file", "correct the glob, or add the file")]
    return []


def _names(name: str, editable: Sequence[str], cells: Sequence[str]) -> list[Problem]:
    place, problems = f"file {name}", []
    clashing = [cell for cell in cells if name.casefold() in (cell.casefold(), f"{cell}.py".casefold())]
    if clashing:
        what = f"has the name of the cell {clashing[0]}, or that under which agents see it"
        problems.append(Problem(place, what, "rename the file or the cell"))
    if PurePosixPath(name).parts[0].casefold() in [reserved.casefold() for reserved in RESERVED]:
        what = f"has a name that Autoloop needs for itself ({', '.join(RESERVED)})"
        problems.append(Problem(place, what, "rename it, or take it out of `files`"))
    if any(other != name and other.casefold() == name.casefold() and other < name for other in editable):
        problems.append(Problem(place, "differs from another editable file in case only", "rename one of them"))
    if not name.isprintable():
        problems.append(Problem(f"file {name!r}", "has a name with control characters", "rename it"))
    return problems


def _text(folder: Path, name: str) -> list[Problem]:
    """An editable file must lie in the folder, be readable text and, as `.py`, parse."""
    place, file = f"file {name}", folder / name
    try:
        if not file.resolve().is_relative_to(folder.resolve()):
            return [
                Problem(place, f"is a link out of the arena's folder (to {file.resolve()})", "put a copy in its place")
            ]
        text = file.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        return [Problem(place, "is editable but no UTF-8 text", "take it out of `files`, or save it as UTF-8")]
    except (OSError, RuntimeError) as error:
        return [Problem(place, f"cannot be read ({error})", "mend that, or take it out of `files`")]
    if "\0" in text:
        return [Problem(place, "is editable but binary (it holds NUL bytes)", "take it out of `files`")]
    reason = fault(text, magics=False) if name.endswith(".py") else None
    return [Problem(place, reason, "mend the code")] if reason else []


def _link(folder: Path, name: str, closed: Sequence[str]) -> list[Problem]:
    """A sealed file must not be a second name of one that candidates can see."""
    place, file = f"file {name}", folder / name
    try:
        root, target = folder.resolve(), file.resolve()
    except (OSError, RuntimeError):
        return []
    if target.is_relative_to(root) and target.relative_to(root).as_posix() not in closed:
        what = f"is sealed but a link to {target.relative_to(root).as_posix()}, which is not"
        return [Problem(place, what, "seal that file as well, or put a copy in the link's place")]
    if not os.access(file, os.R_OK):
        return [Problem(place, "may not be read (permission denied)", f"allow yourself to read it: chmod u+r {name}")]
    return []

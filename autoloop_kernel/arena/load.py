"""From a path to a notebook in memory: an nbformat 4.5 notebook, or the reasons why there is none."""

from __future__ import annotations

import copy
import difflib
import json
import re
import stat
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

import nbformat
from nbformat import NotebookNode
from nbformat.validator import iter_validate

from autoloop_kernel.arena.roles import tags_of

MAJOR, MINOR = 4, 5
_nbformat: Any = nbformat  # its functions carry no types
_iter_validate: Any = iter_validate
_node: Any = nbformat.from_dict
_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True)
class Problem:
    """Something wrong with an arena: where it is, what it is, and how to mend it.

    `level` is "error" where the arena cannot be run as it stands, "note" where it can.
    """

    where: str
    what: str
    mend: str
    level: str = "error"

    def __str__(self) -> str:
        return f"{self.where}: {self.what} — {self.mend}"


@dataclass(frozen=True)
class Loaded:
    """What a file held: its text and JSON as they are, and the notebook in nbformat 4.5 (None where it is none)."""

    text: str = ""
    raw: Any = None
    notebook: NotebookNode | None = None
    problems: tuple[Problem, ...] = ()


def is_name(text: Any) -> TypeGuard[str]:
    """Whether `text` can name a unit: 1 to 64 of A-Z a-z 0-9 _ - and no dash in front, safe as a file name."""
    return isinstance(text, str) and _NAME.fullmatch(text) is not None


def name_of(cell: NotebookNode) -> str:
    """The name of `cell`: its metadata `autoloop.name` where there is one, else its id."""
    settings: Any = cell.get("metadata", {}).get("autoloop")
    name = settings.get("name") if isinstance(settings, dict) else None
    return name if isinstance(name, str) and name else str(cell.get("id", ""))


def placed_id(kind: str, place: int) -> str:
    """The id that a cell of this kind ("code" or "text") has where its notebook gives it none: by its place, from 1."""
    return f"{kind}-{place}"


def where(position: int, cell: NotebookNode) -> str:
    """How a problem names the cell at `position` (from 0): by its place in the notebook, from 1, and its name."""
    return f"cell {position + 1} ({name_of(cell)})"


def load(path: Path) -> Loaded:
    """Read the file at `path`; never raises for what the file is or holds, but reports it as problems."""
    try:
        text = _bytes(path).decode("utf-8")
    except UnicodeDecodeError as error:
        what = f"is not UTF-8 text (byte {error.start + 1})"
        return Loaded(problems=(Problem(path.name, what, "save it again as UTF-8"),))
    except _Unreadable as error:
        return Loaded(problems=(error.problem,))
    if text.startswith("\ufeff"):
        what = "starts with a byte order mark, which Jupyter cannot read"
        return Loaded(text, problems=(Problem(path.name, what, "save it again as UTF-8 without one"),))
    if not text.strip():
        mend = "`autoloop new function_min` writes an arena to start from"
        return Loaded(text, problems=(Problem(path.name, "is empty", mend),))
    try:
        raw = json.loads(text)
    except json.JSONDecodeError as error:
        what = f"is no valid JSON: line {error.lineno}, column {error.colno}: {error.msg}"
        mend = "mend that place in a text editor, or bring back an older copy"
        return Loaded(text, problems=(Problem(path.name, what, mend),))
    except RecursionError:
        return Loaded(text, problems=(Problem(path.name, "is nested too deeply", "give the path of a notebook"),))
    notebook, problems = _notebook(path.name, raw)
    return Loaded(text, raw, notebook, tuple(problems))


class _Unreadable(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def _bytes(path: Path) -> bytes:
    """The bytes of the file at `path`; raises `_Unreadable` with the problem where there are none to be had."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            names = sorted(entry.name for entry in path.glob("*.ipynb"))
            mend = f"name the notebook in it: {', '.join(names[:5])}" if names else "give the path of a notebook"
            raise _Unreadable(Problem(str(path), "is a folder", mend))
        if not stat.S_ISREG(mode):
            raise _Unreadable(Problem(str(path), "is no ordinary file", "give the path of a notebook"))
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise _Unreadable(Problem(str(path), "no such file", _near(path))) from None
    except PermissionError:
        mend = f"allow yourself to read it: chmod u+r {path.name}"
        raise _Unreadable(Problem(str(path), "may not be read (permission denied)", mend)) from None
    except (OSError, ValueError) as error:
        raise _Unreadable(Problem(str(path)[:200], f"cannot be read ({error})", "give another path")) from None


def _near(path: Path) -> str:
    try:
        names = sorted(entry.name for entry in path.parent.glob("*.ipynb"))
    except OSError:
        names = []
    near = difflib.get_close_matches(path.name, names, n=3, cutoff=0.5)
    if f"{path.name}.ipynb" in names:
        near = [f"{path.name}.ipynb"]
    if near:
        return f"did you mean {' or '.join(str(path.parent / name) for name in near)}?"
    return "check the path, or make an arena with `autoloop new`"


def _notebook(name: str, raw: Any) -> tuple[NotebookNode | None, list[Problem]]:
    """`raw` JSON as a 4.5 notebook, with the problems met on the way; None where it is no notebook at all."""
    mend = "give the path of a notebook, or open the file in Jupyter and save it"
    major = raw.get("nbformat") if isinstance(raw, dict) else None
    body = raw.get("worksheets" if isinstance(major, int) and major < MAJOR else "cells") if major else None
    if not isinstance(major, int) or isinstance(major, bool) or not isinstance(body, list):
        return None, [Problem(name, "is JSON but no notebook", mend)]
    if major > MAJOR:
        return None, [Problem(name, f"is of nbformat {major}, newer than this Autoloop knows", "save it as nbformat 4")]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _upgraded(name, copy.deepcopy(raw))
    except Exception as error:  # nbformat's converters raise whatever a damaged file makes them stumble over
        return None, [Problem(name, f"is a damaged notebook ({type(error).__name__}: {error})", mend)]


def _upgraded(name: str, raw: dict[str, Any]) -> tuple[NotebookNode | None, list[Problem]]:
    problems = []
    version = (raw["nbformat"], raw.get("nbformat_minor", 0))
    if version[0] < MAJOR:
        raw = _nbformat.convert(_nbformat.reader.reads(json.dumps(raw)), MAJOR)
        for cell in raw["cells"]:
            cell.pop("id", None)
    if version < (MAJOR, MINOR):
        raw["nbformat_minor"] = MINOR
        what = f"is of the older nbformat {version[0]}.{version[1]}; it was upgraded in memory, its file is unchanged"
        by_us = ", or let `autoloop apply` write it" if version[0] < MAJOR else ""
        problems.append(Problem(name, what, f"save it once in Jupyter{by_us}", "note"))
    problems += _identify(raw["cells"], complain=version >= (MAJOR, MINOR))
    invalid = list(_invalid(name, raw))
    notebook = _nbformat.v4.to_notebook_json(raw, minor=raw["nbformat_minor"]) if not _ragged(raw) else None
    return notebook, problems + invalid


def _ragged(raw: dict[str, Any]) -> bool:
    """Whether the notebook lacks what every later check relies on, so that there is no point in going on."""
    return not isinstance(raw.get("metadata"), dict) or any(
        not isinstance(cell, dict) or not isinstance(cell.get("metadata"), dict) or not _is_text(cell.get("source"))
        for cell in raw["cells"]
    )


def _is_text(source: Any) -> bool:
    return isinstance(source, str) or (isinstance(source, list) and all(isinstance(line, str) for line in source))


def _identify(cells: list[Any], complain: bool) -> list[Problem]:
    """Give every cell without a sound id of its own one that follows from its place, the same at every reading.

    The place is that among the cells of its type, so that a note between two code cells changes no name.
    """
    problems = []
    taken = {cell["id"] for cell in cells if isinstance(cell, dict) and _sound_id(cell.get("id"))}
    seen: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    for position, cell in enumerate(cells):
        if not isinstance(cell, dict):
            continue
        kind = "code" if cell.get("cell_type") == "code" else "text"
        kinds[kind] += 1
        given = cell.get("id")
        wanted = placed_id(kind, kinds[kind])
        if _sound_id(given):
            seen[given] += 1
            if seen[given] == 1:
                continue
            wanted = f"{given[:50]}-{seen[given]}"
        cell["id"] = _free(wanted, taken)
        taken.add(cell["id"])
        if complain:
            twice = _sound_id(given)
            what = f"has the same id as an earlier cell ({given})" if twice else _no_id(given)
            problems.append(_id_problem(position, cell, what, twice))
    return problems


def _id_problem(position: int, cell: dict[str, Any], what: str, twice: bool) -> Problem:
    """An id that was mended in memory is a note, save where it would name one of two editable cells."""
    node = _node(cell if isinstance(cell.get("metadata"), dict) else {**cell, "metadata": {}})
    ambiguous = twice and "editable" in tags_of(node) and name_of(node) == cell["id"]
    mend = 'give the cell a name of its own in its metadata, {"autoloop": {"name": …}}, or save the notebook in Jupyter'
    return Problem(where(position, node), what, mend, "error" if ambiguous else "note")


def _no_id(given: Any) -> str:
    return "has no id" if given is None else f"has an id that is none ({given!r}: letters, digits, - and _ only)"


def _sound_id(given: Any) -> TypeGuard[str]:
    return isinstance(given, str) and _ID.fullmatch(given) is not None


def _free(wanted: str, taken: set[str]) -> str:
    candidate, count = wanted, 1
    while candidate in taken:
        count += 1
        candidate = f"{wanted}-{count}"
    return candidate


def _invalid(name: str, raw: dict[str, Any]) -> Iterator[Problem]:
    """Where the notebook breaks the nbformat schema, in as many problems as there are such places."""
    seen = set()
    for error in _iter_validate(raw, version=MAJOR, version_minor=min(int(raw["nbformat_minor"]), MINOR)):
        path = [str(part) for part in error.relative_path]
        if tuple(path) in seen:
            continue
        seen.add(tuple(path))
        place, rest = name, ".".join(path)
        if len(path) > 1 and path[0] == "cells":
            cell = raw["cells"][int(path[1])]
            place = f"cell {int(path[1]) + 1} ({cell.get('id', '?') if isinstance(cell, dict) else '?'})"
            rest = ".".join(path[2:])
        what = f"is no valid nbformat: {rest + ': ' if rest else ''}{error.message.splitlines()[0][:200]}"
        yield Problem(place, what, "mend it in Jupyter's metadata editor or a text editor")

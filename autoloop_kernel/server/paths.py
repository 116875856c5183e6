"""Where a request may reach: below the server's root, and nowhere else.

A path from outside names a place below the root with forward slashes. It is looked at as it stands and with its
percent signs decoded, then followed through all its links, before anything is done with it.
"""

from __future__ import annotations

import re
import urllib.parse
from pathlib import Path

from autoloop_kernel.server.errors import Refused

LONGEST = 1000
"""How many characters a path may have."""

CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What ends a line, turns its order round, or is no character. The spaces and joiners of other scripts are in names."""


def inside(root: Path, relative: str) -> Path:
    """The place that `relative` names below `root`, which need not exist; "" is the root itself.

    The answer keeps the links of the path, all of which stay below the root. Raises `Refused` (403) for what is, or
    decodes to, an absolute path, a `..`, a backslash or a control character, for hidden files and folders, and where a
    link leads out of the root.
    """
    for text in _decoded(relative):
        _must_be_plain(text)
    root = root.resolve()
    place = root.joinpath(relative)
    try:
        real = place.resolve()
    except (OSError, RuntimeError, ValueError):  # a ring of links, or a name that no file system takes
        raise Refused(403, "this path cannot be followed: name another one") from None
    if real != root and root not in real.parents:
        raise Refused(403, f"{relative} leads out of the server's folder: name a place inside it")
    if any(part.startswith(".") for part in real.relative_to(root).parts):
        raise Refused(403, f"{relative} leads to a hidden file: name another place")
    return place


def arena_at(root: Path, relative: str) -> Path:
    """The arena notebook at `relative`; its runs folder stays below the root, too.

    Raises `Refused`: as `inside`, and 404 where there is no such notebook.
    """
    place = inside(root, relative)
    if not relative.endswith(".ipynb") or not place.is_file():
        raise Refused(404, f"there is no notebook {relative}: it may have been moved or renamed" if relative else NONE)
    inside(root, below(root, place.with_name(f"{place.stem}_runs")))
    inside(root, below(root, place.with_name(f"{place.stem}_runs") / "ledger.sqlite"))
    inside(root, below(root, place.with_name(f"{place.stem}_runs") / "lineage.git"))
    return place


NONE = "no arena was named: give the path of its notebook"


def below(root: Path, place: Path) -> str:
    """The path of `place` relative to the root, with forward slashes."""
    return place.relative_to(root.resolve()).as_posix()


def _decoded(text: str) -> list[str]:
    """`text`, and what decoding its percent signs makes of it, again and again until nothing changes."""
    found = [text]
    while len(found) < 6:
        further = urllib.parse.unquote(found[-1], errors="replace")
        if further == found[-1]:
            return found
        found.append(further)
    raise Refused(403, "this path is encoded over and over: write it plainly")


def _must_be_plain(text: str) -> None:
    if len(text) > LONGEST:
        raise Refused(403, f"this path is longer than {LONGEST} characters: name another one")
    if CONTROLS.search(text) or "\\" in text:
        raise Refused(403, "this path holds a backslash or a control character: write it with forward slashes")
    parts = text.split("/")
    if any(len(part.encode()) > 255 for part in parts):
        raise Refused(403, "a name in this path is longer than 255 bytes: name another one")
    if text.startswith(("/", "~")) or (len(parts[0]) == 2 and parts[0][1] == ":"):
        raise Refused(403, "this path is absolute: name a place below the server's folder")
    if text and any(part in ("", ".", "..") for part in parts):
        raise Refused(403, "this path holds an empty part, a single dot or two: name the place itself")
    if any(part.startswith(".") for part in parts):
        raise Refused(403, "this path is hidden: name another place")

"""Which files an exported notebook needs beside it, and their copies."""

from __future__ import annotations

import ast
import json
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from autoloop_kernel.arena.surface import matches
from autoloop_kernel.exporting.inline import parsed, whole
from autoloop_kernel.records import AutoloopError


def needed(folder: Path, sources: Iterable[str], editable: Mapping[str, str], sealed: Sequence[str]) -> list[str]:
    """The files of the arena's `folder` (relative posix paths) that an export takes along, but for the editable ones.

    These are the sealed files (globs), and all whose name, or whose folder's name, is written in a text of a cell or an
    editable file (also as a glob), and modules that they import; and what such modules name in turn. Notebooks, runs
    folders, what other exports need and hidden files stay behind.
    """
    found = {name for name in matches(folder, sealed) if name not in editable}
    offered = [name for name in _files(folder) if name not in editable]
    others = [(text, set[str]()) for name, text in editable.items() if not name.endswith(".py")]
    waiting = [*sources, *(text for name, text in editable.items() if name.endswith(".py"))]
    while waiting or others:
        texts, modules = others.pop() if others else mentioned(waiting.pop())
        for name in offered:
            if name in found or not _named(name, texts, modules):
                continue
            found.add(name)
            if name.endswith(".py"):
                waiting.append((folder / name).read_text(encoding="utf-8", errors="replace"))
    return sorted(found)


def mentioned(source: str) -> tuple[str, set[str]]:
    """The texts in a source, joined, and the modules that it imports; of what is no Python, all of it."""
    texts: list[str] = []
    modules: set[str] = set()
    tree = whole(source)
    for node in (node for one in ([tree] if tree else parsed(source)) for node in ast.walk(one)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            texts.append(node.value)
        elif isinstance(node, ast.Import):
            modules |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules.add(node.module.partition(".")[0])
    return "\n".join(texts) if tree else source, modules


def _named(path: str, texts: str, modules: set[str]) -> bool:
    """Whether a file, or a folder above it, is named in these texts or imported."""
    parts = PurePosixPath(path).parts
    globs = (word for word in re.findall(r"[^\s'\"]+", texts) if "*" in word and re.search(r"\w", word))
    if any(fnmatchcase(path, glob) or fnmatchcase(parts[-1], glob) for glob in globs):
        return True
    if any(re.search(rf"(?<![\w.-]){re.escape(part)}(?![\w-])", texts) for part in parts):
        return True
    return path.endswith(".py") and parts[0].removesuffix(".py") in modules


def _files(folder: Path) -> Iterator[str]:
    """The files of an arena's folder that may be data: no notebooks, runs folders, other exports', hidden or cached."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name == "__pycache__" or path.name.endswith("_runs"):
            continue
        if path.name.endswith("_files") and is_export(path.with_name(f"{path.name.removesuffix('_files')}.ipynb")):
            continue
        if path.is_file() and path.suffix != ".ipynb":
            yield path.name
        elif path.is_dir():
            inner = (file for file in sorted(path.rglob("*")) if file.is_file())
            yield from (
                name.as_posix()
                for name in (file.relative_to(folder) for file in inner)
                if not any(part.startswith(".") or part == "__pycache__" for part in name.parts)
            )


def is_export(path: Path) -> bool:
    """Whether a notebook was written by an export."""
    try:
        metadata = json.loads(path.read_text(encoding="utf-8"))["metadata"]
        return isinstance(metadata["autoloop"]["export"], dict)
    except (OSError, ValueError, LookupError, TypeError):
        return False


def stage(folder: Path, names: Sequence[str], editable: Mapping[str, str], beside: Path) -> Path:
    """Copy files (links resolved) and write editable ones into a fresh folder next to `beside`; gives that folder.

    Raises `AutoloopError` where one cannot be copied; nothing stays behind then.
    """
    staged = Path(tempfile.mkdtemp(prefix=f".{beside.name}.", dir=beside.parent))
    staged.chmod(0o755)
    try:
        for name in names:
            (staged / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / name, staged / name)
        for name, text in editable.items():
            (staged / name).parent.mkdir(parents=True, exist_ok=True)
            (staged / name).write_bytes(text.encode("utf-8"))
    except OSError as error:
        shutil.rmtree(staged, ignore_errors=True)
        raise AutoloopError(f"the files of the export cannot be copied: {' '.join(str(error).split())}") from None
    return staged


def swap(staged: Path | None, target: Path) -> None:
    """Put the staged folder in the place of `target`, whatever lay there; None removes it."""
    old = target.with_name(f".{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if target.is_symlink() or target.is_file():
        target.unlink()
    elif target.is_dir():
        target.rename(old)
    if staged is not None:
        staged.rename(target)
    shutil.rmtree(old, ignore_errors=True)

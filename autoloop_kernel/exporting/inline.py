"""What an exported notebook needs of Autoloop, as the source of one cell: it runs where Autoloop is not installed."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from importlib import util
from pathlib import Path

from autoloop_kernel import __version__
from autoloop_kernel.arena.source import plain_python
from autoloop_kernel.records import AutoloopError

PACKAGE = "autoloop_kernel"
OFFERED = ("cells", "scoring")
"""The parts of the package that cells may import, and so the only ones that an export carries."""

HEAD = """\
# Autoloop: all that this notebook needs of it, so that it runs where Autoloop is not installed.
# There is nothing to edit here: the modules below take the place of the package of that name in this kernel.
import importlib.abc
import importlib.util
import os
import pathlib
import sys

AUTOLOOP_MODULES = {}
"""

TAIL = '''

class InlinedAutoloop(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Imports the modules above in place of an installed package of that name."""

    def find_spec(self, name, path=None, target=None):
        if name in AUTOLOOP_MODULES:
            return importlib.util.spec_from_loader(name, self, is_package=self.is_package(name))

    def is_package(self, name):
        return any(other.startswith(name + ".") for other in AUTOLOOP_MODULES)

    def get_source(self, name):
        return AUTOLOOP_MODULES[name]

    def get_code(self, name):
        return compile(self.get_source(name), name.replace(".", "/") + ".py (inlined)", "exec")


for _name in [name for name in sys.modules if name.partition(".")[0] == "autoloop_kernel"]:
    del sys.modules[_name]
sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__name__ != "InlinedAutoloop"]
sys.meta_path.insert(0, InlinedAutoloop())
'''

FOLDER = """

# The files that this notebook reads lie beside it.
_names = [pathlib.Path.cwd(), pathlib.Path(os.environ.get("JPY_SESSION_NAME", "")).parent]
_found = [folder / {folder!r} for folder in _names if (folder / {folder!r}).is_dir()]
if pathlib.Path.cwd().name != {folder!r}:
    if not _found:
        raise FileNotFoundError({folder!r} + " is not here: run this notebook in the folder that it lies in")
    os.chdir(_found[0])
if os.getcwd() not in sys.path:
    sys.path.insert(0, os.getcwd())
"""


def cell_source(sources: Iterable[str], folder: str | None) -> str:
    """The source of the inlined cell for cells with these sources; `folder`: the folder of the files, if any."""
    parts = [HEAD]
    for name, source in modules(sources).items():
        parts.append(f"\nAUTOLOOP_MODULES[{name!r}] = {literal(source)}\n")
    parts.append(TAIL)
    if folder is not None:
        parts.append(FOLDER.format(folder=folder))
    return "".join(parts).rstrip("\n")


def literal(source: str) -> str:
    """A Python literal of `source` that reads as source where it can: a raw string in triple quotes."""
    for quotes in ("'''", '"""'):
        if quotes not in source and not source.endswith(("\\", quotes[0])) and "\r" not in source:
            return f"r{quotes}{source}{quotes}"
    return repr(source)


def modules(sources: Iterable[str]) -> dict[str, str]:
    """The modules that `sources` import of Autoloop, and those that these import in turn: name → source.

    `cells` is always among them. Raises `AutoloopError` where a cell imports what no arena may.
    """
    wanted = [f"{PACKAGE}.cells"]
    for source in sources:
        for name in imported(source, ""):
            if name != PACKAGE and name.split(".")[1] not in OFFERED:
                raise AutoloopError(
                    f"a cell imports {name}, which cannot be exported: arenas may import {PACKAGE}.cells and .scoring"
                )
            wanted.append(name)
    found: dict[str, str] = {}
    while wanted:
        name = wanted.pop()
        path = _path(name)
        if name in found or path is None:
            continue
        if name == PACKAGE:  # its lazy names lead to all the house, and no cell of an arena needs them
            found[name] = f'"""Autoloop {__version__}, as far as this notebook needs it."""\n'
            continue
        found[name] = path.read_text(encoding="utf-8")
        wanted.append(name.rpartition(".")[0])
        wanted += imported(found[name], name if path.name == "__init__.py" else name.rpartition(".")[0])
    return dict(sorted(found.items()))


def imported(source: str, package: str) -> list[str]:
    """The names below Autoloop's package that a source imports; what is no module is for the reader to drop.

    `package` is the package that relative imports start from. What does not parse is read line by line.
    """
    found: list[str] = []
    for node in (node for tree in parsed(source) for node in ast.walk(tree)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            stem = node.module or ""
            if node.level:
                parents = package.split(".")[: len(package.split(".")) - node.level + 1]
                stem = ".".join([*parents, stem]).strip(".")
            found += [stem, *(f"{stem}.{alias.name}" for alias in node.names)]
    ours = [name for name in found if name.partition(".")[0] == PACKAGE]
    return [name for name in ours if _path(name) is not None]


def parsed(source: str) -> list[ast.Module]:
    """A source as syntax trees: one, or one for each line that parses where the whole does not."""
    if (tree := whole(source)) is not None:
        return [tree]
    trees: list[ast.Module] = []
    for line in source.splitlines():
        try:
            trees.append(ast.parse(line.strip()))
        except (SyntaxError, ValueError):
            continue
    return trees


def whole(source: str) -> ast.Module | None:
    """A source as one syntax tree, its magics as the calls that they stand for; None where it is no Python."""
    try:
        return ast.parse(plain_python(source))
    except (SyntaxError, ValueError):
        return None


def _path(name: str) -> Path | None:
    """Where the source of one of Autoloop's modules lies; None where there is no such module."""
    if name.partition(".")[0] != PACKAGE:
        return None
    root = util.find_spec(PACKAGE)
    if root is None or root.origin is None:
        return None
    place = Path(root.origin).parent.joinpath(*name.split(".")[1:])
    for path in (place / "__init__.py", place.with_suffix(".py")):
        if path.is_file():
            return path
    return None

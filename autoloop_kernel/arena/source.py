"""Source text of cells and files: does it parse, what is it without comments, what does it call."""

from __future__ import annotations

import ast
import hashlib
import json
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any

SOURCES = 512
"""Of so many sources it is remembered what was found: an arena is read again and again, its cells seldom change."""


def is_python(unit: str) -> bool:
    """Whether a unit of this name holds Python: cells and `.py` files do."""
    return PurePosixPath(unit).suffix in ("", ".py")


def is_cell(unit: str) -> bool:
    """Whether a unit of this name is a cell, in which IPython's magics are allowed, and not a file with a suffix."""
    return "." not in PurePosixPath(unit).name


def plain_python(source: str) -> str:
    """`source` with IPython's magics, shell lines and `?` turned into plain Python; as it is where it has none.

    Raises SyntaxError where IPython cannot tokenise it.
    """
    if _compiles(source):
        return source
    from IPython.core.inputtransformer2 import TransformerManager  # late: most cells never need it, and it is slow

    manager: Any = TransformerManager
    return str(manager().transform_cell(source))


@lru_cache(SOURCES)
def _compiles(source: str) -> bool:
    try:
        _compile(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _compile(source: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an invalid escape in someone's cell is no concern of ours
        compile(source, "<cell>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)


def _tree(source: str, magics: bool) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(plain_python(source) if magics else source)


def no_text(source: str) -> str | None:
    """Why `source` cannot be written to a text file; None where it can."""
    if "\0" in source:
        return "it holds a NUL byte"
    try:
        source.encode("utf-8")
    except UnicodeEncodeError:
        return "it holds half a character (a lone surrogate), which is no text"
    return None


@lru_cache(SOURCES)
def fault(source: str, magics: bool = True) -> str | None:
    """Why `source` is no Python that can run, in a few words with the line; None where it is.

    `magics` allows what IPython adds, as in cells; files are plain Python.
    """
    if reason := no_text(source):
        return reason
    try:
        _compile(plain_python(source) if magics else source)
    except SyntaxError as error:
        return f"it does not parse: line {error.lineno}: {error.msg}"
    except (ValueError, RecursionError, MemoryError) as error:
        return f"it does not parse: {error or type(error).__name__}"
    return None


def code_key(units: Mapping[str, str]) -> str:
    """A hash of `units` (name → source) that white space and comments do not change; 64 hex digits.

    Python is compared by its syntax tree, docstrings included; other text line by line, without trailing white
    space and with runs of blank lines as one.
    """
    plain = [[name, normal(name, source)] for name, source in sorted(units.items())]
    return hashlib.sha256(json.dumps(plain).encode()).hexdigest()


@lru_cache(SOURCES)
def normal(name: str, source: str) -> str:
    """`source` of the unit `name` as `code_key` compares it: without comments, its white space made uniform."""
    if is_python(name):
        try:
            return ast.unparse(_tree(source, magics=is_cell(name)))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            pass  # broken code is still code that ran before, or did not: compare it as text
    lines: list[str] = []
    for line in source.splitlines():
        if line.strip() or (lines and lines[-1]):
            lines.append(line.rstrip())
    return "\n".join(lines).rstrip("\n")


def syntax_nodes(units: Mapping[str, str]) -> int:
    """How much code `units` (name → source) hold: the expressions and statements of their syntax trees.

    The sign of a number counts for nothing, nor does a docstring; text that is no Python has none.
    """
    return sum(_nodes(name, source) for name, source in units.items())


@lru_cache(SOURCES)
def _nodes(name: str, source: str) -> int:
    if not is_python(name):
        return 0
    try:
        tree = _tree(source, magics=is_cell(name))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return 0
    return sum(_weight(node) for node in ast.walk(tree))


def _weight(node: ast.AST) -> int:
    """What a node adds: nothing the sign of a number, and a text that stands alone takes its own node back."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant):
        return 0
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return -1
    return int(isinstance(node, ast.stmt | ast.expr))


@lru_cache(SOURCES)
def calls(source: str, name: str) -> bool:
    """Whether `source` calls something named `name` (`name(…)` or `x.name(…)`); true also where it does not parse."""
    try:
        tree = _tree(source, magics=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return True
    functions = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    return any(getattr(function, "id", getattr(function, "attr", None)) == name for function in functions)


def seeds(sources: Mapping[str, str]) -> Counter[tuple[str, str]]:
    """Every assignment to an UPPER_CASE name that contains SEED: (name, the expression assigned), with how often."""
    found: Counter[tuple[str, str]] = Counter()
    for name, source in sources.items():
        if is_python(name):
            try:
                tree = _tree(source, magics=is_cell(name))
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                continue
            found.update(pair for node in ast.walk(tree) for pair in _assigned(node) if _is_seed(pair[0]))
    return found


def _is_seed(name: str) -> bool:
    return name.isupper() and "SEED" in name


def _assigned(node: ast.AST) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.Assign):
        for target in node.targets:
            yield from _pairs(target, node.value)
    elif isinstance(node, ast.AnnAssign | ast.AugAssign | ast.NamedExpr) and node.value is not None:
        yield from _pairs(node.target, node.value)


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, str]]:
    if isinstance(target, ast.Name):
        yield target.id, ast.unparse(value)
    elif isinstance(target, ast.Tuple | ast.List):
        values = value.elts if isinstance(value, ast.Tuple | ast.List) else []
        matched = values if len(values) == len(target.elts) else [value] * len(target.elts)
        for part, expression in zip(target.elts, matched, strict=True):
            yield from _pairs(part, expression)

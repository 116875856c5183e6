"""What a Python source needs of its surroundings: arguments, modules beside it, folders of a home, constants."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_SUMS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}


@dataclass(frozen=True)
class Arguments:
    """What a script reads of its command line: what it cannot do without, and what it may be given."""

    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


def parsed(source: str) -> ast.Module | None:
    """The syntax tree of a source; None where it does not parse."""
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return None


def lines(source: str) -> list[str]:
    """The lines of a source as Python counts them: `str.splitlines` breaks at form feeds and the like, too."""
    found = re.split(r"\r\n|\r|\n", source)
    return found if found[-1] else found[:-1]


def arguments(tree: ast.Module) -> Arguments:
    """What a script reads of its command line, by argparse or `sys.argv`."""
    required: list[str] = []
    optional: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "add_argument" and node.args:
            names = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
            if names:
                (required if _needed(names[0], node) else optional).append(max(names, key=len))
    if not required and not optional:
        counted = any(isinstance(node, ast.Call) and ast.unparse(node) == "len(sys.argv)" for node in ast.walk(tree))
        read = sorted({place for node in ast.walk(tree) if (place := _argv(node)) is not None})
        return Arguments(optional=tuple(read)) if counted else Arguments(required=tuple(read))
    return Arguments(tuple(required), tuple(optional))


def _needed(name: str, call: ast.Call) -> bool:
    """Whether argparse refuses to go on without this argument."""
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    if name.startswith("-"):
        return isinstance(value := given.get("required"), ast.Constant) and value.value is True
    many = given.get("nargs")
    return not (isinstance(many, ast.Constant) and many.value in ("?", "*"))


def _argv(node: ast.AST) -> str | None:
    if not isinstance(node, ast.Subscript) or ast.unparse(node.value) != "sys.argv":
        return None
    place = node.slice
    return f"sys.argv[{place.value!r}]" if isinstance(place, ast.Constant) and place.value else None


def imports(tree: ast.Module) -> set[str]:
    """The modules that a source imports, by their dotted names; also what is taken from them, as it may be one."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            stem = node.module or ""
            found |= {stem} | {f"{stem}.{alias.name}".strip(".") for alias in node.names}
    return found - {""}


def modules(folder: Path, start: str) -> list[str]:
    """The modules in `folder` that the file `start` there imports, and they in turn: relative paths, without it."""
    found: list[str] = []
    waiting = [start]
    while waiting:
        tree = parsed(text(folder / waiting.pop()))
        for name in sorted(imports(tree)) if tree else ():
            for path in (f"{name.replace('.', '/')}.py", f"{name.replace('.', '/')}/__init__.py"):
                if path != start and path not in found and (folder / path).is_file():
                    found.append(path)
                    waiting.append(path)
    return found


def text(path: Path) -> str:
    """What a text file holds; bytes that are no text are replaced, and a file that cannot be read is empty."""
    try:
        return path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return ""


def homes(source: str) -> set[str]:
    """The folders of the person's home that a source names, such as `.cache/autoresearch`; none at its top.

    Of hidden ones those below `.cache` alone: others hold keys and settings, which no script gets by naming them.
    """
    tree, found = parsed(source), set()
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "join" and len(node.args) > 1:
            first, *rest = node.args
            if _is_home(first) and all(isinstance(one, ast.Constant) and isinstance(one.value, str) for one in rest):
                found.add("/".join(str(one.value) for one in rest if isinstance(one, ast.Constant)))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("~/"):
            found.add(node.value[2:])
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            found |= set(_joined(node))
    sound = {place.strip("/") for place in found if re.fullmatch(r"[\w.-]+(/[\w.-]+)+/?", place) and ".." not in place}
    return {place for place in sound if place.startswith(".cache/") or not re.search(r"(^|/)\.", place)}


def _is_home(node: ast.expr) -> bool:
    return ast.unparse(node) in ("os.path.expanduser('~')", "Path.home()", "pathlib.Path.home()", "expanduser('~')")


def _joined(node: ast.BinOp) -> Iterator[str]:
    """`Path.home() / "a" / "b"` as `a/b`."""
    parts: list[str] = []
    here: ast.expr = node
    while isinstance(here, ast.BinOp) and isinstance(here.op, ast.Div) and isinstance(here.right, ast.Constant):
        parts.insert(0, str(here.right.value))
        here = here.left
    if _is_home(here):
        yield "/".join(parts)


def numbers(source: str) -> dict[str, float]:
    """The top-level names of a source that are given a number, or a sum of numbers such as `5 * 60`."""
    tree, found = parsed(source), {}
    for node in tree.body if tree else ():
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            value = _value(node.value)
            if value is not None:
                found[node.targets[0].id] = value
    return found


def _value(node: ast.expr) -> float | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return float(node.value)
    if isinstance(node, ast.BinOp) and type(node.op) in _SUMS:
        left, right = _value(node.left), _value(node.right)
        if left is not None and right is not None and not (right == 0 and isinstance(node.op, ast.Div)):
            return float(_SUMS[type(node.op)](left, right))
    return None

"""What a script prints, by its source: the names that stand before numbers in its output."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

HOLE = "\0"
"""What stands in a printed text for a value that is only known when it runs."""

_NAMED = re.compile(rf"([A-Za-z_][\w./-]*(?: [A-Za-z_][\w./-]*){{0,3}})[\"']?\s*[:=]?\s*[\"']?{HOLE}")
_PRINTS = ("print", "info", "write", "log", "echo", "debug", "warning")


@dataclass(frozen=True)
class Line:
    """A name that a source prints before a number, the line (from 1) that does, and whether in a loop.

    `alone`: it begins a line of the output, with one number and nothing else on it, as a summary has it.
    """

    name: str
    line: int
    looped: bool
    alone: bool


def lines(source: str) -> list[Line]:
    """The names that a Python source prints before numbers, in its order; [] where it does not parse."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return []
    found = []
    for call, looped in _calls(tree, False):
        text = " ".join(template(argument) for argument in call.args)
        for part in text.splitlines():
            names = _NAMED.findall(part)
            alone = len(names) == 1 and part.count(HOLE) == 1
            found += [Line(name, call.lineno, looped, alone) for name in names]
    return found


def template(node: ast.expr) -> str:
    """The text that an expression prints, with a `HOLE` for each value in it."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(template(value) for value in values)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return template(left) + template(right)
        case ast.BinOp(left=ast.Constant(value=str(text)), op=ast.Mod()):
            return re.sub(r"%[-+ #0]*\d*(?:\.\d+)?[a-zA-Z]", HOLE, text)
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(text)), attr="format")):
            return re.sub(r"\{[^{}]*\}", HOLE, text)
        case ast.Call(func=ast.Attribute(attr="dumps"), args=[ast.Dict(keys=keys), *_]):
            names = [key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str)]
            return "\n".join(f'"{name}": {HOLE}' for name in names)
    return HOLE


def _calls(node: ast.AST, looped: bool) -> Iterator[tuple[ast.Call, bool]]:
    """The calls that print below `node`, and whether each stands in a loop."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call) and _name(child.func) in _PRINTS and child.args:
            yield child, looped
        yield from _calls(child, looped or isinstance(child, ast.For | ast.While))


def _name(function: ast.expr) -> str:
    return str(getattr(function, "id", getattr(function, "attr", "")))

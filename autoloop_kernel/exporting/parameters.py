"""Setting values in a parameters cell, so that every other byte of it stays."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any


def with_values(source: str, values: Mapping[str, Any]) -> str:
    """`source` with its top-level assignments to these names set to these values; names that it lacks are added below.

    The last assignment to a name is the one that counts, and so the one that is set.
    """
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError):
        return _added(source, values)
    places: dict[str, ast.expr] = {}
    for node in body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            places[node.targets[0].id] = node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            places[node.target.id] = node.value
    lines = source.encode("utf-8").splitlines(keepends=True)  # ast counts columns in UTF-8 bytes
    chosen = [(places[name], value) for name, value in values.items() if name in places]
    for place, value in sorted(chosen, key=lambda one: (-one[0].lineno, -one[0].col_offset)):
        first, last = place.lineno - 1, (place.end_lineno or place.lineno) - 1
        head, tail = lines[first][: place.col_offset], lines[last][place.end_col_offset :]
        lines[first : last + 1] = [head + repr(value).encode("utf-8") + tail]
    text = b"".join(lines).decode("utf-8")
    return _added(text, {name: value for name, value in values.items() if name not in places})


def _added(source: str, values: Mapping[str, Any]) -> str:
    lines = [f"{name} = {value!r}" for name, value in values.items()]
    return "\n".join([source.rstrip("\n"), *lines]).lstrip("\n") if lines else source

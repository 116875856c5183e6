"""The tunable constants of the editable units: found by their place in the text, and rewritten there.

A constant is a top-level assignment of an UPPER_CASE name to an int, float, bool or str literal. Python's own parser
says where each literal begins and ends, so that an edit replaces those characters and every other byte stays.
"""

from __future__ import annotations

import ast
import math
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import TypeGuard

from autoloop_kernel.agents.ranges import NEAR_ONE, Range, Value, digits, range_of

Key = tuple[str, str]

_NAME = re.compile(r"_*[A-Z][A-Z0-9_]*")
_NOT_TUNED = ("SEED", "BUDGET")
_LITERAL = re.compile(r"[-+]?(?:\d[\d_.]*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|\w+)|'[^'\\\n]*'|\"[^\"\\\n]*\"")
_NEWLINE = re.compile(r"\r\n|\r|\n")
_MAGIC = re.compile(r"\s*(?:%|!|\?|.*=\s*[%!]|.*\?\s*$)")
_PYTHON_CELL_MAGICS = re.compile(r"\s*%%(?:time|timeit|capture|prun)\b")


@dataclass(frozen=True)
class Constant:
    """One tunable constant: its name, value, the literal as written (`text`), where that stands, and its range.

    `start` and `end` are character offsets into the unit's source.
    """

    name: str
    value: Value
    text: str
    start: int
    end: int
    range: Range

    @property
    def powers(self) -> bool:
        """Whether the constant keeps to powers of two: it is one of 8 or more, and its range has another."""
        value, bounds = self.value, self.range
        if type(value) is not int or value < 8 or value & (value - 1) or bounds.choices:
            return False
        return bounds.low <= value // 2 <= bounds.high or bounds.low <= value * 2 <= bounds.high

    def near(self, number: float) -> Value:
        """The value of the constant's own type, inside its range, that is nearest to `number`; floats to 3 digits."""
        low, high = self.range.low, self.range.high
        if self.range.choices:
            return min(self.range.choices, key=lambda choice: abs(float(choice) - number))
        number = min(max(number, low), high)
        if isinstance(self.value, int):
            if self.powers:
                power = 2 ** round(math.log2(max(number, 1.0)))
                power = power // 2 if power > high else power * 2 if power < low else power
                return power if low <= power <= high else self.value
            return round(number)
        rounded = 1.0 - digits(1.0 - number) if self.range.scale == NEAR_ONE else digits(number)
        if self.range.scale == NEAR_ONE:
            rounded = float(f"{rounded:.12g}")
        return min(max(rounded, low), high)


def constants(units: Mapping[str, str], files: Iterable[str] = ()) -> dict[Key, Constant]:
    """The tunable constants of all `units`, keyed by (unit, name); of the `files` among them only `.py` ones count."""
    others = {name for name in files if not name.endswith(".py")}
    return {
        (unit, constant.name): constant
        for unit, source in units.items()
        if unit not in others
        for constant in find(source)
    }


def rewrite(units: Mapping[str, str], values: Mapping[Key, Value]) -> dict[str, str]:
    """The units that change when these constants take these values, with their new sources."""
    changed: dict[str, str] = {}
    for unit in dict.fromkeys(unit for unit, _ in values):
        source = units[unit]
        for constant in sorted(find(source), key=lambda constant: -constant.start):
            value = values.get((unit, constant.name), constant.value)
            if value != constant.value:
                source = source[: constant.start] + literal(value, constant.text) + source[constant.end :]
        if source != units[unit]:
            changed[unit] = source
    return changed


@lru_cache(maxsize=4096)
def find(source: str) -> tuple[Constant, ...]:
    """The tunable constants of one unit, in the order of their place; none where the source is no Python.

    IPython magics (`%magic`, `!command`, `name?`) are no obstacle. Of several assignments to one name the last literal
    one counts. Names that contain SEED or BUDGET are left out.
    """
    lines = _NEWLINE.split(source)
    starts = [0, *(match.end() for match in _NEWLINE.finditer(source))]
    if source.startswith("\ufeff"):  # a byte order mark, as some editors on Windows write it
        lines[0], starts[0] = lines[0][1:], 1
    found: dict[str, Constant] = {}
    for statement in _statements(lines):
        named = _named(statement)
        if named is None or not _NAME.fullmatch(named[0]) or any(word in named[0] for word in _NOT_TUNED):
            continue
        name, node, value = named
        start = starts[node.lineno - 1] + _column(lines[node.lineno - 1], node.col_offset)
        last = (node.end_lineno or node.lineno) - 1
        end = starts[last] + _column(lines[last], node.end_col_offset or 0)
        tail = lines[(statement.end_lineno or 1) - 1]
        comment = tail[_column(tail, statement.end_col_offset or 0) :].strip()
        bounds = range_of(name, value, comment if comment.startswith("#") else "")
        found.pop(name, None)
        if bounds is not None:
            found[name] = Constant(name, value, source[start:end], start, end, bounds)
    return tuple(found.values())


@dataclass(frozen=True)
class Reading:
    """The values of a source's tunable constants by name, and the text before, between and after their literals."""

    values: Mapping[str, Value]
    frame: tuple[str, ...]


def read(source: str, like: str) -> Reading:
    """Read a source's constants; quickly where it differs from `like` in nothing but the literals of constants."""
    found, frame = find(like), _frame(like)
    values: dict[str, Value] = {}
    at = 0
    for constant, text in zip(found, frame, strict=False):
        literal = _LITERAL.match(source, at + len(text)) if source.startswith(text, at) else None
        value = _value(literal.group()) if literal else None
        if literal is None or value is None or type(value) is not type(constant.value):
            break
        values[constant.name] = value
        at = literal.end()
    else:
        if source[at:] == frame[-1]:
            return Reading(values, frame)
    return Reading({constant.name: constant.value for constant in find(source)}, _frame(source))


def _frame(source: str) -> tuple[str, ...]:
    found = sorted(find(source), key=lambda constant: constant.start)
    starts = [0, *(constant.end for constant in found)]
    ends = [*(constant.start for constant in found), len(source)]
    return tuple(source[start:end] for start, end in zip(starts, ends, strict=True))


def _value(text: str) -> Value | None:
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return None
    return value if _tunable(value) else None


def _column(line: str, offset: int) -> int:
    """Characters before a UTF-8 byte offset, which is what the parser counts in."""
    return offset if line.isascii() else len(line.encode("utf-8")[:offset].decode("utf-8", "ignore"))


def _named(statement: ast.stmt) -> tuple[str, ast.expr, Value] | None:
    """The name, literal node and value of `NAME = literal` (annotated or not); None for any other statement."""
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target, node = statement.targets[0], statement.value
    elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
        target, node = statement.target, statement.value
    else:
        return None
    number = node.operand if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)) else node
    if not isinstance(target, ast.Name) or not isinstance(number, ast.Constant):
        return None
    value = number.value
    if number is not node:
        if type(value) not in (int, float):
            return None
        value = ast.literal_eval(node)
    return (target.id, node, value) if _tunable(value) else None


def _tunable(value: object) -> TypeGuard[Value]:
    """Whether it is text, a bool, or a number of a size that one can reckon with."""
    if isinstance(value, (int, float)):
        return value == 0 or 1e-100 < abs(value) < 1e15
    return isinstance(value, str)


def _statements(lines: list[str]) -> list[ast.stmt]:
    """The top-level statements, with magic lines taken for `pass`; line numbers and columns stay true."""
    lines = list(lines)
    first = next((line for line in lines if line.strip()), "")
    if first.lstrip().startswith("%%") and not _PYTHON_CELL_MAGICS.match(first):
        return []
    for _ in range(len(lines) + 1):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return ast.parse("\n".join(lines)).body
        except SyntaxError as error:
            if not _mask(lines, error.lineno or 0):
                return []
        except (ValueError, RecursionError, MemoryError):
            return []
    return []


def _mask(lines: list[str], number: int) -> bool:
    """Take the magic at line `number` for `pass`, or else every magic; False where there is none.

    Only what the parser stumbled over is masked, for a line that starts with `%` may well go on an expression.
    """
    here = number - 1
    while 0 < here < len(lines) and lines[here - 1].endswith("\\"):
        here -= 1
    wanted = [here] if 0 <= here < len(lines) and _MAGIC.match(lines[here]) else list(_magics(lines))
    for at in wanted:
        more = at
        while lines[more].endswith("\\") and more + 1 < len(lines):
            more += 1
        indent = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
        lines[at + 1 : more + 1] = [""] * (more - at)
        lines[at] = indent + "pass"
    return bool(wanted)


def _magics(lines: list[str]) -> Iterator[int]:
    return (at for at, line in enumerate(lines) if re.match(r"\s*[%!?]", line))


def literal(value: Value, like: str) -> str:
    """Write `value` as a Python literal in the style of the literal `like` (exponents, grouping, quotes, base)."""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, str):
        quote = like[-1:] if like[-1:] in ("'", '"') else '"'
        plain = value.isprintable() and quote not in value and "\\" not in value
        return f"{quote}{value}{quote}" if plain else repr(value)
    if isinstance(value, int):
        form = {"0x": "#x", "0o": "#o", "0b": "#b"}.get(like.lstrip("+- ")[:2].lower(), "_" if "_" in like else "")
        return format(value, form)
    return _float(value, "e" in like.lower())


def _float(value: float, exponent: bool) -> str:
    if value == 0 or not (exponent or abs(value) < 1e-4 or abs(value) >= 1e7):
        return repr(value)
    if exponent and 0.1 <= abs(value) < 1e4:
        return repr(value)
    sign, digits, shift = Decimal(repr(value)).normalize().as_tuple()
    rest = "".join(map(str, digits[1:]))
    power = int(shift) + len(digits) - 1
    return f"{'-' if sign else ''}{digits[0]}{'.' + rest if rest else ''}e{power}"


def show(value: Value) -> str:
    """A value as a title shows it: short, numbers in the shortest literal form."""
    if isinstance(value, float) and not isinstance(value, bool):
        return _float(value, 0 < abs(value) < 0.01)
    return str(value)


__all__ = ["Constant", "Key", "Value", "constants", "find", "literal", "rewrite", "show"]

"""The numbers of somebody's notebook or script that may be its score, and where each of them is found."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from autoloop_kernel.auditing import vocabulary
from autoloop_kernel.importing import source
from autoloop_kernel.importing.metric import weight_of
from autoloop_kernel.importing.printed import HOLE, template
from autoloop_kernel.importing.units import Unit

_LABEL = re.compile(r"([A-Za-z_][\w./-]*(?: [A-Za-z_][\w./-]*){0,3})[\"']?\s*[:=]?\s*$")


@dataclass(frozen=True)
class Score:
    """A number that may be the score: what to call it, the expression that it is, and the unit (its place) that it
    stands in or is made by.
    """

    name: str
    expression: str
    place: int

    @property
    def node(self) -> ast.expr:
        """The expression as a syntax tree."""
        return ast.parse(self.expression, mode="eval").body


def found(units: Sequence[Unit]) -> list[Score]:
    """The numbers that may be the score, the likeliest first."""
    weights: dict[str, float] = {}
    scores: dict[str, Score] = {}
    made = {name: place for place, unit in enumerate(units) if unit.kind in ("other", "loop") for name in unit.binds}
    for name, place in made.items():
        scores[name] = Score(name, name, place)
        weights[name] = weight_of(name) + 5 * place / len(units)
    for place, unit in enumerate(units):
        for label, expression in shown(unit):
            name = expression if expression in made else vocabulary.plain_name(label) or "score"
            scores.setdefault(name, Score(name, expression, place))
            said = max(weight_of(label), weight_of(name)) + 10 - 12 * (unit.kind == "loop")
            weights[name] = max(weights.get(name, -99.0), said + 5 * place / len(units))
    ranked = sorted(scores, key=lambda name: -weights[name])
    return [scores[name] for name in ranked if weights[name] > 0]


def named(units: Sequence[Unit], wanted: str) -> Score | None:
    """The score that a person names: a variable, what is printed before a number, or an expression; None if none."""
    every = {
        name: place for place, unit in enumerate(units) for name in unit.binds if unit.kind not in ("import", "def")
    }
    if wanted in every:
        return Score(wanted, wanted, every[wanted])
    for place, unit in enumerate(units):
        for label, expression in shown(unit):
            if wanted in (label, vocabulary.plain_name(label)):
                return Score(vocabulary.plain_name(label), expression, place)
    tree = source.parsed(wanted)
    if tree is None or len(tree.body) != 1 or not isinstance(tree.body[0], ast.Expr):
        return None
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return Score("score", wanted, len(units) - 1) if names & set(every) else None


def shown(unit: Unit) -> Iterator[tuple[str, str]]:
    """The numbers that a unit shows, as (label, expression): printed behind a name, or a cell's last expression."""
    for node in unit.nodes:
        for call in ast.walk(node):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "print":
                yield from _printed(call)
    if not unit.nodes:
        return
    last = unit.nodes[-1]
    if isinstance(last, ast.Expr) and isinstance(last.value, ast.Name):
        yield last.value.id, last.value.id
    elif isinstance(last, ast.Expr) and isinstance(last.value, ast.Call) and unit.kind == "other":
        function = last.value.func
        yield str(getattr(function, "attr", getattr(function, "id", ""))), ast.unparse(last.value)


def _printed(call: ast.Call) -> Iterator[tuple[str, str]]:
    before = ""
    for argument in call.args:
        parts = argument.values if isinstance(argument, ast.JoinedStr) else [argument]
        for part in parts:
            value = part.value if isinstance(part, ast.FormattedValue) else part
            text = template(part)
            if text != HOLE:
                before += text
            elif label := _LABEL.search(before):
                yield label[1], ast.unparse(value)
                before = ""
        before += " "

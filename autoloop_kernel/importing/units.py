"""The statements of somebody's cells, one by one: what each of them binds, changes and reads."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from autoloop_kernel.arena.source import fault, plain_python
from autoloop_kernel.importing import source

DEFS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
TRAINS = ("fit", "fit_transform", "partial_fit", "train", "backward", "step", "fit_predict", "learn")
SHOWS = ("print", "display", "plt", "pprint", "logging", "logger", "wandb", "tqdm", "ax", "fig", "axes", "sns")
_MAGIC = re.compile(r"\s*(%(?!%)|!)")
_SEEDS = re.compile(r"seed|set_|use_deterministic")


@dataclass(frozen=True)
class Unit:
    """A statement at the top level of a cell, with the comments above it.

    `cell` is the cell's place among all cells; `kind` is import, def, loop, show or other. `binds` are names that it
    gives a value, `changes` these and what it may change in place, `reads` the names that it needs.
    """

    cell: int
    text: str
    nodes: tuple[ast.stmt, ...]
    kind: str
    binds: frozenset[str]
    changes: frozenset[str]
    reads: frozenset[str]

    @property
    def everything(self) -> bool:
        """Whether it imports all that a module has, so that nobody can tell what needs it."""
        froms = [node for node in self.nodes if isinstance(node, ast.ImportFrom)]
        return any(alias.name == "*" for node in froms for alias in node.names)

    @property
    def trains(self) -> bool:
        """Whether it is a loop, or calls what trains something."""
        calls = (node.func for one in self.nodes for node in ast.walk(one) if isinstance(node, ast.Call))
        return self.kind == "loop" or any(getattr(function, "attr", "") in TRAINS for function in calls)


def units(cells: Sequence[tuple[int, str]]) -> list[Unit]:
    """The units of code cells, given as (place, source), in their order."""
    return [unit for place, text in cells for unit in _of(place, text)]


def _of(place: int, text: str) -> Iterator[Unit]:
    lines = source.lines(text)
    tree = source.parsed(text)
    if tree is None:
        for n, line in enumerate(lines):
            if _MAGIC.match(line):  # a line of IPython's own is a unit by itself, and stays where it is
                yield Unit(place, line, (), "show", frozenset(), frozenset(), frozenset())
                lines[n] = ""
        tree = source.parsed("\n".join(lines))
    if tree is None:  # what is left of the magics keeps the cell in one piece
        tree = source.parsed(plain_python(text)) if fault(text) is None else None
        if tree is not None and tree.body:
            yield _unit(place, text, tuple(tree.body))
        return
    groups: list[list[ast.stmt]] = []
    for node in tree.body:
        joined = groups and (groups[-1][-1].end_lineno or 0) >= node.lineno
        groups[-1].append(node) if joined else groups.append([node])
    begin = 0
    for number, group in enumerate(groups):
        end = len(lines) if number == len(groups) - 1 else group[-1].end_lineno or 0
        while end < len(lines) and not lines[end].strip():
            end += 1
        yield _unit(place, "\n".join(lines[begin:end]), tuple(group))
        begin = end


def _unit(place: int, text: str, nodes: tuple[ast.stmt, ...]) -> Unit:
    binds = frozenset(name for node in nodes for name in bound(node))
    changes = binds | {name for node in nodes for name in _changed(node)}
    reads = frozenset(name for node in nodes for name in needed(node))
    return Unit(place, text, nodes, _kind(nodes), binds, frozenset(changes), reads | (changes - binds))


def _kind(nodes: Iterable[ast.stmt]) -> str:
    kinds = set()
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            kinds.add("import")
        elif isinstance(node, DEFS):
            kinds.add("def")
        elif isinstance(node, ast.For | ast.While | ast.AsyncFor) or (
            isinstance(node, ast.With | ast.If | ast.Try)
            and any(isinstance(inner, ast.For | ast.While) for inner in ast.walk(node))
        ):
            kinds.add("loop")
        elif isinstance(node, ast.Expr) and _root(node.value) in SHOWS:
            kinds.add("show")
        else:
            kinds.add("other")
    return kinds.pop() if len(kinds) == 1 else "loop" if "loop" in kinds else "other"


def bound(node: ast.AST) -> Iterator[str]:
    """The names that a statement binds at its own level."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names if alias.name != "*")
    elif isinstance(node, DEFS):
        yield node.name
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    elif isinstance(node, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
        return
    else:
        for child in ast.iter_child_nodes(node):
            yield from bound(child)


def _changed(node: ast.AST) -> Iterator[str]:
    """The names of what a statement may change in place: items or attributes set, methods called for their own sake."""
    if isinstance(node, DEFS):
        return
    for one in ast.walk(node):
        if isinstance(one, ast.Subscript | ast.Attribute) and isinstance(one.ctx, ast.Store):
            yield from filter(None, [_root(one)])
        elif isinstance(one, ast.Expr) and isinstance(one.value, ast.Call):
            root = _root(one.value)
            if root and root not in SHOWS and getattr(one.value.func, "attr", "eval") not in ("eval", "to", "cpu"):
                yield root
            if root not in SHOWS:
                yield from (argument.id for argument in one.value.args if isinstance(argument, ast.Name))
        elif isinstance(one, ast.Call) and getattr(one.func, "attr", "") in TRAINS:
            yield from filter(None, [_root(one)])


def _root(node: ast.expr) -> str:
    """The name that an expression such as `a.b[0].c()` starts from; empty where it starts from none."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def needed(node: ast.AST) -> set[str]:
    """The names that a statement or an expression reads from outside itself, builtins too."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        inner = {name for child in ast.iter_child_nodes(node) for name in needed(child)}
        arguments = {one.arg for one in ast.walk(node.args) if isinstance(one, ast.arg)}
        told = {name for child in ast.walk(node) if isinstance(child, ast.Global) for name in child.names}
        body = node.body if isinstance(node.body, list) else []
        return (inner - arguments - {name for one in body for name in bound(one)}) | told
    found = {node.id} if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) else set()
    if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
        found.add(node.target.id)
    if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
        own = {name for one in node.generators for name in bound(one.target)}
        return {name for child in ast.iter_child_nodes(node) for name in needed(child)} - own
    for child in ast.iter_child_nodes(node):
        found |= needed(child)
    return found


def calls_of(name: str, nodes: Iterable[ast.AST]) -> list[ast.Call]:
    """The calls of `name`, or of a method of it, in these nodes."""
    every = (one for node in nodes for one in ast.walk(node))
    return [one for one in every if isinstance(one, ast.Call) and _root(one.func) == name]


def seeds(unit: Unit) -> bool:
    """Whether a unit does nothing but set a seed, or another switch of a library."""
    return unit.kind == "other" and all(
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and _SEEDS.search(ast.unparse(node.value.func))
        for node in unit.nodes
    )

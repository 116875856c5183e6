"""Whether two versions of some code differ in nothing but their seeds: a lucky seed is no progress."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from autoloop_kernel.arena.source import is_cell, is_python, plain_python

SEEDERS = frozenset(
    {
        *("seed", "manual_seed", "manual_seed_all", "seed_all", "set_seed", "seed_everything", "set_random_seed"),
        *("default_rng", "RandomState", "SeedSequence", "PRNGKey", "Random", "MT19937", "PCG64", "Philox", "SFC64"),
    }
)
"""Functions, by the last part of their name, whose arguments choose among equals: random's, numpy's, torch's, jax's."""

NAMED = frozenset({"seed", "random_state", "rng_seed"})
"""Arguments that mean the same in any other function."""


def only_seeds_differ(ours: Mapping[str, str], theirs: Mapping[str, str]) -> bool:
    """Whether two sets of units (name → source) are the same code once every seed is taken out.

    A seed is what an UPPER_CASE name with SEED in it (or plain `seed`) is assigned, any argument of `SEEDERS` and the
    arguments `NAMED`; a statement that does nothing but seed is taken out as a whole. False where a source does not
    parse, and where the units differ in anything else.
    """
    if ours.keys() != theirs.keys():
        return False
    changed = [name for name in ours if ours[name] != theirs[name]]
    pairs = [(_seedless(name, ours[name]), _seedless(name, theirs[name])) for name in changed]
    return bool(pairs) and all(mine is not None and mine == other for mine, other in pairs)


def _seedless(name: str, source: str) -> str | None:
    """The unit's code without its seeds, None where it is no Python."""
    if not is_python(name):
        return None
    try:
        tree = ast.parse(plain_python(source) if is_cell(name) else source)
        return ast.unparse(_Blank().visit(tree))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


class _Blank(ast.NodeTransformer):
    """Takes seeds out of a syntax tree."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        """`torch.manual_seed(7)` alone on its line goes."""
        if isinstance(node.value, ast.Call) and _name(node.value.func) in SEEDERS:
            return None
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """`default_rng(7)` loses its argument, `f(seed=7)` its value."""
        self.generic_visit(node)
        if _name(node.func) in SEEDERS:
            node.args, node.keywords = [], []
        node.keywords = [one for one in node.keywords if one.arg not in NAMED]
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        """`INIT_SEED = 7` loses its value."""
        return self._without_value(node, all(_is_seed(target) for target in node.targets))

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        """`INIT_SEED: int = 7` loses its value."""
        return self._without_value(node, _is_seed(node.target))

    def _without_value(self, node: ast.Assign | ast.AnnAssign, seeds: bool) -> ast.AST:
        if seeds:
            node.value = ast.Constant(None)
        return self.generic_visit(node)


def _name(function: ast.expr) -> str:
    """The last part of a function's name: `manual_seed` of `torch.cuda.manual_seed`."""
    return getattr(function, "attr", getattr(function, "id", ""))


def _is_seed(target: ast.expr) -> bool:
    name = _name(target)
    return name in NAMED or (name.isupper() and "SEED" in name)

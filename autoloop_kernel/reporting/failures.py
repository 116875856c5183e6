"""What failed, grouped by how, and what was touched, by the names whose code changed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from autoloop_kernel.arena.source import is_python
from autoloop_kernel.records import LOST, Iteration, Verdict
from autoloop_kernel.reporting.report import Failures, Touched
from autoloop_kernel.views import words

FAILED = (Verdict.CRASH, Verdict.TIMEOUT, Verdict.PRUNED)
NAMED = 8
"""How many numbers of a group are named."""
GROUPS = 12
"""How many groups and names are told of: the largest."""
SOURCES = 2048

_KINDS = (
    (re.compile(r" raised ([A-Za-z_][\w.]{0,60})"), "{}"),
    (re.compile(r"was killed by (SIG[A-Z0-9]+)"), "killed by {}"),
    (re.compile(r"ended by itself"), "the process ended by itself"),
    (re.compile(r"called sys\.exit"), "called sys.exit"),
    (re.compile(r"never called submit"), "nothing was submitted"),
    (re.compile(r"without calling score"), "no score was given"),
)
_CELL = re.compile(r"\bcell '([^']{1,60})'")


def failures(iterations: Iterable[Iteration]) -> tuple[Failures, ...]:
    """Failed iterations by what went wrong, the most frequent first."""
    groups: dict[tuple[str, str], list[Iteration]] = {}
    for it in iterations:
        if it.verdict in FAILED:
            groups.setdefault((str(it.verdict), _kind(it)), []).append(it)
    found = [
        Failures(
            what,
            verdict,
            len(several),
            tuple(it.number for it in several[:NAMED]),
            sum(_took(it) for it in several),
            words.shorten(several[-1].reason, 200),
        )
        for (verdict, what), several in groups.items()
    ]
    return tuple(sorted(found, key=lambda group: (-group.count, group.numbers))[:GROUPS])


def _took(it: Iteration) -> float:
    """What its runs took that were not lost: the same seconds that are told of as failed runs."""
    return sum(one.seconds.total for one in it.attempts if one.verdict not in LOST)


def _kind(it: Iteration) -> str:
    """What went wrong in a few words, the same for what went wrong alike: an error's name, and in which cell."""
    reason = words.plain(it.reason)
    if it.verdict is Verdict.TIMEOUT:
        return "out of time while it was scored" if "score" in reason else "out of time"
    if it.verdict is Verdict.PRUNED:
        return "far behind the champion's curve"
    for pattern, what in _KINDS:
        if found := pattern.search(reason):
            cell = _CELL.search(reason)
            where = f" in {cell.group(1)}" if cell else ""
            return what.format(*found.groups()) + where
    head = reason.split(":")[0]
    return words.shorten(re.sub(r"[-+]?\d[\d.e+-]*", "N", head), 60) or "no reason was given"


def touched(changes: Sequence[tuple[Iteration, frozenset[str], float | None]]) -> tuple[Touched, ...]:
    """By name: what became of the iterations that changed it, given with their changed names and their gains."""
    by_name: dict[str, list[tuple[Iteration, float | None]]] = {}
    for it, names, gained in changes:
        for name in names:
            by_name.setdefault(name, []).append((it, gained))
    found = []
    for name, several in by_name.items():
        kept = sum(it.verdict is Verdict.KEEP and it.state != "refuted" for it, _ in several)
        failed = sum(it.verdict in FAILED for it, _ in several)
        best = max((gained for _, gained in several if gained is not None), default=None)
        found.append(Touched(name, len(several), kept, len(several) - kept - failed, failed, best))
    return tuple(sorted(found, key=lambda one: (-one.tried, one.name)))


def changed_names(before: Mapping[str, str], after: Mapping[str, str]) -> frozenset[str]:
    """The names whose code differs: top-level names and methods of Python units; elsewhere the unit's own name."""
    found: set[str] = set()
    for unit in after.keys() | before.keys():
        old, new = before.get(unit, ""), after.get(unit, "")
        if old == new:
            continue
        one, other = _parts(unit, old), _parts(unit, new)
        names = {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}
        found |= {name or unit for name in names}
    return frozenset(found)


@lru_cache(SOURCES)
def _parts(unit: str, source: str) -> dict[str, str]:
    """The code of a unit by name, comments and white space aside; what has no name of its own is under ""."""
    if not is_python(unit):
        return {"": source}
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {"": source}  # a cell with magics: it is one piece
    parts: dict[str, str] = {}
    for statement in body:
        for name, code in _named(statement):
            parts[name] = parts.get(name, "") + code + "\n"
    return parts


def _named(statement: ast.stmt) -> list[tuple[str, str]]:
    """A statement's names with the code that is theirs; a class's methods have their own."""
    if isinstance(statement, ast.ClassDef):
        inner = [node for node in statement.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        rest = [node for node in statement.body if node not in inner]
        head = ast.ClassDef(**{**dict(ast.iter_fields(statement)), "body": rest or [ast.Pass()]})
        methods = [(f"{statement.name}.{node.name}", ast.unparse(node)) for node in inner]
        return [(statement.name, ast.unparse(head)), *methods]
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        return [(statement.name, ast.unparse(statement))]
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = list(statement.targets)
    elif isinstance(statement, ast.AnnAssign | ast.AugAssign):
        targets = [statement.target]
    names = [node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)]
    return [(name, ast.unparse(statement)) for name in names] or [("", ast.unparse(statement))]

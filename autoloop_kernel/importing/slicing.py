"""Which statements make the score, which make the function that answers, and where each of them is to run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from autoloop_kernel.importing.metric import weight_of
from autoloop_kernel.importing.units import SHOWS, Unit, calls_of, needed, seeds

_TARGETS = re.compile(r"^(y|ys|yb|target|targets|label|labels|truth|gold)(_|$)|_(y|target|targets|labels?|true)$")
_ANSWERS = re.compile(r"predict|forward|infer|model|net|answer|classif|policy|forecast", re.IGNORECASE)

_METHODS = re.compile(
    r"predict|forward|infer|decision|transform|sample|generat|act$|classif|answer|cod(e|ing)$|embed|apply"
)
_HELPS = re.compile(
    r"score|eval|metric|load|make|generate|read|count|test|check|plot|show|print|main|bench", re.IGNORECASE
)


class NotSealed(Exception):
    """The score cannot be moved into the referee; the text says why, in plain words."""


@dataclass(frozen=True)
class Sliced:
    """Where each unit is to run, by their places among all: in the score cell alone, in both kernels, in neither.

    `answer` is the name that the candidate answers under; `tail` are units that show what the score cell finds, and go
    there behind it; what is in none of them stays with the candidate.
    """

    answer: str
    score: frozenset[int]
    shared: frozenset[int]
    dropped: frozenset[int]
    tail: tuple[int, ...] = ()
    candidate: frozenset[int] = field(default_factory=frozenset)


class Program:
    """The units of a file, and who depends on whom."""

    def __init__(self, units: Sequence[Unit]) -> None:
        self.units = units
        self.makers: dict[str, list[int]] = {}
        for place, unit in enumerate(units):
            for name in unit.changes:
                self.makers.setdefault(name, []).append(place)
        self.imported = {name for unit in units if unit.kind == "import" for name in unit.binds}

    def of(self, name: str, before: int | None = None) -> list[int]:
        """The units that make what `name` is by the unit `before` (None: the end); a package's are its imports."""
        places = self.makers.get(name, [])
        if name in self.imported:
            return [n for n in places if self.units[n].kind == "import" or seeds(self.units[n])]
        if before is None or any(self.units[n].kind == "def" for n in places):
            return [n for n in places if self.units[n].kind != "show"]
        return [n for n in places if n <= before and self.units[n].kind != "show"]

    def closure(self, names: Iterable[str], without: str = "", before: int | None = None) -> set[int]:
        """Every unit that `names` need in turn; `without` is a name that is had from elsewhere."""
        found: set[int] = set()
        waiting = [(name, before) for name in names]
        seen = set(waiting)
        while waiting:
            name, limit = waiting.pop()
            for place in self.of(name, limit) if name != without else ():
                if place in found:
                    continue
                found.add(place)
                unit = self.units[place]
                more = [(one, None if unit.kind == "def" else place) for one in unit.reads]
                waiting += [one for one in more if one not in seen]
                seen |= set(more)
        return found

    def state(self, answer: str) -> set[str]:
        """The names that training makes, and that `answer` answers by: itself where it is an object, else its own."""
        reached, waiting = set[str](), [answer]
        while waiting:
            name = waiting.pop()
            if name in reached or name in self.imported:
                continue
            reached.add(name)
            for place in self.makers.get(name, []):
                if self.units[place].kind == "def":
                    waiting += self.units[place].reads
        return {name for name in reached if self._made(name)}

    def _made(self, name: str) -> bool:
        makers = [self.units[n] for n in self.makers.get(name, [])]
        return any(unit.trains for unit in makers) or (len(makers) > 1 and all(unit.kind != "def" for unit in makers))

    def trained(self) -> set[str]:
        """The names that training makes and functions answer by."""
        defs = {name for unit in self.units if unit.kind == "def" for name in unit.binds}
        return {one for name in defs for one in self.state(name)}

    def solves(self, name: str) -> bool:
        """Whether something of that name is a function that may be the work itself, where nothing is trained."""
        kinds = {self.units[n].kind for n in self.makers.get(name, [])}
        return kinds == {"def"} and not _HELPS.search(name) and weight_of(name) <= 0

    def is_answer(self, name: str) -> bool:
        """Whether something of that name could answer: what training made, or a function that uses it."""
        kinds = {self.units[n].kind for n in self.makers.get(name, [])}
        return bool(kinds) and name not in self.imported and bool(self.state(name))


def answering(program: Program, score: ast.expr, place: int) -> list[str]:
    """The names that may answer the score's questions, the likeliest first."""
    every = program.closure(needed(score), before=place)
    nodes: list[ast.AST] = [score, *(node for n in every for node in program.units[n].nodes)]
    called = {name for node in nodes for name in needed(node) if program.is_answer(name) and questions(name, nodes)}
    handed = {
        one.id
        for node in nodes
        for call in ast.walk(node)
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") in program.makers
        for one in call.args
        if isinstance(one, ast.Name) and program.is_answer(one.id)
    }
    able = [name for name in called | handed if _asked(name, nodes)] or [
        name for name in program.makers if program.solves(name) and questions(name, nodes) and _asked(name, nodes)
    ]
    inner = {name: sum(other != name and other in _reads(program, name) for other in able) for name in able}
    return sorted(able, key=lambda name: (inner[name], not _ANSWERS.search(name), name))


def questions(name: str, nodes: Sequence[ast.AST]) -> list[ast.Call]:
    """The calls that ask `name` something: itself, or a method that answers."""
    calls = calls_of(name, nodes)
    return [one for one in calls if isinstance(one.func, ast.Name) or _METHODS.search(getattr(one.func, "attr", ""))]


def _reads(program: Program, name: str) -> set[str]:
    makers = [program.units[n] for n in program.makers.get(name, [])]
    return {one for unit in makers if unit.kind == "def" for one in unit.reads}


def _asked(name: str, nodes: Sequence[ast.AST]) -> bool:
    """Whether it is asked a question: called with something, and not with the targets."""
    calls = questions(name, nodes)
    told = [[*call.args, *(keyword.value for keyword in call.keywords)] for call in calls]
    if any(isinstance(one, ast.Name) and _TARGETS.search(one.id) for own in told[:1] for one in own):
        return False
    return not calls or any(told)


def sliced(program: Program, score: ast.expr, place: int, answer: str) -> Sliced:
    """Cut a program in two where `answer` is asked; raises `NotSealed` where the score needs more of the training."""
    state = program.trained() - {answer}
    need = program.closure(needed(score), without=answer, before=place)
    need |= {n for n, unit in enumerate(program.units) if unit.everything}
    if not calls_of(answer, [score, *(node for n in need for node in program.units[n].nodes)]) and not any(
        answer in program.units[n].reads for n in need
    ):
        raise NotSealed(f"the score never asks `{answer}`")
    for n in sorted(need):
        unit = program.units[n]
        made = unit.changes & (state | {answer})
        if made and unit.kind != "import":
            name = sorted(made)[0]
            raise NotSealed(f"the score is computed from `{name}`, which the training makes, without asking `{answer}`")
        if unit.trains and unit.kind != "def" and answer not in unit.reads and unit.kind != "loop":
            raise NotSealed(f"the score is computed in the training itself: {unit.text.strip().splitlines()[0][:60]}")
    makes = program.closure([answer])
    shared = frozenset(
        n for n in need if n in makes or program.units[n].kind == "import" or program.units[n].everything
    )
    alone = frozenset(need) - shared
    gone = {name for n in alone for name in program.units[n].binds}
    rest = [n for n in range(len(program.units)) if n not in need and n not in makes]
    dropped: list[int] = []
    for n in rest:
        if program.units[n].reads & gone and program.units[n].kind != "import":
            dropped.append(n)
            gone |= program.units[n].binds
    both = {name for n in need for name in program.units[n].binds}
    tail = tuple(n for n in dropped if n >= place and _plain(program, program.units[n], both))
    candidate = frozenset(range(len(program.units))) - shared - alone - frozenset(dropped)
    return Sliced(answer, alone, shared, frozenset(dropped) - frozenset(tail), tail, candidate)


def _plain(program: Program, unit: Unit, known: set[str]) -> bool:
    """Whether a unit only prints what the score cell knows."""
    calls = [node.value for node in unit.nodes if isinstance(node, ast.Expr)]
    prints = all(isinstance(one, ast.Call) and getattr(one.func, "id", "") == "print" for one in calls)
    return (
        prints
        and unit.kind == "show"
        and not {name for name in unit.reads if name in program.makers and name not in SHOWS} - known
    )

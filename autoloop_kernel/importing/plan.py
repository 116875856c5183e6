"""What is to become of somebody's notebook or script: proposed by analysis, changed by what the person wishes."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from autoloop_kernel.importing import metric, scores, slicing, source
from autoloop_kernel.importing.scores import Score
from autoloop_kernel.importing.script import Original
from autoloop_kernel.importing.slicing import NotSealed, Program, Sliced
from autoloop_kernel.importing.units import Unit, seeds, units
from autoloop_kernel.records import AutoloopError, Direction

NONE = "none"
"""What a person says where nothing is to answer, or nothing to be sealed."""
BUDGET_S = 60.0
_LOADS = re.compile(r"read_\w+\(|\bload\w*\(|\bopen\(|fetch_\w+\(|genfromtxt\(")


@dataclass(frozen=True)
class Wishes:
    """What a person said: each empty or None where the proposal is taken.

    `editable` names code cells by number (from 1) or name, `answer` the function that answers (or `none`), `seal` files
    (or `none`).
    """

    score: str = ""
    direction: Direction | None = None
    answer: str = ""
    editable: tuple[str, ...] = ()
    seal: tuple[str, ...] = ()
    budget_s: float | None = None


@dataclass(frozen=True)
class Plan:
    """How a file becomes an arena. `cut` says where each unit runs, None where the score stays with the candidate, and
    then `why` says in plain words why. `editable` are places of cells, `sealed` and `files` relative paths. `leaks`
    are lines that both kernels run, with data that the score is held against perhaps among what they make.
    """

    original: Original
    units: tuple[Unit, ...]
    scores: tuple[Score, ...]
    score: Score
    direction: Direction
    reason: str
    answers: tuple[str, ...]
    cut: Sliced | None
    why: str
    editable: tuple[int, ...]
    sealed: tuple[str, ...]
    files: tuple[str, ...]
    modules: tuple[str, ...]
    budget_s: float
    notes: list[str] = field(default_factory=list)
    leaks: list[str] = field(default_factory=list)

    def candidate(self, cell: int) -> list[int]:
        """The units of a cell that stay with the candidate."""
        own = [n for n, unit in enumerate(self.units) if unit.cell == cell]
        return own if self.cut is None else [n for n in own if n in self.cut.candidate]

    @property
    def code(self) -> list[int]:
        """The places of the code cells of which something stays with the candidate, in their order."""
        parts = enumerate(self.original.parts)
        return [place for place, part in parts if part.kind == "code" and self.candidate(place)]


def plan(original: Original, wishes: Wishes) -> Plan:
    """Propose what is to become of a file, as `wishes` say; raises `AutoloopError` in one line where nothing can."""
    cells = [(place, part.source) for place, part in enumerate(original.parts) if part.kind == "code"]
    program = Program(units(cells))
    if not program.units:
        raise AutoloopError(f"{original.path.name} holds no code that can be read")
    every = scores.found(program.units)
    score = _score(original, program, every, wishes.score)
    prose = "\n\n".join(part.source for part in original.parts if part.kind != "code")
    way, reason = (wishes.direction, "you said so") if wishes.direction else metric.direction(score.name, prose)
    able = slicing.answering(program, score.node, score.place)
    cut, why = _cut(program, score, able, wishes.answer)
    files = _files(original.path.parent, program.units)
    notes: list[str] = []
    made = Plan(
        original=original,
        units=tuple(program.units),
        scores=tuple(every),
        score=score,
        direction=way,
        reason=reason,
        answers=tuple(able),
        cut=cut,
        why=why,
        editable=(),
        sealed=_sealed(original.path.parent, program, cut, files, wishes.seal, notes),
        files=tuple(sorted({name for own in files.values() for name in own})),
        modules=tuple(_modules(original)),
        budget_s=wishes.budget_s or BUDGET_S,
        notes=notes,
    )
    _warn(made)
    return _with_editable(made, program, wishes.editable)


def _score(original: Original, program: Program, every: Sequence[Score], wanted: str) -> Score:
    if wanted:
        if (named := scores.named(program.units, wanted)) is None:
            known = ", ".join(score.name for score in every[:6]) or "nothing that looks like one"
            raise AutoloopError(f"--score {wanted}: {original.path.name} has no such number (it has: {known})")
        return named
    if not every:
        raise AutoloopError(f"{original.path.name} shows no number that looks like a score: name it with --score NAME")
    return every[0]


def _cut(program: Program, score: Score, able: Sequence[str], wanted: str) -> tuple[Sliced | None, str]:
    """Where to cut, by the first of the answers that works; None, and why in plain words, where none does."""
    if wanted == NONE:
        return None, "you said that nothing is to answer"
    if wanted and wanted not in program.makers:
        raise AutoloopError(f"--answer {wanted}: there is no such name (functions that may answer: {_some(able)})")
    reasons = []
    for name in [wanted] if wanted else able:
        try:
            return slicing.sliced(program, score.node, score.place, name), ""
        except NotSealed as error:
            reasons.append(str(error))
    if wanted:
        raise AutoloopError(f"--answer {wanted}: {reasons[0]}")
    return None, reasons[0] if reasons else f"no function that the training makes is called to find `{score.name}`"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names) or NONE


def _files(folder: Path, every: Sequence[Unit]) -> dict[int, set[str]]:
    """The files beside the original that each unit names, by the unit's place."""
    found: dict[int, set[str]] = {}
    for place, unit in enumerate(every):
        texts = [node.value for one in unit.nodes for node in ast.walk(one) if isinstance(node, ast.Constant)]
        names = {text for text in texts if isinstance(text, str) and 0 < len(text) < 200 and "\0" not in text}
        own = {Path(name).as_posix() for name in names if not Path(name).is_absolute() and ".." not in Path(name).parts}
        found[place] = {name for name in own if name != "." and (folder / name).is_file()}
    return found


def _sealed(
    folder: Path,
    program: Program,
    cut: Sliced | None,
    files: dict[int, set[str]],
    wanted: Sequence[str],
    notes: list[str],
) -> tuple[str, ...]:
    """The files that the score cell alone reads, or as the person says."""
    if tuple(wanted) == (NONE,):
        return ()
    if cut is None:
        if wanted:
            raise AutoloopError("--seal: nothing can be sealed while the score stays with the candidate")
        return ()
    alone = {name for n in cut.score for name in files[n]}
    others = {name for n in cut.candidate | cut.shared for name in files[n]}
    for name in sorted(alone & others):
        notes.append(f"{name} is read by the candidate as well: what the score is held against lies in its reach")
    for name in wanted:
        if not (folder / name).is_file():
            raise AutoloopError(f"--seal {name}: there is no such file beside {folder}")
        if name in others:
            raise AutoloopError(f"--seal {name}: the candidate's cells read it, so that it cannot be sealed")
    return tuple(wanted) or tuple(sorted(alone - others))


def _modules(original: Original) -> list[str]:
    """The modules beside the file that its cells import, and they in turn."""
    folder = original.path.parent
    found: list[str] = []
    for part in original.parts:
        tree = source.parsed(part.source) if part.kind == "code" else None
        for name in sorted(source.imports(tree)) if tree else ():
            path = f"{name.replace('.', '/')}.py"
            if (folder / path).is_file() and path != original.path.name:
                found += [path, *source.modules(folder, path)]
    return list(dict.fromkeys(found))


def _warn(made: Plan) -> None:
    """Say what runs in both kernels though it is no import, constant or function: the candidate could look at it."""
    if made.cut is None:
        return
    for n in sorted(made.cut.shared):
        unit = made.units[n]
        if unit.kind in ("other", "loop") and not seeds(unit) and not _is_constant(unit) and not _is_empty(unit):
            line = next(line.strip() for line in unit.text.splitlines() if line.strip() and not line.startswith("#"))
            made.notes.append(f"in both kernels, so within the candidate's reach: {line[:80]}")
            made.leaks.append(line[:80])
    if not made.sealed:
        told = "no file is read by the score cell alone: agents can read how it draws what answers are held against"
        made.notes.append(f"{told}, so put that into a file of its own and --seal it")
    for n in sorted(n for n in made.cut.dropped if not _is_bare(made.units[n])):
        line = next(iter(made.units[n].text.strip().splitlines()), "")
        made.notes.append(f"left out, since it needs what the score cell alone knows: {line[:80]}")


def _is_bare(unit: Unit) -> bool:
    """Whether a unit is nothing but a name or a value, as the last line of a cell that shows it."""
    return all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Name | ast.Constant) for node in unit.nodes)


def _is_empty(unit: Unit) -> bool:
    """Whether a unit makes something of nothing, as `loss = Loss()` does."""
    return not any(call.args or call.keywords for node in unit.nodes for call in _calls(node))


def _is_constant(unit: Unit) -> bool:
    return (
        bool(unit.nodes)
        and all(isinstance(node, ast.Assign) and not list(_calls(node)) for node in unit.nodes)
        and not unit.reads
    )


def _calls(node: ast.AST) -> list[ast.Call]:
    return [one for one in ast.walk(node) if isinstance(one, ast.Call)]


def _with_editable(made: Plan, program: Program, wanted: Sequence[str]) -> Plan:
    """The plan with its editable cells: as the person says, else those that make what answers."""
    if wanted:
        return replace(made, editable=tuple(sorted({_cell(made, word) for one in wanted for word in _words(one)})))
    makes = program.closure([made.cut.answer] if made.cut else [made.score.expression])
    chosen = []
    for place in made.code:
        own = [n for n in made.candidate(place) if n in makes or made.units[n].kind == "def"]
        if any(_works(made.units[n]) for n in own):
            chosen.append(place)
    return replace(made, editable=tuple(chosen or made.code))


def _works(unit: Unit) -> bool:
    """Whether a unit is worth changing: it trains, defines, or sets a constant; and loads no data."""
    constant = _is_constant(unit) and any(name.isupper() and "SEED" not in name for name in unit.binds)
    return (unit.kind in ("def", "loop") or unit.trains or constant) and not _LOADS.search(unit.text)


def _words(text: str) -> list[str]:
    """`1,3-5,model` as its words, ranges written out."""
    found: list[str] = []
    for word in text.split(","):
        ends = re.fullmatch(r"\s*(\d+)\s*-\s*(\d+)\s*", word)
        found += [str(n) for n in range(int(ends[1]), int(ends[2]) + 1)] if ends else [word.strip()]
    return [word for word in found if word]


def _cell(made: Plan, word: str) -> int:
    """The place of the code cell that a person names by its number or name."""
    code = [place for place, part in enumerate(made.original.parts) if part.kind == "code"]
    by_name = {made.original.parts[place].name: place for place in code}
    place = code[int(word) - 1] if word.isdecimal() and 0 < int(word) <= len(code) else by_name.get(word)
    if place is None:
        raise AutoloopError(f"--editable {word}: there are {len(code)} code cells ({', '.join(by_name)})")
    if not made.candidate(place):
        raise AutoloopError(f"--editable {word}: all of that cell runs in the referee: choose another")
    return place

"""A plan as an arena: the notebook's cells, each where it is to run."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from autoloop_kernel.importing import book
from autoloop_kernel.importing.plan import Plan
from autoloop_kernel.importing.units import Unit
from autoloop_kernel.records import SELF_REPORTED, Direction

SUBMIT = """\
from autoloop_kernel.cells import submit
from autoloop_kernel.scoring.moved import answers

submit(answers({answer}))"""
STATE = """\
import numpy

from autoloop_kernel.cells import submit

_score = float({expression})
submit(lambda: numpy.array(_score))"""
ASK = """\
from autoloop_kernel.cells import ask, score
from autoloop_kernel.scoring.moved import asking

{answer} = asking(ask)  # the candidate answers, in its own kernel"""
APART = """\
from autoloop_kernel import cells as autoloop_cells
from autoloop_kernel.scoring.moved import asking

{answer} = asking(autoloop_cells.ask)  # the candidate answers, in its own kernel"""
TAKE = """\
from autoloop_kernel.cells import ask, score

# Self-reported: the candidate's cells found this number themselves; the referee has nothing to hold against it.
score(float(ask()))"""
_SEED = re.compile(r"SEED\s*=\s*(\d+)\s*(?:#.*)?")
_OURS = frozenset({"ask", "score", "asking"})


def text(plan: Plan, name: str) -> str:
    """The arena as the text of a notebook called `name`."""
    seed, given = _seed(plan), list(_candidate(plan))
    cells = [book.cell("markdown", "strategy", strategy(plan), "strategy"), book.parameters(plan.budget_s, seed)]
    shared = [] if plan.cut is None else [plan.units[n] for n in sorted(plan.cut.shared)]
    if source := _joined(unit for unit in shared if not _SEED.fullmatch(unit.text.strip())):
        cells.append(book.cell("code", "shared", source, "shared"))
    cells += given
    if plan.cut is None:
        cells.append(book.cell("code", "submit", STATE.format(expression=plan.score.expression)))
        cells.append(book.cell("code", "score", TAKE, "score"))
    else:
        cells.append(book.cell("code", "submit", SUBMIT.format(answer=plan.cut.answer)))
        cells.append(book.cell("code", "score", _scoring(plan), "score"))
    cells.append(book.cell("code", "workbench", book.WORKBENCH.format(name=name), "workbench"))
    return book.dumped(cells, _settings(plan), plan.original.kernel)


def write(plan: Plan, out: Path) -> list[str]:
    """Write the arena, with the files that it needs where it goes to another folder; returns the names of these."""
    return book.write(out, text(plan, out.name), plan.original.path.parent, [*plan.files, *plan.modules])


def strategy(plan: Plan) -> str:
    """The strategy cell: what the number is, what may change, what does not count; to be written on by the person."""
    way = "lower" if plan.direction is Direction.MIN else "higher"
    names = ", ".join(f"`{plan.original.parts[place].name}`" for place in plan.editable)
    parts = [f"# {plan.original.path.stem}: `{plan.score.name}`, {way} is better"]
    if plan.cut is None:
        parts.append(
            "**The score** is self-reported: these cells find it themselves, so that it is on your honour. How"
            f" `{plan.score.name}` is found, and the data that it is found on, stay as they are."
        )
    else:
        parts.append(
            f"**The score** is found by the referee, in a process of its own: it asks `{plan.cut.answer}` and holds the"
            f" answers against what it alone knows{_held(plan)}. Special cases for the questions do not count."
        )
    if plan.leaks:
        lines = "; ".join(f"`{line}`" for line in plan.leaks[:3])
        parts.append(
            f"**On your honour.** These lines run with the candidate, too: {lines}. What answers are held against may"
            " be in what they make: a candidate that looks there is worth nothing."
        )
    parts.append(f"**Editable.** {names}. **Fixed.** Everything else; a run may take {plan.budget_s:g} s.")
    parts.append(
        "**Where gains may lie.** *Write here what you would try, from the likely to the odd, as questions.*\n\n"
        "**How to work.** One idea at a time, with what you expect and why. Of two that score the same the simpler one"
        " is better."
    )
    if plan.original.parts[0].kind != "code":
        parts.append(f"---\n\n*What its author wrote:*\n\n{plan.original.parts[0].source.strip()}")
    return "\n\n".join(parts)


def _held(plan: Plan) -> str:
    return f" (sealed: {', '.join(f'`{name}`' for name in plan.sealed)})" if plan.sealed else ""


def _candidate(plan: Plan) -> Iterable[dict[str, Any]]:
    """The cells of the original as far as they stay with the candidate."""
    taken = {"strategy", "parameters", "shared", "submit", "score", "workbench"}
    for place, part in enumerate(plan.original.parts):
        name = book.cell_id(part.name, sorted(taken))
        if part.kind != "code":
            if place:  # the first one is in the strategy
                taken.add(name)
                yield book.cell("markdown", name, part.source)
            continue
        own = [plan.units[n] for n in plan.candidate(place)]
        kept = [unit for unit in own if not _SEED.fullmatch(unit.text.strip())]
        whole = len(kept) == sum(unit.cell == place for unit in plan.units)
        source = part.source if whole else _joined(kept)
        if source.strip():
            taken.add(name)
            yield book.cell("code", name, source, *(["editable"] if place in plan.editable else []))


def _scoring(plan: Plan) -> str:
    """The score cell: what was moved into it, as it was written, and the number that it comes to."""
    cut = plan.cut
    assert cut is not None
    moved = [plan.units[n] for n in sorted(cut.score)]
    tail = [plan.units[n] for n in cut.tail]
    used = {name for n in cut.score | cut.shared for name in plan.units[n].reads | plan.units[n].binds}
    apart = bool((used | {plan.score.name, cut.answer}) & _OURS)
    head, call = (APART, "autoloop_cells.score") if apart else (ASK, "score")
    parts = [head.format(answer=cut.answer), _joined(moved), f"{call}(float({plan.score.expression}))", _joined(tail)]
    return "\n\n".join(part for part in parts if part.strip())


def _joined(units: Iterable[Unit]) -> str:
    """The units' text below each other, with the blank lines that they had, and more round functions and classes."""
    lines, before = "", ""
    for unit in units:
        blank = 2 if "def" in (unit.kind, before) else min(2, len(lines) - len(lines.rstrip("\n")) - 1)
        lines = f"{lines.rstrip()}\n" + "\n" * max(0, blank) if lines.strip() else ""
        lines += unit.text.lstrip("\n") + "\n"
        before = unit.kind
    return lines.strip("\n")


def _seed(plan: Plan) -> int:
    """The SEED that the original sets, which every run now gets anew; 0 where it sets none."""
    return next((int(found[1]) for unit in plan.units if (found := _SEED.fullmatch(unit.text.strip()))), 0)


def _settings(plan: Plan) -> dict[str, Any]:
    return book.settings(
        plan.score.name,
        plan.direction,
        plan.budget_s,
        sealed=list(plan.sealed),
        locked=[name for name in plan.modules if name not in plan.sealed],
        grade=SELF_REPORTED if plan.cut is None else None,
    )

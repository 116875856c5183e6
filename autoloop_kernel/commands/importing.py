"""The command that makes arenas of other people's work: import."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from autoloop_kernel.commands.arenas import check as check_arena
from autoloop_kernel.commands.common import say
from autoloop_kernel.records import AutoloopError, Direction

if TYPE_CHECKING:
    from autoloop_kernel.importing import checkout
    from autoloop_kernel.importing.plan import Plan, Wishes
    from autoloop_kernel.importing.script import Original

Many = list[str] | None


def import_(
    origin: Annotated[
        Path,
        typer.Argument(
            metavar="DIR|FILE", help="An autoresearch checkout, a notebook or a script.", show_default=False
        ),
    ],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="OUT.ipynb", help="The arena (default: beside it).")
    ] = None,
    score: Annotated[str, typer.Option("--score", metavar="NAME", help="The number that decides.")] = "",
    direction: Annotated[Direction | None, typer.Option("--direction", help="Which scores are better.")] = None,
    answer: Annotated[
        str, typer.Option("--answer", metavar="NAME", help="FILE: the function that the referee asks, or none.")
    ] = "",
    editable: Annotated[
        Many, typer.Option("--editable", metavar="WHAT", help="DIR: files; FILE: cells (2,4-5) that agents may change.")
    ] = None,
    seal: Annotated[
        Many, typer.Option("--seal", metavar="FILE", help="FILE: data for the referee alone, or none.")
    ] = None,
    script: Annotated[str, typer.Option("--script", metavar="FILE", help="DIR: its script, if not train.py.")] = "",
    args: Annotated[str, typer.Option("--args", metavar="'…'", help="The script's arguments.")] = "",
    budget: Annotated[
        float | None, typer.Option("--budget", metavar="S", min=0.1, help="Seconds a run may take.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Take what is proposed, and ask nothing.")] = False,
) -> None:
    """Make an arena of a checkout, a notebook or a script."""
    from autoloop_kernel.importing import checkout
    from autoloop_kernel.importing.plan import Wishes

    if not origin.exists():
        raise AutoloopError(f"there is no file or folder {origin}: name a checkout, a notebook or a script")
    files = tuple(editable or ())
    if origin.is_dir() and (answer or seal):
        raise AutoloopError("--answer and --seal are for a notebook or a script: a checkout runs unchanged")
    if script and not origin.is_dir():
        raise AutoloopError("--script names a script in a checkout: name the script itself instead")
    if origin.is_dir():
        path = out or origin / f"{origin.resolve().name}.ipynb"
        whole(origin, path, checkout.Wishes(script, score, direction, files, args, budget))
    else:
        path = out or origin.with_name(f"{origin.stem}_arena.ipynb")
        wishes = Wishes(score, direction, answer, files, tuple(seal or ()), budget)
        alone(origin, path, wishes, args, yes)
    check_arena(path)
    say(f"next: autoloop step {path}")


def whole(origin: Path, path: Path, wishes: checkout.Wishes) -> None:
    """Import a checkout, or a script that runs unchanged, and say what was found."""
    from autoloop_kernel.importing import book, selfreported
    from autoloop_kernel.importing.checkout import read

    book.refuse_overwriting(path)
    found = read(origin, wishes)
    done = selfreported.write(found, path)
    say(f"{path}: made from {origin}")
    _fact("score", f"{found.score.name}, {better(found.score.direction)} ({found.score.why})")
    _fact("editable", ", ".join(found.editable) + (f"; locked {', '.join(found.locked)}" if found.locked else ""))
    if found.log is not None:
        entries = len(found.log.entries)
        _fact("history", f"{entries} experiments of {found.log.name}, told in the strategy; autoloop audit has more")
    for line in [*done, *found.notes]:
        _fact("note", line)
    grade, mend = selfreported.why(found)
    _fact("grade", grade)
    _fact("", mend)


def alone(origin: Path, path: Path, wishes: Wishes, args: str, yes: bool) -> None:
    """Import a notebook or a script, asking what was not said, and say what was done."""
    from autoloop_kernel.importing import book, checkout, guided, script
    from autoloop_kernel.importing.plan import NONE, plan

    book.refuse_overwriting(path)
    original = script.read(origin)
    if origin.suffix == ".py" and (args or not wishes.answer) and (why := script.runs_whole(original)):
        if {wishes.answer, *wishes.seal} - {"", NONE}:
            raise AutoloopError(f"{origin.name} runs as a whole ({why}): leave --answer and --seal out")
        _fact("note", f"{origin.name} runs as a whole, as `python {origin.name}`: {why}")
        unchanged = checkout.Wishes(origin.name, wishes.score, wishes.direction, wishes.editable, args, wishes.budget_s)
        whole(origin.resolve().parent, path, unchanged)
        return
    if args:
        raise AutoloopError(
            f"--args: {origin.name} is taken apart into cells, which no arguments reach: leave them out"
        )
    found = plan(original, wishes)
    if not yes:
        found = asked(original, wishes, found)
    done = guided.write(found, path)
    say(f"{path}: made from {origin}, which stays as it is")
    _fact("score", f"{found.score.name}, {better(found.direction)} ({found.reason})")
    cells = [f"{_code(found)[place]} ({found.original.parts[place].title})" for place in found.editable]
    _fact("editable", ", ".join(cells))
    if found.sealed:
        _fact("sealed", f"{', '.join(found.sealed)}: read by the score cell alone")
    for line in [*([f"copied: {', '.join(done)}"] if done else []), *found.notes]:
        _fact("note", line)
    if found.cut is None:
        _fact("grade", f"self-reported: {found.why}, so that the cells state their own number")
        _fact("", "to seal it, let a function answer (inputs in, predictions out) and let the score call it")
    else:
        _fact("grade", f"sealed: the referee asks `{found.cut.answer}` and finds {found.score.name} by itself")


def asked(original: Original, wishes: Wishes, found: Plan) -> Plan:
    """Ask the person what was not said, each question with its proposal; the plan that comes of it."""
    from autoloop_kernel.importing.plan import NONE, plan

    def again(**said: object) -> Plan:
        nonlocal wishes
        wishes = replace(wishes, **said)  # type: ignore[arg-type]
        return plan(original, wishes)

    if not wishes.score:
        names = [score.name for score in found.scores[:8]]
        found = again(score=_question("Which number is the score?", names, found.score.name, "--score"))
    if wishes.direction is None:
        said = _question("Which is better, min or max?", ["min", "max"], found.direction.value, "--direction")
        if said not in ("min", "max"):
            raise AutoloopError(f"{said!r} is no direction: min where lower is better, max where higher is")
        found = again(direction=Direction(said))
    if not wishes.answer:
        say(Text("The referee asks a function and holds its answers against what it alone knows.", style="dim"))
        answer = found.cut.answer if found.cut else NONE
        found = again(answer=_question("Which function answers?", [*found.answers, NONE], answer, "--answer"))
    if not wishes.editable:
        for place, number in _code(found).items():
            say(Text(f"  {number}  {found.original.parts[place].title}", style="dim"))
        proposed = ",".join(str(_code(found)[place]) for place in found.editable)
        said = _question("Which cells may agents change?", [], proposed, "--editable")
        found = again(editable=(said,))
    if not wishes.seal and found.sealed:
        said = _question(
            "Which files may only the referee read?", [*found.sealed, NONE], ",".join(found.sealed), "--seal"
        )
        found = again(seal=tuple(part.strip() for part in said.split(",") if part.strip()))
    if wishes.budget_s is None:
        said = _question("How many seconds may a run take?", [], f"{found.budget_s:g}", "--budget")
        try:
            found = again(budget_s=float(said))
        except ValueError:
            raise AutoloopError(f"{said!r} is no number of seconds") from None
    return found


def better(direction: Direction) -> str:
    """`lower is better`, or higher."""
    return "lower is better" if direction is Direction.MIN else "higher is better"


def _question(text: str, choices: Sequence[str], proposed: str, option: str) -> str:
    """Ask on standard output, and read a line of standard input; an empty one takes the proposal."""
    listed = f" ({', '.join(choices)})" if choices else ""
    sys.stdout.write(f"{text}{listed} [{proposed}] ")
    sys.stdout.flush()
    line = sys.stdin.readline()
    if not sys.stdin.isatty():
        sys.stdout.write("\n")
    if not line:
        raise AutoloopError(f"nobody answered: give {option}, or take all proposals with --yes")
    return line.strip() or proposed


def _code(found: Plan) -> dict[int, int]:
    """The numbers of the code cells (from 1) by their places among all cells."""
    code = [place for place, part in enumerate(found.original.parts) if part.kind == "code"]
    return {place: number for number, place in enumerate(code, 1)}


def _fact(about: str, text: str) -> None:
    style = "yellow" if about in ("note", "grade") else "dim"
    say(Text(f"{about:<9}", style=style).append(text, style="default").plain)

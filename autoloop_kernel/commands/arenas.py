"""Commands about arena notebooks: templates, new, check, apply."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from autoloop_kernel.commands.common import ArenaArg, arena_path, champion_of, console, has_run, opened, plural, say
from autoloop_kernel.records import AutoloopError

if TYPE_CHECKING:
    from autoloop_kernel.arena.load import Problem

RUNS = 3
"""How many times `check --deep` runs the baseline."""


def templates() -> None:
    """List the bundled arenas."""
    from autoloop_kernel.arena.templates import templates as bundled

    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for template in bundled():
        table.add_row(template.name, f"{template.title}: {template.summary}" if template.summary else template.title)
    say(table, "", "Copy one with: autoloop new TEMPLATE [DIR]")


def new(
    template: Annotated[
        str | None,
        typer.Argument(
            metavar="TEMPLATE", help="The template's name; `autoloop templates` lists them.", show_default=False
        ),
    ] = None,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder that it goes to.")] = Path(),
    blank: Annotated[bool, typer.Option("--blank", help="A skeleton that says what to write where.")] = False,
    budget: Annotated[
        float | None, typer.Option("--budget", metavar="SECONDS", help="How long a candidate may run.")
    ] = None,
) -> None:
    """Copy a bundled arena, or begin one of your own."""
    from autoloop_kernel.arena.templates import BLANK, TOUR
    from autoloop_kernel.arena.templates import new as copy

    if template is None and not blank:
        raise AutoloopError("name a template (autoloop templates lists them), or begin one of your own with --blank")
    if blank and folder != Path():
        raise AutoloopError(f"--blank takes one folder, the skeleton's own: name {template} or {folder}")
    if budget is not None and template == TOUR and not blank:
        raise AutoloopError("--budget is for an arena, and the tour is none: leave it out")
    path = copy(BLANK, Path(template or "."), budget) if blank else copy(str(template), folder, budget)
    say(f"{path}")
    if blank:
        say(f"next: open it, replace what stands in italics and the example's data, then autoloop check {path}")
        return
    if path.stem == TOUR:
        say(f"next: open it in JupyterLab (jupyter lab {path}), and run its cells one after the other")
        return
    if warning := text_stood_in(path):
        say(Text(warning, style="yellow"))
    say(f"next: autoloop check {path}, then autoloop auto {path}")


def text_stood_in(path: Path) -> str:
    """What to tell of a fresh arena whose text is not the one it was made for; empty where it is."""
    source = path.parent / "data" / "SOURCE.txt"
    first = source.read_text(encoding="utf-8").partition("\n")[0] if source.is_file() else ""
    return f"{first} (see {source})" if first.startswith("FALLBACK") else ""


def check(
    arena: ArenaArg,
    deep: Annotated[bool, typer.Option("--deep", help="Also run the baseline three times, and measure.")] = False,
    runs: Annotated[
        int | None,
        typer.Option(metavar="N", min=2, help="With --deep, run it N times (default: 3).", show_default=False),
    ] = None,
) -> None:
    """Say what is wrong with an arena, in plain words."""
    from autoloop_kernel.arena.check import check as problems_of

    if runs is not None and not deep:
        raise AutoloopError(f"--runs {runs} goes with --deep: without that nothing is run")
    path = arena_path(arena)
    problems = [*problems_of(path), *unsealed(path)]
    for problem in problems:
        note = problem.level != "error"
        mark = Text("note   " if note else "error  ", style="yellow" if note else "red")
        say(mark.append(str(problem), style="default"))
    errors = sum(problem.level == "error" for problem in problems)
    if errors:
        notes = len(problems) - errors
        say(f"{path.name}: {plural(errors, 'error')}" + (f", {plural(notes, 'note')}" if notes else ""))
        raise typer.Exit(1)
    say(sound(path))
    if deep and not measured(path, RUNS if runs is None else runs):
        raise typer.Exit(1)


def measured(path: Path, runs: int) -> bool:
    """Run the baseline of a sound arena and say what it is like to search in; whether one can search in it."""
    from autoloop_kernel.arena.notebook import read
    from autoloop_kernel.deep import measure
    from autoloop_kernel.views.deep import BROKEN, lines

    if has_run(path):
        with opened(path) as session:
            if (holder := session.ledger.holder()) is not None:
                raise AutoloopError(f"{path.name} is being driven by {holder}: measure it when nothing else runs")
    out = console()
    with out.status("") as shown:
        found = lines(measure(read(path), runs, lambda line: shown.update(f"{line} …")))
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for line in found:
        table.add_row(Text("" if line.good else "note", style="yellow"), line.about, Text(line.text))
    say(table)
    return all(line.good for line in found if line.about in BROKEN)


def unsealed(path: Path) -> list[Problem]:
    """A note for each thing that candidates of the arena at `path` could reach here; [] where they are sealed."""
    from autoloop_kernel.arena.load import Problem
    from autoloop_kernel.execution.sandbox import lacks

    notes = [("this machine", f"candidates run unsealed: {lacking}") for lacking in lacks()]
    if stood_in := text_stood_in(path):
        notes.append(("sealed text", f"lies in every Python, so candidates could have read it: {stood_in}"))
    return [Problem(where, what, "see docs/sandbox.md", "note") for where, what in notes]


def sound(path: Path) -> str:
    """One line about an arena without errors: its surface, metric and budget, and how long answers may take."""
    from autoloop_kernel.arena.notebook import read
    from autoloop_kernel.arena.roles import Role, role_of

    arena = read(path)
    kinds = [unit.kind for unit in arena.units.values()]
    scores = sum(role_of(cell) is Role.SCORE for cell in arena.notebook.cells)
    parts = [plural(kinds.count("cell"), "editable cell"), plural(scores, "score cell")]
    if kinds.count("file"):
        parts.insert(1, plural(kinds.count("file"), "editable file"))
    rules = arena.rules
    clock = " of CPU time" if rules.clock == "cpu" else ""
    parts.append(f"{rules.metric.name} ({rules.metric.direction}){rules.metric.doubt}")
    parts += [f"{rules.budget_s:g} s{clock}", f"answers within {rules.answering_s:g} s"]
    return f"{path.name}: no problem found: {', '.join(parts)}"


def apply(
    arena: ArenaArg,
    iteration: Annotated[
        int | None, typer.Option("-i", "--iteration", metavar="N", help="Which iteration (default: the champion).")
    ] = None,
) -> None:
    """Put an iteration's cells into the arena notebook."""
    from autoloop_kernel import reviewing

    path = arena_path(arena)
    with opened(path) as session:
        chosen = champion_of(session) if iteration is None else session.iteration(iteration)
        names = reviewing.apply(session, chosen.number)
    if names:
        say(f"iteration {chosen.number} is now in {path.name}: {', '.join(names)}")
    else:
        say(f"{path.name} holds iteration {chosen.number} already: nothing to change")

"""A checkout, or a script, as an arena whose number is self-reported: it runs unchanged, and what it prints counts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from autoloop_kernel.importing import book, history
from autoloop_kernel.importing.checkout import BRIEF, Checkout, link_name
from autoloop_kernel.records import SELF_REPORTED, AutoloopError, Direction

RUN = """\
from autoloop_kernel.cells import facts, report, submit
from autoloop_kernel.scoring.script import {imports}

{links}printed = run({arguments}, {score}, report=report, environment={{"SEED": SEED, "BUDGET_S": BUDGET_S}})
facts(**printed.numbers)
submit(lambda: np.array(printed.score))"""
SCORE = """\
from autoloop_kernel.cells import ask, score

# Self-reported: {script} measured itself and printed this number; the referee has nothing to hold against it.
score(float(ask()))"""
UNSEALED = (
    "self-reported: {script} runs in one process with its data and its targets, measures itself and prints `{score}`;"
    " the referee writes that number down, and whoever edits {script} could edit the number as well."
)
MEND = (
    "To seal it, let it leave a function that answers (a batch in, its predictions out) and let a score cell hold the"
    " targets: `autoloop import {script}` (the file, not the folder) moves a score into the referee where it can."
)


def strategy(checkout: Checkout) -> str:
    """The strategy cell: how it is played here, the brief as it was, and what was tried."""
    score, way = checkout.score, "lower" if checkout.score.direction is Direction.MIN else "higher"
    files = ", ".join(f"`{name}`" for name in checkout.editable)
    fixed = ", ".join(f"`{name}`" for name in checkout.locked)
    parts = [
        f"# {checkout.folder.resolve().name}: `{score.name}`, {way} is better",
        f"Each proposal is a change of {files}. `python {' '.join([checkout.script, *checkout.args])}` is then run as"
        f" it is; it keeps its own clock (about {checkout.budget_s:g} s; it is killed after {checkout.kill_s:g} s), and"
        f" the last `{score.name}: …` that it prints is the score.",
        *([f"**Fixed.** {fixed}: to be read, not changed."] if fixed else []),
        f"**What does not count.** The script states its own score (self-reported), so that it is on your honour: how"
        f" `{score.name}` is computed and printed, the data that it is measured on, the clock and the seed stay as they"
        " are.",
        "**How to work.** One idea at a time, with what you expect and why. Autoloop runs the loop: what the brief"
        " below may say about git, logs, branches, running the script or going on for ever is done for you.",
    ]
    if checkout.brief.strip():
        parts.append(f"---\n\n*The brief ({BRIEF}), as it was:*\n\n{checkout.brief.strip()}")
    if checkout.log is not None:
        parts.append(history.told(checkout.log))
    return "\n\n".join(parts)


def text(checkout: Checkout, name: str) -> str:
    """The arena as the text of a notebook called `name`."""
    links = f"link_home({', '.join(map(repr, checkout.homes))})\n" if checkout.homes else ""
    imports = "link_home, run" if checkout.homes else "run"
    command = json.dumps([checkout.script, *checkout.args], ensure_ascii=False)
    run = RUN.format(imports=imports, links=links, arguments=command, score=json.dumps(checkout.score.name))
    cells = [
        book.cell("markdown", "strategy", strategy(checkout), "strategy"),
        book.parameters(checkout.budget_s),
        book.cell("code", "run", f"import numpy as np\n\n{run}"),
        book.cell("code", "score", SCORE.format(script=checkout.script), "score"),
        book.cell("code", "workbench", book.WORKBENCH.format(name=name), "workbench"),
    ]
    return book.dumped(cells, _settings(checkout))


def _settings(checkout: Checkout) -> dict[str, Any]:
    return book.settings(
        checkout.score.name,
        checkout.score.direction,
        checkout.budget_s,
        kill_s=checkout.kill_s,
        grade=SELF_REPORTED,
        files=list(checkout.editable),
        locked=list(checkout.locked),
    )


def write(checkout: Checkout, out: Path, links: bool = True) -> list[str]:
    """Write the arena, with `links` to the folders of the home beside it; returns what was done, in plain words."""
    copied = book.write(out, text(checkout, out.name), checkout.folder, book.beside(checkout.folder))
    said = [f"{len(copied)} files copied from {checkout.folder}"] if copied else []
    for place in checkout.homes if links else ():
        link, target = out.parent / link_name(place), Path.home() / place
        if target.is_dir() and not link.exists() and not link.is_symlink():
            try:
                link.symlink_to(target)
            except OSError as error:
                raise AutoloopError(f"{link} cannot be made ({error.strerror}): link it to {target} yourself") from None
            said.append(f"{link.name} links to {target}, for candidates to read")
    return said


def why(checkout: Checkout) -> list[str]:
    """Why the number of this arena is only self-reported, and what would seal it."""
    names = {"script": checkout.script, "score": checkout.score.name}
    return [UNSEALED.format(**names), MEND.format(**names)]

"""JupyterLab with the workbench open."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from autoloop_kernel.commands.common import ArenaArg, arena_path, opened, say
from autoloop_kernel.records import AutoloopError

TEMPLATE = "tiny_lm"
"""The arena that a folder without any gets."""

PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}


def lab(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder that JupyterLab shows.")] = Path(),
) -> None:
    """Open JupyterLab with the workbench beside the notebook. Further options go to JupyterLab."""
    if str(folder).startswith("-"):
        context.args.insert(0, str(folder))
        folder = Path()
    if folder.exists() and not folder.is_dir():
        raise AutoloopError(f"{folder} is no folder: name the one that JupyterLab is to show")
    arena = arena_in(folder)
    arguments = [sys.executable, "-m", "jupyterlab", *flags(folder, arena), *context.args]
    sys.stdout.flush()
    os.execv(sys.executable, arguments)


def open_iteration(
    context: typer.Context,
    arena: ArenaArg,
    number: Annotated[int, typer.Argument(metavar="N", help="The iteration, also a failed one.", min=1)],
    again: Annotated[bool, typer.Option("--again", help="Lay it out anew; what you changed there is lost.")] = False,
    path: Annotated[bool, typer.Option("--path", help="Only lay it out, and say where.")] = False,
) -> None:
    """Open an iteration in JupyterLab, to run it again cell by cell."""
    from autoloop_kernel.layout import lay_out

    with opened(arena_path(arena)) as session:
        notebook = lay_out(session, number, again)
        root = session.arena.folder
    if path:
        say(str(notebook))
        return
    shown = quote(notebook.resolve().relative_to(root.resolve()).as_posix())
    told = [f"--ServerApp.root_dir={root.resolve()}", f"--LabApp.default_url=/lab/tree/{shown}"]
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "jupyterlab", *told, *context.args])


def arena_in(folder: Path) -> str:
    """The name of the arena notebook that is opened: the first in `folder`, else a fresh copy of the embedded one."""
    from autoloop_kernel.arena.templates import is_arena, new, templates

    own = {template.name for template in templates()}
    known = sorted(folder.glob("*.ipynb"), key=lambda path: (path.stem not in own, path.name))
    for path in known:
        if is_arena(path):
            return path.name
    path = new(TEMPLATE, folder)
    say(f"{path}")
    return path.name


def flags(folder: Path, arena: str) -> list[str]:
    """What JupyterLab is told: the folder as its root, and the address that opens the arena and the panel."""
    return [f"--ServerApp.root_dir={folder.resolve()}", f"--LabApp.default_url=/autoloop/lab/{quote(arena)}"]

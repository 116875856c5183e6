"""The command line: one line for a wrong request, never a traceback.

Exit status: 0 done, 1 the work failed, 2 the request was wrong.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from autoloop_kernel import __version__
from autoloop_kernel.commands import (
    ablating,
    arenas,
    auditing,
    cleaning,
    data,
    demo,
    findings,
    importing,
    lab,
    looking,
    reporting,
    running,
    sharing,
    winning,
)
from autoloop_kernel.durable import in_words
from autoloop_kernel.quickly import leave_out_grammar
from autoloop_kernel.records import AutoloopError

app = typer.Typer(
    name="autoloop",
    help="An agent edits a notebook, a referee scores it, the loop goes on.",
    add_completion=False,
    no_args_is_help=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

COMMANDS = (
    ("Start", (demo.demo, lab.lab, arenas.new, importing.import_, arenas.templates, arenas.check, data.data)),
    (
        "Run",
        (
            running.step,
            running.auto,
            running.pause,
            running.resume,
            running.stop,
            running.fork,
            running.replicate,
            running.confirm,
        ),
    ),
    (
        "Look",
        (
            looking.status,
            looking.log,
            looking.show,
            looking.diff,
            looking.plot,
            lab.open_iteration,
            findings.findings,
            reporting.report,
        ),
    ),
    ("Bring home", (arenas.apply, winning.export, ablating.ablate, cleaning.clean)),
    ("Share", (sharing.share,)),
    ("Check others", (auditing.audit,)),
)
for panel, functions in COMMANDS:
    for function in functions:
        passes = lab.PASS_ON if function in (lab.lab, lab.open_iteration) else None
        name = {lab.open_iteration: "open", importing.import_: "import"}.get(function)
        app.command(name, rich_help_panel=panel, context_settings=passes)(function)


STOPPED = 130
"""The exit status of what somebody stopped by Ctrl-C, as shells have it."""


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"autoloop {__version__}\n")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """An agent edits a notebook, a referee scores it, the loop goes on."""
    if context.invoked_subcommand is None:
        sys.stdout.write(context.get_help() + "\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line with `arguments` (default: the process's); gives the exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without the signs shows a mark, not a traceback
    leave_out_grammar()
    command = typer.main.get_command(app)
    try:
        status = command.main(
            args=list(sys.argv[1:] if arguments is None else arguments), prog_name="autoloop", standalone_mode=False
        )
    except AutoloopError as error:
        return _refuse(str(error), 2)
    except KeyboardInterrupt:
        return _refuse("stopped", STOPPED)
    except BrokenPipeError:
        return _deaf()
    except Exception as error:
        return _other(error)
    if status == STOPPED:
        return _refuse("stopped", STOPPED)  # newer ones of Typer make a status of a stop, without a word
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.flush()
        return status if isinstance(status, int) else 0
    return _deaf()


def _other(error: Exception) -> int:
    """An error that is not ours: the parser's are wrong requests, all others failures of this program."""
    told = getattr(error, "format_message", None)  # Typer brings the parser's classes along, or has them of Click
    if callable(told):
        return _refuse(f"{told()} (see: autoloop --help)", 2)
    if type(error).__name__ == "Abort":
        return _refuse("stopped", STOPPED)
    if isinstance(error, OSError):
        return _refuse(in_words(error), 1)
    if os.environ.get("AUTOLOOP_DEBUG"):
        raise error
    return _refuse(in_words(error), 1)


def _refuse(text: str, status: int) -> int:
    """Say it on one line of standard error."""
    with contextlib.suppress(OSError):
        sys.stderr.write(f"autoloop: {' '.join(text.split())}\n")
    return status


def _deaf() -> int:
    """Whoever read our output has gone: end quietly, as other programs in a pipe do."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


if __name__ == "__main__":
    sys.exit(main())

"""`%autoloop` and `%%autoloop` in IPython: the workbench in a few words, for a cell that is typed in passing.

Each subcommand is one method of `Workbench`. A wrong request is an `AutoloopError`, which IPython shows as one line.
"""

from __future__ import annotations

import argparse
import difflib
import io
import re
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from IPython.core.error import TryNext
from IPython.core.magic import Magics, line_cell_magic, magics_class
from IPython.display import Markdown
from rich.console import Console

from autoloop_kernel.arena.templates import templates
from autoloop_kernel.commands.glance import glance
from autoloop_kernel.plan import SHARE_EVERY
from autoloop_kernel.records import AutoloopError
from autoloop_kernel.views import status

if TYPE_CHECKING:
    from autoloop_kernel.workbench import Workbench

_Method = Callable[..., Any]
_line_cell_magic: Callable[[str], Callable[[_Method], _Method]] = line_cell_magic  # type: ignore[assignment]
_markdown: Any = Markdown  # carries no types

NAME = "autoloop"
STRATEGY = "strategy"
WIDE = 100
"""Characters a line of `status` may have: what a notebook shows without scrolling."""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line; never ends the kernel, which `sys.exit` would try to."""

    usage_line = ""

    def error(self, message: str) -> NoReturn:
        said = message.removeprefix("argument ").replace("the following arguments are required:", "it needs")
        raise AutoloopError(f"%{self.prog}: {said} — write: {self.usage_line}")


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from None


def _real(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number") from None


@dataclass(frozen=True)
class Verb:
    """A subcommand: how it is written, what it does in a few words, and what does it.

    `act(magics, arguments)` gives what the cell shows: text is printed, anything else shows itself.
    """

    takes: str
    about: str
    parse: Callable[[argparse.ArgumentParser], object]
    act: Callable[[AutoloopMagics, argparse.Namespace], Any]


def _nothing(parser: argparse.ArgumentParser) -> None:
    """A subcommand without arguments."""


def _agents(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--agent", action="append", metavar="A")


def _arena(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("arena", metavar="ARENA")
    _agents(parser)


def _template(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("template", metavar="TEMPLATE")
    parser.add_argument("folder", nargs="?", default=".", metavar="DIR")
    _agents(parser)


def _asking(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--review", action="store_true")
    parser.add_argument("--agent", metavar="A")


def _bounds(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("iterations", nargs="?", type=_number, metavar="N")
    parser.add_argument("--hours", type=_real)
    parser.add_argument("--until", type=_real)
    parser.add_argument("--workers", default="1", metavar="SPEC")
    parser.add_argument("--share", metavar="REMOTE")
    parser.add_argument("--share-every", type=_real, default=SHARE_EVERY, metavar="MINUTES")
    parser.add_argument("--islands", action="store_true")


def _outcome(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", metavar="OUT.ipynb")
    parser.add_argument("-i", "--iteration", type=_number, metavar="N")
    parser.add_argument("--verify", action="store_true")
    parser.add_argument("--force", action="store_true")


def _report(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", nargs="?", metavar="OUT.ipynb")
    parser.add_argument("--since", metavar="HOURS")
    parser.add_argument("--html", action="store_true")


def _flag(name: str) -> Callable[[argparse.ArgumentParser], object]:
    return lambda parser: parser.add_argument(f"--{name}", action="store_true")


def _one(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("number", type=_number, metavar="N")


def _maybe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("number", nargs="?", type=_number, metavar="N")


def _two(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("first", type=_number, metavar="N")
    parser.add_argument("second", type=_number, metavar="M")


VERBS: dict[str, Verb] = {
    "open": Verb("ARENA [--agent A]", "open an arena", _arena, lambda at, a: at.open(a.arena, a.agent)),
    "new": Verb(
        "TEMPLATE [DIR] [--agent A]",
        "copy a bundled arena, and open it",
        _template,
        lambda at, a: at.new(a.template, a.folder, a.agent),
    ),
    "check": Verb("", "what is wrong with the arena, in plain words", _nothing, lambda at, a: at.bench.check()),
    "step": Verb(
        "[--review] [--agent A]",
        "one iteration; or a proposal that waits for your word",
        _asking,
        lambda at, a: at.bench.step(review=a.review, agent=a.agent),
    ),
    "auto": Verb(
        "[N] [--hours H] [--until SCORE] [--workers SPEC] [--share REMOTE] [--share-every MINUTES] [--islands]",
        "iterations in a driver of their own, which outlives the kernel",
        _bounds,
        lambda at, a: at.bench.auto(**vars(a)),
    ),
    "attach": Verb("", "the live control of what runs", _nothing, lambda at, a: at.bench.attach()),
    "pause": Verb("", "pause once what runs has its verdict", _nothing, lambda at, a: at.bench.pause()),
    "resume": Verb("", "go on after a pause", _nothing, lambda at, a: at.bench.resume()),
    "stop": Verb(
        "[--now]",
        "stop once what runs has its verdict, or at once",
        _flag("now"),
        lambda at, a: at.bench.stop(now=a.now),
    ),
    "status": Verb("", "what runs, and the best so far", _nothing, lambda at, a: standing(at.bench)),
    "history": Verb("", "every iteration in a table", _nothing, lambda at, a: at.bench.history),
    "show": Verb("N", "one iteration in full", _one, lambda at, a: at.bench[a.number]),
    "best": Verb("", "the champion in full", _nothing, lambda at, a: at.bench.best),
    "plot": Verb("", "the progress as a picture", _nothing, lambda at, a: at.bench.plot()),
    "compare": Verb("N M", "two iterations side by side", _two, lambda at, a: at.bench.compare(a.first, a.second)),
    "fork": Verb("N", "go on from iteration N, whatever became of it", _one, lambda at, a: at.bench.fork(a.number)),
    "replicate": Verb(
        "N", "run iteration N once more, with a fresh seed", _one, lambda at, a: at.bench.replicate(a.number)
    ),
    "confirm": Verb(
        "[N]", "fresh runs of the champion, or keep N, and its base", _maybe, lambda at, a: at.bench.confirm(a.number)
    ),
    "export": Verb(
        "OUT.ipynb [-i N] [--verify] [--force]",
        "a notebook that runs without Autoloop",
        _outcome,
        lambda at, a: at.bench.export(a.out, iteration=a.iteration, verify=a.verify, force=a.force),
    ),
    "report": Verb(
        "[OUT.ipynb] [--since HOURS] [--html]",
        "what the runs brought, as a notebook",
        _report,
        lambda at, a: at.bench.report(a.out, since=a.since, html=a.html),
    ),
    "apply": Verb(
        "[N]", "the champion's cells, or iteration N's, into the arena", _maybe, lambda at, a: at.bench.apply(a.number)
    ),
    STRATEGY: Verb(
        "", "show the strategy; %%autoloop strategy rewrites it", _nothing, lambda at, a: _markdown(at.bench.strategy)
    ),
}


@magics_class
class AutoloopMagics(Magics):
    """The magics of one shell, and the workbench that `open` or `new` made in it (None before that)."""

    opened: Workbench | None = None

    @property
    def bench(self) -> Workbench:
        """The workbench that is meant: what was opened here, else `wb`, else the only one among the user's names.

        Raises AutoloopError where there is none, or where it could be several.
        """
        from autoloop_kernel.workbench import Workbench

        if self.opened is not None:
            return self.opened
        everything = {name: thing for name, thing in [*self._names().items()] if isinstance(thing, Workbench)}
        if "wb" in everything:
            return everything["wb"]
        given = {name: thing for name, thing in everything.items() if not name.startswith("_")} or everything
        if not given:
            raise AutoloopError("no arena is open here — open one with: %autoloop open ARENA.ipynb")
        if len({id(thing) for thing in given.values()}) > 1:
            names = sorted(given)
            raise AutoloopError(f"there are several workbenches here ({', '.join(names)}) — say which: wb = {names[0]}")
        return next(iter(given.values()))

    def _names(self) -> dict[str, Any]:
        """What the person's cells have defined."""
        return {} if self.shell is None else self.shell.user_ns

    def open(self, arena: str, agents: Sequence[str] | None) -> Workbench:
        """Open the arena at `arena`; the other subcommands are about it from now on."""
        from autoloop_kernel.workbench import Workbench

        self.opened = Workbench(arena, agent=_team(agents))
        return self.opened

    def new(self, template: str, folder: str, agents: Sequence[str] | None) -> Workbench:
        """Copy a bundled arena into `folder`, and open it."""
        from autoloop_kernel.workbench import Workbench

        self.opened = Workbench.new(template, folder, agent=_team(agents))
        return self.opened

    @_line_cell_magic(NAME)
    def autoloop(self, line: str, cell: str | None = None) -> Any:
        """The workbench in a few words: `%autoloop SUBCOMMAND …`; `%autoloop` alone lists them.

        `%autoloop open ARENA` comes first, unless the notebook made a `Workbench`. Errors are one line.
        """
        words = _words(line)
        if not words or words[0] in ("help", "-h", "--help"):
            _say(usage())
            return None
        if cell is not None:
            if words != [STRATEGY]:
                raise AutoloopError(
                    f"%%autoloop {words[0]} takes no text below it — write: %autoloop {' '.join(words)}"
                )
            return self.bench.rewrite_strategy(cell.strip("\n"))
        verb, parser = _verb(words[0]), _parser(words[0])
        if {"-h", "--help"} & set(words):
            _say(f"{parser.usage_line}   {verb.about}")
            return None
        shown = verb.act(self, parser.parse_args(_joined(words[1:])))
        if isinstance(shown, str):
            _say(shown)
            return None
        return shown


def register(ipython: Any) -> None:
    """Give an IPython shell the magics, and tab completion for them. Doing so again changes nothing."""
    if not isinstance(ipython.magics_manager.registry.get(AutoloopMagics.__name__), AutoloopMagics):
        ipython.register_magics(AutoloopMagics)
        for escape in ("%", "%%"):
            ipython.set_hook("complete_command", _complete, str_key=escape + NAME)


def unregister(ipython: Any) -> None:
    """Take the magics out of an IPython shell again, and what was opened with them."""
    manager = ipython.magics_manager
    manager.registry.pop(AutoloopMagics.__name__, None)
    for kind in ("line", "cell"):
        manager.magics[kind].pop(NAME, None)
    for escape in ("%", "%%"):
        ipython.strdispatchers["complete_command"].strs.pop(escape + NAME, None)


def usage() -> str:
    """Every subcommand, how it is written and what it does: one line each."""
    written = {f"%{NAME} {name} {verb.takes}".rstrip(): verb.about for name, verb in VERBS.items()}
    width = max(map(len, written))
    return "\n".join(f"{how:{width}}  {about}" for how, about in written.items())


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _team(agents: Sequence[str] | None) -> str | list[str]:
    """What a Workbench takes: the default, one agent, or several."""
    if not agents:
        return "search"
    return agents[0] if len(agents) == 1 else [*agents]


def _words(line: str) -> list[str]:
    """The words of a magic's line, as a terminal would split them, up to a comment."""
    try:
        words = shlex.split(line)
    except ValueError:
        raise AutoloopError(f"%{NAME}: a quotation mark is left open — close it") from None
    comment = next((place for place, word in enumerate(words) if word.startswith("#")), len(words))
    return words[:comment]


def _verb(name: str) -> Verb:
    """The subcommand `name`; raises AutoloopError with the nearest one, or all of them."""
    if name in VERBS:
        return VERBS[name]
    near = difflib.get_close_matches(name, VERBS, n=1)
    there = f"did you mean {near[0]}?" if near else f"there is {', '.join(VERBS)}"
    raise AutoloopError(f"%{NAME} has no subcommand {name!r} — {there}")


def _parser(name: str) -> _Parser:
    parser = _Parser(prog=f"{NAME} {name}", add_help=False, allow_abbrev=False)
    parser.usage_line = f"%{NAME} {name} {VERBS[name].takes}".rstrip()
    VERBS[name].parse(parser)
    return parser


def _joined(words: Sequence[str]) -> list[str]:
    """`--until -1e-3` as one word: argparse would take such a number for an option."""
    joined: list[str] = []
    for word in words:
        if joined and joined[-1] == "--until" and word.startswith("-"):
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


def standing(bench: Workbench) -> str:
    """What runs on an arena and the best so far, as the command line's `status` says it."""
    with glance(bench.path) as seen:
        found = status.read(seen.ledger, seen.name, seen.metric)
    out = io.StringIO()
    Console(file=out, width=WIDE, force_jupyter=False, color_system=None).print(status.text(found))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def _complete(shell: Any, event: Any) -> list[str]:
    """What may stand at the cursor: a subcommand, one of its options, or a template; else IPython completes paths."""
    before = str(event.text_until_cursor)[: len(event.text_until_cursor) - len(event.symbol)].split()
    if event.command.startswith("%%"):
        return [STRATEGY] if len(before) == 1 else []
    if len(before) == 1:
        return [*VERBS]
    if event.symbol.startswith("-") and before[1] in VERBS:
        return re.findall(r"(?<![\w-])-[\w-]+", VERBS[before[1]].takes)
    if before[1:] == ["new"]:
        return [template.name for template in templates()]
    raise TryNext

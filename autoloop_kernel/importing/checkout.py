"""An autoresearch checkout, or a fork of one, read: its script, brief, log, score and what the script needs."""

from __future__ import annotations

import importlib.util
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autoloop_kernel.arena.source import fault
from autoloop_kernel.arena.surface import escapes, matches
from autoloop_kernel.auditing.log import Log
from autoloop_kernel.importing import history, metric, printed, source
from autoloop_kernel.importing.metric import Choice
from autoloop_kernel.records import AutoloopError, Direction

SCRIPT, PREPARE, BRIEF, LOG = "train.py", "prepare.py", "program.md", "results.tsv"
BUDGET_S = 300.0
"""Upstream's five minutes, where no constant says otherwise."""
CLOCKS = ("TIME_BUDGET", "TIME_BUDGET_S", "TIME_BUDGET_SECONDS", "BUDGET_S", "MAX_SECONDS", "TRAIN_SECONDS")
HUB = {"kernels", "huggingface_hub", "transformers", "datasets"}
"""Packages that fetch from a hub at run time, which a sealed candidate cannot."""


@dataclass(frozen=True)
class Wishes:
    """What a person said about an import: each empty or None where it is to be found out.

    `editable` and `locked` are globs, `args` the script's command line.
    """

    script: str = ""
    score: str = ""
    direction: Direction | None = None
    editable: tuple[str, ...] = ()
    args: str = ""
    budget_s: float | None = None


@dataclass(frozen=True)
class Checkout:
    """A checkout as it was read. `editable` and `locked` are relative paths, `homes` folders of the person's home that
    the script reads, `notes` what the person should know, in plain words.
    """

    folder: Path
    script: str
    args: tuple[str, ...]
    score: Choice
    budget_s: float
    editable: tuple[str, ...]
    locked: tuple[str, ...]
    brief: str
    log: Log | None
    homes: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)

    @property
    def kill_s(self) -> float:
        """Upstream's ten minutes, and twice the budget where that is longer: the script keeps its own clock."""
        return max(600.0, 2 * self.budget_s)


def read(folder: Path, wishes: Wishes) -> Checkout:
    """Read the checkout in `folder`; raises `AutoloopError`, in one line, for one that cannot become an arena."""
    script = _script(folder, wishes.script)
    notes: list[str] = []
    own = source.modules(folder, script)
    _missing(folder, script)
    args = _arguments(folder, script, wishes.args, notes)
    editable = _editable(folder, script, wishes.editable)
    locked = tuple(name for name in dict.fromkeys([script, *_present(folder, PREPARE), *own]) if name not in editable)
    opened = [name for name in own if name not in editable and name != PREPARE]
    if opened:
        notes.append(f"{', '.join(opened)}: locked as well; --editable {opened[0]} lets agents change it")
    brief = source.text(folder / BRIEF)
    if not brief.strip():
        notes.append(f"there is no {BRIEF}: the strategy says only what the sources do, so write what is worth trying")
    found = _score(folder, [script, *own], brief, wishes)
    log = history.history(folder / LOG, found.direction, found.name)
    if log is None:
        notes.append(f"{LOG} has no line that can be used" if (folder / LOG).exists() else f"there is no {LOG}")
    budget = wishes.budget_s or _budget(folder, [PREPARE, script, *own], notes)
    homes = _homes(folder, [script, *own], notes)
    for asks in _present(folder, "pyproject.toml", "requirements.txt"):
        notes.append(f"it runs in the notebook's kernel: what {asks} asks for has to be installed there")
    if script not in editable:
        notes.append(f"{script} itself is locked: agents change {', '.join(editable)} alone")
    return Checkout(folder, script, args, found, budget, editable, locked, brief, log, homes, notes)


def _script(folder: Path, wanted: str) -> str:
    name = wanted or SCRIPT
    if escapes(name) or not (folder / name).is_file():
        others = sorted(path.name for path in folder.glob("*.py") if path.name != PREPARE)
        here = f"it has {', '.join(others[:6])}" if others else "it has no script at all"
        raise AutoloopError(
            f"{folder} has no {name}, which is what agents edit: name the script with --script ({here})"
        )
    if reason := fault(source.text(folder / name), magics=False):
        raise AutoloopError(f"{folder / name}: {reason}: mend it first")
    return name


def _missing(folder: Path, script: str) -> None:
    """Refuse a script that imports a module of upstream's which is not there."""
    tree = source.parsed(source.text(folder / script))
    stem = PREPARE.removesuffix(".py")
    wanted = {name.split(".")[0] for name in source.imports(tree)} if tree else set()
    if stem in wanted and not (folder / PREPARE).is_file() and importlib.util.find_spec(stem) is None:
        raise AutoloopError(
            f"{script} imports {stem}, and {folder} has no {PREPARE}: bring it back from its repository"
        )


def _arguments(folder: Path, script: str, given: str, notes: list[str]) -> tuple[str, ...]:
    try:
        args = tuple(shlex.split(given))
    except ValueError as error:
        raise AutoloopError(f"--args {given!r} cannot be split into words: {error}") from None
    tree = source.parsed(source.text(folder / script))
    read = source.arguments(tree) if tree else source.Arguments()
    if read.required and not args:
        needs = ", ".join(read.required)
        raise AutoloopError(f"{script} cannot run without arguments ({needs}): give them with --args '…'")
    if read.optional and not args:
        notes.append(f"{script} reads arguments ({', '.join(read.optional[:6])}) and is run without: --args gives some")
    return args


def _editable(folder: Path, script: str, wanted: Sequence[str]) -> tuple[str, ...]:
    found = []
    for pattern in wanted:
        matched = matches(folder, [pattern])
        if not matched:
            raise AutoloopError(f"--editable {pattern} matches no file in {folder}")
        found += matched
    return tuple(dict.fromkeys(found)) or (script,)


def _present(folder: Path, *names: str) -> list[str]:
    return [name for name in names if (folder / name).is_file()]


def _score(folder: Path, names: Sequence[str], brief: str, wishes: Wishes) -> Choice:
    """The score: by the sources' prints, the brief and the log's columns, or as the person says."""
    log = folder / LOG
    lines = [line for name in reversed(names) for line in printed.lines(source.text(folder / name))]
    ranked = metric.candidates(lines, brief, history.columns(log))
    name = wishes.score or next(iter(ranked), "")
    if not name:
        told = sorted({line.name for line in lines})
        here = f"it prints {', '.join(told[:8])}" if told else "it prints no named number"
        raise AutoloopError(f"{names[0]} prints nothing that looks like a score ({here}): name it with --score NAME")
    if wishes.direction is not None:
        return Choice(name, wishes.direction, "you said so")
    first = history.history(log, Direction.MIN, name)
    kept = (
        [entry.score for entry in first.entries if entry.score is not None and entry.verdict == "keep"] if first else []
    )
    return Choice(name, *metric.direction(name, brief, kept))


def _budget(folder: Path, names: Sequence[str], notes: list[str]) -> float:
    for name in names:
        known = source.numbers(source.text(folder / name))
        for clock in CLOCKS:
            if known.get(clock, 0) > 0:
                return known[clock]
    notes.append(f"no {CLOCKS[0]} was found: a budget of {BUDGET_S:g} s is taken; --budget gives another")
    return BUDGET_S


def _homes(folder: Path, names: Sequence[str], notes: list[str]) -> tuple[str, ...]:
    """The folders of the person's home that the sources read, shortest first, none within another."""
    texts = [source.text(folder / name) for name in names]
    found = set().union(*(source.homes(text) for text in texts)) if texts else set()
    trees = [tree for text in texts if (tree := source.parsed(text))]
    hubs = sorted({name.split(".")[0] for tree in trees for name in source.imports(tree)} & HUB)
    if hubs:
        found.add(".cache/huggingface")
        notes.append(f"{', '.join(hubs)}: a sealed candidate has no network, so run the script once before, by hand")
    places = [place for place in sorted(found) if not any(place.startswith(f"{other}/") for other in found)]
    for place in places:
        if not (Path.home() / place).is_dir():
            mend = f"run it by hand once (python {PREPARE}), then ln -s ~/{place} {folder / link_name(place)}"
            notes.append(f"~/{place}, which the sources name, is not there: {mend}")
    return tuple(places)


def link_name(place: str) -> str:
    """What the link to a folder of the home is called beside an arena (`scoring.script.link_home` looks for it)."""
    return "home" + "." * (place[0] != ".") + place.replace("/", ".")

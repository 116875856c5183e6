"""An arena as the rest of the house sees it: its notebook, rules, strategy and the units that agents may change."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from nbformat import NotebookNode

from autoloop_kernel.arena.check import problems_in
from autoloop_kernel.arena.load import Problem, load, name_of
from autoloop_kernel.arena.roles import Role, role_of
from autoloop_kernel.arena.settings import rules_of
from autoloop_kernel.arena.source import calls
from autoloop_kernel.arena.surface import editable_files, matches
from autoloop_kernel.records import AutoloopError, Rules

__all__ = ["Arena", "ArenaError", "Unit", "name_of", "read"]

LONGEST = 400_000
"""Locked files of more bytes than this are data, which no agent is given to read."""


@dataclass(frozen=True)
class Unit:
    """One thing that agents may change: an editable cell (`kind` "cell") or an editable file ("file").

    `name` is a cell's metadata `autoloop.name`, else its id; a file's posix path relative to the arena's folder.
    """

    name: str
    kind: str
    source: str


class ArenaError(AutoloopError):
    """The arena cannot be run as it stands; `problems` holds everything that `check` found, notes included."""

    def __init__(self, path: Path, problems: list[Problem]) -> None:
        errors = [problem for problem in problems if problem.level == "error"]
        more = f" (and {len(errors) - 1} more: autoloop check {path})" if len(errors) > 1 else ""
        lead = "" if path.name in errors[0].where else f"{path.name}: "
        super().__init__(" ".join(f"{lead}{errors[0]}{more}".split()))
        self.problems = problems


@dataclass(frozen=True)
class Arena:
    """An arena as it was read: `notebook` is in nbformat 4.5 and is not to be changed; `path` is absolute.

    `units` holds the editable cells in the notebook's order, then the editable files in the order of their paths.
    """

    path: Path
    notebook: NotebookNode
    rules: Rules
    strategy: str
    units: Mapping[str, Unit]

    @property
    def name(self) -> str:
        """The file's name without `.ipynb`."""
        return self.path.stem

    @property
    def folder(self) -> Path:
        """The folder that the notebook lies in."""
        return self.path.parent

    @property
    def runs(self) -> Path:
        """Where ledger, lineage and executed notebooks go: NAME_runs beside the notebook."""
        return self.folder / f"{self.name}_runs"

    @property
    def has_holdout(self) -> bool:
        """Whether a score cell asks `held_out()`, and so has data that no selection sees."""
        cells = (cell for cell in self.notebook.cells if role_of(cell) is Role.SCORE)
        return any(calls(cell.source, "held_out") for cell in cells)

    @property
    def locked_texts(self) -> dict[str, str]:
        """The locked files by path, as far as they are text of a size to be read by agents (`LONGEST` bytes)."""
        found = {}
        for name in matches(self.folder, self.rules.locked):
            with suppress(OSError, UnicodeDecodeError):
                if (self.folder / name).stat().st_size <= LONGEST:
                    found[name] = (self.folder / name).read_bytes().decode("utf-8")
        return found

    @property
    def sources(self) -> dict[str, str]:
        """The source of every unit, by name, as the arena's notebook and files have it."""
        return {name: unit.source for name, unit in self.units.items()}


def read(path: Path, kernel: bool = True) -> Arena:
    """Read the arena at `path`; raises ArenaError when `check` finds anything that stops it.

    `kernel=False` does without the arena's kernel: enough to look at what was run, on whatever machine.
    """
    path = Path(os.path.abspath(path))  # noqa: PTH100 - Path.absolute keeps `..`, Path.resolve follows the arena's link
    loaded = load(path)
    problems = problems_in(path, loaded, kernel)
    notebook = loaded.notebook
    if notebook is None or any(problem.level == "error" for problem in problems):
        raise ArenaError(path, problems)
    rules = rules_of(notebook.metadata)
    strategy = next((cell.source for cell in notebook.cells if role_of(cell) is Role.STRATEGY), "")
    units = {unit.name: unit for unit in _units(path, notebook, rules)}
    return Arena(path, notebook, rules, strategy, MappingProxyType(units))


def _units(path: Path, notebook: NotebookNode, rules: Rules) -> Iterator[Unit]:
    for cell in notebook.cells:
        if role_of(cell) is Role.EDITABLE:
            yield Unit(name_of(cell), "cell", cell.source)
    for name in editable_files(path.parent, path.name, rules.files):
        try:
            yield Unit(name, "file", (path.parent / name).read_bytes().decode("utf-8"))
        except (OSError, UnicodeDecodeError) as error:  # it changed since it was checked a moment ago
            problem = Problem(f"file {name}", f"cannot be read ({error})", "mend that, or take it out of `files`")
            raise ArenaError(path, [problem]) from None

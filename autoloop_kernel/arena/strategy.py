"""Puts a new strategy into an arena's own notebook: the person's brief to the agents, changed from a face."""

from __future__ import annotations

from pathlib import Path

from autoloop_kernel.arena.load import load
from autoloop_kernel.arena.notebook import ArenaError
from autoloop_kernel.arena.roles import Role, role_of
from autoloop_kernel.arena.write import replace, with_sources
from autoloop_kernel.records import AutoloopError


def rewrite(path: Path, text: str) -> str:
    """Make `text` (Markdown) the source of the strategy cell of the notebook at `path`; return it.

    The file is replaced as a whole, and only if the strategy changes; all else in it stays byte for byte. A notebook
    that could not be run is good enough: its strategy may be what is to be mended. Raises ArenaError where there is no
    notebook, AutoloopError where it has no strategy cell or several, where `text` is blank, and where the file was
    changed meanwhile or cannot be written.
    """
    loaded = load(path)
    if loaded.notebook is None:
        raise ArenaError(path, list(loaded.problems))
    places = [place for place, cell in enumerate(loaded.notebook.cells) if role_of(cell) is Role.STRATEGY]
    if len(places) != 1:
        mend = "join them into one" if places else "tag a markdown cell `strategy` in Jupyter first"
        raise AutoloopError(f"{path.name} has {len(places) or 'no'} strategy cell{'s' * bool(places)} — {mend}")
    if not text.strip():
        raise AutoloopError("the strategy is empty — write down in a few words what the agents are to try")
    if loaded.notebook.cells[places[0]].source != text:
        try:
            replace(path, with_sources(loaded, {places[0]: text}), loaded.text)
        except (OSError, UnicodeEncodeError) as error:
            raise AutoloopError(f"{path.name} could not be changed: {error}") from None
    return text

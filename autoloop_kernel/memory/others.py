"""What others keep: where each of their lines stands, with the sources of those that compare with this arena's own.

The sources lie in `shared.git`. They are what somebody else wrote: read piece by piece, bounded, and run nowhere but
where any agent's proposal is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pygit2

from autoloop_kernel.arena.edit import path_of
from autoloop_kernel.arena.notebook import Unit
from autoloop_kernel.memory.foreign import MESSAGE, Foreign
from autoloop_kernel.memory.ledger import Ledger
from autoloop_kernel.memory.sharing import SHARED
from autoloop_kernel.records import Direction, Other

MOST = 5
"""How many lines of others are told of: the best."""

UNIT_BYTES = 4 << 20
"""How large one unit of somebody else's may be."""

UNIT_LINES = 20_000
"""Of how many lines it may be: what compares and merges them takes their square in the worst case."""

STEPS = 10_000
"""How many steps back a line of somebody else's is followed to its baseline."""


def others(ledger: Ledger, runs: Path, units: Mapping[str, Unit], direction: Direction, epoch: int) -> list[Other]:
    """Where the lines of others stand: those of this epoch's game first, the best first, with their sources.

    What already ran here is left out. `runs` is the arena's runs folder, `units` are the arena's. Those of another game
    come last and without sources: their scores compare with none of this arena's.
    """
    found = ledger.kept_elsewhere(epoch)
    same = sorted((one for one, is_same in found if is_same), key=lambda one: _rank(one, direction))
    rest = sorted((one for one, is_same in found if not is_same), key=lambda one: -one.time)
    told = [(one, True) for one in _firsts(same)] + [(one, False) for one in rest]
    return [_other(one, runs / SHARED, units, is_same) for one, is_same in told[:MOST]]


def _firsts(ranked: Sequence[Foreign]) -> list[Foreign]:
    """Each code once: whoever ran it first had the idea, whoever took it over says so."""
    first: dict[str, Foreign] = {}
    for one in ranked:
        known = first.get(one.code_key)
        if known is None or one.time < known.time:
            first[one.code_key] = one
    return [one for one in ranked if not one.code_key or first[one.code_key] is one]


def _rank(one: Foreign, direction: Direction) -> tuple[float, float]:
    score = float("inf") if one.score is None else one.score if direction is Direction.MIN else -one.score
    return score, one.time


def _other(one: Foreign, place: Path, units: Mapping[str, Unit], is_same: bool) -> Other:
    sources, base = _sources(place, one.commit, units) if is_same else ({}, {})
    return Other(
        origin=one.origin,
        number=one.number,
        title=one.title,
        agent=one.agent,
        score=one.score,
        state=one.state or "",
        comparable=is_same,
        hardware=str(one.numbers.get("hardware", "")),
        units=sources,
        base=base,
    )


def _sources(place: Path, commit: str, units: Mapping[str, Unit]) -> tuple[dict[str, str], dict[str, str]]:
    """The sources of a commit of `shared.git`, and of the baseline that its line began with; empty where one lacks."""
    try:
        repository = pygit2.Repository(str(place))
        found = repository[commit].peel(pygit2.Commit)
        first = found
        for _ in range(STEPS):
            if not first.parent_ids:
                break
            _, size = repository.odb.read_header(first.parent_ids[0])
            if size > MESSAGE:
                raise ValueError(f"{first.parent_ids[0]} is no iteration")
            first = first.parents[0]
        return _read(repository, found.tree, units), _read(repository, first.tree, units)
    except (KeyError, ValueError, pygit2.GitError):
        return {}, {}


def _read(repository: pygit2.Repository, tree: pygit2.Tree, units: Mapping[str, Unit]) -> dict[str, str]:
    """The sources of these units in a tree; raises `KeyError` or `ValueError` where one is not there, or no text."""
    found = {}
    for name, unit in units.items():
        entry = tree[path_of(name, unit)]
        _, size = repository.odb.read_header(entry.id)
        if not isinstance(entry, pygit2.Blob) or size > UNIT_BYTES:
            raise ValueError(name)
        if entry.data.count(b"\n") > UNIT_LINES:
            raise ValueError(name)
        found[name] = entry.data.decode("utf-8")
    return found

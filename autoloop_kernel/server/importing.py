"""Imports by the panel: what is proposed for a file or folder below the root, and the arena that is made of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from autoloop_kernel.importing.offer import Offer, make, offer
from autoloop_kernel.importing.plan import Wishes
from autoloop_kernel.records import Direction
from autoloop_kernel.server import bodies
from autoloop_kernel.server.errors import Refused
from autoloop_kernel.server.paths import below, inside


def propose_import(root: Path, asked: bodies.Propose) -> dict[str, Any]:
    """What is proposed: the score, who answers, what may change, and what the grade would be."""
    found = offer(_origin(root, asked.path), _wishes(asked))
    return {
        "whole": found.whole,
        "out": below(root, _free(found.out)),
        "score": found.score,
        "scores": list(found.scores),
        "direction": found.direction.value,
        "answer": found.answer,
        "answers": list(found.answers),
        "choices": [{"name": one.name, "title": one.title, "editable": one.editable} for one in found.choices],
        "seals": list(found.seals),
        "budget_s": found.budget_s,
        "grade": found.grade,
        "why": found.why,
        "notes": list(found.notes),
    }


def import_arena(root: Path, asked: bodies.Import) -> dict[str, Any]:
    """Make the arena; nothing is overwritten, and what it is made from stays as it is."""
    found: Offer = offer(_origin(root, asked.path), _wishes(asked))
    out = inside(root, asked.out) if asked.out else _free(found.out)
    if out.exists():
        raise Refused(409, f"{below(root, out)} is there already: name another file")
    make(found, out, links=False)
    path = below(root, out)
    return {"said": f"{path} is an arena made from {asked.path}, which stays as it is ({found.grade})", "path": path}


def _origin(root: Path, relative: str) -> Path:
    place = inside(root, relative)
    if not place.exists():
        raise Refused(404, f"there is no file or folder {relative}: it may have been moved or renamed")
    return place


def _wishes(asked: bodies.Propose | bodies.Import) -> Wishes:
    way = None if asked.direction is None else Direction(asked.direction)
    if isinstance(asked, bodies.Propose):
        return Wishes(score=asked.score, direction=way, answer=asked.answer)
    return Wishes(asked.score, way, asked.answer, tuple(asked.editable), tuple(asked.seal), asked.budget_s)


def _free(out: Path) -> Path:
    """`out`, or the like with a number, where nothing lies yet."""
    place, number = out, 2
    while place.exists() or place.with_name(f"{place.stem}_runs").exists():
        place, number = out.with_name(f"{out.stem}-{number}.ipynb"), number + 1
    return place

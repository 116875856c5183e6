"""What the server tells: each function opens what it needs, reads it in the thread it is called in, and closes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from autoloop_kernel.memory.reading import Which
from autoloop_kernel.memory.rows import ProposalRow
from autoloop_kernel.records import to_json
from autoloop_kernel.server import arenas as picker
from autoloop_kernel.server import bodies, rows
from autoloop_kernel.server.errors import Refused, one_line
from autoloop_kernel.server.opening import ledger_of, look, remembered
from autoloop_kernel.server.paths import arena_at, below, inside
from autoloop_kernel.server.state import state as state_of
from autoloop_kernel.session import Session

Answer = dict[str, Any]

PROPOSALS = 200
"""How many proposals one answer holds: each brings complete sources."""


def arenas(root: Path, asked: bodies.Nothing) -> Answer:
    """The arenas below the root, the bundled ones that can be copied, and the agents that can be named."""
    from autoloop_kernel.agents.registry import names
    from autoloop_kernel.arena.templates import templates

    found, truncated = picker.found(root)
    return {
        "arenas": [picker.item(root, path) for path in found],
        "templates": [{"name": one.name, "title": one.title, "summary": one.summary} for one in templates()],
        "agents": [name for name in names() if ":" not in name],  # the others are forms to be filled in
        "truncated": truncated,
    }


def state(root: Path, asked: bodies.Arena) -> Answer:
    """How an arena stands."""
    return state_of(root, asked.arena)


def iterations(root: Path, asked: bodies.Page) -> Answer:
    """A page of iterations."""
    seen = look(root, asked.arena)
    which = Which(asked.epoch, asked.verdict, asked.agent, asked.search)
    with ledger_of(seen) as ledger:
        if ledger is None:
            return {"rows": [], "total": 0, "next": None}
        return rows.page(ledger, seen.folder, which, asked.before, asked.limit)


def iteration(root: Path, asked: bodies.Arena, number: int) -> Answer:
    """One iteration with all that is known of it."""
    from autoloop_kernel.views import detail
    from autoloop_kernel.views.html.record import data

    seen = look(root, asked.arena)
    with remembered(seen) as session:
        known(session, number)
        found, champion = detail.gather(session, number), session.champion()
        row = data(found)
        row.pop("game")
        return row | {
            "arena": seen.path,
            "notebook": rows.from_root(seen.folder, found.iteration.notebook),
            "log": found.log if _log_is_inside(root, session, number) else "",
            "champion": champion is not None and champion.number == number,
        }


def sources(root: Path, asked: bodies.Arena, number: int) -> Answer:
    """All that an iteration was made of: the complete source of each unit."""
    with remembered(look(root, asked.arena)) as session:
        known(session, number)
        return {"number": number, "units": session.units(number)}


def compare(root: Path, asked: bodies.Compare) -> Answer:
    """Two iterations side by side, with the notebooks' paths below the root."""
    from autoloop_kernel.views import detail
    from autoloop_kernel.views.html.comparison import data

    seen = look(root, asked.arena)
    with remembered(seen) as session:
        known(session, asked.a)
        known(session, asked.b)
        found = data(detail.gather(session, asked.a), detail.gather(session, asked.b))
    for side in (found["a"], found["b"]):
        side["notebook"] = rows.from_root(seen.folder, side["notebook"])
    return found | {"arena": seen.path}


def curve(root: Path, asked: bodies.Curve) -> Answer:
    """The learning curve of an iteration's last attempt."""
    from autoloop_kernel.views.driving import curve as points_of

    with remembered(look(root, asked.arena)) as session:
        known(session, asked.number)
        return {"points": _points(points_of(session.ledger, session.iteration(asked.number)))}


def proposals(root: Path, asked: bodies.Proposals) -> Answer:
    """The proposals of an arena, the latest `PROPOSALS` of them, oldest first."""
    seen = look(root, asked.arena)
    if not seen.has_run:
        return {"proposals": []}
    with remembered(seen) as session:
        found = session.ledger.proposals(asked.status, PROPOSALS)
        sources = {base: _sources(session, base) for base in {row.proposal.base for row in found}}
        return {"proposals": [_proposal(session, row, seen.path, sources[row.proposal.base]) for row in found]}


def proposal(root: Path, asked: bodies.Arena, id: str) -> Answer:
    """One proposal with what it would change."""
    seen = look(root, asked.arena)
    with remembered(seen) as session:
        row = proposed(session, id)
        return _proposal(session, row, seen.path, _sources(session, row.proposal.base))


def check(root: Path, asked: bodies.Arena) -> Answer:
    """What is wrong with an arena, in plain words."""
    from autoloop_kernel.arena.check import check as problems_of
    from autoloop_kernel.commands.arenas import sound, unsealed

    place = arena_at(root, asked.arena)
    found = [*problems_of(place), *unsealed(place)]
    errors = [one_line(one, root) for one in found if one.level == "error"]
    notes = [one_line(one, root) for one in found if one.level != "error"]
    return {"errors": errors, "notes": notes, "sound": "" if errors else one_line(sound(place), root)}


def strategy(root: Path, asked: bodies.Arena) -> Answer:
    """The strategy as it stands in the notebook."""
    from autoloop_kernel.arena.load import load
    from autoloop_kernel.arena.roles import Role, role_of

    place = arena_at(root, asked.arena)
    notebook = load(place).notebook
    if notebook is None:
        raise Refused(409, f"{place.name} is no notebook that can be read: see what is wrong with it under Check")
    return {"text": next((str(cell.source) for cell in notebook.cells if role_of(cell) is Role.STRATEGY), "")}


def known(session: Session, number: int) -> None:
    """Raise `Refused` (404) where there is no such iteration."""
    if session.ledger.iteration(number) is None:
        last = session.ledger.last_number()
        there = f"there are 1 to {last}" if last else "there are none yet"
        raise Refused(404, f"there is no iteration {number} of {session.path.name}: {there}")


def proposed(session: Session, proposal_id: str) -> ProposalRow:
    """A proposal by its id; raises `Refused` (404) where there is none."""
    found = session.ledger.proposal(proposal_id)
    if found is None:
        raise Refused(404, f"there is no such proposal of {session.path.name}: it may be another arena's")
    return found


def _sources(session: Session, base: int | None) -> dict[str, str]:
    return session.units(base) if base is not None and session.lineage.commit_of(base) is not None else {}


def _proposal(session: Session, row: ProposalRow, arena: str, before: dict[str, str]) -> Answer:
    from autoloop_kernel.views.html.proposal import data

    waits = row.status in ("waiting", "accepted", "pending")
    number = row.iteration or (session.ledger.last_number() + 1 if waits else None)
    return data(row, before, arena, number)


def _points(points: Any) -> list[Any]:
    from autoloop_kernel.views.rows import clean

    return list(clean(to_json(list(points))))


def _log_is_inside(root: Path, session: Session, number: int) -> bool:
    """Whether the log that was read lies below the root: a link in its place could name any file."""
    try:
        inside(root, below(root, session.arena.runs / f"{number:04d}" / "log.txt"))
    except (Refused, ValueError):
        return False
    return True

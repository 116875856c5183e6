"""What becomes of a proposal before it has a number: checked, refused, waiting for a person, accepted by one.

pending ──► ran                       made by an agent, on its way to a run
waiting ──► accepted ──► ran          a person decides in between; both states survive any restart
pending, waiting, accepted ──► invalid, duplicate, skipped
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autoloop_kernel.memory.combinations import Combinations
from autoloop_kernel.memory.control import add_event
from autoloop_kernel.memory.earnings import Earnings
from autoloop_kernel.memory.exchanges import Exchanges
from autoloop_kernel.memory.fulltext import put
from autoloop_kernel.memory.restore import add_gathered
from autoloop_kernel.memory.rows import PROPOSAL, ProposalRow, proposal_of
from autoloop_kernel.memory.shared import Shared
from autoloop_kernel.memory.spending import Spending
from autoloop_kernel.memory.text import dumps, one_line, plain
from autoloop_kernel.records import AutoloopError, Proposal

_REFUSALS = ("invalid", "duplicate", "skipped")
_OPEN = ("pending", "waiting", "accepted")
TAKEN_OVER = "taken over by the person, whose version runs instead"
"""The reason under which a proposal is skipped that a person rewrote."""


@dataclass(frozen=True)
class Standing:
    """What a proposal is called, who made it, and how it stands; `iteration` is its number once it ran."""

    title: str
    agent: str
    status: str
    hypothesis: str
    iteration: int | None
    island: str = ""


class Proposals(Shared, Spending, Exchanges, Combinations, Earnings):
    """The part of the ledger that keeps proposals; see `Ledger`."""

    def proposal(self, proposal_id: str) -> ProposalRow | None:
        """One proposal by its id; None when there is none."""
        row = self._row(f"SELECT {PROPOSAL} FROM proposals WHERE id = ?", (proposal_id,))
        return None if row is None else proposal_of(row)

    def propose(self, proposal: Proposal, epoch: int, review: bool = False) -> None:
        """Keep a proposal as `pending`, with event `proposal`; with `review` as `waiting`, and event `waiting` too.

        One whose id is known already changes nothing.
        """
        with self._write("proposal") as database:
            _insert(database, proposal, epoch, "waiting" if review else "pending")

    def queue(self, proposal: Proposal, epoch: int) -> None:
        """Keep a proposal as `accepted`, to be checked and run next, with its events; a known id changes nothing."""
        with self._write("queue") as database:
            _insert(database, proposal, epoch, "accepted")

    def offer(self, proposal: Proposal, epoch: int, number: int, data: Mapping[str, Any]) -> None:
        """As `queue`, of what lays iteration `number` over the champion of another line: event `exchange` says so."""
        with self._write("offer") as database:
            _insert(database, proposal, epoch, "accepted")
            add_event(database, "exchange", number, None, dict(data))

    def gather(self, proposal: Proposal, epoch: int, parts: Sequence[str]) -> None:
        """Keep a proposal as `pending` that brings the accepted ones with the ids `parts` together, event `gathered`.

        They stay accepted until it has run, so that none is lost with it.
        """
        with self._write("gather") as database:
            _insert(database, proposal, epoch, "pending")
            add_gathered(database, proposal.id, proposal.title, proposal.base, parts)

    def accept(self, proposal_id: str) -> None:
        """Let a waiting proposal run next, with event `accepted`; one that is accepted already changes nothing."""
        with self._write("accept") as database:
            known = status_of(database, proposal_id)
            if known.status == "accepted":
                return
            _must_wait(known)
            database.execute("UPDATE proposals SET status = 'accepted' WHERE id = ?", (proposal_id,))
            add_event(database, "accepted", None, None, {"id": proposal_id, "title": known.title})

    def take_over(self, proposal_id: str, instead: Proposal, epoch: int) -> None:
        """Skip a waiting proposal and accept the person's version of it, in one transaction with all their events."""
        with self._write("take over") as database:
            known = status_of(database, proposal_id)
            _must_wait(known)
            _refuse(database, proposal_id, known, "skipped", TAKEN_OVER)
            _insert(database, instead, epoch, "accepted")

    def rebase(self, proposal_id: str, base: int, units: Mapping[str, str]) -> None:
        """Make a pending or accepted proposal an edit of iteration `base` with these units, with event `rebased`."""
        with self._write("rebase") as database:
            known = status_of(database, proposal_id)
            if known.status not in ("pending", "accepted"):
                raise AutoloopError(f"proposal {proposal_id} is no longer pending ({known.status}): it stays as it is")
            sql = "UPDATE proposals SET base = ?, units = ? WHERE id = ?"
            database.execute(sql, (base, dumps(units), proposal_id))
            data = {"id": proposal_id, "title": known.title, "agent": known.agent, "base": base}
            add_event(database, "rebased", None, None, data)

    def refuse(self, proposal_id: str, status: str, reason: str) -> None:
        """End a proposal that will not run: `invalid`, `duplicate` or `skipped`, with event `refused`."""
        if status not in _REFUSALS:
            raise ValueError(f"a refusal is one of {_REFUSALS}, not {status!r}")
        with self._write("refusal") as database:
            known = status_of(database, proposal_id)
            if known.status == status:
                return
            if known.status not in _OPEN:
                raise AutoloopError(
                    f"proposal {proposal_id} is no longer pending ({known.status}): it cannot be refused"
                )
            _refuse(database, proposal_id, known, status, reason)

    def requeue(self) -> list[str]:
        """Take up the proposals that a killed driver had made and not yet begun; gives their titles.

        They are accepted, to be checked and run next; a baseline is made anew instead, from the arena as it then is.
        """
        rows = self.proposals("pending")
        if not rows:
            return []
        with self._write("requeue") as database:
            for row in rows:
                if row.proposal.base is None:
                    known = status_of(database, row.id)
                    _refuse(database, row.id, known, "skipped", "the driver was stopped before it ran: it is made anew")
                    continue
                database.execute("UPDATE proposals SET status = 'accepted' WHERE id = ?", (row.id,))
                add_event(database, "accepted", None, None, {"id": row.id, "title": row.proposal.title})
        return [row.proposal.title for row in rows if row.proposal.base is not None]


def on(island: str) -> dict[str, str]:
    """What an event says of the island that it tells of; nothing of the main line."""
    return {"island": island} if island else {}


def status_of(database: sqlite3.Connection, proposal_id: str) -> Standing:
    """How a proposal stands, inside the running transaction; raises `AutoloopError` for an unknown one."""
    row = database.execute(
        "SELECT title, agent, status, hypothesis, iteration, island FROM proposals WHERE id = ?", (proposal_id,)
    ).fetchone()
    if row is None:
        raise AutoloopError(f"there is no proposal {proposal_id} in the ledger: propose it first")
    return Standing(*row)


def _insert(database: sqlite3.Connection, proposal: Proposal, epoch: int, status: str) -> None:
    """Insert a proposal inside the running transaction, with its events, unless its id is known."""
    if not proposal.id:
        raise AutoloopError("a proposal needs an id before it can be kept: set Proposal.id")
    title, agent = one_line(proposal.title), one_line(proposal.agent)
    hypothesis = plain(proposal.hypothesis)
    cursor = database.execute(
        "INSERT INTO proposals (id, epoch, title, hypothesis, agent, base, units, status, time, island) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
        (
            *(proposal.id, epoch, title, hypothesis, agent, proposal.base, dumps(proposal.units), status, time.time()),
            one_line(proposal.island),
        ),
    )
    if cursor.rowcount:
        data = {"id": proposal.id, "title": title, "agent": agent, "base": proposal.base, **on(proposal.island)}
        add_event(database, "proposal", None, None, {**data, "hypothesis": hypothesis})
        if status != "pending":
            add_event(database, status, None, None, data)


def _must_wait(known: Standing) -> None:
    """Raise unless the proposal waits for a person; the text says how it was decided."""
    if known.status == "waiting":
        return
    came = {"ran": f"it ran as iteration {known.iteration}", "pending": "it is on its way to a run"}
    came |= {"accepted": "it was accepted, and runs next", "skipped": "it was skipped"}
    raise AutoloopError(f"{known.title!r} no longer waits for review: {came.get(known.status, known.status)}")


def _refuse(database: sqlite3.Connection, proposal_id: str, known: Standing, status: str, reason: str) -> None:
    """Refuse a proposal inside the running transaction."""
    database.execute("UPDATE proposals SET status = ?, reason = ? WHERE id = ?", (status, plain(reason), proposal_id))
    units = None if status != "skipped" else _units_edited(database, proposal_id)
    if units is not None:
        put(database, "person", proposal_id, f"{known.title} {known.hypothesis} {plain(reason)}", units)
    data = {"id": proposal_id, "title": known.title, "agent": known.agent, "status": status, "reason": plain(reason)}
    add_event(database, "refused", None, None, data)


def _units_edited(database: sqlite3.Connection, proposal_id: str) -> str | None:
    """The names of the units that a proposal edits, with blanks between them; None where it edits no iteration."""
    row = database.execute("SELECT base, units FROM proposals WHERE id = ?", (proposal_id,)).fetchone()
    return None if row is None or row[0] is None else " ".join(json.loads(row[1]))

"""What a person decides: what becomes of a proposal that waits, where the search goes on, what is run once more.

Each decision is on disk when its function returns, whoever drives the arena, or nobody: the next driver acts on it.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping

from autoloop_kernel.arena.edit import apply as write
from autoloop_kernel.memory.ledger import ProposalRow
from autoloop_kernel.proposing import check
from autoloop_kernel.records import AutoloopError, Iteration, Proposal, Verdict
from autoloop_kernel.session import Session

PERSON = "human"


def waiting(session: Session) -> list[ProposalRow]:
    """The proposals that wait for review, oldest first."""
    return session.ledger.proposals("waiting")


def row(session: Session, proposal_id: str) -> ProposalRow:
    """A proposal and how it stands; raises `AutoloopError` for an unknown id."""
    found = session.ledger.proposal(proposal_id)
    if found is None:
        raise AutoloopError(f"there is no proposal {proposal_id} of {session.path.name}: see autoloop log --all")
    return found


def accept(session: Session, proposal_id: str) -> None:
    """Let a waiting proposal run next. Raises `AutoloopError` where it was decided already, or its arena changed."""
    found = row(session, proposal_id)
    if found.status == "waiting":
        check(session, session.reread(), _epoch(session, found), found.proposal)
    session.ledger.accept(proposal_id)


def skip(session: Session, proposal_id: str, reason: str) -> None:
    """End a waiting proposal without a run; the reason is a finding for every agent that is asked later."""
    found = row(session, proposal_id)
    if found.status not in ("waiting", "skipped"):
        raise AutoloopError(f"{found.proposal.title!r} no longer waits for review: it is {found.status}")
    session.ledger.refuse(proposal_id, "skipped", " ".join(reason.split()) or "skipped by the person")


def take_over(session: Session, proposal_id: str, units: Mapping[str, str]) -> str:
    """Run the person's sources instead of the proposed ones; gives the id of the accepted proposal.

    `units` (name → source) replace those of the proposal, which keeps the others; the new one is attributed to the
    person, after the agent. Sources that change nothing accept the proposal as it is. Raises `AutoloopError` where
    they may not run, with the reason, and nothing is decided.
    """
    found = row(session, proposal_id)
    agent = found.proposal
    merged = {**agent.units, **units}
    if merged == dict(agent.units):
        accept(session, proposal_id)
        return proposal_id
    name = f"{PERSON}, after {agent.agent}"
    title, why = f"{agent.title}, rewritten by hand", f"The person's version of what {agent.agent} proposed."
    instead = Proposal(title, merged, why, name, agent.base, uuid.uuid4().hex)
    epoch = _epoch(session, found)
    check(session, session.reread(), epoch, instead, instead_of=proposal_id)
    session.ledger.take_over(proposal_id, instead, epoch)
    return instead.id


def fork(session: Session, number: int, island: str = "") -> Iteration:
    """Make iteration `number` the champion, also a discarded one: the next proposals edit it, and are held against it.

    Where an `island` is named, the champion of that. Raises `AutoloopError` where there is no such iteration, it has
    not ended, or it is of another epoch.
    """
    it = _of_this_epoch(session, number, "fork")
    after = session.ledger.last_number()
    session.ledger.fork(number, island)
    session.lineage.set_champion(str(it.commit), island)
    session.lineage.add_fork(number, after, _later(session), island)
    return it


def _later(session: Session) -> float:
    """The time, or just after the last fork where somebody set the clock back since: their order counts."""
    before = {one["number"] for one in session.ledger.get("forks", [])}
    return max([time.time(), *(then + 1e-3 for number in before for then, *_ in session.lineage.forks(number))])


def make_champion(session: Session, number: int) -> Iteration:
    """Make iteration `number`, which must have a score, the champion: as `fork`, for those that can be held against."""
    it = session.iteration(number)
    if it.verdict is not None and it.score is None:
        raise AutoloopError(
            f"iteration {number} has no score ({it.verdict}): fork it to go on from its code all the same"
        )
    return fork(session, number)


def replicate(session: Session, number: int) -> None:
    """Ask for one more attempt at iteration `number`, with a fresh seed; the driver runs it before the next proposal.

    Raises `AutoloopError` where there is no such iteration, it has not ended, or it is of another epoch.
    """
    _of_this_epoch(session, number, "replicate")
    session.ledger.queue_replicate(number)


def confirm(session: Session, number: int) -> None:
    """Ask to have a keep held against fresh runs of its base; the driver does so before the next proposal.

    Raises as `must_be_kept`.
    """
    must_be_kept(session, number)
    session.ledger.queue_confirm(number)


def must_be_kept(session: Session, number: int) -> None:
    """Raise `AutoloopError` unless iteration `number` is a keep of this epoch that has a base."""
    it = _of_this_epoch(session, number, "confirm")
    if it.verdict is not Verdict.KEEP or it.base is None:
        what = "the baseline" if it.base is None else f"no keep ({it.verdict})"
        raise AutoloopError(f"iteration {number} is {what}: only a keep is held against its base")


def apply(session: Session, number: int, cells: bool = True) -> list[str]:
    """Put iteration `number`'s cells and files into the arena; gives the names of those that changed.

    Without `cells` only the files are written: a page that has the notebook open puts the cells in. What the person
    edits from now on is held against this version. Raises `AutoloopError` where there is no such iteration with a
    verdict, or the arena cannot be written.
    """
    if session.iteration(number).verdict is None:
        raise AutoloopError(f"iteration {number} is still running: wait for its verdict, or name another")
    units = session.units(number)
    left = {name for name, unit in session.arena.units.items() if unit.kind == "cell" and not cells}
    names = write(session.path, {name: text for name, text in units.items() if name not in left})
    session.ledger.emit("applied", number, after=session.ledger.last_number())
    return names


def _of_this_epoch(session: Session, number: int, verb: str) -> Iteration:
    """Iteration `number` with its verdict, of the current epoch; raises `AutoloopError` otherwise."""
    it, epoch = session.iteration(number), session.ledger.current_epoch()
    if it.verdict is None or it.commit is None:
        raise AutoloopError(f"iteration {number} is still running: wait for its verdict, or name another")
    if it.epoch != epoch:
        raise AutoloopError(
            f"iteration {number} is of epoch {it.epoch}, whose scores do not compare with those of epoch {epoch}: "
            f"{verb} one of this epoch, or put its cells into the notebook with autoloop apply -i {number}"
        )
    return it


def _epoch(session: Session, found: ProposalRow) -> int:
    """The epoch that a decision is made in: the current one."""
    epoch = session.ledger.current_epoch()
    return found.epoch if epoch is None else epoch

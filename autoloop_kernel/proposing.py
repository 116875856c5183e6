"""From an agent to a proposal that may run: ask, check, and ask again with the reason."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from autoloop_kernel.agents.base import (
    Agent,
    CannotPropose,
    Context,
    NoProposal,
    NothingNew,
    Own,
    Silent,
    Unaffordable,
)
from autoloop_kernel.agents.rescue import won
from autoloop_kernel.arena.edit import candidate, code_key, refusal, tampered
from autoloop_kernel.arena.game import without_ids
from autoloop_kernel.arena.merge import merge3
from autoloop_kernel.arena.notebook import Arena
from autoloop_kernel.arena.roles import Role, role_of
from autoloop_kernel.barring import barred
from autoloop_kernel.memory.foreign import Foreign
from autoloop_kernel.records import (
    MEASURED,
    RESCUE,
    AutoloopError,
    Cost,
    Finding,
    Iteration,
    Proposal,
    rules_from_json,
    to_json,
)
from autoloop_kernel.session import Session

TRIES = 3
"""How often an agent is asked for one iteration: once, and twice more with the reason of the refusal."""

FINDINGS = 50
"""How many of the latest findings an agent is shown."""

NEIGHBOURS, AMONG = 8, 2000
"""How many findings about what is at hand an agent is shown, and among how many of the latest they are sought."""

AT_HAND, LATEST = 3, 8
"""How many of an agent's last proposals say what is at hand, and how many of the last iterations are told anyway."""

QUEUED = {
    "waiting": "waits for review",
    "accepted": "was accepted and runs next",
    "pending": "is on its way to a run",
}
"""The states of a proposal that may still run, and what they are called."""

SKIPPED = 50
"""How many of the latest proposals that a person skipped count as refused."""

Thinking = Callable[[], AbstractContextManager[None]]
"""Brackets a call into an agent, out of which a stop may raise KeyboardInterrupt."""


Trial = Callable[[Arena, Mapping[str, str]], str]
"""Runs complete sources for a few seconds; gives why they crashed, empty where they did not."""


class NothingToRun(AutoloopError):
    """No proposal passed; the text is the last reason, `agent` who was asked, where it was one.

    `silent`: whom it asks did not answer, which may pass.
    """

    def __init__(self, reason: str, agent: str = "", silent: bool = False) -> None:
        super().__init__(reason)
        self.agent, self.silent = agent, silent


class GivesUp(NothingToRun):
    """The agent of this name cannot propose any more; `failed` is False where it was planned to end so."""

    def __init__(self, agent: str, reason: str, failed: bool) -> None:
        super().__init__(reason, agent)
        self.failed = failed


@dataclass(frozen=True)
class Checked:
    """A proposal that may run, its complete sources, their normalised hash, and the iteration that it edits.

    `thought_s` is how many seconds its agent took where it was made ahead, while something else ran.
    """

    proposal: Proposal
    units: Mapping[str, str]
    key: str
    base: int | None
    thought_s: float = 0.0


class Refused(AutoloopError):
    """A proposal that may not run: `status` is `invalid` or `duplicate`, the text the reason."""

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True)
class Manner:
    """How agents are asked.

    `thinking()` brackets every call into one, `tryout(arena, units)` is what it may have run before it proposes, and
    `left(session)` how many dollars may still be spent (None: any). While `aside()`, the agent thinks beside a run: its
    words are told as such, and its asking is no phase of the driver's. `line(name)` is the island that an agent
    of this name goes on with, empty for the main line.
    """

    thinking: Thinking = nullcontext
    tryout: Trial = lambda arena, units: ""
    left: Callable[[Session], float | None] = lambda session: None
    aside: Callable[[], bool] = lambda: False
    line: Callable[[str], str] = lambda agent: ""


def baseline(session: Session, arena: Arena, epoch: int) -> Checked:
    """Make the proposal of a baseline: the arena as it is, or, in a new epoch, the last champion run again.

    Units that the last champion did not have are the arena's, and those that the arena no longer has are left out. A
    cell that has another name since its notebook was saved with ids is the same unit.
    """
    commit = session.lineage.champion()
    units = dict(arena.sources)
    title = "baseline"
    if commit is not None:
        number = session.lineage.number_of(commit)
        if number is not None:
            kept, called = session.units(number), _called(session, arena, number)
            units |= {name: kept[was] for name in units if (was := called.get(name, name)) in kept}
            title = f"baseline: iteration {number} under the changed arena"
    proposal = Proposal(title, units, hypothesis="The score that everything else is held against.", agent="baseline")
    proposal = replace(proposal, id=uuid.uuid4().hex)
    session.ledger.propose(proposal, epoch)
    return Checked(proposal, units, code_key(units), None)


def _called(session: Session, arena: Arena, number: int) -> Mapping[str, str]:
    """What iteration `number` calls the arena's cells that had no ids when it ran, by their names now."""
    ran = session.ledger.iteration(number)
    return without_ids(arena, session.ledger.epoch_parts(ran.epoch).get("cells", "")) if ran is not None else {}


def ask(
    session: Session,
    arena: Arena,
    epoch: int,
    champion: Iteration,
    agent: Agent,
    manner: Manner | None = None,
    review: bool = False,
) -> Checked:
    """Ask `agent` for a proposal until one passes the checks, at most `TRIES` times.

    It edits the champion, or that of the agent's island. Every refused proposal is kept in the ledger with its reason.
    With `review`, the one that passes is kept as `waiting` for a person. Raises `NothingToRun` with the last reason,
    and `GivesUp` where asking again is useless.
    """
    manner = manner or Manner()
    island = manner.line(agent.name)
    champion = on_line(session, epoch, island, champion)
    base = session.units(champion.number)
    refused = _set_aside(session, epoch)
    reason: str | None = None
    for _ in range(TRIES):
        proposal_id = uuid.uuid4().hex
        context = _context(session, arena, epoch, champion, base, agent, proposal_id, reason, tuple(refused), manner)
        if not manner.aside():
            session.ledger.emit("propose.start", agent=agent.name)
        try:
            with manner.thinking():
                proposal = replace(_asked(agent, context, champion.number), island=island)
        except NoProposal as error:
            reason = f"{agent.name}: {error}"
            session.ledger.emit("refused", id=proposal_id, title="", agent=agent.name, status="none", reason=reason)
            if isinstance(error, NothingNew):
                break
            if isinstance(error, Silent):
                raise NothingToRun(reason, agent.name, silent=True) from error
            if isinstance(error, CannotPropose):
                raise GivesUp(agent.name, reason, failed=not isinstance(error, Unaffordable)) from error
            continue
        try:
            checked = check(session, arena, epoch, proposal)
        except Refused as error:
            session.ledger.propose(proposal, epoch)
            session.ledger.refuse(proposal.id, error.status, str(error))
            reason = str(error)
            refused.append(proposal)
            continue
        session.ledger.propose(proposal, epoch, review)
        _tell_notes(session, epoch, checked, agent, manner)
        return checked
    raise NothingToRun(reason or "the agent proposed nothing", agent.name)


def on_line(session: Session, epoch: int, island: str, champion: Iteration) -> Iteration:
    """What a line goes on from: the `champion`, which is the main line's, or that of the island."""
    return (session.ledger.champion(epoch, island) if island else None) or champion


def check(session: Session, arena: Arena, epoch: int, proposal: Proposal, instead_of: str = "") -> Checked:
    """Check a proposal against the iteration that it edits; raises `Refused` with the reason in plain words.

    `instead_of` is the id of a proposal whose place it takes, and whose code it may repeat.
    """
    base = None if proposal.base is None else session.ledger.iteration(proposal.base)
    if base is None or base.epoch != epoch:
        edits = "no iteration" if proposal.base is None else f"iteration {proposal.base}"
        raise Refused("invalid", f"it edits {edits}, which is not of epoch {epoch}: the arena changed, propose it anew")
    sources = session.units(base.number)
    reason = refusal(arena, sources, proposal)
    if reason is not None:
        raise Refused("invalid", reason)
    units = {**sources, **proposal.units}
    key = code_key(units)
    running = session.ledger.running_code(epoch, key, proposal.id)
    if running is not None:
        session.ledger.avoid(epoch, key, proposal.id, running)
        raise Refused("duplicate", f"this code is being run, as iteration {running}")
    known = session.ledger.find_code(epoch, key)
    if known is not None and not _deserves_another(session, epoch, proposal, base, known):
        session.ledger.avoid(epoch, key, proposal.id, known)
        raise Refused("duplicate", _told(session, known))
    other = _elsewhere(session, arena, epoch, key, proposal.id)
    if other is not None:
        raise Refused(
            "duplicate", f"this code ran elsewhere, as iteration {other.number} of {other.whose}: {other.came}"
        )
    for row in (row for status in QUEUED for row in session.ledger.proposals(status)):
        if row.id not in (proposal.id, instead_of) and code_key(_units(session, row.proposal)) == key:
            raise Refused("duplicate", f"the same code {QUEUED[row.status]} already: {row.proposal.title}")
    changed = tampered(arena, candidate(arena, units))
    if changed:
        raise Refused("invalid", f"only editable cells and files may change, not {', '.join(changed)}")
    return Checked(proposal, units, key, base.number)


def rebased(session: Session, arena: Arena, epoch: int, champion: Iteration, proposal: Proposal) -> Checked:
    """Make a proposal that edits an earlier iteration an edit of the `champion`: both edits together, and checked.

    Raises `Refused` where they touch the same lines, or where the proposal no longer passes the checks.
    """
    base = {} if proposal.base is None else session.units(proposal.base)
    now = session.units(champion.number)
    units = {}
    for name, text in proposal.units.items():
        merged = merge3(base.get(name, ""), now.get(name, ""), text)
        if merged is None:
            what = f"iteration {champion.number} is the champion now, and its edit of {name} touches the same lines"
            raise Refused("invalid", f"{what}: propose it anew")
        units[name] = merged
    found = check(session, arena, epoch, replace(proposal, base=champion.number, units=units))
    session.ledger.rebase(proposal.id, champion.number, units)
    return found


def is_laid_over(session: Session, proposal: str) -> bool:
    """Whether a proposal lays what was found on another base over the champion of its line."""
    return bool(session.ledger.combines(proposal)) or session.ledger.exchanged(proposal) is not None


def _units(session: Session, proposal: Proposal) -> dict[str, str]:
    """The complete sources of a proposal."""
    return {**(session.units(proposal.base) if proposal.base is not None else {}), **proposal.units}


def _set_aside(session: Session, epoch: int) -> list[Proposal]:
    """What agents need not propose again in this epoch: what a person skipped, is to look at, is to run or runs."""
    rows = [row for status in QUEUED for row in session.ledger.proposals(status)]
    rows += session.ledger.proposals("skipped")[-SKIPPED:]
    rows += [row for it in session.ledger.in_flight() if (row := session.ledger.proposal(it.proposal)) is not None]
    return [row.proposal for row in rows if row.epoch == epoch and row.proposal.base is not None]


def _asked(agent: Agent, context: Context, base: int) -> Proposal:
    """What the agent answers, as a proposal of ours; whatever it raises is a reason, never a traceback.

    So is the end of the process, which a library asks for that takes itself for a command line, and a cancelled task of
    asyncio. A stop passes through.
    """
    try:
        answer: Any = agent.propose(context)
    except (NoProposal, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise NoProposal(f"failed with {type(error).__name__}: {' '.join(str(error).split())}") from error
    if not isinstance(answer, Proposal) or not isinstance(answer.units, Mapping):
        raise NoProposal(f"answered with {type(answer).__name__}, not a Proposal")
    title = " ".join(str(answer.title).split()) or "untitled"
    return Proposal(title, dict(answer.units), str(answer.hypothesis), agent.name, base, context.proposal_id)


def _elsewhere(session: Session, arena: Arena, epoch: int, key: str, proposal_id: str) -> Foreign | None:
    """Who else ran this code to no avail, which is noted; None where nobody did, or where it is worth a run here."""
    other = session.ledger.elsewhere(epoch, key, arena.rules.metric.direction)
    if other is not None:
        session.ledger.avoid(epoch, key, proposal_id, other.number, other.origin)
    return other


def _tell_notes(session: Session, epoch: int, checked: Checked, agent: Agent, manner: Manner) -> None:
    """Show in the faces what the memory has to say of a proposal that may run."""
    noticed = None if agent.name == MEASURED else session.noticed(epoch, checked.base, checked.units)
    for note in noticed.notes() if noticed is not None else ():
        session.ledger.emit("ahead" if manner.aside() else "agent", agent=agent.name, text=f"memory: {note}")


def _neighbours(session: Session, champion: Iteration, agent: Agent, refused: tuple[Proposal, ...]) -> list[Finding]:
    """What was learnt about what is at hand: the champion's step, and what this agent did and proposed last.

    The `LATEST`, which are told anyway, are left out.
    """
    history = session.history.of(champion.epoch)
    own = [it for it in history[-FINDINGS:] if it.agent == agent.name][-AT_HAND:]
    texts = [champion.title, *(it.title for it in own), *(one.title for one in refused[-AT_HAND:])]
    latest = history[-LATEST].number if len(history) >= LATEST else 0
    found = session.search(" ".join(texts), NEIGHBOURS + LATEST, AMONG)
    return [one for one in found if one.origin or one.iteration is None or one.iteration < latest][:NEIGHBOURS]


def _deserves_another(session: Session, epoch: int, proposal: Proposal, base: Iteration, known: int) -> bool:
    """Whether code that ran as iteration `known` may run once more.

    So may a near miss that won when it was run again, what has won over a base that was overtaken meanwhile, and what
    comes from another line.
    """
    if session.ledger.exchanged(proposal.id) is not None:
        return not session.ledger.ran_on(epoch, session.ledger.code_key(known), proposal.island)
    if session.ledger.combines(proposal.id):
        is_second = session.ledger.times_run(epoch, session.ledger.code_key(known)) == 1
        return is_second and known in session.ledger.overtaken(known)
    if proposal.agent != RESCUE:
        return False
    earlier, direction = session.ledger.iteration(known), session.arena.rules.metric.direction
    is_second = session.ledger.times_run(epoch, session.ledger.code_key(known)) == 1
    return is_second and earlier is not None and won(earlier, base, direction)


def _told(session: Session, known: int) -> str:
    """Why code that ran before is not run again, with what came of it."""
    earlier = session.ledger.iteration(known)
    came = "" if earlier is None or earlier.verdict is None else f": {earlier.verdict}"
    score = "" if earlier is None or earlier.score is None else f", {earlier.score:.6g}"
    return f"this code ran before as iteration {known}{came}{score}"


def _context(
    session: Session,
    arena: Arena,
    epoch: int,
    champion: Iteration,
    base: Mapping[str, str],
    agent: Agent,
    proposal_id: str,
    reason: str | None,
    refused: tuple[Proposal, ...],
    manner: Manner,
) -> Context:
    def is_known(units: Mapping[str, str]) -> int | None:
        key = code_key({**base, **units})
        known = session.ledger.running_code(epoch, key) or session.ledger.find_code(epoch, key)
        return 0 if known is None and _elsewhere(session, arena, epoch, key, "") is not None else known

    def emit(line: str) -> None:
        session.ledger.emit("ahead" if manner.aside() else "agent", agent=agent.name, text=line)

    def refuses(units: Mapping[str, str]) -> str | None:
        try:
            check(session, arena, epoch, Proposal("", dict(units), "", agent.name, champion.number, proposal_id))
        except Refused as error:
            return str(error)
        return None

    def noticed(units: Mapping[str, str]) -> tuple[str, ...]:
        found = session.noticed(epoch, champion.number, {**base, **units})
        return () if found is None else found.notes()

    def trial(units: Mapping[str, str]) -> str:
        return refuses(units) or manner.tryout(arena, {**base, **units})

    def own() -> Own:
        number, after = session.applied()
        units = {} if number is None else session.units(number)
        return Own(arena.path.name, dict(arena.sources), number, units, after)

    def charge(cost: Cost) -> None:
        session.ledger.emit("cost", agent=agent.name, proposal=proposal_id, **to_json(cost))

    rules = rules_from_json(to_json(arena.rules))  # a copy: what an agent does to it must not reach the run
    return Context(
        strategy=arena.strategy,
        metric=rules.metric,
        rules=rules,
        base=champion.number,
        units=dict(base),
        files=frozenset(name for name, unit in arena.units.items() if unit.kind == "file"),
        locked=_locked(arena),
        history=session.history.of(epoch),
        sources=session.units,
        findings=tuple(session.ledger.findings(FINDINGS)),
        lessons=partial(session.lessons, epoch),
        neighbours=partial(_neighbours, session, champion, agent, refused),
        refusal=reason,
        refused=refused,
        proposal_id=proposal_id,
        is_known=is_known,
        emit=emit,
        own=own,
        log=session.log,
        curve=session.curve,
        search=session.search,
        noticed=noticed,
        barred=partial(barred, rules),
        refuses=refuses,
        check=trial,
        charge=charge,
        left=partial(manner.left, session),
        others=partial(session.others, epoch),
        variety=session.variety(),
        mark=session.mark,
    )


def _locked(arena: Arena) -> dict[str, str]:
    """The code that an agent may read but not change, by cell name (or its position) and by path."""
    shown = {Role.LOCKED, Role.SHARED, Role.PARAMETERS, Role.SCORE}
    cells = {}
    for position, cell in enumerate(arena.notebook.cells, start=1):
        if role_of(cell) in shown:
            name = cell.metadata.get("autoloop", {}).get("name") or cell.get("id") or f"cell-{position}"
            cells[str(name)] = str(cell.source)
    return cells | arena.locked_texts

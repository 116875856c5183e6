"""What the server does for a person: each function acts, and answers with one line that says what came of it.

Nothing runs here: what is to run, a driver of its own runs, which outlives the server. What is decided is on disk when
the function returns.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from autoloop_kernel import driver, reviewing
from autoloop_kernel.agents.registry import resolve
from autoloop_kernel.driver import Plan
from autoloop_kernel.exchange import placed
from autoloop_kernel.memory.remote import RemoteFailed
from autoloop_kernel.records import AutoloopError
from autoloop_kernel.server import bodies, serving
from autoloop_kernel.server.errors import Refused
from autoloop_kernel.server.opening import look, opened, remembered
from autoloop_kernel.server.paths import arena_at, below, inside
from autoloop_kernel.server.reads import known, proposed
from autoloop_kernel.session import Session
from autoloop_kernel.views import words

Said = dict[str, Any]

QUEUED = "search"
"""Who a driver is told to ask that runs only what is queued: it asks nobody."""


def new(root: Path, asked: bodies.New) -> Said:
    """Copy a bundled arena into a folder below the root."""
    from autoloop_kernel.arena.templates import new as copy
    from autoloop_kernel.arena.templates import templates

    names = [one.name for one in templates()]
    if asked.template not in names:
        raise Refused(400, f"there is no template of this name: there are {', '.join(names) or 'none'}")
    folder = inside(root, asked.folder)
    inside(root, below(root, folder / f"{asked.template}.ipynb"))
    if (folder / f"{asked.template}.ipynb").exists():
        raise Refused(409, f"{below(root, folder / asked.template)}.ipynb is there already: name another folder")
    path = below(root, copy(asked.template, folder))
    return {"said": f"{path} is a fresh copy of the bundled arena", "path": path}


def rewrite_strategy(root: Path, asked: bodies.Strategy) -> Said:
    """Put a new strategy into the arena's notebook."""
    from autoloop_kernel.arena.strategy import rewrite

    place = arena_at(root, asked.arena)
    if not asked.text.strip():
        raise Refused(400, "the strategy is empty: write down in a few words what the agents are to try")
    rewrite(place, asked.text)
    return {"said": "the strategy is saved: it counts from the next proposal on"}


def step(root: Path, asked: bodies.Step) -> Said:
    """Start a driver for one iteration, or for one proposal that waits for a person."""
    plan = Plan(review=True) if asked.review else Plan(iterations=1)
    _start(root, asked.arena, asked.agents, plan)
    if asked.review:
        return {"said": f"{' or '.join(asked.agents)} is asked for one proposal, which will wait for you"}
    return {"said": "one iteration is on its way"}


def auto(root: Path, asked: bodies.Auto) -> Said:
    """Start a driver that goes on until a bound is reached, or somebody stops it."""
    try:
        plan = _planned(root, asked)
        _start(root, asked.arena, asked.agents, plan)
    except RemoteFailed as error:
        raise Refused(409, str(error).removeprefix("--")) from None
    bounds = [f"{asked.iterations} iteration{'s' * (asked.iterations != 1)}"] if asked.iterations else []
    bounds += [f"{asked.hours:g} h"] if asked.hours is not None else []
    bounds += [f"the score {words.number(asked.until)}"] if asked.until is not None else []
    bounds += [f"{words.dollars(asked.max_cost)} are spent"] if asked.max_cost is not None else []
    return {"said": f"it goes on by itself until {' or '.join(bounds) or 'you stop it'}"}


def _planned(root: Path, asked: bodies.Auto) -> Plan:
    """The plan that was asked for; raises `Refused` with the one line that a command line gives, without its dashes."""
    told = asked.model_dump(exclude={"arena", "agents"}, exclude_none=True)
    told |= {"share": placed(asked.share, root)} if asked.share is not None else {}
    try:
        return Plan(**told)
    except AutoloopError as error:
        raise Refused(400, str(error).removeprefix("--")) from None


def pause(root: Path, asked: bodies.OfArena) -> Said:
    """Pause the driver after its iteration."""
    return _send(root, asked.arena, "pause")


def resume(root: Path, asked: bodies.OfArena) -> Said:
    """Let a paused driver go on."""
    return _send(root, asked.arena, "resume")


def stop(root: Path, asked: bodies.Stop) -> Said:
    """End the driver after its iteration, or at once."""
    return _send(root, asked.arena, "stop-now" if asked.now else "stop")


def accept(root: Path, asked: bodies.Run, id: str) -> Said:
    """Let a waiting proposal run next."""
    with opened(root, asked.arena) as session:
        title = _waits(session, id)
        reviewing.accept(session, id)
    return {"said": f"accepted: {title} {_run(root, asked)}", "id": id}


def skip(root: Path, asked: bodies.Skip, id: str) -> Said:
    """End a waiting proposal without a run."""
    with opened(root, asked.arena) as session:
        title = _waits(session, id)
        reviewing.skip(session, id, asked.reason)
    return {"said": f"skipped: {title}; the agents read why", "id": id}


def take_over(root: Path, asked: bodies.TakeOver, id: str) -> Said:
    """Run the person's version of a waiting proposal."""
    with opened(root, asked.arena) as session:
        title = _waits(session, id)
        try:
            taken = reviewing.take_over(session, id, asked.units)
        except AutoloopError as error:
            raise Refused(400, f"your version may not run: {error}") from None
    return {"said": f"your version of {title} {_run(root, asked)}", "id": taken}


def fork(root: Path, asked: bodies.OfArena, number: int) -> Said:
    """Go on from an iteration, also a discarded one."""
    with opened(root, asked.arena) as session:
        known(session, number)
        reviewing.fork(session, number)
    return {"said": f"the next proposals edit iteration {number} and are held against it", "number": number}


def champion(root: Path, asked: bodies.OfArena, number: int) -> Said:
    """Make an iteration with a score the champion."""
    with opened(root, asked.arena) as session:
        known(session, number)
        reviewing.make_champion(session, number)
    return {"said": f"iteration {number} is the champion now: the next proposals edit it", "number": number}


def replicate(root: Path, asked: bodies.Run, number: int) -> Said:
    """Run an iteration once more, with a fresh seed."""
    with opened(root, asked.arena) as session:
        known(session, number)
        reviewing.replicate(session, number)
    return {"said": f"iteration {number}, with a fresh seed, {_run(root, asked)}", "number": number}


def confirm(root: Path, asked: bodies.Run, number: int) -> Said:
    """Hold a keep against fresh runs of its base."""
    with opened(root, asked.arena) as session:
        known(session, number)
        reviewing.confirm(session, number)
    return {"said": f"iteration {number}, held against fresh runs of its base, {_run(root, asked)}", "number": number}


def apply(root: Path, asked: bodies.Apply, number: int) -> Said:
    """Put an iteration's cells and files into the arena."""
    with opened(root, asked.arena) as session:
        known(session, number)
        if session.iteration(number).verdict is None:
            raise Refused(409, f"iteration {number} is still running: wait for its verdict, or name another")
        names = reviewing.apply(session, number, asked.cells)
    place = "in the notebook" if asked.cells else "beside the notebook"
    if not names:
        return {"said": f"iteration {number} is {place} already: nothing to change", "number": number}
    return {"said": f"iteration {number} is {place} now: {', '.join(names)}", "number": number}


def export(root: Path, asked: bodies.Export, number: int) -> Said:
    """Write an iteration as a notebook that runs by itself."""
    from autoloop_kernel.commands.winning import both_scores
    from autoloop_kernel.export import export as write

    if not asked.out.endswith(".ipynb"):
        raise Refused(400, "an export is a notebook: give it a name that ends in .ipynb")
    out = inside(root, asked.out)
    inside(root, below(root, out.with_name(f"{out.stem}_files")))
    with opened(root, asked.arena) as session:
        known(session, number)
        done = write(session, number, out, asked.verify, asked.force, serving.over)
        metric = session.arena.rules.metric
    said: Said = {"said": f"{asked.out} is iteration {number} as a notebook that runs by itself"}
    said |= {"path": asked.out, "number": number, "score": words.finite(done.score)}
    if done.failure:
        return said | {"said": f"{asked.out} is written, but did not run afresh: {done.failure}"}
    if asked.verify:
        return said | {"said": f"{asked.out}: {both_scores(done, metric)}", "score": words.finite(done.verified_score)}
    return said


def report(root: Path, asked: bodies.Report) -> Said:
    """Write what the runs brought as an executed notebook."""
    from autoloop_kernel.report import report as write

    if not asked.out.endswith(".ipynb"):
        raise Refused(400, "a report is a notebook: give it a name that ends in .ipynb")
    out = inside(root, asked.out)
    inside(root, below(root, out.with_suffix(".html")))
    with remembered(look(root, asked.arena)) as session:
        done = write(session, out, asked.hours, asked.html, asked.force, asked.arena)
    return {"said": f"{asked.out}: {done.headline}", "path": asked.out}


def _start(root: Path, relative: str, agents: list[str], plan: Plan) -> None:
    """Start a detached driver."""
    seen = look(root, relative)
    if seen.problem:
        raise Refused(409, seen.problem)
    for agent in agents:
        try:
            resolve(agent)
        except AutoloopError as error:
            raise Refused(400, str(error)) from None
    if seen.has_run:
        with remembered(seen) as session:
            _must_be_free(session, seen.path)
    try:
        driver.detach(seen.arena.path, agents, plan)
    except driver.Busy:
        raise Refused(409, f"{seen.path} is being driven already: stop it first, or let it go on") from None


def _must_be_free(session: Session, path: str) -> None:
    holder = session.ledger.holder()
    if holder is not None:
        raise Refused(409, f"{path} is being driven already, by {holder}: stop it first, or let it go on")


def _send(root: Path, relative: str, verb: str) -> Said:
    seen = look(root, relative)
    with remembered(seen) as session:
        if session.ledger.holder() is None:
            raise Refused(409, f"nothing is running on {seen.path}: start it with Step or Auto")
    reply = driver.send(seen.arena.path, verb)
    return {"said": f"it {reply}" if reply[:1].islower() and not reply.startswith("the ") else reply}


def _waits(session: Session, proposal_id: str) -> str:
    """The title of a proposal that waits for a person; raises `Refused` where it does not."""
    found = proposed(session, proposal_id)
    title = words.plain(found.proposal.title)
    if found.status != "waiting":
        came = f"it ran as iteration {found.iteration}" if found.iteration else f"it is {found.status}"
        raise Refused(409, f"{title} no longer waits for you: {came}")
    return title


def _run(root: Path, asked: bodies.Run) -> str:
    """See to it that what was queued is run, and say how: by the driver that is at work, or by one made for it."""
    if not asked.run:
        return "runs at the next start"
    seen = look(root, asked.arena)
    with remembered(seen) as session:
        if session.ledger.holder() is not None:
            return "runs next"
    try:
        driver.detach(seen.arena.path, [QUEUED], Plan(queued=True))
    except driver.Busy:
        return "runs next"  # another driver has started meanwhile
    except AutoloopError as error:
        raise Refused(409, f"this is decided, but nothing could be started for it: {error}") from None
    return "runs now"

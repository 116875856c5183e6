"""The process around the loop: one driver an arena, steered through the ledger, at home after any crash."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from autoloop_kernel.ablation import RUNS, Ablation, Result, ablation, advance, only_what_matters, results, worth
from autoloop_kernel.agents.base import Agent
from autoloop_kernel.agents.registry import as_agent, resolve
from autoloop_kernel.agents.roles import InRole, bare
from autoloop_kernel.agents.team import Team
from autoloop_kernel.baton import Baton
from autoloop_kernel.confirming import Confirmed, confirmed, unconfirmed
from autoloop_kernel.control import Control, heard
from autoloop_kernel.durable import in_words
from autoloop_kernel.exchange import exchanging, may_share, told
from autoloop_kernel.execution.local import sweep
from autoloop_kernel.execution.workers import Workers, must_exist, open_workers
from autoloop_kernel.held import tidy
from autoloop_kernel.holdout import held_out
from autoloop_kernel.judging.confirm import PAIRS
from autoloop_kernel.judging.decision import Gain
from autoloop_kernel.loop import Beside, Loop, Stopped
from autoloop_kernel.memory.ledger import Holder
from autoloop_kernel.memory.recover import recover
from autoloop_kernel.memory.sharing import origin_of
from autoloop_kernel.memory.text import one_line
from autoloop_kernel.plan import Plan, arguments
from autoloop_kernel.proposing import NothingToRun
from autoloop_kernel.pruning import Pruner
from autoloop_kernel.records import AutoloopError, Iteration
from autoloop_kernel.repeating import Ended, halted, left, repeat
from autoloop_kernel.requeueing import requeued
from autoloop_kernel.rulings import Rulings
from autoloop_kernel.session import LEDGER, Session, open_session
from autoloop_kernel.turns import picked

PATIENCE_S = 20.0
"""For how long a new driver waits for one that has nothing left to do and is about to let go."""

HANDS = 32
"""How often one agent is made again at most, to be asked several times at once."""

BROKEN = "ended by an error"
"""Why a driver ended that did not end as it should; what went wrong stands behind it where it can be told."""


@dataclass(frozen=True)
class Ablated:
    """What an ablation says of each step; `over`: all runs were made.

    `only` is the iteration with only the steps that matter, `left_out` those that it lacks, and `against` what it
    gains over the champion by runs of both.
    """

    results: tuple[Result, ...]
    over: bool
    only: int | None = None
    left_out: tuple[Iteration, ...] = ()
    against: Gain | None = None


class Busy(AutoloopError):
    """Another driver holds the arena; the text says who."""


def drive(path: Path, agents: Sequence[str | Agent], plan: Plan | None = None) -> Ended:
    """Run the loop of the arena at `path` in this process until `plan` is done or somebody stops it.

    Of several `agents`, those that earn more propose more. SIGINT and SIGTERM kill the run and end cleanly. Raises
    `Busy` where another driver holds the arena, `ArenaError` where `check` finds it unsound, `AutoloopError` for an
    unknown agent.
    """
    plan = plan or Plan()
    bounds = {"iterations": plan.iterations, "hours": plan.hours, "until": plan.until, "queued": plan.queued}
    bounds |= {"islands": True} if plan.islands else {}
    must_exist(plan.workers)
    team = _team(path, agents, plan.max_cost)
    _must_be_several(team, plan)
    may_share(path, plan)
    with _driving(path, team.agents, bounds | told(plan), plan.max_cost, plan.workers) as running:
        team.hire(_more_of(agents, team, len(running.loops) - 1))
        with exchanging(running.session, plan, partial(halted, running.control)):
            ended = repeat(running.loops, team, plan, running.control)
        running.reason, running.failed = ended.reason, ended.failed
    return ended


def propose(path: Path, *agents: str | Agent, max_cost: float | None = None) -> str:
    """Ask one of `agents` for a proposal and leave it waiting for review; gives its id. What is in flight is run first.

    A missing baseline is run, too. `max_cost` is as in `Plan`. Raises as `drive`, and `AutoloopError` with the reason
    when no proposal passed.
    """
    team = _team(path, agents, max_cost)
    with _driving(path, team.agents, {"review": True}, max_cost) as running:
        try:
            found = running.loop.propose(picked(team, running.session))
        except NothingToRun as error:
            running.reason = f"no proposal passed: {error}"
            raise
        except (Stopped, KeyboardInterrupt):
            if running.control.why:
                raise AutoloopError(running.control.why) from None
            running.reason, running.failed = "stopped", False
            raise AutoloopError("stopped before there was a proposal: ask again when you like") from None
        running.reason, running.failed = "a proposal waits for review", False
    return found


def confirm(path: Path, number: int | None = None, pairs: int = PAIRS) -> list[Confirmed]:
    """Run keeps and their bases with fresh seeds until it is known which hold up, `pairs` of runs at most for each.

    That of iteration `number`, else all provisional keeps that the champion rests on, the champion first; where it is
    refuted, the next champion's. One that is confirmed is then run on the holdout, where the arena has one. Gives what
    came of each; what is stopped goes on where it stood at the next call.
    Raises as `drive`, and `AutoloopError` where there is nothing to confirm or a run cannot be made.
    """
    done: list[Confirmed] = []
    with _driving(path, (), {"confirm": number or True}) as running:
        stopping = partial(halted, running.control)
        waiting = [number] if number is not None else unconfirmed(running.session)
        if not waiting:
            running.reason, running.failed = "nothing to confirm", False
            raise AutoloopError(f"nothing to confirm: no provisional keep of {path.name} stands")
        try:
            while waiting and not stopping():
                done.append(confirmed(running.loop, waiting[0], pairs, stopping))
                told = {one.number for one in done}
                waiting = [each for each in unconfirmed(running.session) if each not in told and number is None]
            while not stopping() and held_out(running.loop):
                pass
        except (Stopped, KeyboardInterrupt):
            running.reason, running.failed = running.control.why or "stopped", bool(running.control.why)
            return done
        running.reason = f"{len(done)} keep{'s' if len(done) != 1 else ''} held against fresh runs"
        running.failed = False
    return done


def ablate(path: Path, runs: int = RUNS, prune: bool = False) -> Ablated:
    """Measure which of the kept steps that led to the champion matter, with `runs` fresh runs of each version.

    With `prune`, the champion with only those that matter is measured, too. What is stopped goes on where it stood at
    the next call. Raises as `drive`, and `AutoloopError` where there are no steps to leave out or a run cannot be made.
    """
    with _driving(path, (), {"ablate": runs}) as running:
        session, loop, stopping = running.session, running.loop, partial(halted, running.control)
        running.reason, running.failed = "nothing to ablate", False
        plan = ablation(session)
        running.reason, running.failed, left_out = BROKEN, True, []
        try:
            over = _measured(loop, plan, runs, stopping)
            if over and prune:
                left_out = only_what_matters(session, plan, results(session, plan))
                over = _measured(loop, plan, runs, stopping)
        except (Stopped, KeyboardInterrupt):
            over = False
        running.reason, running.failed = (
            running.control.why or ("measured" if over else "stopped"),
            bool(running.control.why),
        )
        found = (
            plan.champion.number if plan.only is None else session.ledger.find_code(plan.champion.epoch, plan.only.key)
        )
        only = None if found is None else session.iteration(found)
        against = worth(session, only, session.iteration(plan.champion.number)) if only and left_out else None
        return Ablated(tuple(results(session, plan)), over, found, tuple(left_out), against)


def _measured(loop: Loop, plan: Ablation, runs: int, stopping: Callable[[], bool]) -> bool:
    """Make the runs that are missing; False where it was stopped before."""
    while not stopping():
        if not advance(loop, plan, runs):
            return True
    return False


def _team(path: Path, agents: Sequence[str | Agent], max_cost: float | None = None) -> Team:
    found = [resolve(agent) if isinstance(agent, str) else as_agent(agent) for agent in agents]
    for agent in found:
        why = getattr(agent, "refuses_bound", None) if max_cost is not None else None
        if why:
            raise AutoloopError(why)
    return Team(found, path.stem)


def _must_be_several(team: Team, plan: Plan) -> None:
    """Raise `AutoloopError` where there are to be islands and one agent alone, who has the main line to itself."""
    names = {agent.name for agent in team.agents}
    if plan.islands and len(names) == 1:
        how = "name another with --agent, also the same in another role, or leave --islands out"
        raise AutoloopError(f"--islands takes two agents or more, and there is {min(names)} alone — {how}")


def _more_of(agents: Sequence[str | Agent], team: Team, more: int) -> list[Agent]:
    """Each of `agents` that thinks `more` times again, where it can be made again: then several are asked at once."""
    thoughtful = {agent.name for agent in team.slow}
    named = [(spec, first) for spec, first in zip(agents, team.agents, strict=True) if isinstance(spec, str)]
    found = [_again(spec, first) for spec, first in named for _ in range(min(more, HANDS))]
    known = [bare(agent) for agent in team.agents]
    return [one for one in found if one.name in thoughtful and not any(bare(one) is agent for agent in known)]


def _again(spec: str, first: Agent) -> Agent:
    """One more agent of this name; it shares a bound on what it may spend with the `first`, where that makes it."""
    another = getattr(bare(first), "another", None)
    if not callable(another):
        return resolve(spec)
    one = as_agent(another())
    return InRole(one, first.role) if isinstance(first, InRole) else one


@dataclass
class _Running:
    """A driver at work, with a loop for each slot; `reason` is why it ends, told when it does, with whether it
    `failed`.
    """

    session: Session
    loops: list[Loop]
    control: Control
    reason: str = BROKEN
    failed: bool = True

    @property
    def loop(self) -> Loop:
        """The loop of the first slot."""
        return self.loops[0]


@contextlib.contextmanager
def _driving(
    path: Path, agents: Sequence[Agent], plan: Mapping[str, Any], max_cost: float | None = None, workers: str = "1"
) -> Iterator[_Running]:
    """Hold the arena as its driver: announced, recovered from whatever came before, and cleanly ended."""
    with open_session(path, in_turns=workers != "1") as session, _lease(session) as control, _signals(control):
        names = [agent.name for agent in agents]
        plan = {**plan, "max_cost": max_cost} if max_cost is not None else dict(plan)
        plan |= {"workers": workers} if workers != "1" else {}
        since = session.ledger.emit("driver.start", pid=os.getpid(), host=socket.gethostname(), agents=names, plan=plan)
        running = _Running(session, [], control)
        opened: Workers | None = None
        try:
            beside = Beside(Rulings(session), Pruner(session))
            opened = open_workers(workers, _mark(session, workers), partial(_tell, session, beside.baton))
            running.loops = _loops(session, control, opened, beside, partial(left, since, max_cost))
            _recover(session)
            yield running
        except Exception as error:
            if running.reason == BROKEN:
                running.reason = f"{BROKEN}: {one_line(in_words(error))}"
            if isinstance(error, OSError):
                raise AutoloopError(in_words(error)) from error
            raise
        finally:
            if opened is not None:
                opened.close()
            # While something fails, what else cannot be written then must not hide what was first.
            with contextlib.suppress(AutoloopError) if running.failed else contextlib.nullcontext():
                session.ledger.emit("driver.stop", reason=running.reason, failed=running.failed)


def _mark(session: Session, workers: str) -> str:
    """What marks the processes of its runs. On a cluster another machine's driver may have an arena at the same path:
    with that one's workers in their hands, both would end what the other runs.
    """
    return session.mark if workers.isdecimal() else f"{session.mark}-{origin_of(session.lineage)}"


def _loops(
    session: Session, control: Control, workers: Workers, beside: Beside, spend: Callable[[Session], float | None]
) -> list[Loop]:
    """A loop for each slot."""
    stopped, several = control.stopping_now.is_set, len(workers.slots) > 1
    # An interrupt reaches the main thread alone: with several slots no agent is asked there.
    thinking = contextlib.nullcontext if several else control.thinking
    return [
        Loop(
            *(session, slot.executor, stopped, thinking),
            left=spend,
            worker=slot.name if several else "",
            hardware=workers.hardware,
            beside=beside,
        )
        for slot in workers.slots
    ]


def _tell(session: Session, baton: Baton, kind: str, **data: Any) -> None:
    """Put what becomes of workers on record, from any thread."""
    with baton:
        session.ledger.emit(kind, **data)


def _recover(session: Session) -> None:
    """After a crash: no process is left behind, and ledger, git and notebooks tell the same story again."""
    lines = list(session.notes)
    killed = sweep(session.mark)
    if killed:
        lines.append(f"ended {len(killed)} process{'es' if len(killed) > 1 else ''} that an earlier driver left behind")
    if folders := tidy():
        lines.append(f"removed {folders} temporary folder{'s' if folders > 1 else ''} of processes that were killed")
    lines += [found.text for found in recover(session.ledger, session.lineage, session.arena.runs)]
    lines += requeued(session)
    for line in lines:
        session.ledger.emit("recovered", text=line)


@contextlib.contextmanager
def _lease(session: Session) -> Iterator[Control]:
    """Hold the arena: beats while it is held, and is given back whatever happens."""
    holder = Holder.mine()
    other = heard(session.ledger) or session.ledger.acquire(holder)
    if other is not None:
        raise Busy(f"{session.path.name} is being driven by {other} — stop it with: autoloop stop {session.path}")
    control = Control(session.arena.runs / LEDGER, holder.token)
    control.start()
    try:
        yield control
    finally:
        control.close()
        with contextlib.suppress(AutoloopError):  # it ends with this process at the latest
            session.ledger.release(holder.token)


@contextlib.contextmanager
def _signals(control: Control) -> Iterator[None]:
    """SIGINT and SIGTERM stop the driver cleanly; in a thread other than the main one they are left alone."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, control.on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    control.catches_signals = True
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def busy(path: Path, patience: float = 0.0) -> Holder | None:
    """Who drives the arena at `path`, None where nobody does; one that is about to let go has `patience` seconds."""
    with open_session(path, create=False) as session:
        return _holder(session, patience)


def _holder(session: Session, patience: float) -> Holder | None:
    until = time.monotonic() + patience
    while (holder := session.ledger.holder()) is not None and time.monotonic() < until and _leaves(session):
        time.sleep(0.05)
    return holder


def _leaves(session: Session) -> bool:
    """Whether the driver that holds the arena has nothing left to do: it said so, or all that was queued has run."""
    ledger = session.ledger
    start, stop = ledger.last_event("driver.start"), ledger.last_event("driver.stop")
    if start is None or (stop is not None and stop.seq > start.seq):
        return start is not None
    plan = start.data.get("plan") or {}
    if plan.get("review"):
        proposed = ledger.last_event("waiting")
        return proposed is not None and proposed.seq > start.seq
    queued = bool(plan.get("queued"))
    runs = ledger.in_flight() or ledger.replicates() or ledger.confirms() or ledger.ablation()
    return queued and not (runs or ledger.proposals("accepted", 1))


def send(path: Path, verb: str, timeout: float = 10.0) -> str:
    """Send `verb` (pause, resume, stop, stop-now) to the driver of the arena at `path`, and give back its reply.

    Raises `AutoloopError` where nothing is running, or the driver does not answer within `timeout` seconds.
    """
    with open_session(path, create=False) as session:
        if session.ledger.holder() is None:
            raise AutoloopError(f"nothing is running on {path.name} — start it with: autoloop auto {path}")
        number = session.ledger.ask(verb)
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            reply = session.ledger.reply_to(number)
            if reply is not None:
                return reply
            time.sleep(0.05)
    raise AutoloopError(f"the driver of {path.name} did not answer within {timeout:g} s — see: autoloop status {path}")


def detach(path: Path, agents: Sequence[str], plan: Plan, timeout: float = 60.0) -> int:
    """Start a driver in a process of its own that outlives this one; give back its pid once it holds the arena.

    Its output goes to `driver.log` in the runs folder. Raises `Busy`, or `AutoloopError` with its last line when it
    ends within `timeout` seconds without having taken the arena.
    """
    _must_be_several(_team(path, agents, plan.max_cost), plan)
    may_share(path, plan)
    with open_session(path) as session:
        other, runs = _holder(session, PATIENCE_S), session.arena.runs
        since = session.ledger.last_event("driver.start")
        if other is not None:
            raise Busy(f"{path.name} is being driven by {other} — stop it with: autoloop stop {path}")
        log = runs / "driver.log"
        with log.open("ab") as output:
            before = output.tell()
            process = subprocess.Popen(
                [sys.executable, "-m", "autoloop_kernel", str(path.resolve()), *arguments(agents, plan)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        # Taken off the process table when it ends, however long this process lives.
        threading.Thread(target=process.wait, name="autoloop-reaper", daemon=True).start()
        try:
            if _began(session, process, since.seq if since is not None else 0, timeout):
                return process.pid
        except BaseException:
            process.terminate()  # who does not wait for it does not know of it
            raise
    if process.poll() is None:
        raise AutoloopError(f"the driver has not begun within {timeout:g} s, and goes on — see: autoloop status {path}")
    said = log.read_bytes()[before:].decode("utf-8", "replace").strip().splitlines()
    raise AutoloopError(said[-1] if said else f"the driver did not start — see {log}")


def _began(session: Session, process: subprocess.Popen[bytes], after: int, timeout: float) -> bool:
    """Wait until a driver has taken the arena since event `after`; False where the process ended, or time is over."""
    until = time.monotonic() + timeout
    while time.monotonic() < until:
        started = session.ledger.last_event("driver.start")
        if started is not None and started.seq > after:
            return True
        if process.poll() is not None:
            return False
        time.sleep(0.05)
    return False


__all__ = ["Busy", "Ended", "Plan", "busy", "confirm", "detach", "drive", "open_session", "propose", "send"]

"""One iteration, from proposal to verdict: the heart of the house. What a kill leaves of it is run again."""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import Any, Protocol, runtime_checkable

import nbformat

from autoloop_kernel.agents.base import Agent
from autoloop_kernel.arena.edit import candidate, code_key
from autoloop_kernel.arena.game import game, game_of, hardware_class, parts, why
from autoloop_kernel.arena.notebook import Arena
from autoloop_kernel.attempts import contended, ended_before, under_way
from autoloop_kernel.baton import Baton
from autoloop_kernel.durable import unwritable
from autoloop_kernel.executor import Executor
from autoloop_kernel.gathering import accepted
from autoloop_kernel.messages import Curves, Messages
from autoloop_kernel.overtaking import overtaken
from autoloop_kernel.proposing import Checked, Manner, NothingToRun, ask, baseline, on_line
from autoloop_kernel.pruning import Pruner
from autoloop_kernel.recording import record
from autoloop_kernel.records import (
    EMPTY,
    HARNESS,
    LOST,
    AutoloopError,
    Iteration,
    Job,
    Kind,
    Outcome,
    Proposal,
    Seconds,
    Verdict,
)
from autoloop_kernel.rulings import CHANGED, CONTENDED, MACHINES, RERUNS, Ruling, Rulings
from autoloop_kernel.scheduling import Board
from autoloop_kernel.session import Session


class Stopped(Exception):
    """The run was told to stop at once; its iteration stays in flight and is run again at the next start."""


class NotAgain(AutoloopError):
    """An iteration could not be run once more; the text says why."""


class NotYet(Exception):
    """Nothing can be begun for now: no proposal is ready, nor will be for so long that a run fits in, or what others
    run has to end first."""


@runtime_checkable
class Source(Protocol):
    """Where proposals come from that were asked for beforehand."""

    def aim(self, arena: Arena, identity: str) -> None:
        """Ask for proposals for this arena, whose game is `identity`."""

    def take(self, session: Session, arena: Arena, epoch: int, champion: Iteration) -> Checked:
        """Give the next one, as an edit of the champion, which may be another one once it is there.

        Raises as `proposing.ask`.
        """
        ...


@dataclass
class Beside:
    """What the loops of one session share: what is judged, who runs what, and the lock."""

    rulings: Rulings
    pruner: Pruner
    board: Board = field(default_factory=Board)
    baton: Baton = field(default_factory=Baton)
    curves: Curves = field(default_factory=Curves)


@dataclass
class Loop:
    """Runs iterations of one session. `stopped()` is asked all the time.

    `thinking()` brackets every call into an agent, so that a stop can reach into it. While `more()` is true
    the next execution is made ready as soon as this one has trained. `left(session)` is how many dollars agents may
    still spend (None: any).

    Several loops may share one session, each in a thread of its own, where they share `beside` of the first, too: each
    holds `beside.baton` but for the time that a job runs. `worker` is the slot's name among several, and `hardware`
    gives the class of what it runs on for an arena's clock. `line` is as in `Manner`.
    """

    session: Session
    executor: Executor
    stopped: Callable[[], bool] = lambda: False
    thinking: Callable[[], AbstractContextManager[None]] = nullcontext
    more: Callable[[], bool] = lambda: False
    left: Callable[[Session], float | None] = lambda session: None
    worker: str = ""
    hardware: Callable[[str], str] = lambda clock: hardware_class()
    line: Callable[[str], str] = lambda agent: ""
    beside: Beside | None = None

    def __post_init__(self) -> None:
        shared = self.beside = self.beside or Beside(Rulings(self.session), Pruner(self.session))
        self.rulings, self.pruner, self.board, self.baton = shared.rulings, shared.pruner, shared.board, shared.baton
        self.curves = shared.curves

    @property
    def manner(self) -> Manner:
        """How agents are asked."""
        return Manner(self.thinking, self.tryout, self.left, line=self.line)

    def iterate(self, agent: Agent | Source) -> Iteration:
        """Run one iteration to its verdict: one left in flight, else a baseline where there is none, else a proposal.

        A proposal that a person accepted comes before that of the agent, which is asked now, or of a source, whose
        agents go on thinking while it runs. Raises `NothingToRun` when no proposal passed, `ArenaError` when the arena
        is unsound, `Stopped` when told to, `NotYet` while another loop runs the baseline.
        """
        began = time.monotonic()
        arena, epoch, identity, champion = self._standing()
        if isinstance(agent, Source):
            agent.aim(arena, identity)
        iteration = self._queued(arena, epoch, identity, champion)
        if iteration is not None:
            return iteration
        if champion is None:
            if self.awaits_baseline():
                raise NotYet
            checked = baseline(self.session, arena, epoch)
        elif isinstance(agent, Source):
            checked = agent.take(self.session, arena, epoch, champion)
            champion = self.session.ledger.champion(epoch)  # others may have gone on while this one waited
        else:
            checked = ask(self.session, arena, epoch, champion, agent, self.manner)
        return self._begin(arena, epoch, identity, checked, champion, time.monotonic() - began)

    def awaits_baseline(self) -> bool:
        """Whether another loop runs the baseline that proposals will be held against: nobody need be asked yet."""
        return self.session.champion() is None and any(
            running.against is None for running in self.board.running.values()
        )

    def iterate_queued(self) -> Iteration | None:
        """Run the iteration that was left in flight, else the oldest proposal that a person accepted.

        None where there is neither, or no champion that a proposal could be held against. Raises as `iterate`.
        """
        return self._queued(*self._standing())

    def replicate(self) -> bool:
        """Run the oldest replicate that a person asked for: one more attempt at an iteration, with a fresh seed.

        False where none is asked for. Its score stands beside the others; the verdict stays. One whose arena has
        changed since, or that is lost time and again, is given up, and the ledger says so. Raises as `iterate`.
        """
        ledger = self.session.ledger
        asked = self._asked_again()
        if not asked:
            return False
        try:
            self.run_again(asked[0], Kind.REPLICATE)
        except NotAgain as error:
            ledger.drop_replicate(asked[0], str(error))
        return True

    def _asked_again(self) -> list[int]:
        """The replicates that were asked for and that no slot runs, oldest request first."""
        asked = self.session.ledger.replicates()
        for it in self.session.ledger.replicating() if asked else ():
            for _ in range(min(under_way(it, Kind.REPLICATE), asked.count(it.number))):
                asked.remove(it.number)
        return asked

    def run_again(self, number: int, kind: Kind) -> None:
        """Run iteration `number`, which has ended, once more with a fresh seed; its verdict stays.

        Raises `NotAgain` where the arena has changed since, or every run of it is lost, and as `iterate`.
        """
        arena, epoch, _, _ = self._standing()
        iteration = self.session.ledger.iteration(number)
        if iteration is None or iteration.epoch != epoch:
            raise NotAgain("the arena has changed, so that its score would compare with no other")
        self.executor.prepare()
        outcome = self._attempts(arena, iteration, self.session.units(number), kind)
        self.rulings.forget()
        if outcome.verdict in LOST:
            raise NotAgain(outcome.reason)

    def propose(self, agent: Agent) -> str:
        """Ask for a proposal and leave it waiting for a person's review; gives its id.

        What is in flight is run first, and a missing baseline, since a proposal edits something. Raises as `iterate`.
        """
        while (iteration := self.iterate_queued()) is not None:
            self._must_score(iteration)
        arena, epoch, identity, champion = self._standing()
        if champion is None:
            checked = baseline(self.session, arena, epoch)
            champion = self._begin(arena, epoch, identity, checked, None, 0.0)
            self._must_score(champion)
        checked = ask(self.session, arena, epoch, champion, agent, self.manner, review=True)
        return checked.proposal.id

    def _queued(self, arena: Arena, epoch: int, identity: str, champion: Iteration | None) -> Iteration | None:
        self.executor.prepare()
        waiting = [it for it in self.session.ledger.in_flight() if it.number not in self.board.running]
        if waiting:
            return self._again(arena, epoch, waiting[0])
        checked = accepted(self.session, arena, epoch, champion) if champion is not None else None
        return None if checked is None else self._begin(arena, epoch, identity, checked, champion, 0.0)

    def _must_score(self, iteration: Iteration) -> None:
        if iteration.base is None and iteration.score is None:
            raise NothingToRun(f"the baseline has no score ({iteration.verdict}: {iteration.reason})")

    def _standing(self) -> tuple[Arena, int, str, Iteration | None]:
        """The arena as it is now, its epoch and game, and the champion."""
        arena = self.session.reread()
        epoch, identity = self._epoch(arena)
        return arena, epoch, identity, self.session.ledger.champion(epoch)

    def _begin(
        self, arena: Arena, epoch: int, identity: str, checked: Checked, champion: Iteration | None, waited_s: float
    ) -> Iteration:
        """Give a proposal its number, and run it; `waited_s` is for how long nothing else could be done."""
        if champion is not None:
            champion = on_line(self.session, epoch, checked.proposal.island, champion)
        iteration = self.session.ledger.begin(checked.proposal.id, checked.base, epoch, identity, checked.key)
        return self._run(arena, iteration, checked, champion, waited_s)

    def _epoch(self, arena: Arena) -> tuple[int, str]:
        """The epoch of the arena as it stands, and its game; a new one is announced with what changed."""
        ledger = self.session.ledger
        before = ledger.current_epoch()
        now = parts(arena, self.hardware(arena.rules.clock))
        known = ledger.epoch_parts(before) if before is not None else {}
        identity = game_of(now)
        epoch, new = ledger.epoch(identity, now, time.time())
        if epoch != before:
            reason = why(known, now) if before is not None else "the first"
            ledger.emit("epoch", epoch=epoch, new=new, why=reason)
        return epoch, identity

    def _again(self, arena: Arena, epoch: int, iteration: Iteration) -> Iteration:
        """Take up an interrupted iteration under its number; one whose arena has changed since cannot be judged."""
        units = self._units_of(iteration)
        checked = Checked(self._proposal(iteration), units, code_key(units), iteration.base)
        if iteration.epoch != epoch:
            outcome = Outcome(Verdict.INTERRUPTED, "interrupted, and the arena changed before it could be run again")
            ended = replace(iteration, verdict=Verdict.DISCARD, reason=outcome.reason, time=time.time())
            return self._record(arena, ended, checked, outcome)
        return self._run(arena, iteration, checked, self._against(iteration), iteration.seconds.propose)

    def _against(self, iteration: Iteration) -> Iteration | None:
        """What an iteration that was interrupted is held against: its base, where that was once the champion."""
        base = None if iteration.base is None else self.session.ledger.iteration(iteration.base)
        led = base is not None and (base.verdict is Verdict.KEEP or base.base is None)
        return base if led else self.session.ledger.champion(iteration.epoch, iteration.island)

    def _proposal(self, iteration: Iteration) -> Proposal:
        row = self.session.ledger.proposal(iteration.proposal)
        assert row is not None, "an iteration begins with its proposal on record"
        return row.proposal

    def _units_of(self, iteration: Iteration) -> dict[str, str]:
        base = self.session.units(iteration.base) if iteration.base is not None else {}
        return {**base, **self._proposal(iteration).units}

    def _run(
        self, arena: Arena, iteration: Iteration, checked: Checked, champion: Iteration | None, waited_s: float
    ) -> Iteration:
        """Execute until the judge has seen enough attempts, then record what became of it."""
        key = f"{iteration.epoch}:{checked.key}"  # in another epoch the same code is another experiment
        self.board.begin(iteration.number, key, None if champion is None else champion.number, self.worker)
        try:
            return self._ended(arena, iteration, checked, champion, waited_s)
        finally:
            self.board.end(iteration.number)

    def _ended(
        self, arena: Arena, iteration: Iteration, checked: Checked, champion: Iteration | None, waited_s: float
    ) -> Iteration:
        began = time.monotonic()
        outcomes, ruling = self._judged(arena, iteration, checked.units, champion)
        rule = partial(self.rulings.rule, arena, iteration, outcomes)
        ruling = overtaken(self.session, iteration, champion, checked.units, ruling, rule)
        assert ruling.verdict is not None, "one more attempt is no end"
        spent = _sum(outcome.seconds for outcome in outcomes)
        total = waited_s + time.monotonic() - began
        ended = replace(
            iteration,
            verdict=ruling.verdict,
            state="provisional" if ruling.verdict is Verdict.KEEP else None,
            score=ruling.score,
            reason=ruling.reason,
            seconds=replace(spent, propose=checked.thought_s or waited_s, total=total),
            time=time.time(),
        )
        base = None if champion is None else champion.number
        return self._record(arena, ended, checked, outcomes[0], ruling.numbers, base)

    def _record(
        self,
        arena: Arena,
        ended: Iteration,
        checked: Checked,
        outcome: Outcome,
        believed: Mapping[str, Any] = EMPTY,
        against: int | None = None,
    ) -> Iteration:
        """Make the verdict durable, and tell those who learn from it; it was held against iteration `against`."""
        told, leads = record(self.session, arena, ended, checked, outcome, believed)
        if told.number not in self.session.ledger.overtaken(told.number):  # else it did not end by what it is worth
            self.rulings.learn(told, leads, against)
        self.pruner.ended(arena, told.epoch)
        return told

    def _judged(
        self, arena: Arena, iteration: Iteration, units: Mapping[str, str], champion: Iteration | None
    ) -> tuple[list[Outcome], Ruling]:
        """Run attempts until there is a verdict; those that ended before a kill are not run again."""
        outcomes = ended_before(iteration)
        while True:
            if outcomes:
                ruling = self.rulings.rule(arena, iteration, outcomes, champion, units)
                if ruling.verdict is not None:
                    return outcomes, ruling
                self.session.ledger.emit("replicate", iteration.number, title=iteration.title, why=ruling.reason)
            kind = Kind.REPLICATE if outcomes else Kind.SCREEN
            outcomes.append(self._attempts(arena, iteration, units, kind))

    def _attempts(
        self, arena: Arena, iteration: Iteration, units: Mapping[str, str], kind: Kind = Kind.SCREEN
    ) -> Outcome:
        """Run attempts until one says something about the idea, or they are lost for good or time and again.

        One whose machine was lost is run on another, unless it seems to be what loses them.
        """
        broken = lost = away = 0
        while True:
            outcome = self._attempt(arena, iteration, units, kind)
            if outcome.facts.get(HARNESS, {}).get("lost"):
                away += 1
            else:
                lost += 1
                broken += outcome.verdict is Verdict.INTERRUPTED
            if outcome.verdict not in LOST or outcome.reason == CHANGED:
                return outcome
            if broken == RERUNS or lost == RERUNS + CONTENDED or away == MACHINES:
                return outcome

    def _attempt(self, arena: Arena, iteration: Iteration, units: Mapping[str, str], kind: Kind) -> Outcome:
        """Run one attempt, its messages into the ledger as they come."""
        ledger, number = self.session.ledger, iteration.number
        counts = contended(ledger.iteration(number)) >= CONTENDED
        run_id = f"{self.session.mark}:{number}:{uuid.uuid4().hex[:8]}"
        attempt = ledger.begin_attempt(number, lambda nth: seed_of(arena.name, number, nth), kind, run_id, self.worker)
        job = replace(_job(arena, units, number, attempt, run_id), kind=kind, game=iteration.game)
        job = replace(job, contention=arena.rules.contention_limit, counts=counts)
        messages = Messages(self.session, self.curves, number, attempt)
        follow = self.pruner.follow(arena, iteration, kind, counts)

        def hear(what: str, data: Mapping[str, Any]) -> str | None:
            with self.baton:
                messages(what, data)
                if what == "phase" and data["phase"] == "scoring" and self.more():
                    self.executor.prepare()
                return follow.hear(what, data)

        with self.baton.aside():
            outcome = self.executor.run(job, hear, self.stopped)
        outcome = follow.told(outcome)
        messages.flush()
        if outcome.verdict is Verdict.SCORED and game(arena, self.hardware(arena.rules.clock)) != iteration.game:
            outcome = replace(outcome, verdict=Verdict.INTERRUPTED, reason=CHANGED)
        ledger.end_attempt(number, attempt, outcome, self.worker)
        if outcome.verdict is Verdict.INTERRUPTED and self.stopped():
            raise Stopped
        if outcome.verdict in LOST and (trouble := unwritable(arena.runs)):
            raise AutoloopError(trouble)  # no fault of the idea: it is run again once the disk takes something
        return outcome

    def tryout(self, arena: Arena, units: Mapping[str, str]) -> str:
        """Run these complete sources for a few seconds; why they crashed, empty where they did not."""
        run_id = f"{self.session.mark}:try:{uuid.uuid4().hex[:8]}"
        return self.executor.tryout(_job(arena, units, 0, 1, run_id), self.stopped)


def _job(arena: Arena, units: Mapping[str, str], number: int, attempt: int, run_id: str) -> Job:
    """An execution of these complete sources as an attempt at iteration `number`."""
    return Job(
        iteration=number,
        attempt=attempt,
        seed=seed_of(arena.name, number, attempt),
        kind=Kind.SCREEN,
        notebook=str(nbformat.writes(candidate(arena, units))),
        files={name: text for name, text in units.items() if arena.units[name].kind == "file"},
        folder=arena.folder.resolve(),
        target=(arena.runs / f"{number:04d}").resolve(),
        rules=arena.rules,
        run_id=run_id,
    )


def seed_of(arena: str, iteration: int, attempt: int) -> int:
    """The seed of an attempt (0 to 2³¹−1): a function of arena, iteration and attempt alone; nobody chooses it."""
    digest = hashlib.sha256(f"{arena}:{iteration}:{attempt}".encode()).digest()
    return int.from_bytes(digest[:4], "big") & 0x7FFFFFFF


def _sum(several: Iterable[Seconds]) -> Seconds:
    """The time that several attempts took, each part by itself."""
    each = list(several)
    return Seconds(*(sum(getattr(one, part.name) for one in each) for part in fields(Seconds)))


__all__ = ["Beside", "Loop", "NotAgain", "NotYet", "Stopped", "seed_of"]

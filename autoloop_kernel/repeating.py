"""How auto goes on: one iteration after the other until its plan is done, and what is run between and after them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial

from autoloop_kernel.ablation import ablate_queued
from autoloop_kernel.agents.team import Team
from autoloop_kernel.closing import Closing
from autoloop_kernel.confirming import confirm_queued
from autoloop_kernel.control import Control
from autoloop_kernel.crew import News, at_once
from autoloop_kernel.drift import rechecked
from autoloop_kernel.islands import Islands, line_of
from autoloop_kernel.loop import Loop, NotYet, Stopped
from autoloop_kernel.plan import Plan
from autoloop_kernel.proposing import GivesUp, NothingToRun
from autoloop_kernel.records import Verdict
from autoloop_kernel.rescuing import rescued
from autoloop_kernel.scheduling import Board
from autoloop_kernel.session import Session
from autoloop_kernel.turns import Turns

FRUITLESS = 5
"""How many times in a row no proposal may pass before auto gives up."""


SILENCE_S = 3600.0
"""For how long whom an agent asks, and who answered before, may be silent before that is fruitless."""

AGAIN_S = 30.0
"""After how long it is asked again meanwhile."""


@dataclass(frozen=True)
class Ended:
    """Why a driver ended, how many iterations it ran to a verdict, and whether that is a failure."""

    reason: str
    ran: int
    failed: bool


@dataclass
class _Way:
    """How far a driver has come with its plan; `islands` are those of its agents, where they have any.

    It `ran` so many iterations, so many slots run one more or wait for its proposal (`asking`), and so many askings in
    a row were `fruitless`, of the agents `vain`. Those `heard` have proposed something that ran. Since `silence`
    (monotonic) nobody answers, None where somebody does.
    """

    session: Session
    team: Team
    plan: Plan
    control: Control
    board: Board
    islands: Islands | None = None
    news: News = field(default_factory=News)
    ran: int = 0
    asking: int = 0
    fruitless: int = 0
    vain: set[str] = field(default_factory=set)
    heard: set[str] = field(default_factory=set)
    silence: float | None = None
    over: Ended | None = None
    began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    def room(self) -> int | None:
        """How many more iterations may be asked for, None without a bound."""
        return None if self.plan.iterations is None else max(0, self.plan.iterations - self.ran - self.asking)

    def end(self, loop: Loop) -> Ended | None:
        """Why to stop before another iteration, None to go on; what ended the asking counts before a plan."""
        if self.over is not None:
            return self.over
        reason = _done(self.plan, self.control, self.ran, self.seconds, self.owes)
        reason = reason or _reached(self.session, self.plan) or _spent(loop, self.plan)
        return Ended(reason, self.ran, False) if reason else None

    def is_final(self, end: Ended) -> bool:
        """Whether a slot may leave for this reason; what others still run may take it away, as a refuted champion."""
        return end.failed or halted(self.control) or not (self.asking or self.board.aside)

    def ceases(self, loop: Loop) -> bool:
        """Whether a slot that waits for a proposal is to wait no more, nor to begin it for now."""
        return self.control.paused.is_set() or self.end(loop) is not None

    def owes(self) -> bool:
        """Whether an edit that was better, but overtaken, has still to run on the champion: it counts as begun.

        So does what an island offered to the main line.
        """
        ledger = self.session.ledger
        epoch, rows = ledger.current_epoch(), ledger.proposals("accepted") if self.plan.iterations != 1 else []
        found = (row for row in rows if row.epoch == epoch)
        return any(
            ledger.combines(row.id) or (not row.proposal.island and ledger.exchanged(row.id) is not None)
            for row in found
        )

    def hopes(self, turns: Turns, mine: int = 0) -> bool:
        """Whether something new may still come where all askings were fruitless: of what other slots run, or of an
        agent that was not among those asked; `mine` is 1 for a slot that counts among the `asking`.
        """
        return self.asking > mine or turns.has_one or turns.waits_beside(self.vain)

    def ask(self, loop: Loop, turns: Turns) -> Ended | None:
        """Run the next iteration; gives why nothing can come after it, None where something may.

        Raises `NotYet` where there is nothing to begin for now.
        """
        rests = self.fruitless >= FRUITLESS and not turns.has_one and self.hopes(turns)
        only_queued = self.plan.queued or self.room() == 0 or rests
        if loop.awaits_baseline():
            raise NotYet  # before anybody is asked: what is asked for in vain counts against an agent
        self.asking += 1
        try:
            found = loop.iterate_queued() if only_queued else loop.iterate(turns.next(self.session))
        except GivesUp as error:
            if not self.team.dismiss(error.agent):
                return Ended(str(error), self.ran, error.failed)
            self.session.ledger.emit("note", text=f"{error}; the others go on")
            return None
        except NothingToRun as error:
            if error.silent and error.agent in self.heard and self.bears(loop):
                return None
            self.fruitless += 1
            self.vain.add(error.agent)
            given_up = self.plan.iterations == 1 or (self.fruitless >= FRUITLESS and not self.hopes(turns, 1))
            return Ended(f"no proposal passed: {error}", self.ran, True) if given_up else None
        finally:
            self.asking -= 1
        if found is None:
            if self.plan.queued and not self.asking:  # what others run may queue more
                return Ended("nothing more is queued", self.ran, False)
            raise NotYet
        self.ran, self.fruitless, self.vain, self.silence = self.ran + 1, 0, set(), None
        self.heard.add(found.agent)
        if found.base is None and found.verdict is not Verdict.KEEP:
            what = "has no score" if found.score is None else "is not kept"
            return Ended(f"the baseline {what} ({found.verdict}: {found.reason})", self.ran, True)
        return None

    def bears(self, loop: Loop) -> bool:
        """Wait a little for whom an agent asks, and who has answered before; False where it has been too long.

        A night is not to end with the minutes in which a server is overloaded.
        """
        self.silence = time.monotonic() if self.silence is None else self.silence
        if time.monotonic() - self.silence >= SILENCE_S:
            return False
        with loop.baton.aside():
            self.control.stopping.wait(AGAIN_S)
        return True


def repeat(loops: Sequence[Loop], team: Team, plan: Plan, control: Control) -> Ended:
    """Iterate until the plan is done, somebody stops it, or nothing can go on; then confirm what that led to.

    Each of `loops`, which share a session, works in a thread of its own where there are several.
    """
    first = loops[0]
    islands = Islands(list(dict.fromkeys(filter(None, (line_of(agent.name) for agent in team.agents)))))
    way = _Way(first.session, team, plan, control, first.board, islands if plan.islands else None)
    for loop in loops if plan.islands else ():
        loop.line = line_of
    depth = plan.ahead if _thinks(plan) else 0
    ceases = partial(way.ceases, first) if len(loops) > 1 else bool
    with Turns(team, first, depth, partial(halted, control), way.room, len(loops), ceases) as turns:
        closing = Closing(plan)
        works = [partial(_work, way, loop, closing, turns) for loop in loops]
        ended = works[0]() if len(works) == 1 else at_once(works, control)
    return replace(ended, ran=way.ran)


def _work(way: _Way, loop: Loop, closing: Closing, turns: Turns) -> Ended:
    """What one slot does, run after run, until there is nothing more to begin."""
    control = way.control
    with loop.baton, _ends_all(control):
        while True:
            with loop.baton.aside():
                control.wait_while_paused()
            if control.why:
                return Ended(control.why, way.ran, True)
            told, end = way.news.count, way.end(loop)
            loop.more = partial(_goes_on, way)
            try:
                if _beside(way, loop, closing, turns, end):
                    way.news.tell()
                    continue
                if end is not None and way.is_final(end):
                    return end
                if end is not None or (way.room() == 0 and not way.owes()):
                    raise NotYet
                way.over = way.ask(loop, turns) or way.over
                way.news.tell()
            except NotYet:
                if end is not None or not turns.in_gap:  # at an end no gap is filled
                    with loop.baton.aside():
                        way.news.wait(told, control.stopping)
            except (Stopped, KeyboardInterrupt):
                return Ended(control.why or "stopped", way.ran, bool(control.why))


@contextmanager
def _ends_all(control: Control) -> Iterator[None]:
    """Stop the other slots where this one breaks, before it lets go of the baton: none of them begins anything more."""
    try:
        yield
    except BaseException:
        control.stopping.set()
        raise


def _beside(way: _Way, loop: Loop, closing: Closing, turns: Turns, end: Ended | None) -> bool:
    """Whether something was run that is no new proposal: what was asked for, what is due, or what an end brings."""
    if _tends(way, loop, end) or _closes(way, loop, closing, end):
        return True
    if end is not None:
        return False
    if loop.replicate() or confirm_queued(loop) or turns.fill(loop):
        return True
    return _one_at_a_time(way, loop)


def _one_at_a_time(way: _Way, loop: Loop) -> bool:
    """The same of what rests on the run before, so that no two slots do it at once."""
    if way.board.aside:
        return False
    way.board.aside = True
    try:
        return ablate_queued(loop) or (_thinks(way.plan) and (rescued(loop) or rechecked(loop)))
    finally:
        way.board.aside = False


def _tends(way: _Way, loop: Loop, end: Ended | None) -> bool:
    """Whether something was done for the islands: at an end, what was confirmed is still offered to the main line."""
    if way.islands is None or halted(way.control) or way.plan.queued or (end is not None and end.failed):
        return False
    return way.islands.tend(loop, way.ran, end is not None or way.room() == 0)


def _closes(way: _Way, loop: Loop, closing: Closing, end: Ended | None) -> bool:
    """Whether something was run or settled because the driver is about to end."""
    if halted(way.control) or (end is not None and end.failed):
        return False
    if end is None and not closing.is_time(way.session.arena.rules, way.seconds):
        return False
    return closing.advance(loop, way.ran, way.seconds, _reached(way.session, way.plan) is not None)


def halted(control: Control) -> bool:
    """Whether somebody asked the driver to stop."""
    return control.stopping.is_set() or control.stopping_now.is_set()


def left(since: int, max_cost: float | None, session: Session) -> float | None:
    """How many dollars of `max_cost` are left (None: any number), of what was spent after event `since`."""
    return None if max_cost is None else max_cost - (session.ledger.spent(after=since).dollars or 0.0)


def _thinks(plan: Plan) -> bool:
    """Whether agents are asked ahead: of one iteration at a time the person looks at each before the next."""
    return plan.iterations != 1 and not plan.queued


def _done(plan: Plan, control: Control, ran: int, seconds: float, owes: Callable[[], bool]) -> str | None:
    """The reason to stop before another iteration, None to go on."""
    if control.stopping.is_set():
        return "stopped"
    if plan.iterations is not None and ran >= plan.iterations and not owes():
        return f"{ran} iteration{'s' if ran != 1 else ''} done"
    if plan.hours is not None and seconds >= plan.hours * 3600:
        return f"{plan.hours:g} h are over"
    return None


def _reached(session: Session, plan: Plan) -> str | None:
    """The reason to stop where the champion is as good as was asked for."""
    metric = session.arena.rules.metric
    champion = session.champion()
    for target in (plan.until, metric.target if plan.iterations != 1 else None):
        if target is None or champion is None or champion.score is None:
            continue
        if champion.score == target or metric.direction.better(champion.score, target):
            return f"{metric.name} {champion.score:.6g} has reached {target:g}"
    return None


def _spent(loop: Loop, plan: Plan) -> str | None:
    """The reason to stop where what may be spent is spent, None to go on."""
    left_now = loop.left(loop.session)
    if left_now is None or left_now > 0 or plan.max_cost is None:
        return None
    return f"${plan.max_cost - left_now:.4g} of the ${plan.max_cost:g} that --max-cost allows are spent"


def _goes_on(way: _Way) -> bool:
    """Whether another iteration is likely to follow those that are being run."""
    return not way.control.stopping.is_set() and not way.plan.queued and way.room() != 0


__all__ = ["Ended", "halted", "left", "repeat"]

"""How auto goes on: one iteration after the other until its plan is done, and what is run between and after them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import partial

from autoloop_kernel.ablation import ablate_queued
from autoloop_kernel.agents.team import Team
from autoloop_kernel.closing import Closing
from autoloop_kernel.confirming import confirm_queued
from autoloop_kernel.control import Control
from autoloop_kernel.drift import rechecked
from autoloop_kernel.gaps import NotYet
from autoloop_kernel.loop import Loop, Stopped
from autoloop_kernel.plan import Plan
from autoloop_kernel.proposing import GivesUp, NothingToRun
from autoloop_kernel.records import Verdict
from autoloop_kernel.rescuing import rescued
from autoloop_kernel.session import Session
from autoloop_kernel.turns import Turns

FRUITLESS = 5
"""How many times in a row no proposal may pass before auto gives up."""


@dataclass(frozen=True)
class Ended:
    """Why a driver ended, how many iterations it ran to a verdict, and whether that is a failure."""

    reason: str
    ran: int
    failed: bool


@dataclass
class _Way:
    """How far a driver has come with its plan: iterations that it `ran`, and askings in a row that were `fruitless`."""

    session: Session
    loop: Loop
    team: Team
    plan: Plan
    control: Control
    ran: int = 0
    fruitless: int = 0
    over: Ended | None = None
    began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    def end(self) -> Ended | None:
        """Why to stop before another iteration, None to go on; what ended the asking counts before a plan."""
        if self.over is not None:
            return self.over
        reason = _done(self.plan, self.control, self.ran, self.seconds) or _reached(self.session, self.plan)
        reason = reason or _spent(self.loop, self.plan)
        return Ended(reason, self.ran, False) if reason else None

    def ask(self, turns: Turns) -> Ended | None:
        """Run the next iteration; gives why nothing can come after it, None where something may."""
        try:
            found = self.loop.iterate_queued() if self.plan.queued else self.loop.iterate(turns.next(self.session))
        except GivesUp as error:
            if not self.team.dismiss(error.agent):
                return Ended(str(error), self.ran, error.failed)
            self.session.ledger.emit("note", text=f"{error}; the others go on")
            return None
        except NothingToRun as error:
            self.fruitless += 1
            given_up = self.plan.iterations == 1 or self.fruitless >= FRUITLESS
            return Ended(f"no proposal passed: {error}", self.ran, True) if given_up else None
        if found is None:
            return Ended("nothing more is queued", self.ran, False)
        self.ran, self.fruitless = self.ran + 1, 0
        if found.base is None and found.verdict is not Verdict.KEEP:
            what = "has no score" if found.score is None else "is not kept"
            return Ended(f"the baseline {what} ({found.verdict}: {found.reason})", self.ran, True)
        return None


def repeat(session: Session, loop: Loop, team: Team, plan: Plan, control: Control) -> Ended:
    """Iterate until the plan is done, somebody stops it, or nothing can go on; then confirm what that led to."""
    way, closing = _Way(session, loop, team, plan, control), Closing(plan)
    with Turns(team, loop, plan.ahead if _thinks(plan) else 0, partial(halted, control)) as turns:
        while True:
            control.wait_while_paused()
            if control.why:
                return Ended(control.why, way.ran, True)
            end = way.end()
            loop.more = partial(_goes_on, plan, control, way.ran)
            turns.room = None if plan.iterations is None else plan.iterations - way.ran - 1
            try:
                if _closes(way, closing, end):
                    continue
                if end is not None:
                    return end
                if loop.replicate() or confirm_queued(loop) or ablate_queued(loop) or turns.fill(session):
                    continue
                if _thinks(plan) and (rescued(loop) or rechecked(loop)):
                    continue
                way.over = way.ask(turns)
            except NotYet:
                continue
            except (Stopped, KeyboardInterrupt):
                return Ended(control.why or "stopped", way.ran, bool(control.why))


def _closes(way: _Way, closing: Closing, end: Ended | None) -> bool:
    """Whether something was run or settled because the driver is about to end."""
    if halted(way.control) or (end is not None and end.failed):
        return False
    if end is None and not closing.is_time(way.session.arena.rules, way.seconds):
        return False
    return closing.advance(way.loop, way.ran, way.seconds, _reached(way.session, way.plan) is not None)


def halted(control: Control) -> bool:
    """Whether somebody asked the driver to stop."""
    return control.stopping.is_set() or control.stopping_now.is_set()


def left(since: int, max_cost: float | None, session: Session) -> float | None:
    """How many dollars of `max_cost` are left (None: any number), of what was spent after event `since`."""
    return None if max_cost is None else max_cost - (session.ledger.spent(after=since).dollars or 0.0)


def _thinks(plan: Plan) -> bool:
    """Whether agents are asked ahead: of one iteration at a time the person looks at each before the next."""
    return plan.iterations != 1 and not plan.queued


def _done(plan: Plan, control: Control, ran: int, seconds: float) -> str | None:
    """The reason to stop before another iteration, None to go on."""
    if control.stopping.is_set():
        return "stopped"
    if plan.iterations is not None and ran >= plan.iterations:
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


def _goes_on(plan: Plan, control: Control, ran: int) -> bool:
    """Whether another iteration is likely to follow the one after `ran`."""
    return not control.stopping.is_set() and not plan.queued and (plan.iterations is None or ran + 1 < plan.iterations)


__all__ = ["Ended", "halted", "left", "repeat"]

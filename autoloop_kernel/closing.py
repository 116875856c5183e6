"""What auto does before it ends: it holds what the champion rests on against fresh runs."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import partial

from autoloop_kernel.attempts import under_way
from autoloop_kernel.confirming import advance, awaiting
from autoloop_kernel.holdout import held_out
from autoloop_kernel.loop import Loop, NotAgain, NotYet
from autoloop_kernel.plan import Plan
from autoloop_kernel.records import Kind, Rules

SHARE = 0.2
"""How many fresh runs auto makes at its end for each iteration that it ran, unless the arena says otherwise: with three
keeps in four false where noise is large, a night's last champion is worth that."""


def share_of(rules: Rules) -> float:
    """The share of a driver's work that is meant for confirming at its end; upstream's rule confirms nothing."""
    usual = 0.0 if rules.keep.get("policy", "bayes") == "greedy" else SHARE
    return float(rules.keep.get("confirm", usual))


@dataclass
class Closing:
    """Confirms for one driver, run by run. `runs` is how many it made; `given_up` holds what it cannot tell of."""

    plan: Plan
    runs: int = 0
    given_up: set[int] = field(default_factory=set)

    def is_time(self, rules: Rules, seconds: float) -> bool:
        """Whether, after so many `seconds`, the last part of the plan's hours has begun."""
        hours = self.plan.hours
        return hours is not None and seconds >= (1 - share_of(rules)) * hours * 3600

    def advance(self, loop: Loop, ran: int, seconds: float, is_reached: bool = False) -> bool:
        """Make one more fresh run for a keep that the champion rests on, or settle one; False where nothing is to do.

        A champion that is confirmed is then run on the holdout.
        After `ran` iterations a share of as many runs is made, in whole pairs; in the last part of the plan's hours as
        many as there is time for; and for a champion that has reached its target, as many as one keep needs. Raises
        as `Loop.iterate`.
        """
        rules, hours = loop.session.arena.rules, self.plan.hours
        share = share_of(rules)
        if self.plan.queued or self.plan.iterations == 1 or not share:
            return False
        if hours is not None and seconds >= hours * 3600:
            return False
        is_spent = self.runs >= 2 * math.ceil(share * ran / 2) and not self.is_time(rules, seconds)
        return self._one(loop, is_spent, is_reached)

    def _one(self, loop: Loop, is_spent: bool, is_reached: bool) -> bool:
        """Settle the first keep that is decided, or make a run for the first that is not and that one is left for."""
        awaited = False
        for place, number in enumerate(awaiting(loop.session)):
            if number in self.given_up:
                continue
            is_last = is_spent and not (is_reached and place == 0)
            self.runs += 1  # counted before it is made: another slot may look meanwhile
            try:
                seen = advance(loop, number, halted=partial(bool, is_last))
            except NotYet:
                awaited = True
            except NotAgain:
                self.given_up.add(number)
            else:
                if seen is None:
                    return True
                self.runs -= 1
                if seen.state != "provisional":
                    return True
                if _is_run(loop, number):
                    awaited = True
                else:
                    self.given_up.add(number)
                continue
            self.runs -= 1
        if awaited:
            raise NotYet
        if is_spent or not held_out(loop):
            return False
        self.runs += 1
        return True


def _is_run(loop: Loop, number: int) -> bool:
    """Whether another slot makes a fresh run of a keep or of its base, so that more will be known of it."""
    it = loop.session.iteration(number)
    both = (it, loop.session.iteration(it.base)) if it.base is not None else (it,)
    return any(under_way(one, Kind.CONFIRM) for one in both)


__all__ = ["SHARE", "Closing", "share_of"]

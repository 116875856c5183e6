"""Islands: each agent of a team goes on from what it kept itself, and what fresh runs confirm is exchanged.

The main line is what it is without them, and moves by what it is offered: a confirmed keep of an island is laid over
its champion and judged there like any proposal, and its confirmed champion is offered to every island in the same way.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from autoloop_kernel.agents.registry import ROLELESS
from autoloop_kernel.attempts import ended_before
from autoloop_kernel.closing import SHARE
from autoloop_kernel.confirming import advance, awaiting
from autoloop_kernel.judging.noise import pooled
from autoloop_kernel.loop import Loop, NotAgain, NotYet
from autoloop_kernel.memory.text import one_line
from autoloop_kernel.overtaking import laid_over
from autoloop_kernel.records import Iteration, Proposal, Verdict
from autoloop_kernel.reviewing import fork

LAGS = 12
"""After how many iterations without a keep an island goes on from the main champion, where that is clearly better."""

_FROM = re.compile(r"( \((iteration \d+ of [^()]*|on iteration \d+)\))+$")

CLEARLY = 2.0
"""By how many standard errors of the difference of two runs the main champion has to be better for that."""


def line_of(agent: str) -> str:
    """The island of an agent; empty for those who work on the main line: a person, and who combines what is there."""
    return "" if agent in ROLELESS else one_line(agent)


@dataclass
class Islands:
    """Looks after the islands of one driver, by name. `runs` is how many fresh runs it made for exchanges."""

    names: Sequence[str]
    runs: int = 0
    given_up: set[int] = field(default_factory=set)
    same: set[tuple[int, int]] = field(default_factory=set)

    def tend(self, loop: Loop, ran: int, ends: bool) -> bool:
        """Exchange what is confirmed, restart who lags, or make a fresh run for that; False where nothing is to do.

        After `ran` iterations a share of as many fresh runs is made: what a driver without islands keeps for its end;
        none where it `ends`. Raises as `Loop.iterate`.
        """
        ledger = loop.session.ledger
        epoch, main = ledger.current_epoch(), loop.session.champion()
        if epoch is None or main is None:
            return False
        for island in self.names:
            if self._offers_main(loop, epoch, island, main):
                return True
            if not ends and (self._takes(loop, epoch, island, main) or self._restarts(loop, epoch, island, main)):
                return True
        return not ends and self._confirms(loop, ran)

    def _offers_main(self, loop: Loop, epoch: int, island: str, main: Iteration) -> bool:
        """Whether the last confirmed keep that an island rests on was offered to the main line now."""
        it = loop.session.ledger.champion(epoch, island)
        while it is not None and it.island == island and it.state != "confirmed":
            it = loop.session.ledger.iteration(it.base or 0)
        return it is not None and it.island == island and self._offered(loop, it, "", main)

    def _takes(self, loop: Loop, epoch: int, island: str, main: Iteration) -> bool:
        """Whether the main line's confirmed champion was offered to an island now."""
        mine = loop.session.ledger.champion(epoch, island)
        confirmed = main.state == "confirmed" and main.base is not None
        return mine is not None and confirmed and self._offered(loop, main, island, mine)

    def _offered(self, loop: Loop, it: Iteration, to: str, now: Iteration) -> bool:
        """Whether iteration `it` was offered to the line `to` now, whose champion is `now`: to each at most once."""
        session, ledger = loop.session, loop.session.ledger
        if (it.number, now.number) in self.same or ledger.was_offered(it.number, to):
            return False
        common = session.lineage.common(it.number, now.number)
        changed = {} if common == it.number else self._changed(loop, it, common, now)
        if changed == {}:
            self.same.add((it.number, now.number))
            return False
        if to and common == now.number:  # it has nothing of its own
            fork(session, it.number, to)
            return True
        if ledger.in_exchange(it.island, to):
            return False
        data = {"from": it.island, "to": to, "title": it.title}
        if changed is None:
            data |= {"id": "", "why": "both changed the same lines, and it is no better"}
            session.lineage.add_exchange(it.number, data)
            ledger.emit("exchange", it.number, **data)
            return True
        proposal = _proposal(it, to, now, changed)
        data |= {"id": proposal.id}
        session.lineage.add_exchange(it.number, data)
        ledger.offer(proposal, it.epoch, it.number, data)
        return True

    def _changed(self, loop: Loop, it: Iteration, common: int | None, now: Iteration) -> dict[str, str] | None:
        """What an iteration changes in `now`, since `common`, the last that led to both."""
        session, units = loop.session, loop.session.units(it.number)
        outcomes = [one for one in ended_before(it) if one.verdict is Verdict.SCORED]

        def wins() -> bool:
            ruling = loop.rulings.rule(session.arena, it, outcomes, now, units)
            return bool(outcomes) and ruling.verdict is not Verdict.DISCARD

        return laid_over(session, common, units, now, wins)

    def _restarts(self, loop: Loop, epoch: int, island: str, main: Iteration) -> bool:
        """Whether an island went on from the main champion now: one that begins, and one that lags far behind."""
        ledger, mine = loop.session.ledger, loop.session.ledger.champion(epoch, island)
        if mine is None or mine.number == main.number:
            return False
        forks = ledger.forks(epoch, island)
        begins = not forks and island not in ledger.islands(epoch)
        since = max(mine.number, forks[-1]["after"] if forks else 0)
        if begins or (ledger.ran_since(epoch, island, since) >= LAGS and _is_clearly_better(loop, main, mine)):
            fork(loop.session, main.number, island)
            return True
        return False

    def _confirms(self, loop: Loop, ran: int) -> bool:
        """Whether a fresh run was made for a keep that an exchange waits for, or one of them is decided now."""
        share = float(loop.session.arena.rules.keep.get("confirm", SHARE))
        for number in awaiting(loop.session):
            if number in self.given_up:
                continue
            is_spent = self.runs >= share * ran
            self.runs += 1  # counted before it is made: another slot may look meanwhile
            try:
                seen = advance(loop, number, halted=partial(bool, is_spent))
            except (NotAgain, NotYet) as error:
                self.given_up |= {number} if isinstance(error, NotAgain) else set()
                self.runs -= 1
                continue
            if seen is None:
                return True
            self.runs -= 1
            if seen.state != "provisional":
                return True
            if not is_spent:
                self.given_up.add(number)
        return False


def _proposal(it: Iteration, to: str, now: Iteration, changed: dict[str, str]) -> Proposal:
    """The proposal that lays an iteration of another line over the champion of the line `to`.

    It is by the agent whose line that is, and of the main line by the agent whose keep it was.
    """
    where = it.island or "the main line"
    why = f"Iteration {it.number} of {where} was upheld by fresh runs of it and of its base."
    # The same again after a kill: the id says what it is made of.
    name = hashlib.sha256(f"{it.proposal}>{to}+{now.number}".encode()).hexdigest()[:32]
    title = f"{_FROM.sub('', it.title)} (iteration {it.number} of {where})"
    return Proposal(title, changed, why, it.island or it.agent, now.number, name, to)


def _is_clearly_better(loop: Loop, main: Iteration, mine: Iteration) -> bool:
    """Whether the main champion's score is better than noise explains; any gain is, where runs do not differ."""
    if main.score is None or mine.score is None:
        return main.score is not None
    session = loop.session
    noise = pooled(session.ledger.repeated(main.epoch).values()) or 0.0
    by = abs(main.score - mine.score)
    return session.arena.rules.metric.direction.better(main.score, mine.score) and by > CLEARLY * math.sqrt(2) * noise


__all__ = ["LAGS", "Islands", "line_of"]

"""Whose turn it is to propose: a quick agent, asked on the spot, or those that think ahead while something runs."""

from __future__ import annotations

from collections.abc import Callable, Collection

from autoloop_kernel.agents.base import Agent
from autoloop_kernel.agents.roles import bare
from autoloop_kernel.agents.team import Team, is_quick
from autoloop_kernel.ahead import Ahead, Among
from autoloop_kernel.gaps import fill, is_worth
from autoloop_kernel.loop import Loop
from autoloop_kernel.session import Session

MANY = 1000
"""From how many iterations on it takes too long to add up what came of them before every asking."""


class Turns:
    """Gives who proposes next. Used as a context: at its end nobody is asked ahead any more.

    Up to `depth` proposals are made ahead, by those of the team that think; with 0 each is asked when its turn comes.
    `room()` is how many more may be asked for, None without a bound. `halted()` ends waiting for one. So many `slots`
    take turns: where there are several, those who think are asked in threads of their own also with a depth of 0, once
    somebody waits for them, and `ceases()` is whether nobody is to take one for now.
    """

    def __init__(
        self,
        team: Team,
        loop: Loop,
        depth: int,
        halted: Callable[[], bool],
        room: Callable[[], int | None] = lambda: None,
        slots: int = 1,
        ceases: Callable[[], bool] = lambda: False,
    ) -> None:
        self._team, self._session = team, loop.session
        self._dry_at: int | None = None
        self._learnt_at = 0
        self._in_gap = False
        self._ahead = None
        if (depth > 0 or slots > 1) and team.slow:
            among = Among(min(slots, len(team.slow)), loop.baton.aside, loop.hardware)
            most = depth if slots == 1 or depth == 0 else max(depth, slots)
            # Those who wait for one that gave up are waiting for nobody: others may have something.
            gone = (lambda: ceases() or not team.slow) if slots > 1 else ceases
            self._ahead = Ahead(self._thinker, most, room, halted, loop.manner, self._gap, among, gone)

    def __enter__(self) -> Turns:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._ahead is not None:
            self._ahead.close()

    def next(self, session: Session) -> Agent | Ahead:
        """Who proposes next; where those who think are not ready, a quick one fills the gap.

        Before there is a champion nobody is picked: the baseline needs no proposal, and whoever is picked in vain seems
        to have nothing to offer.
        """
        if session.champion() is None:
            return self._ahead or self._team.agents[0]
        if self._ahead is None or not self._team.slow:
            self._learn(session)
            return self._team.pick()
        self._learn(session)
        quick = self._team.quick
        if quick and (is_quick(self._team.likely()) or self._ahead.is_thinking):
            return self._team.pick(quick)
        return self._ahead

    def _learn(self, session: Session) -> None:
        """Tell the team what came of proposals; of `MANY`, which are all added up, once there is 1 % more of them."""
        number = session.ledger.last_number()
        if number < MANY or number - self._learnt_at >= number / 100:
            _learn(self._team, session)
            self._learnt_at = number

    @property
    def has_one(self) -> bool:
        """Whether a proposal that was made ahead waits to be run."""
        return self._ahead is not None and self._ahead.has_one

    def waits_beside(self, names: Collection[str]) -> bool:
        """Whether one thinks who has none of these names."""
        return self._ahead is not None and any(agent.name not in names for agent in self._ahead.asked)

    @property
    def in_gap(self) -> bool:
        """Whether those who think were not ready (`NotYet`), so that there is time to `fill`."""
        return self._in_gap

    def fill(self, loop: Loop) -> bool:
        """Run something once more, where those who think were not ready (`NotYet`); False where a proposal is next."""
        gap, self._in_gap = self._in_gap, False
        if not gap or fill(loop):
            return gap
        self._dry_at = loop.session.ledger.last_number()
        return False

    def _gap(self, wait_s: float) -> bool:
        """Whether a wait is worth a run, and there may be something to run."""
        session = self._session
        worth = is_worth(wait_s, session.arena.rules.budget_s)
        self._in_gap = worth and session.ledger.last_number() != self._dry_at
        return self._in_gap

    def _thinker(self) -> Agent | None:
        """Whom to ask ahead, of those who are not being asked; None where there is nobody who thinks."""
        busy = [bare(agent) for agent in self._ahead.asked] if self._ahead is not None else []
        free = tuple(agent for agent in self._team.slow if not any(bare(agent) is one for one in busy))
        return self._team.pick(free) if free else None


def picked(team: Team, session: Session) -> Agent:
    """Whose turn it is, by what came of earlier proposals."""
    _learn(team, session)
    return team.pick()


def _learn(team: Team, session: Session) -> None:
    epoch = session.ledger.current_epoch()
    if epoch is not None and len(team.agents) > 1:
        team.learn(session.ledger.records(epoch, session.arena.rules.metric.direction))
